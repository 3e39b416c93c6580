"""Bookings whose person does not meet what the visit needs any more, asked of the rows as they are now.

Nothing has to notice a change: whatever changed a need, a level or a certificate, and whoever did, the next look says
so. The conditions are those of :func:`dispatch.planning.terms.qualified` and of the rule about certificates, put into
SQL because a whole organisation is asked at once; a test holds the two against each other.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import NormalDist
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    and_,
    cast,
    delete,
    false,
    func,
    literal,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.orm import Session
from sqlalchemy.types import DateTime, Text

from dispatch.accounts.access import Actor
from dispatch.core.db import Instant
from dispatch.jobs.models import CertificationNeed, SkillNeed, Visit
from dispatch.jobs.needs import Need, replace_needs
from dispatch.planning.models import Assignment, AssignmentState, LooseEndCare
from dispatch.planning.policy import Rules, read_rules
from dispatch.planning.snapshot import active_policy
from dispatch.skills.models import (
    Certification,
    CertificationKind,
    DocumentState,
    Proficiency,
    RelationKind,
    Skill,
    SkillRelation,
)
from dispatch.workforce.models import Shift, Technician, Territory

UNFIT = "unfit"  # what is missing may be overruled with a reason
UNSAFE = "unsafe"  # nobody overrules a missing safety certificate
_STILL_AHEAD = (AssignmentState.PLANNED, AssignmentState.ACCEPTED)


@dataclass(frozen=True, kw_only=True)
class Unfit:
    """One booking that does not fit any more, and in words what is missing."""

    assignment_id: int
    visit_id: int
    job_id: int
    technician: str
    missing: str


def unfit_bookings(rules: Rules, now: datetime) -> Subquery:
    """Select assignment_id, missing and safety of what is booked from now on and lacks a must; one row a booking."""
    missing = union_all(_lacking_skills(rules, now), _lacking_papers(now)).subquery("missing")
    words = func.string_agg(missing.c.what, aggregate_order_by(literal(", "), missing.c.what))
    return (
        select(missing.c.assignment_id, words.label("missing"), func.bool_or(missing.c.safety).label("safety"))
        .group_by(missing.c.assignment_id)
        .subquery("unfit")
    )


def list_unfit(
    session: Session,
    *,
    now: datetime,
    technician_id: int | None = None,
    visit_ids: Collection[int] | None = None,
) -> list[Unfit]:
    """Return what does not fit any more, of one person or of some visits if given, the soonest first."""
    unfit = unfit_bookings(read_rules(active_policy(session).rules), now)
    query = (
        select(
            Assignment.id.label("assignment_id"),
            Assignment.visit_id,
            Visit.job_id,
            Technician.name.label("technician"),
            unfit.c.missing,
        )
        .join(unfit, unfit.c.assignment_id == Assignment.id)
        .join(Technician, Technician.id == Assignment.technician_id)
        .join(Visit, Visit.id == Assignment.visit_id)
        .order_by(func.lower(Assignment.during), Assignment.id)
    )
    if technician_id is not None:
        query = query.where(Assignment.technician_id == technician_id)
    if visit_ids is not None:
        query = query.where(Assignment.visit_id.in_(visit_ids))
    return [Unfit(**row) for row in session.execute(query).mappings()]


def change_needs(
    session: Session,
    *,
    visit_id: int,
    needs: Sequence[Need],
    certification_ids: Sequence[int],
    actor: Actor,
    now: datetime,
) -> list[Unfit]:
    """Say anew what the crew of a visit must know, and return which of its bookings do not fit any more."""
    replace_needs(session, visit_id=visit_id, needs=needs, certification_ids=certification_ids, actor=actor, now=now)
    look_again(session, visit_id)
    return list_unfit(session, now=now, visit_ids=[visit_id])


def leave_overridden(session: Session, assignment_id: int, *, reason: str, now: datetime) -> None:
    """Keep a booking off the loose ends whose missing skill somebody with the right overrode, with the reason."""
    values = {"reason": reason, "closed_at": now}
    session.execute(
        insert(LooseEndCare)
        .values(kind=UNFIT, key_id=assignment_id, **values)
        .on_conflict_do_update(index_elements=["kind", "key_id"], set_=values)
    )


def look_again(session: Session, visit_id: int) -> None:
    """Forget what was overridden or closed about a visit: it needs something else now."""
    booked = select(Assignment.id).where(Assignment.visit_id == visit_id)
    session.execute(delete(LooseEndCare).where(LooseEndCare.kind == UNFIT, LooseEndCare.key_id.in_(booked)))


def _ahead(now: datetime) -> ColumnElement[bool]:
    return and_(Assignment.state.in_(_STILL_AHEAD), func.upper(Assignment.during) > now)


def _lacking_skills(rules: Rules, now: datetime) -> Select[*tuple[Any, ...]]:
    """Select the must-have needs that no alternative meets."""
    # P(level >= L - 1/2) >= c is the same as mean - (L - 1/2) >= z(c) sd.
    surely = NormalDist().inv_cdf(rules.min_confidence)
    # Whoever has a skill that includes the needed one will do.
    including = (
        select(SkillRelation.skill_id)
        .where(SkillRelation.kind == RelationKind.IMPLIES, SkillRelation.other_id == SkillNeed.skill_id)
        .correlate(SkillNeed)
        .scalar_subquery()
    )
    enough = Proficiency.mean - (SkillNeed.must_level - 0.5) >= surely * Proficiency.sd
    claimed = and_(SkillNeed.must_level <= rules.claims_count_to, ~Skill.critical)
    met = func.coalesce(and_(enough, or_(Proficiency.confirmed, claimed)), false())
    words = Skill.name + literal(" level ") + cast(SkillNeed.must_level, Text)
    return (
        select(
            Assignment.id.label("assignment_id"),
            func.string_agg(words.distinct(), literal(" or ")).label("what"),
            literal(False).label("safety"),
        )
        .join(SkillNeed, SkillNeed.crew_slot_id == Assignment.crew_slot_id)
        .join(Skill, Skill.id == SkillNeed.skill_id)
        .outerjoin(
            Proficiency,
            and_(
                Proficiency.technician_id == Assignment.technician_id,
                or_(Proficiency.skill_id == SkillNeed.skill_id, Proficiency.skill_id.in_(including)),
            ),
        )
        .where(_ahead(now), SkillNeed.must_level.is_not(None))
        .group_by(Assignment.id, func.coalesce(SkillNeed.any_of, -SkillNeed.id))
        .having(~func.bool_or(met))
    )


def _lacking_papers(now: datetime) -> Select[*tuple[Any, ...]]:
    """Select the certificates that are not valid, or not confirmed, for the whole of the shift."""
    day = func.coalesce(Shift.during, Assignment.during)
    begins = func.timezone(Territory.zone, cast(func.lower(Certification.valid), DateTime()))
    ends = func.timezone(Territory.zone, cast(func.upper(Certification.valid), DateTime()))
    held = (
        select(Certification.id)
        .where(
            Certification.technician_id == Assignment.technician_id,
            Certification.kind_id == CertificationNeed.kind_id,
            Certification.state == DocumentState.CONFIRMED,
            or_(func.lower_inf(Certification.valid), type_coerce(begins, Instant()) <= func.lower(day)),
            or_(func.upper_inf(Certification.valid), type_coerce(ends, Instant()) >= func.upper(day)),
        )
        .correlate(Assignment, CertificationNeed, Shift, Territory)
        .exists()
    )
    return (
        select(Assignment.id.label("assignment_id"), CertificationKind.name.label("what"), CertificationKind.safety)
        .join(CertificationNeed, CertificationNeed.crew_slot_id == Assignment.crew_slot_id)
        .join(CertificationKind, CertificationKind.id == CertificationNeed.kind_id)
        .join(Visit, Visit.id == Assignment.visit_id)
        .outerjoin(Shift, Shift.id == Assignment.shift_id)
        .join(Territory, Territory.id == func.coalesce(Shift.territory_id, Visit.territory_id))
        .where(_ahead(now), ~held)
    )
