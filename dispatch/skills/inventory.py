"""Who can do what: people by name, skills by trade, and how far dispatch relies on each level.

Nobody is ranked: people stand by name, skills in the order of the tree. What is shown of a level is its band, how sure
it is, and the month it was last used; outcomes and other people's words stay on the person's own page.

Whoever can be relied on in a skill that includes another one can be relied on in that one too, as planning has it:
where that says more than the level in the skill itself, it is shown instead, with the skill it comes through.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from statistics import NormalDist
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    TableValuedAlias,
    and_,
    column,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session, aliased

from dispatch.core.like import containing
from dispatch.skills.estimate import QualificationRules, certainty, likely_level, qualified_level
from dispatch.skills.models import Certification, CertificationKind, DocumentState, Evidence, Proficiency, Skill
from dispatch.skills.needing import NeedRules
from dispatch.skills.queries import estimate_of
from dispatch.skills.taxonomy import Taxonomy, load_need_rules
from dispatch.workforce.models import Partner, Team, Technician, Territory, TerritoryMembership

MOST_SKILLS = 60
"""Columns of a page; files hold them all."""

PEOPLE_A_PAGE = 25
What = TypeVar("What")


class Standing(StrEnum):
    """How far a level may be relied on."""

    RELIED_ON = "relied_on"
    NOT_YET = "not_yet"
    OWN_WORD = "own_word"


class Company(StrEnum):
    """Whose people."""

    OURS = "ours"
    PARTNERS = "partners"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What an inventory is asked for; None and 0 mean everything.

    ``level`` asks for what dispatch relies on up to this level at least; ``used_since`` for skills used since then.
    """

    text: str = ""
    territory_id: int | None = None
    team_id: int | None = None
    partner_id: int | None = None
    company: Company | None = None
    trade_id: int | None = None
    level: int = 0
    standing: Standing | None = None
    used_since: datetime | None = None

    @property
    def of_levels(self) -> bool:
        """Whether only some levels are asked for: then people and skills without any of them are left out."""
        return self.level > 0 or self.standing is not None or self.used_since is not None


@dataclass(frozen=True, kw_only=True)
class Person:
    """Whose row it is."""

    id: int
    name: str
    company: str | None
    partner_id: int | None
    team: str | None
    territories: str | None


@dataclass(frozen=True, kw_only=True)
class Column:
    """A skill, or a kind of certificate, that people are shown by."""

    id: int
    name: str
    group: str


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A person's level in a skill: the likeliest one, and the one dispatch relies on (0 for none yet).

    ``through`` is the skill that includes this one, where the level is the one in that skill.
    """

    level: int
    relied_on_to: int
    standing: Standing
    certainty: str
    last_used: date | None
    through: str | None = None


@dataclass(frozen=True, kw_only=True)
class Paper:
    """A certificate of a kind that a person holds; ``until`` is its last valid day."""

    until: date | None
    state: DocumentState
    expired: bool


@dataclass(frozen=True, kw_only=True)
class Inventory(Generic[What]):
    """A part of the inventory: people, columns and what stands where both meet."""

    people: Sequence[Person]
    columns: Sequence[Column]
    cells: dict[tuple[int, int], What]
    page: int
    total: int
    hidden_columns: int

    @property
    def first(self) -> int:
        """Number of the first person shown."""
        return min(self.total, (self.page - 1) * PEOPLE_A_PAGE + 1)

    @property
    def last(self) -> int:
        """Number of the last person shown."""
        return self.first + len(self.people) - 1 if self.people else 0

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.total // PEOPLE_A_PAGE))


def skill_inventory(
    session: Session,
    taxonomy: Taxonomy,
    asked: Asked,
    *,
    reach: Collection[int] | None,
    rules: QualificationRules,
    now: datetime,
    page: int | None = 1,
) -> Inventory[Cell]:
    """Return levels of people in reach; ``page`` None means everybody and every skill. Five statements."""
    counts = _counts_for(_skills_asked(asked, taxonomy), load_need_rules(session))
    wanted = _levels_asked(asked, rules, counts)
    people_wanted = _people_asked(asked, reach, now.date())
    if asked.of_levels:
        people_wanted.append(
            exists(select(Proficiency.skill_id).where(Proficiency.technician_id == Technician.id, *wanted))
        )
    total, people = _people(session, people_wanted, reach, now.date(), page)
    every = select(Technician.id).where(*people_wanted)
    known = set(session.scalars(select(counts.c.skill).where(Proficiency.technician_id.in_(every), *wanted).distinct()))
    columns = [
        Column(id=one, name=taxonomy.nodes[one].name, group=taxonomy.nodes[taxonomy.broader(one)[-1]].name)
        if taxonomy.broader(one)
        else Column(id=one, name=taxonomy.nodes[one].name, group="")
        for one in _in_order(taxonomy)
        if one in known
    ]
    shown = columns if page is None else columns[:MOST_SKILLS]
    rows = session.execute(
        select(counts.c.skill, Proficiency, Skill.critical, _claim(), Skill.name)
        .join(Skill, Skill.id == Proficiency.skill_id)
        .where(
            Proficiency.technician_id.in_([one.id for one in people]),
            counts.c.skill.in_([one.id for one in shown]),
            *wanted,
        )
        .order_by(Skill.name, Skill.id)
    )
    cells: dict[tuple[int, int], Cell] = {}
    for skill, row, critical, claimed, name in rows:
        one = estimate_of(row, critical=critical, claimed=claimed)
        relied = qualified_level(one, rules)
        cell = Cell(
            level=likely_level(one),
            relied_on_to=relied,
            standing=_standing(relied, confirmed=one.confirmed),
            certainty=certainty(one),
            last_used=one.last_used,
            through=None if row.skill_id == skill else name,
        )
        other = cells.get((row.technician_id, skill))
        if other is None or _says_more(cell, other):
            cells[row.technician_id, skill] = cell
    return Inventory(
        people=people,
        columns=shown,
        cells=cells,
        page=page or 1,
        total=total,
        hidden_columns=len(columns) - len(shown),
    )


def paper_inventory(
    session: Session, asked: Asked, *, reach: Collection[int] | None, now: datetime, page: int | None = 1
) -> Inventory[Paper]:
    """Return the certificates of people in reach, one a kind: the one that is valid longest. Four statements.

    Kinds that none of these people holds are left out; what is asked of levels does not matter here.
    """
    on = now.date()
    asked = replace(asked, trade_id=None, level=0, standing=None, used_since=None)
    total, people = _people(session, _people_asked(asked, reach, on), reach, on, page)
    kinds = session.execute(
        select(CertificationKind.id, CertificationKind.name, CertificationKind.field)
        .where(CertificationKind.retired_at.is_(None))
        .order_by(CertificationKind.field, CertificationKind.name)
    )
    last = func.upper(Certification.valid) - 1
    rows = session.execute(
        select(Certification.technician_id, Certification.kind_id, Certification.state, last.label("until"))
        .where(
            Certification.technician_id.in_([one.id for one in people]),
            Certification.state != DocumentState.RETURNED,
        )
        # The last one read stays: confirmed after handed in, the longest valid last.
        .order_by(Certification.state == DocumentState.CONFIRMED, last.asc().nulls_last(), Certification.id)
    )
    cells = {
        (row.technician_id, row.kind_id): Paper(
            until=row.until, state=row.state, expired=row.until is not None and row.until < on
        )
        for row in rows
    }
    held = {kind for _person, kind in cells}
    columns = [Column(id=number, name=name, group=field or "") for number, name, field in kinds if number in held]
    return Inventory(people=people, columns=columns, cells=cells, page=page or 1, total=total, hidden_columns=0)


def team_choices(session: Session) -> list[tuple[int, str]]:
    """Return teams as (id, name), by name."""
    return [(row.id, row.name) for row in session.execute(select(Team.id, Team.name).order_by(Team.name))]


def partner_choices(session: Session, *, reach: Collection[int] | None, on: date) -> list[tuple[int, str]]:
    """Return partner companies as (id, name), by name; with a reach those whose people work there."""
    wanted: list[ColumnElement[bool]] = [Partner.retired_at.is_(None)]
    if reach is not None:
        works_there = (
            select(Technician.id)
            .join(TerritoryMembership, TerritoryMembership.technician_id == Technician.id)
            .where(
                Technician.partner_id == Partner.id,
                Technician.retired_at.is_(None),
                TerritoryMembership.territory_id.in_(reach),
                TerritoryMembership.during.contains(on),
            )
        )
        wanted.append(works_there.exists())
    rows = session.execute(select(Partner.id, Partner.name).where(*wanted).order_by(Partner.name))
    return [(row.id, row.name) for row in rows]


def _people_asked(asked: Asked, reach: Collection[int] | None, on: date) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = [Technician.retired_at.is_(None)]
    if reach is not None or asked.territory_id is not None:
        wanted.append(
            exists(
                select(TerritoryMembership.id).where(
                    TerritoryMembership.technician_id == Technician.id,
                    TerritoryMembership.during.contains(on),
                    *([] if reach is None else [TerritoryMembership.territory_id.in_(reach)]),
                    *([] if asked.territory_id is None else [TerritoryMembership.territory_id == asked.territory_id]),
                )
            )
        )
    if asked.text.strip():
        like = containing(asked.text)
        companies = select(Partner.id).where(Partner.name.ilike(like))
        wanted.append(or_(Technician.name.ilike(like), Technician.partner_id.in_(companies)))
    if asked.team_id is not None:
        wanted.append(Technician.team_id == asked.team_id)
    if asked.partner_id is not None:
        wanted.append(Technician.partner_id == asked.partner_id)
    if asked.company is not None:
        ours = Technician.partner_id.is_(None)
        wanted.append(ours if asked.company is Company.OURS else ~ours)
    return wanted


def _skills_asked(asked: Asked, taxonomy: Taxonomy) -> list[int]:
    return [
        number
        for number, node in taxonomy.nodes.items()
        if node.assignable
        and not node.retired
        and (asked.trade_id is None or asked.trade_id == number or asked.trade_id in taxonomy.broader(number))
    ]


def _counts_for(skills: Collection[int], meaning: NeedRules) -> TableValuedAlias:
    """Return, as a table, which skills held count for which of these: each for itself, and for what it includes."""
    pairs = [(held, skill) for skill in skills for held in meaning.met_by(skill)]
    held, meant = ([pair[place] for pair in pairs] for place in (0, 1))
    listed = func.unnest(literal(held, ARRAY(Integer)), literal(meant, ARRAY(Integer)))
    return listed.table_valued(column("held", Integer), column("skill", Integer)).render_derived()


def _levels_asked(asked: Asked, rules: QualificationRules, counts: TableValuedAlias) -> list[ColumnElement[bool]]:
    """Choose levels, each with a skill it counts for; in another skill a level counts only if it is relied on."""
    wanted: list[ColumnElement[bool]] = [
        Proficiency.fact_count > 0,
        Proficiency.skill_id == counts.c.held,
        or_(counts.c.held == counts.c.skill, _relied_on(1, rules)),
    ]
    if asked.level:
        wanted.append(_relied_on(asked.level, rules))
    match asked.standing:
        case Standing.RELIED_ON:
            wanted.append(_relied_on(1, rules))
        case Standing.NOT_YET:
            wanted += [and_(Proficiency.confirmed), ~_relied_on_somehow(rules, counts)]
        case Standing.OWN_WORD:
            wanted += [~Proficiency.confirmed, ~_relied_on_somehow(rules, counts)]
    if asked.used_since is not None:
        wanted.append(Proficiency.last_used_at >= asked.used_since)
    return wanted


def _relied_on(level: int, rules: QualificationRules, held: type[Proficiency] = Proficiency) -> ColumnElement[bool]:
    """`estimate.qualified`, said to the database: a chance above the threshold is a mean that far above the level."""
    sure = held.mean - NormalDist().inv_cdf(rules.threshold) * held.sd >= level - 0.5
    if level > rules.claims_count_to:
        return and_(sure, held.confirmed)
    asked = aliased(Skill)
    critical = exists(select(asked.id).where(asked.id == held.skill_id, asked.critical))
    return and_(sure, or_(held.confirmed, and_(_claim(held), ~critical)))


def _relied_on_somehow(rules: QualificationRules, counts: TableValuedAlias) -> ColumnElement[bool]:
    """Whether a person can be relied on in a skill, by this level or by one in a skill that includes it."""
    other, counting = aliased(Proficiency), counts.alias("counting")
    return exists(
        select(other.skill_id)
        .where(
            other.technician_id == Proficiency.technician_id,
            other.fact_count > 0,
            other.skill_id == counting.c.held,
            counting.c.skill == counts.c.skill,
            _relied_on(1, rules, other),
        )
        .correlate(Proficiency, counts)
    )


def _says_more(one: Cell, other: Cell) -> bool:
    """Whether a level takes the place of another: relied on further, or as far and in the skill itself."""
    return (one.relied_on_to, one.through is None, one.level) > (other.relied_on_to, other.through is None, other.level)


def _claim(held: type[Proficiency] = Proficiency) -> ColumnElement[bool]:
    """Whether a level stands on the person's own word too."""
    claimed = aliased(Skill)
    return exists(
        select(Evidence.id)
        .join(claimed, claimed.id == Evidence.skill_id)
        .where(
            Evidence.technician_id == held.technician_id,
            func.coalesce(claimed.merged_into_id, claimed.id) == held.skill_id,
            Evidence.source == "self_claim",
            Evidence.contested.is_(False),
        )
        .correlate(held)
    )


def _people(
    session: Session, wanted: list[ColumnElement[bool]], reach: Collection[int] | None, on: date, page: int | None
) -> tuple[int, list[Person]]:
    total = session.scalar(select(func.count()).select_from(Technician).where(*wanted)) or 0
    names = (
        select(func.string_agg(Territory.name, ", "))
        .join(TerritoryMembership, TerritoryMembership.territory_id == Territory.id)
        .where(
            TerritoryMembership.technician_id == Technician.id,
            TerritoryMembership.during.contains(on),
            *([] if reach is None else [TerritoryMembership.territory_id.in_(reach)]),
        )
        .correlate(Technician)
        .scalar_subquery()
    )
    found: Select[Any] = (
        select(
            Technician.id,
            Technician.name,
            Partner.name.label("company"),
            Technician.partner_id,
            Team.name.label("team"),
            names.label("territories"),
        )
        .outerjoin(Partner, Partner.id == Technician.partner_id)
        .outerjoin(Team, Team.id == Technician.team_id)
        .where(*wanted)
        .order_by(func.lower(Technician.name), Technician.id)
    )
    if page is not None:
        found = found.limit(PEOPLE_A_PAGE).offset((max(page, 1) - 1) * PEOPLE_A_PAGE)
    return total, [Person(**row) for row in session.execute(found).mappings()]


def _in_order(taxonomy: Taxonomy) -> list[int]:
    """Return all skills as the tree has them, trade by trade."""
    order: list[int] = []
    waiting = list(reversed(taxonomy.trades()))
    while waiting:
        number = waiting.pop()
        order.append(number)
        waiting.extend(reversed(taxonomy.children(number)))
    return order


def _standing(relied_on_to: int, *, confirmed: bool) -> Standing:
    if relied_on_to:
        return Standing.RELIED_ON
    return Standing.NOT_YET if confirmed else Standing.OWN_WORD
