"""Who could go to a job, why, and why anybody else not: ranked by the same rules as everything else, and answerable."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from dispatch.accounts.access import Right
from dispatch.core import clock
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.coverage.queries import prices_of_scope
from dispatch.jobs import queries as job_queries
from dispatch.jobs.models import Job, Visit
from dispatch.planning.assigning import PLANNABLE, CannotPlace, place_visit
from dispatch.planning.candidates import CandidateList, candidates_on
from dispatch.planning.desks import PreparedDay, day_for
from dispatch.planning.explaining import Fit, everybody, fits, groups_of, in_group, named, with_off_shift
from dispatch.planning.job_page import Commitment, commitments
from dispatch.planning.places import pushing_of
from dispatch.planning.snapshot import active_policy
from dispatch.planning.ways_out import WayOut, ways_out
from dispatch.web.board_places import asked_pushing
from dispatch.web.board_scope import asked_day, likely_day
from dispatch.web.context import actor, db, moment
from dispatch.web.forms import plausible, whole
from dispatch.web.pages import page
from dispatch.web.security import permission
from dispatch.web.skill_words import wish_words
from dispatch.web.words import _

blueprint = Blueprint("candidates", __name__, url_prefix="/jobs")
NAMED = 3
FIRST = 5
MOST_COMPARED = 3
MOST_NAMESAKES = 20


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which visit of a job, which place in its crew, on which day; what the address says."""

    job: Job
    visit: Visit
    position: int
    day: date

    @property
    def zone(self) -> str:
        """The site's clock."""
        return self.job.site.territory.zone

    def address(self, **more: Any) -> str:
        """Return the page of the same question with more in its address."""
        asked: dict[str, Any] = {"visit": self.visit.id, "date": self.day.isoformat()}
        if self.position > 1:
            asked["place"] = self.position
        return url_for("candidates.index", job_id=self.job.id, **{**asked, **more})


@blueprint.get("/<int:job_id>/candidates")
@permission(Right.BOARD_READ)
def index(job_id: int) -> Response:
    """Show who could go, best first, and answer for anybody of the scope why or why not."""
    return _page(_question(job_id))


@blueprint.get("/<int:job_id>/candidates/first")
@permission(Right.BOARD_READ)
def first(job_id: int) -> Response:
    """Name the best few, as a part of the job's page."""
    asked = _question(job_id)
    _day, listing = _prepared(asked)
    rows = render_template(
        "jobs/first.html", asked=asked, listing=listing, shown=listing.ranked[:NAMED], zone=asked.zone
    )
    return Response(rows, mimetype="text/html")


@blueprint.post("/<int:job_id>/candidates/book")
@permission(Right.ASSIGNMENT_EDIT)
def book(job_id: int) -> Response:
    """Send somebody; what speaks against it is told in place, with what it takes to do it all the same."""
    asked = _question(job_id)
    technician_id, start = whole(request.form.get("technician_id")), _start(asked.zone)
    if technician_id is None or start is None:
        raise Invalid(_("Say who goes and when it starts."))
    try:
        with db().begin_nested():
            _place(asked, technician_id, start, (request.form.get("override_reason") or "").strip() or None)
    except CannotPlace as refused:
        if refused.may_override:
            return _page(asked, refused=refused, person=technician_id, start=start)
        return _anew(asked, refused.message)
    except Conflict as refused:
        return _anew(asked, refused.message)
    back = _back(asked)
    undo: Any = {"text": _("Booked."), "undo_url": url_for("steps.undo"), "fields": {"back": back}}
    flash(undo, "good")
    return redirect(back, 303)


def _back(asked: Question) -> str:
    """Return the board, or the question that this booking was a change for."""
    then = whole(request.form.get("then"))
    if then is None:
        return url_for("board.index", date=asked.day.isoformat(), territory=request.values.get("territory"))
    return url_for(
        "candidates.index",
        job_id=job_queries.job_of_visit(db(), then),
        visit=then,
        date=asked.day.isoformat(),
        person=whole(request.form.get("then_person")),
    )


def _anew(asked: Question, message: str) -> Response:
    told = _("Nothing was changed. The list below is made anew: the next best stands on top.")
    flash(f"{message} {told}", "problem")
    return redirect(asked.address(), 303)


def _prepared(asked: Question) -> tuple[PreparedDay, CandidateList]:
    """Return the day, at the prices a plan of it has, and everybody of its scope."""
    territory_id = asked.visit.territory_id
    prices = prices_of_scope(db(), [(territory_id, asked.day)])
    prepared = day_for(
        db(), territory_id=territory_id, day=asked.day, now=moment(), visit_id=asked.visit.id, scarcity=prices
    )
    listing = candidates_on(db(), prepared, visit_id=asked.visit.id, now=moment(), crew_position=asked.position)
    return prepared, with_off_shift(db(), listing, territory_id=territory_id)


def _page(
    asked: Question, *, refused: CannotPlace | None = None, person: int | None = None, start: datetime | None = None
) -> Response:
    prepared, listing = _prepared(asked)
    text = " ".join(request.args.get("name", "").split())[:120]
    namesakes = named(listing, text) if text else []
    person = person or whole(request.args.get("person"))
    if person is None and len(namesakes) == 1:
        person = namesakes[0][0]
    compared = _compared(listing)
    whole_list = request.args.get("all") == "1"
    first = listing.ranked if whole_list else listing.ranked[:FIRST]
    wanted = {row.technician_id for row in first} | {*compared} | ({person} if person is not None else set())
    explained = fits(db(), prepared, listing, wanted, customer=asked.job.customer.name)
    reason = request.args.get("reason", "")
    answer = _answer(listing, explained, person)
    asked_changes = request.args.get("changes") == "1" and answer is not None
    crew = [each for each in commitments(db(), [asked.visit.id]) if each.position == asked.position]
    sides = [_answer(listing, explained, each) for each in compared]
    begin = start or _usual_start(asked, prepared)
    return page(
        "jobs/candidates.html",
        fragment="what_would_change",
        status=409 if refused else 200,
        asked=asked,
        job=asked.job,
        visit=asked.visit,
        zone=asked.zone,
        promise=prepared.snapshot.promises.get(asked.visit.id),
        one_day=timedelta(days=1),
        listing=listing,
        shown=[explained[row.technician_id] for row in first],
        rest=len(listing.ranked) - len(first),
        answer=answer,
        changes=_ways_out(prepared, listing, answer.technician_id) if answer and asked_changes else None,
        compared=sides,
        labels=list(dict.fromkeys(label for side in sides if side and side.fit for label, _min in side.fit.bars)),
        namesakes=namesakes[:MOST_NAMESAKES],
        text=text,
        groups=groups_of(listing.excluded),
        reason=reason,
        in_reason=in_group(listing.excluded, reason) if reason else [],
        refused=refused,
        start=begin,
        start_field=clock.in_zone(begin, asked.zone).replace(tzinfo=None).isoformat(timespec="minutes"),
        booking=crew[0] if crew else None,
        pushing_of=pushing_of,
        wish_words=wish_words,
        policy=active_policy(db()),
        read_at=prepared.read_at,
        may_edit=actor().may(Right.ASSIGNMENT_EDIT, asked.visit.territory_id)
        and asked.visit.state.value in ("open", "planned"),
    )


def _ways_out(prepared: PreparedDay, listing: CandidateList, technician_id: int) -> tuple[WayOut, ...]:
    return ways_out(db(), prepared, listing, technician_id=technician_id, now=moment())


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One person's answer: their fit, or what keeps them away in words."""

    technician_id: int
    name: str
    fit: Fit | None
    words: str


def _answer(listing: CandidateList, explained: dict[int, Fit], person: int | None) -> Answer | None:
    if person is None:
        return None
    fit = explained.get(person)
    if fit is not None:
        return Answer(technician_id=person, name=fit.row.name, fit=fit, words="")
    row = next((row for row in listing.excluded if row.technician_id == person), None)
    if row is None:
        raise NotFound("Nobody of that number belongs to this territory or works there that day.")
    return Answer(technician_id=person, name=row.name, fit=None, words=row.words)


def _compared(listing: CandidateList) -> list[int]:
    known = {technician_id for technician_id, _name in everybody(listing)}
    asked = dict.fromkeys(whole(text) for text in request.args.getlist("compare"))
    return [number for number in asked if number is not None and number in known][:MOST_COMPARED]


def _question(job_id: int) -> Question:
    """Return what is asked, if the job lies in reach; without a visit in the address the one that is open."""
    job = job_queries.job_details(db(), job_id, territories=actor().territories(Right.BOARD_READ))
    named_visit = whole(request.values.get("visit"))
    if named_visit is None:
        found = next((each for each in reversed(job.visits) if each.state in PLANNABLE), job.visits[-1])
    else:
        chosen = [each for each in job.visits if each.id == named_visit]
        if not chosen:
            raise NotFound("This job has no such visit.")
        found = chosen[0]
    position = whole(request.values.get("place")) or 1
    zone = job.site.territory.zone
    return Question(
        job=job,
        visit=found,
        position=max(1, min(position, len(found.slots))),
        day=asked_day([job.site.territory]) if request.values.get("date") else likely_day(found, zone),
    )


def _usual_start(asked: Question, prepared: PreparedDay) -> datetime:
    """Return the time that a form for somebody who does not fit starts from: the promise, or the middle of the day."""
    promise = prepared.snapshot.promises.get(asked.visit.id)
    return promise[0] if promise else prepared.snapshot.period.start + timedelta(hours=10)


def _start(zone: str) -> datetime | None:
    """Return the time that was sent: an instant of the list, or a local time that somebody typed."""
    try:
        found = datetime.fromisoformat(request.form.get("start", ""))
    except ValueError:
        return None
    if not plausible(found):
        return None
    return found if found.tzinfo else clock.instant(found.date(), found.time(), zone)


def _place(asked: Question, technician_id: int, start: datetime, override_reason: str | None) -> None:
    """Book a place in the crew, or move its booking as it stood on the page."""
    booked: Sequence[Commitment] = commitments(db(), [asked.visit.id])
    mine = next((each for each in booked if each.position == asked.position), None)
    version = whole(request.form.get("version"))
    if mine is None and version is not None:
        raise Conflict("Somebody took this booking off in the meantime. Look at it again.")
    if mine is not None and version is None:
        raise Conflict(f"{mine.technician} was booked for this in the meantime. Look at it again.")
    place_visit(
        db(),
        visit_id=asked.visit.id,
        technician_id=technician_id,
        start=start,
        assignment_id=None if mine is None else mine.assignment_id,
        version=version,
        crew_slot_id=asked.visit.slots[asked.position - 1].id,
        override_reason=override_reason,
        pushing=asked_pushing(),
        actor=actor(),
        now=moment(),
        draft=True,
    )
