"""What the page of a disruption and the alerts of the board show; a constant number of statements."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, aliased

from dispatch.accounts.models import User
from dispatch.core.errors import NotFound
from dispatch.jobs.models import Customer, Job, Promise, PromiseState, Visit
from dispatch.planning.accepting import call_by, new_start, told_start, watched_by
from dispatch.planning.changing import Placement
from dispatch.planning.choices import choices_of
from dispatch.planning.models import (
    UNSETTLED,
    Assignment,
    AssignmentState,
    Disruption,
    DisruptionKind,
    DisruptionState,
    Offer,
    OfferState,
    RepairItem,
    RepairPart,
)
from dispatch.planning.offering import promised_by, window_around
from dispatch.planning.reason_words import names_for, sentence
from dispatch.planning.rows import live
from dispatch.workforce.models import Absence, Technician, Territory

Territories = Collection[int] | None
LATE = (DisruptionKind.RUNNING_LATE, DisruptionKind.LONGER)
GOING_ON = (AssignmentState.ON_THE_WAY, AssignmentState.ON_SITE)


@dataclass(frozen=True, kw_only=True)
class HeldTime:
    """A time held for a customer: who would come, the window to read out, what speaks for it, and until when."""

    id: int
    technician: str
    start: datetime
    window: tuple[datetime, datetime]
    merits: tuple[str, ...]
    held_until: datetime
    extended: bool


@dataclass(frozen=True, kw_only=True)
class RepairLine:
    """One visit of a proposal in names: who had it when, who would, and what the customer must hear."""

    visit_id: int
    job_id: int
    title: str
    customer: str
    phone: str | None
    part: RepairPart
    small: bool
    stays: bool
    booked: bool
    was: tuple[tuple[str, datetime], ...]
    now: tuple[tuple[str, datetime], ...]
    promise: tuple[datetime, datetime] | None
    window: tuple[datetime, datetime] | None
    drive_s: int
    detour_s: int | None
    margin_s: int | None
    reasons: tuple[str, ...]
    call_by: datetime
    offers: tuple[HeldTime, ...]

    @property
    def late_s(self) -> int:
        """How long after the promised end somebody would come; 0 where that is not so."""
        if self.promise is None or not self.now:
            return 0
        return max(0, round((self.now[0][1] - self.promise[1]).total_seconds()))

    @property
    def is_early(self) -> bool:
        """Whether somebody would come before the promised time begins."""
        return self.promise is not None and bool(self.now) and self.now[0][1] < self.promise[0]

    @property
    def agreed(self) -> bool:
        """Whether the customer took a time, so that nothing is left to say: it is booked within what is promised."""
        waited = self.part in (RepairPart.CUSTOMER, RepairPart.YOU)
        return waited and self.booked and self.promise is not None and not self.late_s and not self.is_early


@dataclass(frozen=True, kw_only=True)
class Situation:
    """One disruption as lists show it: what happened, who sees to it, and what to do next."""

    id: int
    kind: DisruptionKind
    state: DisruptionState
    territory_id: int
    territory_ids: tuple[int, ...]
    zone: str
    day: date
    technician_id: int | None
    technician: str | None
    technician_phone: str | None
    visit_id: int | None
    title: str | None
    customer: str | None
    minutes: int | None
    ready_on: date | None
    later: int
    until: datetime | None
    owner: str
    due_at: datetime
    reported_by: str | None
    reported_at: datetime
    repairer_id: int | None
    repairer: str | None
    repairing_since: datetime | None
    attempt: int
    message: str | None
    proposed_at: datetime | None
    offered_at: datetime | None
    counts: Mapping[RepairPart, int]

    @property
    def affected(self) -> int:
        """How many visits a proposal is about, those that only shift by minutes aside."""
        return sum(self.counts.values())


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of several people who could take what cannot wait: when they are there, and what becomes of others."""

    number: int
    own: RepairLine
    others: tuple[RepairLine, ...]

    @property
    def to_call(self) -> list[RepairLine]:
        """Customers whose promise would not be kept; they are called, and get other times to choose from."""
        return [line for line in self.others if line.part is not RepairPart.KEPT]

    @property
    def moved(self) -> list[RepairLine]:
        """Visits that somebody else does, or at another time, within what was promised."""
        return [line for line in self.others if line.part is RepairPart.KEPT and not line.small]

    @property
    def small(self) -> int:
        """How many others start a few minutes earlier or later."""
        return sum(line.small and line.part is RepairPart.KEPT for line in self.others)

    @property
    def people(self) -> list[str]:
        """Colleagues whose day changes beside that of whoever goes."""
        goes = {name for name, _at in self.own.now}
        named = {name for line in self.others if not line.small for name, _at in (*line.was, *line.now)}
        return sorted(named - goes)


@dataclass(frozen=True, kw_only=True)
class DisruptionPage:
    """A disruption with its proposal; ``choices`` where one of several people is to be taken first."""

    about: Situation
    lines: tuple[RepairLine, ...]
    under_way: tuple[tuple[int, str, str], ...]
    choices: tuple[Choice, ...] = ()

    def part(self, part: RepairPart) -> list[RepairLine]:
        """Return the lines of one part, those aside that nobody need hear of or that are agreed."""
        return [line for line in self.lines if line.part is part and not line.small and not line.agreed]

    @property
    def agreed(self) -> list[RepairLine]:
        """Lines of customers who took a time, whatever part they were of."""
        return [line for line in self.lines if line.agreed]

    @property
    def small(self) -> list[RepairLine]:
        """Lines that shift by minutes only and keep their promise."""
        return [line for line in self.lines if line.small and line.part is RepairPart.KEPT]


def disruption_page(session: Session, disruption_id: int, *, territories: Territories, now: datetime) -> DisruptionPage:
    """Return a disruption in reach with its proposal; raises NotFound."""
    found = session.execute(_situations().where(Disruption.id == disruption_id)).first()
    if found is None or not _in_reach(found, territories):
        raise NotFound("There is no such disruption.")
    items = session.scalars(
        select(RepairItem).where(RepairItem.disruption_id == disruption_id).order_by(RepairItem.position)
    ).all()
    about = _situation(found, _counts(items), now)
    open_choice = about.state is DisruptionState.PROPOSED and not any(item.booked for item in items)
    return DisruptionPage(
        about=about,
        lines=tuple(_lines(session, items, now)),
        under_way=_going_on(session, about),
        choices=_choices(session, found.Disruption, now) if open_choice else (),
    )


def _choices(session: Session, disruption: Disruption, now: datetime) -> tuple[Choice, ...]:
    """Return the people to choose from, in the order they would arrive; all of their lines are read together."""
    kept = choices_of(disruption)
    if not kept:
        return ()
    items = [
        RepairItem(**{**item, "part": RepairPart(item["part"]), "booked": False})
        for choice in kept
        for item in choice["items"]
    ]
    lines, found = iter(_lines(session, items, now)), []
    for number, choice in enumerate(kept, start=1):
        own = [next(lines) for _item in choice["items"]]
        goes = next(line for line in own if line.visit_id == disruption.visit_id)
        others = tuple(line for line in own if line is not goes)
        found.append(Choice(number=number, own=goes, others=others))
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class LateSteps:
    """What one click does about somebody who is late: whom to tell, and what could be handed over to whom."""

    tell: RepairLine | None
    hand: RepairLine | None
    handed: int


def late_steps(session: Session, situations: Sequence[Situation], now: datetime) -> dict[int, LateSteps]:
    """Return what can be done at once about proposals for somebody who is late; a constant number of statements."""
    ids = [each.id for each in situations if each.kind in LATE and each.state is DisruptionState.PROPOSED]
    if not ids:
        return {}
    items = session.scalars(
        select(RepairItem)
        .where(RepairItem.disruption_id.in_(ids), ~RepairItem.small, ~RepairItem.booked)
        .order_by(RepairItem.disruption_id, RepairItem.position)
    ).all()
    found: dict[int, list[RepairLine]] = {number: [] for number in ids}
    for item, line in zip(items, _lines(session, items, now), strict=True):
        found[item.disruption_id].append(line)
    return {number: _steps(lines) for number, lines in found.items()}


def _steps(lines: Sequence[RepairLine]) -> LateSteps:
    told = sorted(
        (each for each in lines if each.part is RepairPart.CUSTOMER and each.now), key=lambda each: each.now[0][1]
    )
    handed = [each for each in lines if each.part is RepairPart.KEPT and each.now and each.was[:1] and _other(each)]
    return LateSteps(tell=told[0] if told else None, hand=handed[0] if handed else None, handed=len(handed))


def _other(line: RepairLine) -> bool:
    return line.was[0][0] != line.now[0][0]


def alerts(session: Session, *, territories: Collection[int], day: date, now: datetime) -> list[Situation]:
    """Return what is unsettled on a day of some territories, newest first."""
    rows = session.execute(
        _situations()
        .where(
            Disruption.state.in_(UNSETTLED),
            Disruption.day == day,
            Disruption.territory_id.in_(territories),
            or_(Disruption.quiet_until.is_(None), Disruption.quiet_until <= now),
        )
        .order_by(Disruption.reported_at.desc(), Disruption.id.desc())
    ).all()
    if not rows:
        return []
    counted: dict[int, dict[RepairPart, int]] = {row.Disruption.id: {} for row in rows}
    for disruption_id, part, number in session.execute(
        select(RepairItem.disruption_id, RepairItem.part, func.count())
        .where(RepairItem.disruption_id.in_(counted), ~RepairItem.small)
        .group_by(RepairItem.disruption_id, RepairItem.part)
    ):
        counted[disruption_id][part] = number
    return [_situation(row, counted[row.Disruption.id], now) for row in rows]


def _situations() -> Select[Any]:
    owner, reporter, repairer = aliased(User), aliased(User), aliased(User)
    return (
        select(
            Disruption,
            Territory.zone,
            Technician.name.label("technician"),
            Technician.phone.label("technician_phone"),
            Job.title,
            Customer.name.label("customer"),
            func.upper(Absence.during).label("until"),
            owner.name.label("owner"),
            reporter.name.label("reported_by"),
            repairer.name.label("repairer"),
        )
        .join(Territory, Territory.id == Disruption.territory_id)
        .join(owner, owner.id == Disruption.owner_id)
        .outerjoin(Technician, Technician.id == Disruption.technician_id)
        .outerjoin(Visit, Visit.id == Disruption.visit_id)
        .outerjoin(Job, Job.id == Visit.job_id)
        .outerjoin(Customer, Customer.id == Job.customer_id)
        .outerjoin(Absence, Absence.id == Disruption.absence_id)
        .outerjoin(reporter, reporter.id == Disruption.reported_by_id)
        .outerjoin(repairer, repairer.id == Disruption.repairer_id)
        .execution_options(populate_existing=True)
    )


def _in_reach(row: Any, territories: Territories) -> bool:
    return territories is None or all(territory in territories for territory, _day in row.Disruption.scope)


def _counts(items: Sequence[RepairItem]) -> dict[RepairPart, int]:
    found: dict[RepairPart, int] = {}
    for item in items:
        if not item.small:
            found[item.part] = found.get(item.part, 0) + 1
    return found


def _situation(row: Any, counts: Mapping[RepairPart, int], now: datetime) -> Situation:
    one: Disruption = row.Disruption
    watched = watched_by(one, now)
    return Situation(
        id=one.id,
        kind=one.kind,
        state=one.state,
        territory_id=one.territory_id,
        territory_ids=tuple(sorted({territory for territory, _day in one.scope})),
        zone=row.zone,
        day=one.day,
        technician_id=one.technician_id,
        technician=row.technician,
        technician_phone=row.technician_phone,
        visit_id=one.visit_id,
        title=row.title,
        customer=row.customer,
        minutes=one.minutes,
        ready_on=date.fromisoformat(one.facts["ready_on"][1]) if "ready_on" in one.facts else None,
        later=one.facts.get("later", 0),
        until=row.until,
        owner=row.owner,
        due_at=one.due_at,
        reported_by=row.reported_by,
        reported_at=one.reported_at,
        repairer_id=watched,
        repairer=None if watched is None else row.repairer,
        repairing_since=one.repairing_since,
        attempt=one.attempt,
        message=one.message,
        proposed_at=one.proposed_at,
        offered_at=one.offered_at,
        counts=counts,
    )


def _lines(session: Session, items: Sequence[RepairItem], now: datetime) -> list[RepairLine]:
    ids = [item.visit_id for item in items]
    jobs = {
        row.visit_id: row
        for row in session.execute(
            select(
                Visit.id.label("visit_id"),
                Job.id.label("job_id"),
                Job.title,
                Customer.name.label("customer"),
                Customer.phone,
                Promise.during.label("promise"),
            )
            .join(Job, Job.id == Visit.job_id)
            .join(Customer, Customer.id == Job.customer_id)
            .outerjoin(Promise, (Promise.visit_id == Visit.id) & (Promise.state == PromiseState.STANDING))
            .where(Visit.id.in_(ids))
        )
    }
    people = {each["was"][0] for item in items for each in item.changes if each["was"]}
    people |= {each["to"]["technician_id"] for item in items for each in item.changes if each["to"]}
    who: dict[int, str] = {
        row.id: row.name
        for row in session.execute(select(Technician.id, Technician.name).where(Technician.id.in_(people)))
    }
    offers = _held_times(session, ids, now)
    names = names_for(session, [reason for item in items for reason in item.reasons])
    return [
        RepairLine(
            visit_id=item.visit_id,
            job_id=jobs[item.visit_id].job_id,
            title=jobs[item.visit_id].title,
            customer=jobs[item.visit_id].customer,
            phone=jobs[item.visit_id].phone,
            part=item.part,
            small=item.small,
            stays=item.stays,
            booked=item.booked,
            was=tuple(
                (who[each["was"][0]], datetime.fromisoformat(each["was"][1])) for each in item.changes if each["was"]
            ),
            now=tuple(
                (who[each["to"]["technician_id"]], datetime.fromisoformat(each["to"]["start"]))
                for each in item.changes
                if each["to"]
            ),
            promise=None
            if jobs[item.visit_id].promise is None
            else (jobs[item.visit_id].promise.lower, jobs[item.visit_id].promise.upper),
            window=_window(item),
            drive_s=next((each["to"]["travel_s"] for each in item.changes if each["to"]), 0),
            detour_s=next((each.get("detour_s") for each in item.changes if each["to"]), None),
            margin_s=item.margin_s,
            reasons=tuple(sentence(reason, names) for reason in item.reasons),
            call_by=call_by(told_start(item), now),
            offers=offers.get(item.visit_id, ()),
        )
        for item in items
    ]


def _window(item: RepairItem) -> tuple[datetime, datetime] | None:
    if new_start(item) is None:
        return None
    place = next(Placement.from_dict(each["to"]) for each in item.changes if each["to"])
    return window_around(place.start, place.travel_s, place.travel_source)


def _held_times(session: Session, visits: Sequence[int], now: datetime) -> dict[int, tuple[HeldTime, ...]]:
    """Return what is held for the customers of some visits, soonest first."""
    rows = session.execute(
        select(Offer, Technician.name)
        .join(Technician, Technician.id == Offer.technician_id)
        .where(Offer.visit_id.in_(visits), Offer.state == OfferState.HELD, Offer.held_until > now)
        .order_by(Offer.start_at, Offer.id)
    )
    found: dict[int, tuple[HeldTime, ...]] = {}
    for offer, name in rows:
        promised = promised_by(offer)
        time = HeldTime(
            id=offer.id,
            technician=name,
            start=offer.start_at,
            window=(promised.start, promised.end),
            merits=tuple(offer.merits),
            held_until=offer.held_until,
            extended=offer.extended,
        )
        found[offer.visit_id] = (*found.get(offer.visit_id, ()), time)
    return found


def _going_on(session: Session, about: Situation) -> tuple[tuple[int, str, str], ...]:
    """Return what somebody who cannot work has begun: nobody else can be sent there before they were spoken to."""
    if about.technician_id is None or about.until is None:
        return ()
    rows = session.execute(
        select(Visit.id, Job.title, Customer.name)
        .join(Assignment, Assignment.visit_id == Visit.id)
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .where(
            Assignment.technician_id == about.technician_id,
            live(),
            Assignment.state.in_(GOING_ON),
            func.lower(Assignment.during) < about.until,
        )
        .order_by(func.lower(Assignment.during))
    )
    return tuple((row[0], row[1], row[2]) for row in rows)
