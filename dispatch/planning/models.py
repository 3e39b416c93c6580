"""What was decided and what happened: assignments, reports, plans, pins, leases, offers and policies."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dispatch.core.db import Base, Choice, Id, Instant, Versioned, choice_check, one_at_a_time, stretch_check
from dispatch.jobs.models import CrewSlot, Visit
from dispatch.workforce.models import Shift, Technician, Territory


class Policy(Base):
    """Exchange rates and hard rules; each change is a new version of the same name."""

    __tablename__ = "policy"
    __table_args__ = (
        UniqueConstraint("name", "number"),
        Index("uq_policy_active", "active", unique=True, postgresql_where=text("active")),
    )

    id: Mapped[Id]
    name: Mapped[str]
    number: Mapped[int]
    weights: Mapped[dict[str, Any]]
    rules: Mapped[dict[str, Any]]
    active: Mapped[bool] = mapped_column(default=False, server_default="false")
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime] = mapped_column(Instant(), server_default=func.now())


class AssignmentState(StrEnum):
    """Where a committed assignment stands."""

    PLANNED = "planned"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    ON_THE_WAY = "on_the_way"
    ON_SITE = "on_site"
    DONE = "done"
    NOT_DONE = "not_done"
    CANCELLED = "cancelled"


RELEASED_STATES = (AssignmentState.DECLINED, AssignmentState.CANCELLED, AssignmentState.NOT_DONE)


class Assignment(Base, Versioned):
    """The one committed truth: this person serves this place in the crew at this time.

    ``during`` is service time only; travel is the service's and the checker's duty. Nobody can be in two places:
    the exclusion constraint refuses it whoever asks. A visit's place in the crew has one live assignment.
    """

    __tablename__ = "assignment"
    __table_args__ = (
        choice_check("state", AssignmentState),
        stretch_check("during"),
        one_at_a_time(
            "ex_assignment_one_place",
            "technician_id",
            where="state NOT IN ('declined', 'cancelled', 'not_done')",
            deferrable=True,
        ),
        ForeignKeyConstraint(
            ["crew_slot_id", "visit_id"], ["crew_slot.id", "crew_slot.visit_id"], name="fk_assignment_slot_of_visit"
        ),
        CheckConstraint("travel_s >= 0", name="travel_not_negative"),
        Index(
            "uq_assignment_slot_live",
            "crew_slot_id",
            unique=True,
            postgresql_where=text("state NOT IN ('declined', 'cancelled', 'not_done')"),
        ),
        Index("ix_assignment_visit_id", "visit_id"),
        Index("ix_assignment_shift_id", "shift_id"),
        Index("ix_assignment_start", text("lower(during)")),
    )

    id: Mapped[Id]
    visit_id: Mapped[int]
    crew_slot_id: Mapped[int]
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"))
    shift_id: Mapped[int | None] = mapped_column(ForeignKey("shift.id"))
    during: Mapped[Range[datetime]]
    state: Mapped[AssignmentState] = mapped_column(Choice(AssignmentState), default=AssignmentState.PLANNED)
    travel_s: Mapped[int] = mapped_column(default=0, server_default="0")
    travel_m: Mapped[int] = mapped_column(default=0, server_default="0")
    travel_source: Mapped[str] = mapped_column(default="great_circle", server_default="great_circle")
    why: Mapped[dict[str, Any]] = mapped_column(JSONB(), server_default=text("'{}'"))
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plan.id"), index=True)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    decided_at: Mapped[datetime]

    visit: Mapped[Visit] = relationship(
        lazy="raise", primaryjoin="foreign(Assignment.visit_id) == Visit.id", viewonly=True
    )
    slot: Mapped[CrewSlot] = relationship(
        lazy="raise", viewonly=True, primaryjoin="foreign(Assignment.crew_slot_id) == CrewSlot.id"
    )
    technician: Mapped[Technician] = relationship(lazy="raise")
    shift: Mapped[Shift | None] = relationship(lazy="raise")


class ReportKind(StrEnum):
    """What a technician can report."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    ON_THE_WAY = "on_the_way"
    ARRIVED = "arrived"
    DONE = "done"
    COULD_NOT_DO = "could_not_do"
    NOTE = "note"


class VisitReport(Base):
    """What really happened, append-only, never refused for planning reasons. The id comes from the device."""

    __tablename__ = "visit_report"
    __table_args__ = (
        choice_check("kind", ReportKind),
        CheckConstraint("fixed_first_time IS NULL OR kind = 'done'", name="fixed_only_when_done"),
        Index("ix_visit_report_visit_id", "visit_id", "happened_at"),
        Index("ix_visit_report_technician_id", "technician_id", "happened_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"))
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"))
    assignment_id: Mapped[int | None] = mapped_column(ForeignKey("assignment.id"), index=True)
    kind: Mapped[ReportKind] = mapped_column(Choice(ReportKind))
    happened_at: Mapped[datetime]
    received_at: Mapped[datetime]
    reason: Mapped[str | None]
    fixed_first_time: Mapped[bool | None]
    cause: Mapped[str | None]
    skill_id: Mapped[int | None] = mapped_column(ForeignKey("skill.id"))
    note: Mapped[str | None]
    based_on_version: Mapped[int | None]
    reported_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))


class RequestState(StrEnum):
    """Where a planning run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SOLVED = "solved"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PlanRequest(Base, Versioned):
    """Somebody asked for a plan: scope, policy, seed, limit, and how the run goes."""

    __tablename__ = "plan_request"
    __table_args__ = (
        choice_check("state", RequestState),
        CheckConstraint("time_limit_s BETWEEN 0.1 AND 3600", name="time_limit_plausible"),
        Index("ix_plan_request_state", "state"),
    )

    id: Mapped[Id]
    policy_id: Mapped[int] = mapped_column(ForeignKey("policy.id"))
    state: Mapped[RequestState] = mapped_column(Choice(RequestState), default=RequestState.QUEUED)
    time_limit_s: Mapped[float]
    step_limit: Mapped[int | None]
    seed: Mapped[int] = mapped_column(default=1, server_default="1")
    progress: Mapped[list[Any]] = mapped_column(JSONB(), server_default=text("'[]'"))
    stop_asked: Mapped[bool] = mapped_column(default=False, server_default="false")
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    based_on_seq: Mapped[int | None]
    message: Mapped[str | None]
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    requested_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    scope: Mapped[list["PlanScope"]] = relationship(back_populates="request", lazy="raise")


class PlanScope(Base):
    """A (territory, day) that a planning run covers, with the fencing token it holds there."""

    __tablename__ = "plan_scope"

    plan_request_id: Mapped[int] = mapped_column(ForeignKey("plan_request.id"), primary_key=True)
    territory_id: Mapped[int] = mapped_column(ForeignKey("territory.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    token: Mapped[int | None]

    request: Mapped[PlanRequest] = relationship(back_populates="scope", lazy="raise")
    territory: Mapped[Territory] = relationship(lazy="raise")


class PlanLease(Base):
    """Who may plan a (territory, day) now; the token only grows, so a late run is recognised."""

    __tablename__ = "plan_lease"

    territory_id: Mapped[int] = mapped_column(ForeignKey("territory.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    token: Mapped[int]
    plan_request_id: Mapped[int | None] = mapped_column(ForeignKey("plan_request.id"), index=True)
    expires_at: Mapped[datetime | None]


class PlanState(StrEnum):
    """Where a plan stands."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"


class Plan(Base, Versioned):
    """The answer of one run: routes, unserved visits with reasons, and the cost split by cause."""

    __tablename__ = "plan"
    __table_args__ = (choice_check("state", PlanState), UniqueConstraint("plan_request_id"))

    id: Mapped[Id]
    plan_request_id: Mapped[int] = mapped_column(ForeignKey("plan_request.id"))
    state: Mapped[PlanState] = mapped_column(Choice(PlanState), default=PlanState.PROPOSED)
    cost: Mapped[dict[str, Any]]
    baseline: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    stats: Mapped[dict[str, Any]]
    violations: Mapped[list[Any]] = mapped_column(JSONB(), server_default=text("'[]'"))
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    published_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    publish_report: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))

    request: Mapped[PlanRequest] = relationship(lazy="raise")
    routes: Mapped[list["PlanRoute"]] = relationship(back_populates="plan", lazy="raise")


class PlanRoute(Base):
    """One technician's day in a plan."""

    __tablename__ = "plan_route"
    __table_args__ = (UniqueConstraint("plan_id", "shift_id"),)

    id: Mapped[Id]
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"))
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"), index=True)
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"), index=True)
    summary: Mapped[dict[str, Any]]

    plan: Mapped[Plan] = relationship(back_populates="routes", lazy="raise")
    stops: Mapped[list["PlanStop"]] = relationship(back_populates="route", lazy="raise", order_by="PlanStop.position")


class PlanStop(Base):
    """One visit in a route. Drafts and what-ifs may overlap with anything, so there is no exclusion here."""

    __tablename__ = "plan_stop"
    __table_args__ = (
        UniqueConstraint("plan_route_id", "position"),
        ForeignKeyConstraint(
            ["crew_slot_id", "visit_id"], ["crew_slot.id", "crew_slot.visit_id"], name="fk_plan_stop_slot_of_visit"
        ),
        stretch_check("during"),
        Index("ix_plan_stop_visit_id", "visit_id"),
    )

    id: Mapped[Id]
    plan_route_id: Mapped[int] = mapped_column(ForeignKey("plan_route.id"))
    position: Mapped[int]
    visit_id: Mapped[int]
    crew_slot_id: Mapped[int]
    visit_version: Mapped[int]
    during: Mapped[Range[datetime]]
    arrive_at: Mapped[datetime]
    travel_s: Mapped[int]
    travel_m: Mapped[int]
    travel_source: Mapped[str]
    terms: Mapped[dict[str, Any]]

    route: Mapped[PlanRoute] = relationship(back_populates="stops", lazy="raise")


class PlanUnserved(Base):
    """A visit a plan leaves out, with the reasons that together exclude it."""

    __tablename__ = "plan_unserved"

    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"), primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), primary_key=True, index=True)
    reasons: Mapped[list[Any]]


class Pin(Base, Versioned):
    """A dispatcher's "keep this": person, time, or both."""

    __tablename__ = "pin"
    __table_args__ = (
        CheckConstraint("technician_id IS NOT NULL OR starts_at IS NOT NULL", name="pins_something"),
        UniqueConstraint("crew_slot_id"),
        ForeignKeyConstraint(
            ["crew_slot_id", "visit_id"], ["crew_slot.id", "crew_slot.visit_id"], name="fk_pin_slot_of_visit"
        ),
        Index("ix_pin_visit_id", "visit_id"),
    )

    id: Mapped[Id]
    visit_id: Mapped[int]
    crew_slot_id: Mapped[int]
    technician_id: Mapped[int | None] = mapped_column(ForeignKey("technician.id"), index=True)
    starts_at: Mapped[datetime | None]
    pinned_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    pinned_at: Mapped[datetime]
    reason: Mapped[str | None]


class OfferState(StrEnum):
    """Where an offered time stands."""

    HELD = "held"
    TAKEN = "taken"
    RELEASED = "released"


class Offer(Base, Versioned):
    """A time held for a customer while they choose: nobody else is booked in it, and holds never overlap.

    ``during`` is what is held, the ways there and on included; ``promised`` is the window that the customer hears.
    """

    __tablename__ = "offer"
    __table_args__ = (
        choice_check("state", OfferState),
        stretch_check("during"),
        stretch_check("promised", longest="7 days"),
        one_at_a_time("ex_offer_one_place", "technician_id", where="state = 'held'"),
        CheckConstraint("end_at > start_at AND during @> tstzrange(start_at, end_at)", name="service_held"),
        CheckConstraint("promised @> start_at", name="promise_holds_start"),
        ForeignKeyConstraint(
            ["crew_slot_id", "visit_id"], ["crew_slot.id", "crew_slot.visit_id"], name="fk_offer_slot_of_visit"
        ),
        Index("ix_offer_visit_id", "visit_id"),
    )

    id: Mapped[Id]
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"))
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"))
    during: Mapped[Range[datetime]]
    state: Mapped[OfferState] = mapped_column(Choice(OfferState), default=OfferState.HELD)
    held_until: Mapped[datetime]
    crew_slot_id: Mapped[int]
    start_at: Mapped[datetime]
    end_at: Mapped[datetime]
    promised: Mapped[Range[datetime]]
    merits: Mapped[list[Any]]
    extended: Mapped[bool] = mapped_column(default=False, server_default="false")
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]


class DisruptionKind(StrEnum):
    """What can make the plan of a day stale."""

    CANNOT_WORK = "cannot_work"
    RUNNING_LATE = "running_late"
    EMERGENCY = "emergency"
    VEHICLE = "vehicle"
    NO_ACCESS = "no_access"
    PART_MISSING = "part_missing"
    LONGER = "longer"
    CANCELLATION = "cancellation"
    NOT_DONE = "not_done"


class DisruptionState(StrEnum):
    """Where a disruption stands: looked at, with a proposal, repaired, or over without one."""

    OPEN = "open"
    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    CLOSED = "closed"


UNSETTLED = (DisruptionState.OPEN, DisruptionState.PROPOSED)
# Somebody has less time than was planned; the day follows, whoever likes it.
DELAYS = (DisruptionKind.RUNNING_LATE, DisruptionKind.LONGER)
# A visit does not take place as it was planned, so that somebody has time.
FREES_TIME = (
    DisruptionKind.NO_ACCESS,
    DisruptionKind.PART_MISSING,
    DisruptionKind.CANCELLATION,
    DisruptionKind.NOT_DONE,
)


class Disruption(Base, Versioned):
    """Something that made a day's plan stale: one situation, one owner, one proposal; why is not asked.

    ``attempt`` counts the repairs that were begun, so that only the latest one stores what it found. ``rests_on`` holds
    the bookings of everybody the proposal touches, by technician: who changed since is no longer covered by it.
    ``freed`` are the shifts in which somebody has time now, ``facts`` what the report made of fields of the visit, each
    as what was and what is, so that it can be taken back.
    The times to offer are looked for once the proposal is there; ``offered_at`` says that they are.
    Until ``quiet_until`` somebody waits and sees; it is no alert so long.
    """

    __tablename__ = "disruption"
    __table_args__ = (
        choice_check("kind", DisruptionKind),
        choice_check("state", DisruptionState),
        CheckConstraint("technician_id IS NOT NULL OR visit_id IS NOT NULL", name="about_something"),
        CheckConstraint("minutes IS NULL OR minutes BETWEEN 1 AND 720", name="minutes_plausible"),
        CheckConstraint("(state IN ('open', 'proposed')) = (settled_at IS NULL)", name="settled_when_over"),
        Index(
            "uq_disruption_person_day",
            "technician_id",
            "day",
            "kind",
            unique=True,
            postgresql_where=text("visit_id IS NULL AND state IN ('open', 'proposed')"),
        ),
        Index(
            "uq_disruption_visit",
            "visit_id",
            "kind",
            unique=True,
            postgresql_where=text("visit_id IS NOT NULL AND state IN ('open', 'proposed')"),
        ),
        Index("ix_disruption_unsettled", "day", postgresql_where=text("state IN ('open', 'proposed')")),
        Index("ix_disruption_technician_id", "technician_id"),
    )

    id: Mapped[Id]
    kind: Mapped[DisruptionKind] = mapped_column(Choice(DisruptionKind))
    state: Mapped[DisruptionState] = mapped_column(Choice(DisruptionState), default=DisruptionState.OPEN)
    territory_id: Mapped[int] = mapped_column(ForeignKey("territory.id"), index=True)
    day: Mapped[date]
    technician_id: Mapped[int | None] = mapped_column(ForeignKey("technician.id"))
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visit.id"))
    absence_id: Mapped[int | None] = mapped_column(ForeignKey("absence.id"), index=True)
    minutes: Mapped[int | None]
    freed: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"), default=list)
    facts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    scope: Mapped[list[Any]]
    owner_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    due_at: Mapped[datetime]
    reported_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    reported_at: Mapped[datetime]
    repairer_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    repairing_since: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(default=0, server_default="0")
    message: Mapped[str | None]
    rests_on: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    proposed_at: Mapped[datetime | None]
    offered_at: Mapped[datetime | None]
    quiet_until: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]

    items: Mapped[list["RepairItem"]] = relationship(
        back_populates="disruption", lazy="raise", order_by="RepairItem.position"
    )


class RepairPart(StrEnum):
    """Who a line of a proposal is for: nobody has to be asked, the customer has, or a dispatcher must decide."""

    KEPT = "kept"
    CUSTOMER = "customer"
    YOU = "you"


class RepairItem(Base):
    """What a proposal makes of one visit: who had it when, who would have it when, and why where nobody can.

    ``changes`` is what accepting writes, by crew slot; ``stays`` tells whether the visit can stay as it is meanwhile.
    """

    __tablename__ = "repair_item"
    __table_args__ = (choice_check("part", RepairPart), UniqueConstraint("disruption_id", "position"))

    disruption_id: Mapped[int] = mapped_column(ForeignKey("disruption.id", ondelete="CASCADE"), primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), primary_key=True, index=True)
    position: Mapped[int]
    part: Mapped[RepairPart] = mapped_column(Choice(RepairPart))
    visit_version: Mapped[int]
    stays: Mapped[bool]
    small: Mapped[bool]
    margin_s: Mapped[int | None]
    changes: Mapped[list[Any]]
    reasons: Mapped[list[Any]]
    booked: Mapped[bool] = mapped_column(default=False, server_default="false")

    disruption: Mapped[Disruption] = relationship(back_populates="items", lazy="raise")


class LooseEndCare(Base, Versioned):
    """What people decided about an open thing that keeps no owner and due time itself; how often it was put off."""

    __tablename__ = "loose_end_care"
    __table_args__ = (
        CheckConstraint("put_off >= 0", name="put_off_not_negative"),
        CheckConstraint("put_off < 2 OR reason IS NOT NULL", name="reason_from_the_second_time"),
        CheckConstraint("closed_at IS NULL OR reason IS NOT NULL", name="closed_with_reason"),
        UniqueConstraint("kind", "key_id"),
    )

    id: Mapped[Id]
    kind: Mapped[str]
    key_id: Mapped[int]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), index=True)
    due_at: Mapped[datetime | None]
    put_off: Mapped[int] = mapped_column(default=0, server_default="0")
    reason: Mapped[str | None]
    closed_at: Mapped[datetime | None]


class CorrectionState(StrEnum):
    """What became of a proposal."""

    OPEN = "open"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


class Correction(Base, Versioned):
    """What somebody says a field should say who may not write it: its owner accepts it or returns it with a reason.

    ``name`` is the field as fixes know it. ``about`` tells which thing it is; values are not in it.
    """

    __tablename__ = "correction"
    __table_args__ = (
        choice_check("state", CorrectionState),
        CheckConstraint("was <> value", name="says_something"),
        CheckConstraint("(state = 'open') = (settled_at IS NULL)", name="settled_when_over"),
        CheckConstraint("state <> 'returned' OR answer IS NOT NULL", name="returned_with_reason"),
        CheckConstraint("seen_at IS NULL OR settled_at IS NOT NULL", name="seen_when_settled"),
        Index(
            "uq_correction_open",
            "entity",
            "row_id",
            "name",
            "proposed_by_id",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_correction_owner_id", "owner_id", postgresql_where=text("state = 'open'")),
        Index("ix_correction_proposed_by_id", "proposed_by_id", "seen_at"),
    )

    id: Mapped[Id]
    entity: Mapped[str]
    row_id: Mapped[int]
    name: Mapped[str]
    about: Mapped[str]
    was: Mapped[str]
    value: Mapped[str]
    why: Mapped[str | None]
    territory_id: Mapped[int | None] = mapped_column(ForeignKey("territory.id"), index=True)
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    proposed_at: Mapped[datetime]
    owner_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    due_at: Mapped[datetime]
    state: Mapped[CorrectionState] = mapped_column(Choice(CorrectionState), default=CorrectionState.OPEN)
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    answer: Mapped[str | None]
    seen_at: Mapped[datetime | None]


class FixDigest(Base):
    """Up to which line of the log somebody was told what others mended, and when."""

    __tablename__ = "fix_digest"

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), primary_key=True, autoincrement=False)
    seq: Mapped[int]
    sent_at: Mapped[datetime]
