"""Times offered to a customer: different for a reason, held for ten minutes whoever asks, and sure to be had."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from dispatch.core.db import make_engine, make_sessions
from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs.lifecycle import JobState, VisitState
from dispatch.jobs.models import Promise, PromiseState, Visit
from dispatch.matching.explain import Merit
from dispatch.messages.models import CallState, CallTask
from dispatch.planning import repairing
from dispatch.planning.accepting import accept_repair, book_offer, none_suits
from dispatch.planning.disruptions import report_cannot_work
from dispatch.planning.models import Assignment, Disruption, DisruptionState, Offer, OfferState, RepairItem, RepairPart
from dispatch.planning.offering import Free, _three, hold_longer, look_for_times
from dispatch.planning.repairing import Repairing, run_repair
from dispatch.planning.rows import live
from dispatch.planning.service import assign_visit
from dispatch.planning.supervising import Limits
from tests import factories as make
from tests.planning import fakes
from tests.planning.world import World, make_world

NOW = make.MORNING - timedelta(minutes=30)


@pytest.fixture
def target(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def world(target: Engine) -> Iterator[World]:
    """Ana and Ben work today and on the next two days."""
    with make_sessions(target)() as session:
        made = make_world(session)
        made.territory.owner_id = made.user.id
        for ahead in (1, 2):
            day = make.DAY + timedelta(days=ahead)
            for person in (made.ana, made.ben):
                make.make_shift(
                    session, technician=person, territory=made.territory, on_date=day, during=make.hours(0, 8, day=day)
                )
        session.commit()
        yield made


def offers_of(session: Session, visit: Visit, state: OfferState = OfferState.HELD) -> list[Offer]:
    session.expire_all()
    return list(
        session.scalars(select(Offer).where(Offer.visit_id == visit.id, Offer.state == state).order_by(Offer.start_at))
    )


def looked(world: World, visit: Visit, **changes: Any) -> list[Offer]:
    values = {"actor": world.dispatcher, "now": NOW}
    made = look_for_times(world.session, visit_id=visit.id, **{**values, **changes})
    world.session.commit()
    return sorted(made, key=lambda each: each.start_at)


def booked(world: World, person: Any, shift: Any, start: float, end: float, *, promise: Any = None) -> Visit:
    job = make.make_job(world.session, site=world.site, owner=world.user, state=JobState.PLANNED)
    visit = make.make_visit(
        world.session,
        job=job,
        needs={world.skill: 3},
        state=VisitState.PLANNED,
        duration_s=round((end - start) * 3600),
    )
    if promise is not None:
        make.make_promise(world.session, visit=visit, during=promise)
    make.make_assignment(
        world.session, visit=visit, technician=person, during=make.hours(start, end), shift_id=shift.id
    )
    return visit


def test_three_times_differ_and_their_windows_end_after_a_late_arrival(world: World) -> None:
    visit = world.visit()
    world.session.commit()
    made = looked(world, visit)
    assert len(made) == 3
    windows = {(each.promised.lower, each.promised.upper) for each in made}
    assert len(windows) == 3, "a customer hears three different things"
    assert len({each.start_at.date() for each in made}) > 1, "not all of them on one day"
    assert made[0].merits == ["soonest"]
    for each in made:
        assert each.promised.upper >= each.start_at + timedelta(minutes=20)
        assert each.held_until == NOW + timedelta(minutes=10)


def test_what_speaks_for_a_time_holds_among_those_offered_together() -> None:
    def free(person: int, day: int, cost: int, *merits: Merit, known: bool = False) -> Free:
        start = datetime(2026, 11, day, 7, tzinfo=UTC)
        span = (start, start + timedelta(hours=1))
        return Free(
            technician_id=person,
            start=start,
            end=span[1],
            hold=span,
            window=span,
            merits=tuple(each.value for each in merits),
            cost=cost,
            known=known,
        )

    every = (Merit.CHEAPEST, Merit.SOONEST, Merit.NARROW)
    chosen = _three([free(1, 29, 900, *every), free(2, 30, 500, *every, known=True), free(3, 27, 700, *every)])
    assert [(each.technician_id, each.merits) for each in chosen] == [
        (3, ("soonest",)),
        (1, ("narrow",)),
        (2, ("known_face",)),
    ]
    chosen = _three([free(1, 29, 400, *every), free(3, 27, 700, *every)])
    assert [each.merits for each in chosen] == [("soonest",), ("cheapest", "narrow")]


def test_whoever_had_it_is_among_those_offered(world: World) -> None:
    """Ben had the visit, and is busy today: he could come tomorrow."""
    visit = booked(world, world.ben, world.ben_shift, 1, 2)
    booked(world, world.ben, world.ben_shift, 2, 7.9)
    world.session.commit()
    made = looked(world, visit)
    known = [each for each in made if "known_face" in each.merits]
    assert {each.technician_id for each in known} == {world.ben.id}
    assert all(each.start_at.date() > make.DAY for each in known)


def test_nobody_else_is_booked_in_a_time_that_is_held(world: World) -> None:
    visit, other = world.visit(), world.visit()
    world.session.commit()
    offer = looked(world, visit)[0]
    place = {"technician_id": offer.technician_id, "start": offer.start_at, "actor": world.manager}
    with pytest.raises(Conflict, match=r"is offering this time .* it is held until"):
        assign_visit(world.session, visit_id=other.id, **place, now=NOW + timedelta(minutes=9))
    world.session.rollback()
    offer = offers_of(world.session, visit)[0]
    later = NOW + timedelta(minutes=11)
    assert assign_visit(world.session, visit_id=other.id, **place, now=later), "a hold that is over binds nobody"


def test_the_way_there_and_on_is_held_too(world: World) -> None:
    """Between a visit in the morning and one at noon there is room for one more; the ways belong to it."""
    booked(world, world.ana, world.shift, 0.5, 1)
    booked(world, world.ana, world.shift, 4, 7)
    far = make.make_site(world.session, territory=world.territory, lat=make.CENTRE[0] - 0.03, lon=make.CENTRE[1])
    job = make.make_job(world.session, site=far, owner=world.user)
    visit = make.make_visit(world.session, job=job, needs={world.skill: 3})
    booked(world, world.ben, world.ben_shift, 0.2, 7.9)
    world.session.commit()
    [today] = [each for each in looked(world, visit) if each.start_at.date() == make.DAY]
    assert today.technician_id == world.ana.id
    assert today.during.lower < today.start_at
    assert today.during.upper > today.end_at
    assert make.hours(1, 4).lower <= today.during.lower
    assert today.during.upper <= make.hours(1, 4).upper


@pytest.mark.parametrize("first", ["booking", "hold"])
def test_a_booking_and_a_hold_at_once_never_both_get_the_time(world: World, target: Engine, first: str) -> None:
    """Whoever comes second waits for the first to end, and is refused then."""
    visit, other = world.visit(), world.visit()
    world.session.commit()
    offer = looked(world, visit)[0]
    values = {
        name: getattr(offer, name)
        for name in ("technician_id", "during", "start_at", "end_at", "promised", "merits", "made_at", "crew_slot_id")
    }
    world.session.delete(offer)
    world.session.commit()
    slot = make_sessions(target)
    told: list[str] = []

    def hold(session: Session) -> None:
        session.add(Offer(visit_id=visit.id, held_until=NOW + timedelta(minutes=10), **values))
        session.flush()

    def book(session: Session) -> None:
        make.make_assignment(
            session,
            visit=session.get_one(Visit, other.id),
            technician=session.get_one(type(world.ana), values["technician_id"]),
            during=values["during"],
            decided_at=NOW,
        )

    def second() -> None:
        with slot() as session:
            try:
                (book if first == "hold" else hold)(session)
                session.commit()
                told.append("got it")
            except Exception as error:  # whatever it is, the test looks at it in its own thread
                told.append(str(error))

    with slot() as session:
        (hold if first == "hold" else book)(session)
        rival = threading.Thread(target=second)
        rival.start()
        rival.join(0.5)
        assert rival.is_alive(), "the second one waits"
        session.commit()
    rival.join(20)
    [words] = told
    assert "is held for a customer" in words or "is booked in this time" in words


def test_looking_again_lets_the_former_times_go_and_holding_longer_works_once(world: World) -> None:
    visit = world.visit()
    world.session.commit()
    looked(world, visit)
    assert len(looked(world, visit)) == 3
    assert len(offers_of(world.session, visit, OfferState.RELEASED)) == 3
    hold_longer(world.session, visit_id=visit.id, actor=world.dispatcher, now=NOW)
    assert {each.held_until for each in offers_of(world.session, visit)} == {NOW + timedelta(minutes=20)}
    with pytest.raises(Conflict, match="once already"):
        hold_longer(world.session, visit_id=visit.id, actor=world.dispatcher, now=NOW)


def test_a_visit_that_may_not_begin_yet_is_offered_from_then_on(world: World) -> None:
    visit = world.visit(release_at=make.MORNING + timedelta(days=2))
    world.session.commit()
    made = looked(world, visit)
    assert made
    assert all(each.start_at >= make.MORNING + timedelta(days=2) for each in made)


# In a repair


@pytest.fixture
def mended(world: World, target: Engine, monkeypatch: pytest.MonkeyPatch) -> tuple[Disruption, Visit, Visit]:
    """Ana cannot work: Ben can take one of her visits as promised; the other one's customer must be asked."""
    monkeypatch.setattr(repairing, "supervise", fakes.repaired_here)
    easy = booked(world, world.ana, world.shift, 1, 2, promise=make.hours(0, 8))
    hard = booked(world, world.ana, world.shift, 3.1, 4, promise=make.hours(3, 3.6))
    booked(world, world.ben, world.ben_shift, 2.9, 4.4, promise=make.hours(2, 3.5))
    world.session.commit()
    made = report_cannot_work(
        world.session,
        technician_id=world.ana.id,
        until=make.MORNING + timedelta(hours=12),
        actor=world.dispatcher,
        now=NOW,
    )
    assert made is not None
    world.session.commit()
    run = Repairing(
        sessions=make_sessions(target),
        disruption_id=made.id,
        limits=Limits(grace_s=30.0, memory_mb=1500),
        now=lambda: NOW,
        step_limit=200,
    )
    assert run_repair(run) is DisruptionState.PROPOSED
    world.session.expire_all()
    return made, easy, hard


def test_a_proposal_brings_times_that_accepting_it_does_not_take(
    world: World, mended: tuple[Disruption, Visit, Visit]
) -> None:
    made, easy, hard = mended
    assert made.offered_at == NOW
    parts = {item.visit_id: item.part for item in world.session.scalars(select(RepairItem))}
    assert (parts[easy.id], parts[hard.id]) == (RepairPart.KEPT, RepairPart.CUSTOMER)
    assert len(offers_of(world.session, hard)) == 3
    done = accept_repair(
        world.session, disruption_id=made.id, attempt=1, late_too=False, actor=world.dispatcher, now=NOW
    )
    world.session.commit()
    assert easy.id in done.booked
    assert len(offers_of(world.session, hard)) == 3, "they are held as before"


@pytest.mark.parametrize("accepted_first", [True, False])
def test_what_a_customer_chooses_is_booked_promised_and_noted(
    world: World, mended: tuple[Disruption, Visit, Visit], accepted_first: bool
) -> None:
    made, easy, hard = mended
    about: dict[str, Any] = {"disruption_id": made.id, "actor": world.dispatcher, "now": NOW}
    if accepted_first:
        accept_repair(world.session, attempt=1, late_too=False, **about)
    chosen = offers_of(world.session, hard)[-1]
    start, who, window = chosen.start_at, chosen.technician_id, chosen.promised
    book_offer(world.session, visit_id=hard.id, offer_id=chosen.id, **about)
    world.session.commit()
    row = world.session.scalars(select(Assignment).where(Assignment.visit_id == hard.id, live())).one()
    assert (row.technician_id, row.during.lower) == (who, start)
    told = world.session.scalars(
        select(Promise.during).where(Promise.visit_id == hard.id, Promise.state == PromiseState.STANDING)
    ).one()
    assert told == window
    assert offers_of(world.session, hard) == []
    calls = world.session.scalars(select(CallTask).where(CallTask.visit_id == hard.id)).all()
    assert [(call.state, call.outcome) for call in calls] == (
        [(CallState.TOLD, "Agreed on the new time")] if accepted_first else []
    )
    with pytest.raises(Conflict, match="booked for this visit already"):
        book_offer(world.session, visit_id=hard.id, offer_id=chosen.id, **about)
    world.session.rollback()
    if not accepted_first:
        done = accept_repair(world.session, attempt=1, late_too=False, **about)
        assert easy.id in done.booked, "the rest of the proposal stands"
        assert hard.id not in done.to_call


def test_a_hold_that_is_over_is_not_taken(world: World, mended: tuple[Disruption, Visit, Visit]) -> None:
    made, _easy, hard = mended
    offer = offers_of(world.session, hard)[0]
    with pytest.raises(Conflict, match="not held any more"):
        book_offer(
            world.session,
            disruption_id=made.id,
            visit_id=hard.id,
            offer_id=offer.id,
            actor=world.dispatcher,
            now=NOW + timedelta(minutes=10),
        )


def test_where_none_suits_somebody_rings_again(world: World, mended: tuple[Disruption, Visit, Visit]) -> None:
    made, _easy, hard = mended
    due = NOW + timedelta(hours=3)
    about: dict[str, Any] = {
        "disruption_id": made.id,
        "visit_id": hard.id,
        "owner_id": world.user.id,
        "actor": world.dispatcher,
        "now": NOW,
    }
    with pytest.raises(Invalid, match="what they said"):
        none_suits(world.session, note=" ", due_at=due, **about)
    with pytest.raises(Invalid, match="lie ahead"):
        none_suits(world.session, note="Only Fridays", due_at=NOW, **about)
    none_suits(world.session, note="Only Fridays", due_at=due, **about)
    world.session.commit()
    call = world.session.scalars(select(CallTask).where(CallTask.state == CallState.OPEN)).one()
    assert (call.visit_id, call.owner_id, call.due_at) == (hard.id, world.user.id, due)
    assert call.facts["note"] == "Only Fridays"
    assert offers_of(world.session, hard) == []
