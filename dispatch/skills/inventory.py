"""Who can do what: people by name, skills by trade, and how far dispatch relies on each level.

Nobody is ranked: people stand by name, skills in the order of the tree. What is shown of a level is its band, how sure
it is, and the month it was last used; outcomes and other people's words stay on the person's own page.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from statistics import NormalDist
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from dispatch.core.like import containing
from dispatch.skills.estimate import QualificationRules, certainty, likely_level, qualified_level
from dispatch.skills.models import Certification, CertificationKind, DocumentState, Evidence, Proficiency, Skill
from dispatch.skills.queries import estimate_of
from dispatch.skills.taxonomy import Taxonomy
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
    """A person's level in a skill: the likeliest one, and the one dispatch relies on (0 for none yet)."""

    level: int
    relied_on_to: int
    standing: Standing
    certainty: str
    last_used: date | None


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
    """Return levels of people in reach; ``page`` None means everybody and every skill. Four statements."""
    wanted = _levels_asked(asked, taxonomy, rules)
    people_wanted = _people_asked(asked, reach, now.date())
    if asked.of_levels:
        people_wanted.append(
            exists(select(Proficiency.skill_id).where(Proficiency.technician_id == Technician.id, *wanted))
        )
    total, people = _people(session, people_wanted, reach, now.date(), page)
    every = select(Technician.id).where(*people_wanted)
    known = set(
        session.scalars(select(Proficiency.skill_id).where(Proficiency.technician_id.in_(every), *wanted).distinct())
    )
    columns = [
        Column(id=one, name=taxonomy.nodes[one].name, group=taxonomy.nodes[taxonomy.broader(one)[-1]].name)
        if taxonomy.broader(one)
        else Column(id=one, name=taxonomy.nodes[one].name, group="")
        for one in _in_order(taxonomy)
        if one in known
    ]
    shown = columns if page is None else columns[:MOST_SKILLS]
    cells = {}
    rows = session.execute(
        select(Proficiency, Skill.critical, _claim())
        .join(Skill, Skill.id == Proficiency.skill_id)
        .where(
            Proficiency.technician_id.in_([one.id for one in people]),
            Proficiency.skill_id.in_([one.id for one in shown]),
            *wanted,
        )
    )
    for row, critical, claimed in rows:
        one = estimate_of(row, critical=critical, claimed=claimed)
        relied = qualified_level(one, rules)
        cells[row.technician_id, row.skill_id] = Cell(
            level=likely_level(one),
            relied_on_to=relied,
            standing=_standing(relied, confirmed=one.confirmed),
            certainty=certainty(one),
            last_used=one.last_used,
        )
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


def _levels_asked(asked: Asked, taxonomy: Taxonomy, rules: QualificationRules) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = [Proficiency.fact_count > 0]
    below = [
        number
        for number, node in taxonomy.nodes.items()
        if node.assignable
        and not node.retired
        and (asked.trade_id is None or asked.trade_id == number or asked.trade_id in taxonomy.broader(number))
    ]
    wanted.append(Proficiency.skill_id.in_(below))
    if asked.level:
        wanted.append(_relied_on(asked.level, rules))
    match asked.standing:
        case Standing.RELIED_ON:
            wanted.append(_relied_on(1, rules))
        case Standing.NOT_YET:
            wanted.append(and_(Proficiency.confirmed, ~_relied_on(1, rules)))
        case Standing.OWN_WORD:
            wanted.append(and_(~Proficiency.confirmed, ~_relied_on(1, rules)))
    if asked.used_since is not None:
        wanted.append(Proficiency.last_used_at >= asked.used_since)
    return wanted


def _relied_on(level: int, rules: QualificationRules) -> ColumnElement[bool]:
    """`estimate.qualified`, said to the database: a chance above the threshold is a mean that far above the level."""
    sure = Proficiency.mean - NormalDist().inv_cdf(rules.threshold) * Proficiency.sd >= level - 0.5
    if level > rules.claims_count_to:
        return and_(sure, Proficiency.confirmed)
    critical = exists(select(Skill.id).where(Skill.id == Proficiency.skill_id, Skill.critical))
    return and_(sure, or_(Proficiency.confirmed, and_(_claim(), ~critical)))


def _claim() -> ColumnElement[bool]:
    """Whether a level stands on the person's own word too."""
    claimed = aliased(Skill)
    return exists(
        select(Evidence.id)
        .join(claimed, claimed.id == Evidence.skill_id)
        .where(
            Evidence.technician_id == Proficiency.technician_id,
            func.coalesce(claimed.merged_into_id, claimed.id) == Proficiency.skill_id,
            Evidence.source == "self_claim",
            Evidence.contested.is_(False),
        )
        .correlate(Proficiency)
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
