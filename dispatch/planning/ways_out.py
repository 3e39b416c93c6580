"""What would have to change so that one person can go, or is the best: small changes, each tried before it is told.

Only what somebody can bring about is told: nobody is asked to work on a day off, and nothing starts in the past.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.jobs.models import Customer, Job, Visit
from dispatch.matching import changes
from dispatch.matching.explain import Effect, Remedy, what_would_change
from dispatch.planning.candidates import CandidateList
from dispatch.planning.desks import PreparedDay, not_of
from dispatch.planning.policy import PromiseRule
from dispatch.planning.reason_words import Names, names_for
from dispatch.planning.words import clock_words, minutes_words
from dispatch.units import Seconds

MOST = 3


class StepKind(StrEnum):
    """Which service brings a change about."""

    NEXT_STEP = "next_step"
    CUSTOMER = "customer"
    PROMISE = "promise"
    UNPIN = "unpin"
    HAND_OVER = "hand_over"
    TAKE_OFF = "take_off"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One change in words, with what somebody can press for it.

    ``cost_s`` is what the change costs by itself, None where that is no time. ``job_id``, ``visit_id`` and
    ``technician_id`` say whom it concerns where that is another visit, ``window`` what the customer would be asked for.
    """

    kind: StepKind
    words: str
    cost_s: int | None = None
    job_id: int | None = None
    visit_id: int | None = None
    technician_id: int | None = None
    window: tuple[datetime, datetime] | None = None


@dataclass(frozen=True, kw_only=True)
class WayOut:
    """Changes that are needed together, and what the person would mean then."""

    steps: tuple[Step, ...]
    start_at: datetime
    total_s: int
    result: str


def remedies_for(
    prepared: PreparedDay, *, visit_id: int, technician: str, slot: int, now_s: Seconds, count: int = MOST
) -> tuple[Remedy, ...]:
    """Find the smallest changes with which somebody can go, each verified by laying the day out anew with it."""
    problem = prepared.problem_for(visit_id)
    return what_would_change(
        problem,
        prepared.plan,
        str(visit_id),
        technician,
        slot=slot,
        count=count,
        prepared=prepared.desk,
        rigid=not_of(problem, prepared.territory_id),
        without=_not_thought_of(prepared, str(visit_id), technician, now_s),
    )


def _not_thought_of(
    prepared: PreparedDay, visit: str, technician: str, now_s: Seconds
) -> tuple[type[changes.Change], ...]:
    """Leave out what nobody sets by hand, work on a day off, and what would have to begin before now."""
    problem = prepared.snapshot.problem
    without: list[type[changes.Change]] = [changes.Prefer, changes.AddShift, changes.AllowLeg]
    release = problem.visit_by_id[visit].release_s
    if release is not None and release <= now_s:
        without.append(changes.ReleaseEarlier)
    if any(shift.start_s <= now_s for shift in problem.shifts if shift.technician == technician):
        without.append(changes.StartEarlier)
    return tuple(without)


def ways_out(
    session: Session, prepared: PreparedDay, listing: CandidateList, *, technician_id: int, now: datetime
) -> tuple[WayOut, ...]:
    """Say in words what would have to change for one person; two statements at most, empty where nothing helps."""
    problem, name = prepared.snapshot.problem, str(technician_id)
    if name not in problem.technician_by_id or all(shift.technician != name for shift in problem.shifts):
        return ()
    found = remedies_for(
        prepared,
        visit_id=listing.visit_id,
        technician=name,
        slot=listing.slot,
        now_s=prepared.snapshot.clock.seconds(now),
    )
    if not found:
        return ()
    words = _Words(session, prepared, listing, technician_id, found)
    return tuple(words.way_out(remedy) for remedy in found)


class _Words:
    """Says the changes of one question; reads the names they mention once."""

    def __init__(
        self,
        session: Session,
        prepared: PreparedDay,
        listing: CandidateList,
        technician_id: int,
        found: Sequence[Remedy],
    ) -> None:
        self.prepared, self.listing, self.technician_id = prepared, listing, technician_id
        self.clock = prepared.snapshot.clock
        mentioned = [{"params": _mentioned(change)} for remedy in found for change in remedy.changes]
        self.names: Names = names_for(session, [*mentioned, {"params": {"technician": str(technician_id)}}])
        visits = {
            int(change.visit) for each in found for change in each.changes if isinstance(change, changes.GiveAway)
        }
        self.others: Mapping[int, Any] = {row.id: row for row in _others(session, visits | {listing.visit_id})}
        self.name = self.names.person({"technician": str(technician_id)}, "this person")
        self.customer = self.others[listing.visit_id].customer

    def way_out(self, remedy: Remedy) -> WayOut:
        [candidate] = remedy.candidates
        start = self.clock.instant(candidate.start_s)
        at = clock_words(start, self.listing.zone)
        steps = tuple(self._step(change) for change in remedy.changes)
        return WayOut(
            steps=steps,
            start_at=start,
            total_s=candidate.cost.total,
            result=f"Then {self.name} starts at {at}{self._standing(remedy, candidate.cost.total)}.",
        )

    def _standing(self, remedy: Remedy, total_s: int) -> str:
        """Say how that compares with who is first now."""
        best = next((row for row in self.listing.ranked if row.technician_id != self.technician_id), None)
        if remedy.effect is Effect.CHEAPEST:
            return " and comes first"
        if best is None:
            return ", and is the only one who can"
        behind = total_s - best.total_s
        if abs(behind) < 60:
            return f", as good as {best.name} now"
        return f", {minutes_words(abs(behind))} {'behind' if behind > 0 else 'ahead of'} {best.name} now"

    def _step(self, change: changes.Change) -> Step:
        name, customer = self.name, self.customer
        match change:
            case changes.RaiseLevel():
                skill = self.names.skill({"skill": change.skill})
                return _ask(f"A test or an assessment shows that {name} reaches level {change.level} in {skill}")
            case changes.ConfirmEvidence():
                skill = self.names.skill({"skill": change.skill})
                return _ask(f"Somebody else confirms what {name} says about {skill}")
            case changes.ExtendCertification():
                paper = self.names.certificate({"certification": change.certification})
                return _ask(f"{name} renews “{paper}”, and it is confirmed for that day")
            case changes.OpenTerritory():
                return _ask(f"{name} may work in this territory too")
            case changes.LiftExclusion():
                return Step(kind=StepKind.CUSTOMER, words=f"{customer} takes {name} after all")
            case changes.AlsoAccept():
                return Step(kind=StepKind.CUSTOMER, words=f"{customer} also accepts {name}")
            case changes.NamePreferred():
                return Step(kind=StepKind.CUSTOMER, words=f"{customer} asks for {name}")
            case changes.Unpin():
                return Step(kind=StepKind.UNPIN, words="The pin on this visit goes")
            case changes.WidenWindow():
                return self._window(change)
            case changes.ReleaseEarlier():
                by = minutes_words(change.earlier_s)
                return _ask(f"The work may begin {by} earlier than it says now", cost_s=change.earlier_s)
            case changes.StartEarlier():
                by = minutes_words(change.earlier_s)
                return _ask(f"{name} begins the day {by} earlier", cost_s=change.earlier_s)
            case changes.AllowOvertime():
                by = minutes_words(change.more_s)
                return _ask(f"{name} stays {by} longer than the day allows", cost_s=change.more_s)
            case changes.GiveAway():
                return self._hand_over(change)
        raise ValueError(f"no words for {type(change).__name__}")

    def _window(self, change: changes.WidenWindow) -> Step:
        window = self.prepared.snapshot.problem.visit_by_id[change.visit].windows[change.window]
        start = self.clock.instant(window.start_s - change.earlier_s)
        end = self.clock.instant(window.end_s + change.later_s)
        zone = self.listing.zone
        if change.earlier_s:
            words = f"{self.customer} lets us start from {clock_words(start, zone)}"
        else:
            words = f"{self.customer} lets us start until {clock_words(end, zone)}"
        told = self.prepared.snapshot.promises.get(self.listing.visit_id)
        binds = self.prepared.snapshot.rules.promises is PromiseRule.HARD or bool(change.earlier_s)
        kind = StepKind.PROMISE if told is not None and binds else StepKind.NEXT_STEP
        return Step(kind=kind, words=words, cost_s=change.earlier_s + change.later_s, window=(start, end))

    def _hand_over(self, change: changes.GiveAway) -> Step:
        other = self.others[int(change.visit)]
        what = f"“{other.title}” at {other.customer}"
        if change.technician is None:
            return Step(
                kind=StepKind.TAKE_OFF,
                words=f"{what} is not done on that day",
                cost_s=change.more,
                job_id=other.job_id,
                visit_id=other.id,
            )
        taker = self.names.person({"technician": change.technician})
        return Step(
            kind=StepKind.HAND_OVER,
            words=f"{what} goes to {taker}",
            cost_s=change.more,
            job_id=other.job_id,
            visit_id=other.id,
            technician_id=int(change.technician),
        )


def _ask(words: str, cost_s: int | None = None) -> Step:
    return Step(kind=StepKind.NEXT_STEP, words=words, cost_s=cost_s)


def _mentioned(change: changes.Change) -> dict[str, str]:
    """Collect the ids whose names a change needs; the other visits are read apart, with their customers."""
    wanted = ("technician", "skill", "certification")
    return {key: str(value) for key in wanted if (value := getattr(change, key, None)) is not None}


def _others(session: Session, visits: set[int]) -> Sequence[Any]:
    return session.execute(
        select(Visit.id, Visit.job_id, Job.title, Customer.name.label("customer"))
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .where(Visit.id.in_(visits))
    ).all()
