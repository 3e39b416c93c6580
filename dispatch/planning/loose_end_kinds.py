"""What kinds of things can be open: one selection each, all with the same columns, united by `loose_ends`.

Each has a person who sees to it, a next step and a due time, and leaves by being done, handed on or closed.
"""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, case, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.types import Interval, Text

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.models import User
from dispatch.jobs.lifecycle import CLOSED_STATES
from dispatch.jobs.models import Customer, Job, JobSeries, Site, Visit
from dispatch.messages.models import CallKind, CallState, CallTask, Message, MessageState
from dispatch.planning.cover_models import CoverTask
from dispatch.planning.draft_models import DraftChange
from dispatch.planning.loose_end_columns import (
    Territories,
    an_administrator,
    confirmer_of_person,
    entry,
    first_territory,
    manager_of_person,
    start_of,
    within,
    zone_of_person,
)
from dispatch.planning.models import RELEASED_STATES, UNSETTLED, Assignment, Correction, CorrectionState, Disruption
from dispatch.planning.policy import Rules
from dispatch.planning.rows import live
from dispatch.planning.unfit import UNFIT, UNSAFE, unfit_bookings
from dispatch.skills.approving import claims_waiting
from dispatch.skills.models import (
    Certification,
    CertificationKind,
    DocumentState,
    Evidence,
    EvidenceContest,
    Skill,
)
from dispatch.workforce.models import (
    Partner,
    PartnerDocument,
    Technician,
    Territory,
    TerritoryMembership,
)

ENDS_WITHIN = timedelta(days=60)
STILL_NAMED = timedelta(days=60)
CONFIRM_WITHIN = timedelta(days=3)
READ_WITHIN = timedelta(days=7)
ANSWER_WITHIN = timedelta(days=7)
DECIDE_BEFORE = timedelta(days=1)
EVENING = timedelta(hours=7)  # before midnight


def parts(actor: Actor, now: datetime, rules: Rules) -> list[Select[*tuple[Any, ...]]]:
    """Select everything that is open in the actor's reach, kind by kind; the rules say who counts as qualified."""
    reach = actor.territories(Right.LOOSE_END_READ)
    today = now.date()
    return [
        _jobs(actor, reach),
        _recurring(actor, reach),
        _disruptions(actor, reach),
        _unfit(actor, reach, now, rules),
        _contests(actor, reach, today),
        *([] if reach is not None and not reach else [_claims(actor, reach, today)]),
        _to_confirm(actor, reach, today),
        _ending(actor, reach, today),
        _partner_papers(actor, reach, today),
        _calls(actor, reach),
        _failed_messages(actor, reach),
        _corrections(actor, reach),
        _answers(actor),
        _cover(actor, reach),
        _drafts(reach),
    ]


def _own(actor: Actor) -> ColumnElement[bool]:
    """Select the actor's own papers, for people whose right reaches no territory."""
    return Technician.id == (actor.technician_id or 0)


def _jobs(actor: Actor, reach: Territories) -> Select[*tuple[Any, ...]]:
    near = Job.owner_id == actor.user_id if reach is not None and not reach else within(Site.territory_id, reach)
    return (
        entry(
            "job",
            Job.id,
            Job.title,
            Customer.name,
            Job.owner_id,
            Job.next_step,
            Job.next_step_due_at,
            Territory.zone,
            territory=Site.territory_id,
        )
        .join_from(Job, Customer, Customer.id == Job.customer_id)
        .join(Site, Site.id == Job.site_id)
        .join(Territory, Territory.id == Site.territory_id)
        .where(Job.state.not_in(CLOSED_STATES), near)
    )


def _recurring(actor: Actor, reach: Territories) -> Select[*tuple[Any, ...]]:
    """Recurring work whose next job could not be made."""
    near = JobSeries.owner_id == actor.user_id if reach is not None and not reach else within(Site.territory_id, reach)
    return (
        entry(
            "series",
            JobSeries.id,
            literal("Recurring: ") + JobSeries.title,
            Customer.name,
            JobSeries.owner_id,
            JobSeries.problem,
            JobSeries.problem_due_at,
            Territory.zone,
            territory=Site.territory_id,
        )
        .join_from(JobSeries, Site, Site.id == JobSeries.site_id)
        .join(Customer, Customer.id == Site.customer_id)
        .join(Territory, Territory.id == Site.territory_id)
        .where(JobSeries.problem.is_not(None), JobSeries.ended_at.is_(None), JobSeries.paused_at.is_(None), near)
    )


def _disruptions(actor: Actor, reach: Territories) -> Select[*tuple[Any, ...]]:
    """Disruptions that are not settled, for whoever sees that day and for whoever sees to it."""
    return (
        entry(
            "disruption",
            Disruption.id,
            literal("Repair: ") + func.replace(Disruption.kind.cast(Text), "_", " "),
            func.coalesce(Technician.name, Customer.name, Territory.name),
            Disruption.owner_id,
            literal("Look at the proposal, then accept it or close this"),
            Disruption.due_at,
            Territory.zone,
            territory=Disruption.territory_id,
        )
        .join_from(Disruption, Territory, Territory.id == Disruption.territory_id)
        .outerjoin(Technician, Technician.id == Disruption.technician_id)
        .outerjoin(Visit, Visit.id == Disruption.visit_id)
        .outerjoin(Job, Job.id == Visit.job_id)
        .outerjoin(Customer, Customer.id == Job.customer_id)
        .where(
            Disruption.state.in_(UNSETTLED),
            or_(Disruption.owner_id == actor.user_id, within(Disruption.territory_id, reach)),
        )
    )


def _unfit(actor: Actor, reach: Territories, now: datetime, rules: Rules) -> Select[*tuple[Any, ...]]:
    """Bookings whose person lacks what the visit needs, since a need, a level or a certificate changed."""
    unfit = unfit_bookings(rules, now)
    return (
        entry(
            case((unfit.c.safety, literal(UNSAFE)), else_=literal(UNFIT)),
            Job.id,
            literal("Does not fit any more: ") + Technician.name,
            Job.title,
            Job.owner_id,
            literal("Give it to somebody else, or put right what is missing: ") + unfit.c.missing,
            func.lower(Assignment.during) - literal(DECIDE_BEFORE, Interval()),
            Territory.zone,
            territory=Visit.territory_id,
            key=Assignment.id,
        )
        .join_from(Assignment, unfit, unfit.c.assignment_id == Assignment.id)
        .join(Technician, Technician.id == Assignment.technician_id)
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Territory, Territory.id == Visit.territory_id)
        .where(or_(Job.owner_id == actor.user_id, within(Visit.territory_id, reach)))
    )


def _contests(actor: Actor, reach: Territories, today: date) -> Select[*tuple[Any, ...]]:
    return (
        entry(
            "contest",
            EvidenceContest.id,
            literal("Contested: ") + func.coalesce(Skill.name, CertificationKind.name),
            Technician.name,
            EvidenceContest.owner_id,
            literal("Answer what they see differently"),
            EvidenceContest.due_at,
            zone_of_person(today),
            territory=first_territory(Territory.id, today),
        )
        .outerjoin_from(EvidenceContest, Evidence, Evidence.id == EvidenceContest.evidence_id)
        .outerjoin(Skill, Skill.id == Evidence.skill_id)
        .outerjoin(Certification, Certification.id == EvidenceContest.certification_id)
        .outerjoin(CertificationKind, CertificationKind.id == Certification.kind_id)
        .join(Technician, Technician.id == func.coalesce(Evidence.technician_id, Certification.technician_id))
        .where(
            EvidenceContest.settled_at.is_(None),
            or_(EvidenceContest.owner_id == actor.user_id, _person_near(actor, reach, today)),
        )
    )


def _claims(actor: Actor, reach: Territories, today: date) -> Select[*tuple[Any, ...]]:
    """Claims that wait for an answer: one entry for each person who answers, however many there are."""
    waiting = claims_waiting().subquery("waiting")
    near = (
        select(
            confirmer_of_person(today).label("owner_id"),
            zone_of_person(today).label("zone"),
            first_territory(Territory.id, today).label("territory_id"),
            waiting.c.at,
        )
        .join_from(waiting, Technician, Technician.id == waiting.c.technician_id)
        .where(Technician.retired_at.is_(None), _person_near(actor, reach, today))
        .subquery("claims")
    )
    words = case((func.count() == 1, literal("1 claim")), else_=cast(func.count(), Text) + literal(" claims"))
    return (
        entry(
            "claims",
            near.c.owner_id,
            literal("To answer: ") + words,
            literal("what people say they can do"),
            near.c.owner_id,
            literal("Approve them, or give them back with a reason"),
            func.min(near.c.at) + literal(ANSWER_WITHIN, Interval()),
            func.min(near.c.zone),
            territory=func.min(near.c.territory_id),
        )
        .select_from(near)
        .group_by(near.c.owner_id)
    )


def _to_confirm(actor: Actor, reach: Territories, today: date) -> Select[*tuple[Any, ...]]:
    return (
        entry(
            "certificate",
            Technician.id,
            literal("Certificate to confirm: ") + CertificationKind.name,
            Technician.name,
            confirmer_of_person(today),
            literal("Look at it, then confirm or return it"),
            Certification.claimed_at + literal(CONFIRM_WITHIN, Interval()),
            zone_of_person(today),
            territory=first_territory(Territory.id, today),
            key=Certification.id,
        )
        .join_from(Certification, Technician, Technician.id == Certification.technician_id)
        .join(CertificationKind, CertificationKind.id == Certification.kind_id)
        .where(
            Certification.state == DocumentState.CLAIMED,
            Technician.retired_at.is_(None),
            _person_near(actor, reach, today),
        )
    )


def _ending(actor: Actor, reach: Territories, today: date) -> Select[*tuple[Any, ...]]:
    """Certificates in force that end soon or ended lately, unless a later one is there already."""
    return (
        entry(
            "certificate",
            Technician.id,
            literal("Certificate ends: ") + CertificationKind.name,
            Technician.name,
            manager_of_person(today),
            literal("Renew it, or plan without it"),
            start_of(func.upper(Certification.valid)),
            zone_of_person(today),
            territory=first_territory(Territory.id, today),
            key=Certification.id,
        )
        .join_from(Certification, Technician, Technician.id == Certification.technician_id)
        .join(CertificationKind, CertificationKind.id == Certification.kind_id)
        .where(
            Certification.state == DocumentState.CONFIRMED,
            Technician.retired_at.is_(None),
            func.upper(Certification.valid).between(today - STILL_NAMED, today + ENDS_WITHIN),
            ~_renewed(),
            _person_near(actor, reach, today),
        )
    )


def _partner_papers(actor: Actor, reach: Territories, today: date) -> Select[*tuple[Any, ...]]:
    """Papers of partners that end soon or ended, each once, for whoever answers for a territory they work in."""
    works_here = (
        select(Technician.id)
        .join(TerritoryMembership, TerritoryMembership.technician_id == Technician.id)
        .where(
            Technician.partner_id == Partner.id,
            Technician.retired_at.is_(None),
            TerritoryMembership.during.contains(today),
            within(TerritoryMembership.territory_id, reach),
        )
        .correlate(Partner)
        .exists()
    )
    own = select(Technician.id).where(_own(actor), Technician.partner_id == Partner.id).correlate(Partner).exists()
    territory = (
        select(func.min(TerritoryMembership.territory_id))
        .join(Technician, Technician.id == TerritoryMembership.technician_id)
        .where(Technician.partner_id == Partner.id, TerritoryMembership.during.contains(today))
        .correlate(Partner)
        .scalar_subquery()
    )
    owner = select(Territory.owner_id).where(Territory.id == territory).correlate(Partner).scalar_subquery()
    zone = select(Territory.zone).where(Territory.id == territory).correlate(Partner).scalar_subquery()
    return (
        entry(
            "partner",
            Partner.id,
            literal("Paper of a partner ends: ") + PartnerDocument.kind,
            Partner.name,
            func.coalesce(owner, an_administrator()),
            literal("Ask for the new one"),
            start_of(func.upper(PartnerDocument.valid)),
            func.coalesce(zone, literal("UTC")),
            territory=territory,
            key=PartnerDocument.id,
        )
        .join_from(PartnerDocument, Partner, Partner.id == PartnerDocument.partner_id)
        .where(
            PartnerDocument.required,
            Partner.retired_at.is_(None),
            func.upper(PartnerDocument.valid) <= today + ENDS_WITHIN,
            ~_replaced_paper(),
            own if reach is not None and not reach else works_here,
        )
    )


def _calls(actor: Actor, reach: Territories) -> Select[*tuple[Any, ...]]:
    """Bad news that a customer must hear from a person."""
    return (
        entry(
            "call",
            CallTask.id,
            literal("Call ") + Customer.name,
            Job.title,
            CallTask.owner_id,
            case(
                (CallTask.kind == CallKind.PROMISE_BROKEN, literal("The promise breaks: call, then agree a new time")),
                (CallTask.kind == CallKind.SECOND_VISIT, literal("It takes a second visit: call and agree when")),
                else_=literal("We cannot come: call, say why and what we can offer"),
            ),
            CallTask.due_at,
            Territory.zone,
            territory=Visit.territory_id,
        )
        .join_from(CallTask, Visit, Visit.id == CallTask.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .join(Territory, Territory.id == Visit.territory_id)
        .where(
            CallTask.state == CallState.OPEN,
            or_(CallTask.owner_id == actor.user_id, within(Visit.territory_id, reach)),
        )
    )


def _failed_messages(actor: Actor, reach: Territories) -> Select[*tuple[Any, ...]]:
    """Messages that could not be sent."""
    return (
        entry(
            "message",
            Message.id,
            literal("Not told yet: ") + func.coalesce(Technician.name, Customer.name),
            literal("a message that could not be sent"),
            Message.owner_id,
            Message.problem,
            Message.due_at,
            Territory.zone,
            territory=Message.territory_id,
        )
        .join_from(Message, Territory, Territory.id == Message.territory_id)
        .outerjoin(Technician, Technician.id == Message.technician_id)
        .outerjoin(Customer, Customer.id == Message.customer_id)
        .where(
            Message.state == MessageState.FAILED,
            or_(Message.owner_id == actor.user_id, within(Message.territory_id, reach)),
        )
    )


def _field_words() -> Any:
    """Name a field: the part of ``level:7`` says which skill, not what."""
    return func.replace(func.split_part(Correction.name, ":", 1), "_", " ")


def _corrections(actor: Actor, reach: Territories) -> Select[*tuple[Any, ...]]:
    """Proposals for fields that whoever sees them may not write."""
    return (
        entry(
            "correction",
            Correction.id,
            literal("Proposed by ") + User.name + ": " + _field_words(),
            Correction.about,
            Correction.owner_id,
            literal("Accept it, or return it with a reason"),
            Correction.due_at,
            func.coalesce(Territory.zone, literal("UTC")),
            territory=Correction.territory_id,
        )
        .join_from(Correction, User, User.id == Correction.proposed_by_id)
        .outerjoin(Territory, Territory.id == Correction.territory_id)
        .where(
            Correction.state == CorrectionState.OPEN,
            or_(Correction.owner_id == actor.user_id, within(Correction.territory_id, reach)),
        )
    )


def _answers(actor: Actor) -> Select[*tuple[Any, ...]]:
    """Answers to one's own proposals that one has not read yet; nobody else's business."""
    mine = Correction.proposed_by_id == actor.user_id if actor.user_id is not None else literal(True)
    return (
        entry(
            "answer",
            Correction.id,
            literal("Answered: ") + _field_words(),
            Correction.about,
            Correction.proposed_by_id,
            case(
                (Correction.state == CorrectionState.ACCEPTED, literal("Accepted: have a look, then put it away")),
                else_=literal("Returned: read why, then put it away"),
            ),
            Correction.settled_at + literal(READ_WITHIN, Interval()),
            func.coalesce(Territory.zone, literal("UTC")),
            territory=Correction.territory_id,
        )
        .join_from(Correction, User, User.id == Correction.proposed_by_id)
        .outerjoin(Territory, Territory.id == Correction.territory_id)
        .where(Correction.settled_at.is_not(None), Correction.seen_at.is_(None), User.active, mine)
    )


def _renewed() -> ColumnElement[bool]:
    later = Certification.__table__.alias("later")
    return (
        select(later.c.id)
        .where(
            later.c.technician_id == Certification.technician_id,
            later.c.kind_id == Certification.kind_id,
            later.c.state == DocumentState.CONFIRMED,
            func.lower(later.c.valid) > func.lower(Certification.valid),
        )
        .correlate(Certification)
        .exists()
    )


def _cover(actor: Actor, reach: Territories) -> Select[*tuple[Any, ...]]:
    """Select steps of cover plans; what was renewed and a visit that somebody else has are done by themselves."""
    renewed = select(Certification.id).where(Certification.id == CoverTask.certification_id, _renewed())
    theirs = select(Assignment.id).where(
        Assignment.visit_id == CoverTask.visit_id,
        Assignment.technician_id == CoverTask.technician_id,
        Assignment.state.not_in(RELEASED_STATES),
    )
    return (
        entry(
            "cover",
            CoverTask.technician_id,
            CoverTask.title,
            Technician.name,
            CoverTask.owner_id,
            CoverTask.next_step,
            CoverTask.due_at,
            Territory.zone,
            territory=CoverTask.territory_id,
            key=CoverTask.id,
        )
        .join_from(CoverTask, Technician, Technician.id == CoverTask.technician_id)
        .join(Territory, Territory.id == CoverTask.territory_id)
        .where(
            CoverTask.closed_at.is_(None),
            ~renewed.correlate(CoverTask).exists(),
            or_(CoverTask.visit_id.is_(None), theirs.correlate(CoverTask).exists()),
            or_(CoverTask.owner_id == actor.user_id, within(CoverTask.territory_id, reach)),
        )
    )


def _replaced_paper() -> ColumnElement[bool]:
    later = PartnerDocument.__table__.alias("later_paper")
    return (
        select(later.c.id)
        .where(
            later.c.partner_id == PartnerDocument.partner_id,
            later.c.kind == PartnerDocument.kind,
            func.lower(later.c.valid) > func.lower(PartnerDocument.valid),
        )
        .correlate(PartnerDocument)
        .exists()
    )


def _drafts(reach: Territories) -> Select[*tuple[Any, ...]]:
    """Select changes of later days that nobody was told of, by territory, due by five in the evening before."""
    first = func.min(func.least(func.lower(DraftChange.during), func.lower(Assignment.during)))
    evening = func.date_trunc("day", func.timezone(Territory.zone, first)) - literal(EVENING, Interval())
    return (
        entry(
            "draft",
            Territory.id,
            literal("Not published: changes of later days"),
            Territory.name,
            func.array_agg(aggregate_order_by(DraftChange.made_by_id, DraftChange.made_at.desc()))[1],
            literal("Look at them, then publish them or take them back"),
            func.timezone(Territory.zone, evening),
            Territory.zone,
            territory=Territory.id,
        )
        .join_from(DraftChange, Visit, Visit.id == DraftChange.visit_id)
        .join(Territory, Territory.id == Visit.territory_id)
        .outerjoin(Assignment, (Assignment.crew_slot_id == DraftChange.crew_slot_id) & live())
        .where(within(Territory.id, reach))
        .group_by(Territory.id)
    )


def _person_near(actor: Actor, reach: Territories, today: date) -> ColumnElement[bool]:
    if reach is None:
        return literal(True)
    member = (
        select(TerritoryMembership.id)
        .where(
            TerritoryMembership.technician_id == Technician.id,
            TerritoryMembership.during.contains(today),
            TerritoryMembership.territory_id.in_(reach),
        )
        .correlate(Technician)
        .exists()
    )
    return or_(_own(actor), member)
