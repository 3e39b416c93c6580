"""What pages and planning ask of the inventory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.models import User
from dispatch.skills.certifications import REMINDER_DAYS, Held, passed_mark
from dispatch.skills.estimate import DEFAULT_RULES, Estimate, QualificationRules, qualified, qualified_level
from dispatch.skills.models import (
    Certification,
    CertificationKind,
    DocumentState,
    Evidence,
    EvidenceContest,
    Proficiency,
    Skill,
)
from dispatch.skills.needing import PLAIN, NeedRules
from dispatch.skills.profile import FactLine, SkillLine, SkillProfile, SkillState, skill_profile
from dispatch.workforce.models import Technician, TerritoryMembership

__all__ = [
    "Document",
    "FactLine",
    "Holder",
    "OpenContest",
    "SkillLine",
    "SkillProfile",
    "SkillState",
    "certifications_held",
    "certifications_to_confirm",
    "documents_of",
    "estimate_of",
    "expiring_certifications",
    "open_contests",
    "proficiencies",
    "skill_profile",
    "who_holds",
]


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A person who knows something of a skill, as far as dispatch is told: band, confirmed or not, qualified or not.

    ``through`` is the skill that includes the one asked for, where the estimate is the one in that skill.
    """

    technician_id: int
    name: str
    qualified: bool
    level: int
    confidence: float
    estimate: Estimate
    through: str | None = None


@dataclass(frozen=True, kw_only=True)
class Document:
    """A certification held, with its last valid day (`None`: no end) and the days left on the day asked about."""

    certification_id: int
    version: int
    technician_id: int
    technician: str
    kind_id: int
    code: str
    kind: str
    safety: bool
    number: str | None
    issuer: str | None
    valid_from: date
    valid_to: date | None
    state: DocumentState
    days_left: int | None
    returned_because: str | None = None

    @property
    def reminder(self) -> int | None:
        """Return the tightest of the 60, 30 and 7 day marks that has been passed."""
        return passed_mark(self.days_left)


@dataclass(frozen=True, kw_only=True)
class OpenContest:
    """A contest that waits for its answer, about a skill or about a certificate given back."""

    contest_id: int
    technician_id: int
    technician: str
    about: str
    certification_id: int | None
    reason: str
    owner_id: int
    owner: str
    due_at: datetime


def proficiencies(
    session: Session, technician_ids: Sequence[int], skill_ids: Sequence[int] | None = None
) -> dict[int, dict[int, Estimate]]:
    """Return the stored estimates by person and skill, as planning reads them; two statements for any number of people.

    A skill that is missing is one nothing is known about, not even through a neighbouring skill.
    """
    wanted: list[ColumnElement[bool]] = [Proficiency.technician_id.in_(technician_ids)]
    if skill_ids is not None:
        wanted.append(Proficiency.skill_id.in_(skill_ids))
    claimed = _claimed(session, technician_ids)
    found: dict[int, dict[int, Estimate]] = {person: {} for person in technician_ids}
    for row, critical in session.execute(
        select(Proficiency, Skill.critical).join(Skill, Skill.id == Proficiency.skill_id).where(*wanted)
    ):
        found[row.technician_id][row.skill_id] = estimate_of(
            row, critical=critical, claimed=(row.technician_id, row.skill_id) in claimed
        )
    return found


def who_holds(
    session: Session,
    skill_id: int,
    level: int,
    *,
    on: date,
    rules: QualificationRules = DEFAULT_RULES,
    territory_ids: Iterable[int] | None = None,
    meaning: NeedRules = PLAIN,
) -> list[Holder]:
    """Return everybody with facts in a skill, by name: who is good enough is marked, nobody is ranked.

    With ``meaning`` also those who are good enough in a skill that includes it, though not in the skill itself.
    """
    skills = meaning.met_by(skill_id)
    people = (
        select(Proficiency, Technician.name, Skill.critical, Skill.name)
        .join(Technician, Technician.id == Proficiency.technician_id)
        .join(Skill, Skill.id == Proficiency.skill_id)
        .where(Proficiency.skill_id.in_(skills), Proficiency.fact_count > 0, Technician.retired_at.is_(None))
        .order_by(Technician.name, Technician.id, Skill.name)
    )
    if territory_ids is not None:
        people = people.where(Technician.id.in_(_members(territory_ids, on)))
    rows = session.execute(people).all()
    claimed = _claimed(session, [row.technician_id for row, *_rest in rows])
    holders: dict[int, Holder] = {}
    for row, name, critical, held in rows:
        one = estimate_of(row, critical=critical, claimed=(row.technician_id, row.skill_id) in claimed)
        holder = Holder(
            technician_id=row.technician_id,
            name=name,
            qualified=qualified(one, level, rules),
            level=qualified_level(one, rules),
            confidence=one.confidence(level),
            estimate=one,
            through=None if row.skill_id == skills[0] else held,
        )
        other = holders.get(row.technician_id)
        if (holder.through is None or holder.qualified) and (other is None or _says_more(holder, other)):
            holders[row.technician_id] = holder
    return list(holders.values())


def _says_more(one: Holder, other: Holder) -> bool:
    """Whether one level answers better than another of the same person: good enough, then in the skill itself."""
    return (one.qualified, one.through is None, one.level) > (other.qualified, other.through is None, other.level)


def certifications_held(session: Session, technician_ids: Sequence[int]) -> dict[int, tuple[Held, ...]]:
    """Return the confirmed documents by person, as planning reads them."""
    held: dict[int, list[Held]] = {person: [] for person in technician_ids}
    rows = session.execute(
        select(Certification.technician_id, Certification.kind_id, Certification.valid)
        .where(Certification.technician_id.in_(technician_ids), Certification.state == DocumentState.CONFIRMED)
        .order_by(Certification.id)
    )
    for technician_id, kind_id, valid in rows:
        held[technician_id].append(Held(kind=kind_id, valid_from=_first_day(valid), valid_to=_last_day(valid.upper)))
    return {person: tuple(documents) for person, documents in held.items()}


def documents_of(session: Session, technician_id: int, *, on: date) -> list[Document]:
    """Return all documents of a person in whatever state, newest first within a kind."""
    wanted = _documents().where(Certification.technician_id == technician_id)
    return _read_documents(session, wanted.order_by(CertificationKind.name, Certification.id.desc()), on)


def expiring_certifications(
    session: Session, *, on: date, within_days: int = REMINDER_DAYS[0], territory_ids: Iterable[int] | None = None
) -> list[Document]:
    """Return confirmed documents whose last day is near or past, soonest first, unless a later one takes over."""
    wanted = (
        _documents()
        .where(Certification.state == DocumentState.CONFIRMED, Technician.retired_at.is_(None))
        .order_by(Technician.name, Certification.id)
    )
    if territory_ids is not None:
        wanted = wanted.where(Technician.id.in_(_members(territory_ids, on)))
    documents = _read_documents(session, wanted, on)
    starts: dict[tuple[int, int], list[Document]] = {}
    for one in documents:
        starts.setdefault((one.technician_id, one.kind_id), []).append(one)
    due = []
    for one in documents:
        if one.valid_to is None or one.days_left is None or one.days_left > within_days:
            continue
        # A newer paper makes an old one uninteresting, unless there are days between them.
        seamless = one.valid_to + timedelta(days=1)
        siblings = starts[one.technician_id, one.kind_id]
        if any(
            other is not one
            and other.valid_from <= max(seamless, on)
            and (other.valid_to is None or other.valid_to > max(one.valid_to, on - timedelta(days=1)))
            for other in siblings
        ):
            continue
        due.append(one)
    return sorted(due, key=lambda one: (one.days_left, one.technician, one.certification_id))


def certifications_to_confirm(
    session: Session, *, on: date, territory_ids: Iterable[int] | None = None
) -> list[Document]:
    """Return documents that were handed in and wait for somebody to vouch for their dates, oldest first."""
    wanted = _documents().where(Certification.state == DocumentState.CLAIMED, Technician.retired_at.is_(None))
    if territory_ids is not None:
        wanted = wanted.where(Technician.id.in_(_members(territory_ids, on)))
    return _read_documents(session, wanted.order_by(Certification.id), on)


def open_contests(
    session: Session,
    *,
    owner_id: int | None = None,
    territory_ids: Iterable[int] | None = None,
    on: date | None = None,
) -> list[OpenContest]:
    """Return contests that wait for an answer, the most urgent first; of one owner, of some territories, or all."""
    wanted = (
        select(
            EvidenceContest,
            Technician.id,
            Technician.name,
            func.coalesce(Skill.name, CertificationKind.name),
            User.name,
        )
        .outerjoin(Evidence, Evidence.id == EvidenceContest.evidence_id)
        .outerjoin(Skill, Skill.id == Evidence.skill_id)
        .outerjoin(Certification, Certification.id == EvidenceContest.certification_id)
        .outerjoin(CertificationKind, CertificationKind.id == Certification.kind_id)
        .join(Technician, Technician.id == func.coalesce(Evidence.technician_id, Certification.technician_id))
        .join(User, User.id == EvidenceContest.owner_id)
        .where(EvidenceContest.settled_at.is_(None))
        .order_by(EvidenceContest.due_at, EvidenceContest.id)
    )
    if owner_id is not None:
        wanted = wanted.where(EvidenceContest.owner_id == owner_id)
    if territory_ids is not None and on is not None:
        wanted = wanted.where(Technician.id.in_(_members(territory_ids, on)))
    return [
        OpenContest(
            contest_id=contest.id,
            technician_id=technician_id,
            technician=technician,
            about=about,
            certification_id=contest.certification_id,
            reason=contest.reason,
            owner_id=contest.owner_id,
            owner=owner,
            due_at=contest.due_at,
        )
        for contest, technician_id, technician, about, owner in session.execute(wanted)
    ]


def estimate_of(row: Proficiency, *, critical: bool, claimed: bool) -> Estimate:
    """Return a stored level as the estimate it was, with what the row does not say."""
    return Estimate(
        skill=row.skill_id,
        on=row.as_of.date(),
        mean=row.mean,
        sd=row.sd,
        confirmed=row.confirmed,
        claimed=claimed,
        critical=critical,
        facts=row.fact_count,
        last_used=row.last_used_at.date() if row.last_used_at else None,
        last_fact=None,
    )


def _claimed(session: Session, technician_ids: Sequence[int]) -> set[tuple[int, int]]:
    """Return the (person, skill) pairs that stand on an own claim, which the stored level does not say."""
    rows = session.execute(
        select(Evidence.technician_id, func.coalesce(Skill.merged_into_id, Skill.id))
        .join(Skill, Skill.id == Evidence.skill_id)
        .where(
            Evidence.technician_id.in_(technician_ids),
            Evidence.source == "self_claim",
            Evidence.contested.is_(False),
        )
        .distinct()
    )
    return {(person, skill) for person, skill in rows}


def _documents() -> Select[Certification, str, str, str, bool]:
    return (
        select(Certification, Technician.name, CertificationKind.code, CertificationKind.name, CertificationKind.safety)
        .join(Technician, Technician.id == Certification.technician_id)
        .join(CertificationKind, CertificationKind.id == Certification.kind_id)
    )


def _read_documents(session: Session, wanted: Select[Certification, str, str, str, bool], on: date) -> list[Document]:
    documents = []
    for row, technician, code, kind, safety in session.execute(wanted):
        first, last = _first_day(row.valid), _last_day(row.valid.upper)
        documents.append(
            Document(
                certification_id=row.id,
                version=row.version,
                technician_id=row.technician_id,
                technician=technician,
                kind_id=row.kind_id,
                code=code,
                kind=kind,
                safety=safety,
                number=row.number,
                issuer=row.issuer,
                valid_from=first,
                valid_to=last,
                state=row.state,
                days_left=None if last is None else (last - on).days,
                returned_because=row.returned_because,
            )
        )
    return documents


def _members(territory_ids: Iterable[int], on: date) -> Select[int]:
    return select(TerritoryMembership.technician_id).where(
        TerritoryMembership.territory_id.in_(list(territory_ids)), TerritoryMembership.during.contains(on)
    )


def _first_day(valid: Range[date]) -> date:
    """Return the first day of a document; a check of the table sees to it that there is one."""
    return valid.lower or date.min


def _last_day(end: date | None) -> date | None:
    """Return the last day inside a half-open range of days."""
    return None if end is None else end - timedelta(days=1)
