"""Use cases on work that comes again: begin, change, pause, go on, end, and make its jobs ahead."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, selectinload

from dispatch.accounts.access import SYSTEM, Actor, Right
from dispatch.accounts.changes import apply_changes, note
from dispatch.core.clock import day_bounds, local_day
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.jobs.models import Asset, Job, JobSeries, JobType, Site
from dispatch.jobs.recurrence import Unit
from dispatch.jobs.service import JobDraft, book_job, site_owner

TASK = "jobs.make_ahead"
AHEAD_DAYS = 28
TOLERANCE_DAYS = 3
MOST_AHEAD = 200
"""Jobs one series may have made in one go; a daily round of half a year is fewer."""

SETTLE_WITHIN = timedelta(days=2)
FIELDS = (
    "title",
    "description",
    "every",
    "unit",
    "next_on",
    "last_on",
    "from_completion",
    "tolerance_days",
    "ahead_days",
    "first_on",
)


@dataclass(frozen=True, kw_only=True)
class SeriesDraft:
    """What a caller says about work that comes again."""

    site_id: int
    job_type_id: int
    title: str
    first_on: date
    every: int
    unit: Unit
    description: str = ""
    asset_id: int | None = None
    last_on: date | None = None
    from_completion: bool = False
    tolerance_days: int = TOLERANCE_DAYS
    ahead_days: int = AHEAD_DAYS
    owner_id: int | None = None


def begin_series(session: Session, draft: SeriesDraft, *, actor: Actor, now: datetime) -> JobSeries:
    """Begin work that comes again; the jobs that are due ahead are made at once."""
    site = _site(session, draft.site_id)
    actor.require(Right.JOB_EDIT, site.territory_id, what="site")
    here = select(Asset.id).where(Asset.id == draft.asset_id, Asset.site_id == site.id)
    if draft.asset_id is not None and session.scalar(here) is None:
        raise Invalid("Choose equipment of this site.", field="asset_id")
    if draft.first_on < local_day(now, site.territory.zone):
        raise Invalid("The first day lies in the past. Choose today or later.", field="first_on")
    values = {name: getattr(draft, name) for name in SeriesDraft.__dataclass_fields__}
    values |= {"title": draft.title.strip(), "description": draft.description.strip(), "next_on": draft.first_on}
    values["owner_id"] = draft.owner_id or actor.user_id or site_owner(session, site)
    _check(session, values)
    series = JobSeries(**values)
    session.add(series)
    session.flush()
    note(
        session,
        series,
        "begin",
        actor=actor,
        now=now,
        territory_id=site.territory_id,
        after={"title": series.title, "first_on": str(series.first_on)},
    )
    _make_ahead(session, series, site, now=now)
    return series


def change_series(
    session: Session, *, series_id: int, version: int, changes: Mapping[str, Any], actor: Actor, now: datetime
) -> JobSeries:
    """Change what is done and when; jobs made already stay as they are. Another next day begins the count anew."""
    series, site = _mine(session, series_id, actor)
    if series.ended_at is not None:
        raise Conflict("This has ended. Begin it anew instead.")
    changes = dict(changes)
    next_on = changes.get("next_on", series.next_on)
    if next_on is not None and next_on != series.next_on:
        if next_on < local_day(now, site.territory.zone):
            raise Invalid("The next day lies in the past. Choose today or later.", field="next_on")
        changes["first_on"] = next_on
    if next_on is None and not changes.get("from_completion", series.from_completion):
        raise Invalid("Say when the next one is.", field="next_on")
    _check(session, {name: getattr(series, name) for name in (*FIELDS, "job_type_id")} | changes)
    apply_changes(session, series, version=version, changes=changes, allowed=FIELDS, actor=actor, now=now)
    series.problem = series.problem_due_at = None
    session.flush()
    if series.paused_at is None:
        _make_ahead(session, series, site, now=now)
    return series


def pause_series(session: Session, *, series_id: int, actor: Actor, now: datetime) -> JobSeries:
    """Make no more jobs until it goes on; jobs made already stay."""
    series, site = _mine(session, series_id, actor)
    if series.ended_at is not None or series.paused_at is not None:
        raise Conflict("This is paused or has ended already.")
    series.paused_at = now
    session.flush()
    note(session, series, "pause", actor=actor, now=now, territory_id=site.territory_id)
    return series


def resume_series(session: Session, *, series_id: int, actor: Actor, now: datetime) -> JobSeries:
    """Go on from today; what fell into the pause is not made up for."""
    series, site = _mine(session, series_id, actor)
    if series.paused_at is None or series.ended_at is not None:
        raise Conflict("This is not paused.")
    yesterday = local_day(now, site.territory.zone) - timedelta(days=1)
    series.paused_at = None
    if series.next_on is not None and series.next_on <= yesterday:
        series.next_on = series.rule.after(series.first_on, yesterday)
    session.flush()
    note(session, series, "resume", actor=actor, now=now, territory_id=site.territory_id)
    _make_ahead(session, series, site, now=now)
    return series


def end_series(session: Session, *, series_id: int, actor: Actor, now: datetime) -> JobSeries:
    """End it for good; jobs made already stay and are cancelled one by one where they are not wanted."""
    series, site = _mine(session, series_id, actor)
    if series.ended_at is not None:
        raise Conflict("This has ended already.")
    _end(series, now)
    session.flush()
    note(session, series, "end", actor=actor, now=now, territory_id=site.territory_id)
    return series


def make_jobs_ahead(session: Session, *, now: datetime) -> int:
    """Make the jobs of all series that are due ahead and return how many; safe to run twice, also at once."""
    closed = (
        select(func.max(Job.closed_at))
        .where(Job.series_id == JobSeries.id)
        .correlate(JobSeries)
        .having(func.bool_and(Job.closed_at.is_not(None)))
        .scalar_subquery()
    )
    tomorrow = (now + timedelta(days=1)).date()  # somewhere it is tomorrow already
    found = session.execute(
        select(JobSeries, closed)
        .where(
            JobSeries.ended_at.is_(None),
            JobSeries.paused_at.is_(None),
            or_(
                JobSeries.next_on - JobSeries.ahead_days <= tomorrow,
                and_(JobSeries.next_on.is_(None), closed.is_not(None)),
            ),
        )
        .options(selectinload(JobSeries.site).selectinload(Site.territory))
        .order_by(JobSeries.id)
        .with_for_update(of=JobSeries, skip_locked=True)
    ).all()
    made = 0
    for series, closed_at in found:
        site = series.site
        if series.next_on is None and closed_at is not None:
            series.first_on = local_day(closed_at, site.territory.zone)
            series.next_on = series.rule.nth(series.first_on, 1)
        made += _make_ahead(session, series, site, now=now)
    return made


def get_series(session: Session, series_id: int) -> JobSeries:
    """Return a series with its site, equipment and kind of work; raises NotFound."""
    series = session.scalar(
        select(JobSeries)
        .where(JobSeries.id == series_id)
        .options(
            selectinload(JobSeries.site).selectinload(Site.territory),
            selectinload(JobSeries.site).selectinload(Site.customer),
            selectinload(JobSeries.asset),
            selectinload(JobSeries.job_type),
        )
    )
    if series is None:
        raise NotFound("There is no such recurring work.")
    return series


def _make_ahead(session: Session, series: JobSeries, site: Site, *, now: datetime) -> int:
    """Make the jobs from the next day on that lie near enough; what cannot be made waits with a reason."""
    today, made = local_day(now, site.territory.zone), 0
    horizon = today + timedelta(days=series.ahead_days)
    while series.next_on is not None and series.next_on <= horizon and made < MOST_AHEAD:
        day = series.next_on
        if series.last_on is not None and day > series.last_on:
            _end(series, now)
            break
        later = series.rule.after(series.first_on, day)
        if series.from_completion or later + timedelta(days=series.tolerance_days) > today or later > horizon:
            try:
                with session.begin_nested():
                    _book(session, series, site, day, now)
            except Invalid as refused:
                series.problem, series.problem_due_at = refused.message, now + SETTLE_WITHIN
                break
            made += 1
        # Else it was missed and the next one is due as well: one visit does for both.
        series.next_on = None if series.from_completion else later
        series.problem = series.problem_due_at = None
    session.flush()
    return made


def _book(session: Session, series: JobSeries, site: Site, day: date, now: datetime) -> None:
    if session.scalar(select(Job.id).where(Job.series_id == series.id, Job.occurs_on == day)) is not None:
        return  # the next day was set back to one that has its job
    zone, around = site.territory.zone, timedelta(days=series.tolerance_days)
    opens, due = day_bounds(day - around, zone)[0], day_bounds(day + around, zone)[1]
    if due <= now:  # nobody made it in time: it is done as soon as it can be
        due = day_bounds(local_day(now, zone) + timedelta(days=1), zone)[1]
    draft = JobDraft(
        site_id=site.id,
        job_type_id=series.job_type_id,
        title=series.title,
        description=series.description,
        asset_id=series.asset_id,
        release_at=opens if opens > now else None,
        due_at=due,
        owner_id=series.owner_id,
        series_id=series.id,
        occurs_on=day,
    )
    book_job(session, draft, actor=SYSTEM, now=now)


def _end(series: JobSeries, now: datetime) -> None:
    series.ended_at, series.paused_at, series.next_on = now, None, None
    series.problem = series.problem_due_at = None


def _check(session: Session, values: Mapping[str, Any]) -> None:
    """Refuse what makes no sense, before anything is changed."""
    if not values["title"].strip():
        raise Invalid("Say in a few words what is to be done.", field="title")
    limits = {"every": (1, 365), "ahead_days": (1, 180), "tolerance_days": (0, 60)}
    for name, (low, high) in limits.items():
        if not low <= values[name] <= high:
            raise Invalid(f"Choose a number from {low} to {high}.", field=name)
    if values["last_on"] is not None and values["next_on"] is not None and values["last_on"] < values["next_on"]:
        raise Invalid("The last day must not lie before the next one.", field="last_on")
    usable = select(JobType.id).where(JobType.id == values["job_type_id"], JobType.retired_at.is_(None))
    if session.scalar(usable) is None:
        raise Invalid("Choose a kind of work from the list.", field="job_type_id")


def _site(session: Session, site_id: int) -> Site:
    site = session.scalar(
        select(Site).where(Site.id == site_id, Site.retired_at.is_(None)).options(selectinload(Site.territory))
    )
    if site is None:
        raise Invalid("Choose a site of this customer.", field="site_id")
    return site


def _mine(session: Session, series_id: int, actor: Actor) -> tuple[JobSeries, Site]:
    """Lock a series that the actor may change."""
    series = session.scalar(
        select(JobSeries)
        .where(JobSeries.id == series_id)
        .options(selectinload(JobSeries.site).selectinload(Site.territory))
        .with_for_update(of=JobSeries)
        .execution_options(populate_existing=True)
    )
    if series is None:
        raise NotFound("There is no such recurring work.")
    actor.require(Right.JOB_EDIT, series.site.territory_id, what="recurring work")
    return series, series.site
