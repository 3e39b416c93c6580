"""What pages ask about jobs, customers and sites. Each function is a small, constant number of statements."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, Text, cast, func, or_, select
from sqlalchemy.orm import Session, selectinload

from dispatch.accounts.models import User
from dispatch.core.errors import NotFound
from dispatch.core.like import containing
from dispatch.core.models import AuditEvent
from dispatch.jobs.lifecycle import CLOSED_STATES, JobState
from dispatch.jobs.models import (
    Asset,
    CertificationNeed,
    CrewSlot,
    Customer,
    CustomerPerson,
    Job,
    JobSeries,
    JobType,
    Promise,
    PromiseState,
    Site,
    SkillNeed,
    Visit,
)
from dispatch.workforce.models import Territory

PAGE_SIZE = 60
Row = TypeVar("Row")
Territories = Collection[int] | None  # None stands for all of them


@dataclass(frozen=True, kw_only=True)
class Listing(Generic[Row]):
    """One page of a list, with the true total."""

    rows: Sequence[Row]
    total: int
    page: int
    size: int = PAGE_SIZE

    @property
    def first(self) -> int:
        """Number of the first row shown, counted from 1; 0 when there is none."""
        return (self.page - 1) * self.size + 1 if self.rows else 0

    @property
    def last(self) -> int:
        """Number of the last row shown."""
        return (self.page - 1) * self.size + len(self.rows)

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.total // self.size))


@dataclass(frozen=True, kw_only=True)
class JobRow:
    """A line of the job list."""

    id: int
    title: str
    customer: str
    site: str
    territory: str
    zone: str
    state: JobState
    priority: int
    owner: str | None
    next_step: str | None
    next_step_due_at: datetime | None
    promise_start: datetime | None
    promise_end: datetime | None


@dataclass(frozen=True, kw_only=True)
class CustomerRow:
    """A line of the customer list."""

    id: int
    name: str
    contact_name: str | None
    phone: str | None
    sites: int
    open_jobs: int
    last_contact_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class HistoryRow:
    """One change, as the history of a thing shows it."""

    seq: int
    at: datetime
    who: str
    action: str
    before: dict[str, object] | None
    after: dict[str, object] | None
    reason: str | None


def jobs(
    session: Session,
    *,
    territories: Territories,
    text: str = "",
    states: Collection[JobState] = (),
    territory_id: int | None = None,
    owner_id: int | None = None,
    customer_id: int | None = None,
    page: int = 1,
) -> Listing[JobRow]:
    """Return jobs by next due time, newest closed ones last; two statements."""
    found = (
        select(Job.id)
        .join(Job.site)
        .join(Job.customer)
        .where(*([] if territories is None else [Site.territory_id.in_(territories)]))
    )
    if states:
        found = found.where(Job.state.in_(states))
    if territory_id is not None:
        found = found.where(Site.territory_id == territory_id)
    if owner_id is not None:
        found = found.where(Job.owner_id == owner_id)
    if customer_id is not None:
        found = found.where(Job.customer_id == customer_id)
    if text.strip():
        like = containing(text)
        found = found.where(
            or_(
                Job.title.ilike(like),
                Customer.name.ilike(like),
                Site.address.ilike(like),
                Site.name.ilike(like),
                cast(Job.id, Text) == text.strip().lstrip("#"),
            )
        )
    total = session.scalar(select(func.count()).select_from(found.subquery())) or 0
    ids = found.order_by(Job.next_step_due_at.asc().nulls_last(), Job.closed_at.desc().nulls_last(), Job.id)
    rows = session.execute(
        select(
            Job.id,
            Job.title,
            Customer.name.label("customer"),
            Site.name.label("site"),
            Territory.name.label("territory"),
            Territory.zone,
            Job.state,
            Job.priority,
            User.name.label("owner"),
            Job.next_step,
            Job.next_step_due_at,
            func.lower(Promise.during).label("promise_start"),
            func.upper(Promise.during).label("promise_end"),
        )
        .join(Job.site)
        .join(Job.customer)
        .join(Site.territory)
        .outerjoin(User, User.id == Job.owner_id)
        .outerjoin(Promise, Promise.id == _standing_promise_id())
        .where(Job.id.in_(_window(ids, page)))
        .order_by(Job.next_step_due_at.asc().nulls_last(), Job.closed_at.desc().nulls_last(), Job.id)
    ).mappings()
    return Listing(rows=[JobRow(**row) for row in rows], total=total, page=page)


def job_details(session: Session, job_id: int, *, territories: Territories) -> Job:
    """Return a job with all its page shows, if it lies in the given territories; raises NotFound."""
    job = session.scalar(
        select(Job)
        .join(Job.site)
        .where(Job.id == job_id, *([] if territories is None else [Site.territory_id.in_(territories)]))
        .options(
            selectinload(Job.customer),
            selectinload(Job.site).selectinload(Site.territory),
            selectinload(Job.asset),
            selectinload(Job.job_type),
            selectinload(Job.visits).selectinload(Visit.windows),
            selectinload(Job.visits).selectinload(Visit.promises),
            selectinload(Job.visits)
            .selectinload(Visit.slots)
            .selectinload(CrewSlot.needs)
            .selectinload(SkillNeed.skill),
            selectinload(Job.visits)
            .selectinload(Visit.slots)
            .selectinload(CrewSlot.certifications)
            .selectinload(CertificationNeed.kind),
        )
    )
    if job is None:
        raise NotFound("There is no such job.")
    return job


def customers(session: Session, *, territories: Territories, text: str = "", page: int = 1) -> Listing[CustomerRow]:
    """Return customers by name; a customer without sites shows to everyone."""
    found = select(Customer.id).where(Customer.retired_at.is_(None))
    if territories is not None:
        own_sites = select(Site.id).where(Site.customer_id == Customer.id)
        found = found.where(or_(own_sites.where(Site.territory_id.in_(territories)).exists(), ~own_sites.exists()))
    if text.strip():
        like = containing(text)
        digits = "".join(sign for sign in text if sign.isdigit())
        matches = [Customer.name.ilike(like), Customer.contact_name.ilike(like)]
        if len(digits) >= 5:
            matches.append(func.regexp_replace(Customer.phone, r"\D", "", "g").like(f"%{digits}%"))
        found = found.where(or_(*matches))
    total = session.scalar(select(func.count()).select_from(found.subquery())) or 0
    sites = select(func.count()).where(Site.customer_id == Customer.id, Site.retired_at.is_(None))
    open_jobs = select(func.count()).where(Job.customer_id == Customer.id, Job.state.not_in(CLOSED_STATES))
    order = (func.lower(Customer.name), Customer.id)
    rows = session.execute(
        select(
            Customer.id,
            Customer.name,
            Customer.contact_name,
            Customer.phone,
            sites.scalar_subquery().label("sites"),
            open_jobs.scalar_subquery().label("open_jobs"),
            Customer.last_contact_at,
        )
        .where(Customer.id.in_(_window(found.order_by(*order), page)))
        .order_by(*order)
    ).mappings()
    return Listing(rows=[CustomerRow(**row) for row in rows], total=total, page=page)


def customer_details(session: Session, customer_id: int, *, territories: Territories) -> Customer:
    """Return a customer with the sites in reach; raises NotFound when none of its sites is."""
    customer = session.scalar(
        select(Customer)
        .where(Customer.id == customer_id)
        .options(selectinload(Customer.sites).selectinload(Site.territory))
    )
    if customer is None:
        raise NotFound("There is no such customer.")
    if territories is not None and customer.sites and not any(s.territory_id in territories for s in customer.sites):
        raise NotFound("There is no such customer.")
    return customer


def people_of_customer(session: Session, customer_id: int) -> Sequence[CustomerPerson]:
    """Return who is preferred, required, excluded or known at a customer."""
    return session.scalars(
        select(CustomerPerson)
        .where(CustomerPerson.customer_id == customer_id)
        .options(selectinload(CustomerPerson.technician))
        .order_by(CustomerPerson.kind, CustomerPerson.id)
    ).all()


def job_types(session: Session) -> Sequence[JobType]:
    """Return the kinds of work one can book, by name."""
    return session.scalars(select(JobType).where(JobType.retired_at.is_(None)).order_by(JobType.name)).all()


def last_kind_at(session: Session, site_id: int) -> int | None:
    """Return the kind of work that a site had last, as far as it can still be booked."""
    return session.scalar(
        select(Job.job_type_id)
        .join(JobType, JobType.id == Job.job_type_id)
        .where(Job.site_id == site_id, JobType.retired_at.is_(None))
        .order_by(Job.created_at.desc(), Job.id.desc())
        .limit(1)
    )


def sites_to_choose(
    session: Session, *, territories: Territories, text: str = "", customer_id: int | None = None, limit: int = 20
) -> Sequence[Site]:
    """Return sites for a new job: by customer, or by words of customer, site or address."""
    found = select(Site).join(Site.customer).where(Site.retired_at.is_(None)).options(selectinload(Site.customer))
    if territories is not None:
        found = found.where(Site.territory_id.in_(territories))
    if customer_id is not None:
        found = found.where(Site.customer_id == customer_id)
    if text.strip():
        like = containing(text)
        found = found.where(or_(Customer.name.ilike(like), Site.name.ilike(like), Site.address.ilike(like)))
    return session.scalars(found.order_by(func.lower(Customer.name), Site.name).limit(limit)).all()


def history(session: Session, entity: str, entity_ids: Collection[int], *, limit: int = 50) -> list[HistoryRow]:
    """Return the latest changes of some rows, newest first."""
    rows = session.execute(
        select(
            AuditEvent.seq,
            AuditEvent.at,
            func.coalesce(User.name, "Extramile").label("who"),
            AuditEvent.action,
            AuditEvent.before,
            AuditEvent.after,
            AuditEvent.reason,
        )
        .outerjoin(User, User.id == AuditEvent.actor_id)
        .where(AuditEvent.entity == entity, AuditEvent.entity_id.in_([str(each) for each in entity_ids]))
        .order_by(AuditEvent.seq.desc())
        .limit(limit)
    ).mappings()
    return [HistoryRow(**row) for row in rows]


def _standing_promise_id() -> Any:
    return (
        select(func.max(Promise.id))
        .join(Promise.visit)
        .where(Visit.job_id == Job.id, Promise.state == PromiseState.STANDING)
        .correlate(Job)
        .scalar_subquery()
    )


def _window(ids: Select[int], page: int) -> Select[int]:
    return ids.limit(PAGE_SIZE).offset((max(page, 1) - 1) * PAGE_SIZE)


def site_details(session: Session, site_id: int, *, territories: Territories) -> Site:
    """Return a site with customer and territory, if it lies in reach; raises NotFound."""
    site = session.scalar(
        select(Site)
        .where(Site.id == site_id, *([] if territories is None else [Site.territory_id.in_(territories)]))
        .options(selectinload(Site.customer), selectinload(Site.territory))
    )
    if site is None:
        raise NotFound("There is no such site.")
    return site


def owner_name(session: Session, user_id: int | None) -> str | None:
    """Return the name of who owns something."""
    return None if user_id is None else session.scalar(select(User.name).where(User.id == user_id))


def history_of_job(session: Session, job: Job, *, limit: int = 50) -> list[HistoryRow]:
    """Return the latest changes of a job and its visits, newest first."""
    found = history(session, "job", [job.id], limit=limit)
    found += history(session, "visit", [visit.id for visit in job.visits], limit=limit)
    return sorted(found, key=lambda row: -row.seq)[:limit]


def assets_at(session: Session, site_ids: Collection[int]) -> Sequence[Asset]:
    """Return the equipment at some sites, by site and name."""
    return session.scalars(
        select(Asset).where(Asset.site_id.in_(site_ids), Asset.retired_at.is_(None)).order_by(Asset.site_id, Asset.name)
    ).all()


def series_at(session: Session, site_ids: Collection[int]) -> Sequence[JobSeries]:
    """Return the recurring work at some sites that has not ended, by site and next day."""
    return session.scalars(
        select(JobSeries)
        .where(JobSeries.site_id.in_(site_ids), JobSeries.ended_at.is_(None))
        .order_by(JobSeries.site_id, JobSeries.next_on, JobSeries.id)
    ).all()


def jobs_of_series(session: Session, series_id: int) -> Sequence[Job]:
    """Return the newest jobs of recurring work."""
    return session.scalars(
        select(Job).where(Job.series_id == series_id).order_by(Job.occurs_on.desc()).limit(PAGE_SIZE)
    ).all()


def customer_of_link(session: Session, link_id: int) -> int:
    """Return whose wish about a person this is; raises NotFound."""
    customer_id = session.scalar(select(CustomerPerson.customer_id).where(CustomerPerson.id == link_id))
    if customer_id is None:
        raise NotFound("There is no such wish.")
    return customer_id


def job_of_visit(session: Session, visit_id: int) -> int:
    """Return which job a visit belongs to; raises NotFound."""
    job_id = session.scalar(select(Visit.job_id).where(Visit.id == visit_id))
    if job_id is None:
        raise NotFound("There is no such visit.")
    return job_id


def reached_at(session: Session, visits: Collection[int]) -> dict[int, tuple[str, str]]:
    """Return where visits are and whom to ring there; no number is an empty text."""
    rows = session.execute(
        select(Visit.id, Site.address, Customer.phone)
        .join(Job, Job.id == Visit.job_id)
        .join(Site, Site.id == Job.site_id)
        .join(Customer, Customer.id == Job.customer_id)
        .where(Visit.id.in_(visits))
    )
    return {row.id: (row.address, row.phone or "") for row in rows}
