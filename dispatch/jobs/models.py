"""What was asked and promised: customers, sites, jobs, visits, needs and promises."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dispatch.core.db import Base, Choice, Id, Instant, Versioned, choice_check, place_check, stretch_check
from dispatch.jobs.lifecycle import JobState, VisitState
from dispatch.jobs.recurrence import Recurrence, Unit
from dispatch.skills.models import CertificationKind, Skill
from dispatch.workforce.models import Technician, Territory


class Customer(Base, Versioned):
    """Who asks."""

    __tablename__ = "customer"
    __table_args__ = (
        CheckConstraint("preferred_channel IN ('call', 'mail', 'text')", name="preferred_channel_known"),
        Index("ix_customer_name_lower", text("lower(name)")),
    )

    id: Mapped[Id]
    name: Mapped[str]
    contact_name: Mapped[str | None]
    phone: Mapped[str | None]
    email: Mapped[str | None]
    preferred_channel: Mapped[str] = mapped_column(default="call", server_default="call")
    care_note: Mapped[str | None]
    last_contact_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]

    sites: Mapped[list["Site"]] = relationship(back_populates="customer", lazy="raise")


class Site(Base, Versioned):
    """Where the work is, and what one must know to get in and stay safe."""

    __tablename__ = "site"
    __table_args__ = (
        place_check(),
        CheckConstraint("criticality BETWEEN 0.1 AND 10", name="criticality_plausible"),
        Index("ix_site_customer_id", "customer_id"),
        Index("ix_site_territory_id", "territory_id"),
    )

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    territory_id: Mapped[int] = mapped_column(ForeignKey("territory.id"))
    name: Mapped[str]
    address: Mapped[str]
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    gate_code: Mapped[str | None]
    parking: Mapped[str | None]
    hazards: Mapped[str | None]
    criticality: Mapped[float] = mapped_column(default=1.0, server_default="1")
    retired_at: Mapped[datetime | None]

    customer: Mapped[Customer] = relationship(back_populates="sites", lazy="raise")
    territory: Mapped[Territory] = relationship(lazy="raise")


class Asset(Base, Versioned):
    """What is looked after at a site, and what it does for the customer."""

    __tablename__ = "asset"
    __table_args__ = (Index("ix_asset_site_id", "site_id"),)

    id: Mapped[Id]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    name: Mapped[str]
    model: Mapped[str | None]
    serial: Mapped[str | None]
    purpose: Mapped[str | None]
    installed_on: Mapped[date | None]
    retired_at: Mapped[datetime | None]


class JobType(Base, Versioned):
    """A kind of work: what it usually needs and what the customer may expect."""

    __tablename__ = "job_type"
    __table_args__ = (
        CheckConstraint("duration_s BETWEEN 60 AND 86400", name="duration_plausible"),
        CheckConstraint("crew_size BETWEEN 1 AND 8", name="crew_size_plausible"),
        CheckConstraint("priority BETWEEN 1 AND 4", name="priority_known"),
        CheckConstraint("response_target_s IS NULL OR response_target_s > 0", name="response_target_positive"),
        CheckConstraint("second_visit_cost_s >= 0", name="second_visit_cost_not_negative"),
    )

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    trade: Mapped[str | None]
    duration_s: Mapped[int]
    duration_low_s: Mapped[int | None]
    duration_high_s: Mapped[int | None]
    crew_size: Mapped[int] = mapped_column(default=1, server_default="1")
    priority: Mapped[int] = mapped_column(default=3, server_default="3")
    response_target_s: Mapped[int | None]
    second_visit_cost_s: Mapped[int] = mapped_column(default=5400, server_default="5400")
    checklist: Mapped[list[Any]] = mapped_column(JSONB(), server_default=text("'[]'"))
    expected_result: Mapped[str] = mapped_column(default="", server_default="")
    retired_at: Mapped[datetime | None]

    needs: Mapped[list["JobTypeNeed"]] = relationship(back_populates="job_type", lazy="raise")
    certifications: Mapped[list["JobTypeCertification"]] = relationship(back_populates="job_type", lazy="raise")


def _level_checks() -> tuple[CheckConstraint, ...]:
    return (
        CheckConstraint("must_level BETWEEN 1 AND 5", name="must_level_known"),
        CheckConstraint("preferred_level BETWEEN 1 AND 5", name="preferred_level_known"),
        CheckConstraint("must_level IS NOT NULL OR preferred_level IS NOT NULL", name="some_level"),
    )


class JobTypeNeed(Base):
    """A default skill need; without ``crew_position`` for the whole crew. Equal ``any_of`` numbers are alternatives."""

    __tablename__ = "job_type_need"
    __table_args__ = (*_level_checks(), Index("ix_job_type_need_job_type_id", "job_type_id"))

    id: Mapped[Id]
    job_type_id: Mapped[int] = mapped_column(ForeignKey("job_type.id"))
    crew_position: Mapped[int | None]
    any_of: Mapped[int | None]
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"), index=True)
    must_level: Mapped[int | None]
    preferred_level: Mapped[int | None]

    job_type: Mapped[JobType] = relationship(back_populates="needs", lazy="raise")
    skill: Mapped[Skill] = relationship(lazy="raise")


class JobTypeCertification(Base):
    """A certification every visit of this type needs."""

    __tablename__ = "job_type_certification"
    __table_args__ = (UniqueConstraint("job_type_id", "kind_id", "crew_position", postgresql_nulls_not_distinct=True),)

    id: Mapped[Id]
    job_type_id: Mapped[int] = mapped_column(ForeignKey("job_type.id"))
    kind_id: Mapped[int] = mapped_column(ForeignKey("certification_kind.id"), index=True)
    crew_position: Mapped[int | None]

    job_type: Mapped[JobType] = relationship(back_populates="certifications", lazy="raise")
    kind: Mapped[CertificationKind] = relationship(lazy="raise")


class JobSeries(Base, Versioned):
    """Work that comes again: jobs of it are made ahead, one for each of its days.

    ``next_on`` is the day of the next job; where days count from when the last job was closed, it is empty until then.
    """

    __tablename__ = "job_series"
    __table_args__ = (
        choice_check("unit", Unit),
        CheckConstraint("every BETWEEN 1 AND 365", name="every_plausible"),
        CheckConstraint("ahead_days BETWEEN 1 AND 180", name="ahead_plausible"),
        CheckConstraint("tolerance_days BETWEEN 0 AND 60", name="tolerance_plausible"),
        CheckConstraint("next_on IS NOT NULL OR from_completion OR ended_at IS NOT NULL", name="goes_on"),
        CheckConstraint("(problem IS NULL) = (problem_due_at IS NULL)", name="problem_has_due"),
        Index("ix_job_series_due", "next_on", postgresql_where=text("ended_at IS NULL AND paused_at IS NULL")),
    )

    id: Mapped[Id]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    asset_id: Mapped[int | None] = mapped_column(ForeignKey("asset.id"), index=True)
    job_type_id: Mapped[int] = mapped_column(ForeignKey("job_type.id"), index=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    title: Mapped[str]
    description: Mapped[str] = mapped_column(default="", server_default="")
    every: Mapped[int]
    unit: Mapped[Unit] = mapped_column(Choice(Unit))
    first_on: Mapped[date]
    next_on: Mapped[date | None]
    last_on: Mapped[date | None]
    from_completion: Mapped[bool] = mapped_column(default=False, server_default="false")
    tolerance_days: Mapped[int]
    ahead_days: Mapped[int]
    paused_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    problem: Mapped[str | None]
    problem_due_at: Mapped[datetime | None]

    site: Mapped[Site] = relationship(lazy="raise")
    asset: Mapped[Asset | None] = relationship(lazy="raise")
    job_type: Mapped[JobType] = relationship(lazy="raise")

    @property
    def rule(self) -> Recurrence:
        """How it comes again."""
        return Recurrence(every=self.every, unit=self.unit)


class Job(Base, Versioned):
    """Work a customer needs. While it is open it has an owner, a next step and a due time."""

    __tablename__ = "job"
    __table_args__ = (
        choice_check("state", JobState),
        CheckConstraint("priority BETWEEN 1 AND 4", name="priority_known"),
        CheckConstraint("due_at IS NULL OR release_at IS NULL OR due_at > release_at", name="due_after_release"),
        CheckConstraint(
            "state IN ('done', 'cancelled')"
            " OR (owner_id IS NOT NULL AND next_step IS NOT NULL AND next_step_due_at IS NOT NULL)",
            name="open_has_owner_step_due",
        ),
        CheckConstraint("(state IN ('done', 'cancelled')) = (closed_at IS NOT NULL)", name="closed_when_closed"),
        CheckConstraint("duplicate_of_id <> id", name="not_its_own_duplicate"),
        CheckConstraint("(series_id IS NULL) = (occurs_on IS NULL)", name="series_has_day"),
        UniqueConstraint("series_id", "occurs_on"),
        Index("ix_job_customer_id", "customer_id"),
        Index("ix_job_site_id", "site_id"),
        Index("ix_job_open_due", "next_step_due_at", postgresql_where=text("state NOT IN ('done', 'cancelled')")),
        Index("ix_job_created_at", "created_at"),
        Index("ix_job_words", text("to_tsvector('english', title || ' ' || description)"), postgresql_using="gin"),
    )

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    asset_id: Mapped[int | None] = mapped_column(ForeignKey("asset.id"), index=True)
    job_type_id: Mapped[int] = mapped_column(ForeignKey("job_type.id"), index=True)
    title: Mapped[str]
    purpose: Mapped[str] = mapped_column(default="", server_default="")
    description: Mapped[str] = mapped_column(default="", server_default="")
    priority: Mapped[int]
    state: Mapped[JobState] = mapped_column(Choice(JobState), default=JobState.OPEN)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), index=True)
    next_step: Mapped[str | None]
    next_step_due_at: Mapped[datetime | None]
    release_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(Instant(), server_default=func.now())
    closed_at: Mapped[datetime | None]
    close_reason: Mapped[str | None]
    duplicate_of_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"), index=True)
    history: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    series_id: Mapped[int | None] = mapped_column(ForeignKey("job_series.id"))
    occurs_on: Mapped[date | None]

    customer: Mapped[Customer] = relationship(lazy="raise")
    site: Mapped[Site] = relationship(lazy="raise")
    asset: Mapped[Asset | None] = relationship(lazy="raise")
    job_type: Mapped[JobType] = relationship(lazy="raise")
    visits: Mapped[list["Visit"]] = relationship(back_populates="job", lazy="raise", order_by="Visit.sequence")


class Visit(Base, Versioned):
    """One trip by one or more technicians to do some of a job."""

    __tablename__ = "visit"
    __table_args__ = (
        choice_check("state", VisitState),
        UniqueConstraint("job_id", "sequence"),
        CheckConstraint("duration_s BETWEEN 60 AND 86400", name="duration_plausible"),
        CheckConstraint("setup_s BETWEEN 0 AND 14400", name="setup_plausible"),
        CheckConstraint("predecessor_id <> id", name="not_its_own_predecessor"),
        CheckConstraint("due_at IS NULL OR release_at IS NULL OR due_at > release_at", name="due_after_release"),
        Index("ix_visit_territory_id_open", "territory_id", postgresql_where=text("state IN ('open', 'planned')")),
    )

    id: Mapped[Id]
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    territory_id: Mapped[int] = mapped_column(ForeignKey("territory.id"))
    sequence: Mapped[int] = mapped_column(default=1, server_default="1")
    state: Mapped[VisitState] = mapped_column(Choice(VisitState), default=VisitState.OPEN)
    duration_s: Mapped[int]
    setup_s: Mapped[int] = mapped_column(default=0, server_default="0")
    release_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    predecessor_id: Mapped[int | None] = mapped_column(ForeignKey("visit.id"), index=True)

    job: Mapped[Job] = relationship(back_populates="visits", lazy="raise")
    windows: Mapped[list["VisitWindow"]] = relationship(back_populates="visit", lazy="raise")
    slots: Mapped[list["CrewSlot"]] = relationship(back_populates="visit", lazy="raise", order_by="CrewSlot.position")
    promises: Mapped[list["Promise"]] = relationship(back_populates="visit", lazy="raise", order_by="Promise.number")


class VisitWindow(Base):
    """A time the service may start in; a hard one is never broken, a priced one costs per second of lateness."""

    __tablename__ = "visit_window"
    __table_args__ = (
        stretch_check("during", longest="60 days"),
        CheckConstraint("hard OR lateness_cost > 0", name="priced_when_not_hard"),
        Index("ix_visit_window_visit_id", "visit_id"),
    )

    id: Mapped[Id]
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"))
    during: Mapped[Range[datetime]]
    hard: Mapped[bool] = mapped_column(default=True, server_default="true")
    lateness_cost: Mapped[float | None]

    visit: Mapped[Visit] = relationship(back_populates="windows", lazy="raise")


class CrewSlot(Base):
    """One person's place in the crew of a visit."""

    __tablename__ = "crew_slot"
    __table_args__ = (
        UniqueConstraint("visit_id", "position"),
        UniqueConstraint("id", "visit_id"),
        CheckConstraint("position BETWEEN 1 AND 8", name="position_plausible"),
    )

    id: Mapped[Id]
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"))
    position: Mapped[int]

    visit: Mapped[Visit] = relationship(back_populates="slots", lazy="raise")
    needs: Mapped[list["SkillNeed"]] = relationship(back_populates="slot", lazy="raise")
    certifications: Mapped[list["CertificationNeed"]] = relationship(back_populates="slot", lazy="raise")


class NeedOrigin(StrEnum):
    """Where a need came from."""

    JOB_TYPE = "job_type"
    IMPORT = "import"
    PERSON = "person"


class SkillNeed(Base):
    """A skill this crew member must (or should) have; equal ``any_of`` numbers are alternatives."""

    __tablename__ = "skill_need"
    __table_args__ = (
        *_level_checks(),
        choice_check("origin", NeedOrigin),
        UniqueConstraint("crew_slot_id", "skill_id", "any_of", postgresql_nulls_not_distinct=True),
    )

    id: Mapped[Id]
    crew_slot_id: Mapped[int] = mapped_column(ForeignKey("crew_slot.id"))
    any_of: Mapped[int | None]
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"), index=True)
    must_level: Mapped[int | None]
    preferred_level: Mapped[int | None]
    origin: Mapped[NeedOrigin] = mapped_column(Choice(NeedOrigin))

    slot: Mapped[CrewSlot] = relationship(back_populates="needs", lazy="raise")
    skill: Mapped[Skill] = relationship(lazy="raise")


class CertificationNeed(Base):
    """A certification this crew member must hold on the day."""

    __tablename__ = "certification_need"
    __table_args__ = (choice_check("origin", NeedOrigin), UniqueConstraint("crew_slot_id", "kind_id"))

    id: Mapped[Id]
    crew_slot_id: Mapped[int] = mapped_column(ForeignKey("crew_slot.id"))
    kind_id: Mapped[int] = mapped_column(ForeignKey("certification_kind.id"), index=True)
    origin: Mapped[NeedOrigin] = mapped_column(Choice(NeedOrigin))

    slot: Mapped[CrewSlot] = relationship(back_populates="certifications", lazy="raise")
    kind: Mapped[CertificationKind] = relationship(lazy="raise")


class PromiseState(StrEnum):
    """What became of a promise."""

    STANDING = "standing"
    REPLACED = "replaced"
    KEPT = "kept"
    MISSED = "missed"
    WITHDRAWN = "withdrawn"


class Promise(Base, Versioned):
    """The window a customer was told. Old ones are kept, with who agreed and when."""

    __tablename__ = "promise"
    __table_args__ = (
        choice_check("state", PromiseState),
        stretch_check("during", longest="60 days"),
        UniqueConstraint("visit_id", "number"),
        CheckConstraint("(state = 'missed') = (missed_by_s IS NOT NULL)", name="missed_by_when_missed"),
        Index("uq_promise_one_standing", "visit_id", unique=True, postgresql_where=text("state = 'standing'")),
    )

    id: Mapped[Id]
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"))
    number: Mapped[int]
    during: Mapped[Range[datetime]]
    state: Mapped[PromiseState] = mapped_column(Choice(PromiseState), default=PromiseState.STANDING)
    missed_by_s: Mapped[int | None]
    agreed_with: Mapped[str | None]
    channel: Mapped[str | None]
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]

    visit: Mapped[Visit] = relationship(back_populates="promises", lazy="raise")


class PersonLinkKind(StrEnum):
    """What a customer and a technician have to do with each other."""

    PREFERRED = "preferred"
    REQUIRED = "required"
    EXCLUDED = "excluded"
    KNOWN = "known"


class CustomerPerson(Base, Versioned):
    """A customer's wish or experience with one technician, for all sites or one."""

    __tablename__ = "customer_person"
    __table_args__ = (
        choice_check("kind", PersonLinkKind),
        UniqueConstraint("customer_id", "technician_id", "site_id", "kind", postgresql_nulls_not_distinct=True),
    )

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"), index=True)
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"), index=True)
    kind: Mapped[PersonLinkKind] = mapped_column(Choice(PersonLinkKind))
    note: Mapped[str | None]
    visits: Mapped[int] = mapped_column(default=0, server_default="0")
    since: Mapped[date | None]

    technician: Mapped[Technician] = relationship(lazy="raise")
