"""The kernels keep their word: a price is what the route costs more, and nothing that is remembered goes stale."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dispatch.matching import Problem
from dispatch.matching.constraint import Scope
from dispatch.matching.limits import MAX_COST, MAX_PERCENT, MAX_RATE, MAX_TIME_S
from dispatch.matching.objective import UNIT
from dispatch.matching.policy import Policy
from dispatch.matching.problem import UNREACHABLE, Matrix, Point, Shift, Travel, Visit
from dispatch.matching.solvers import improve
from dispatch.matching.solvers.construct import construct
from dispatch.matching.solvers.depot import try_stop
from dispatch.matching.solvers.improve import Improver, count_changes, searched, total_cost
from dispatch.matching.solvers.kernels import cheapest_place, insertion, put, refresh, take
from dispatch.matching.solvers.laying import IMPOSSIBLE, first_need, lay
from dispatch.matching.solvers.layout import AT, ORDER, State
from dispatch.matching.solvers.memory import CHANGES, CURRENT, VERSION, renew, touch
from dispatch.matching.solvers.ruin_recreate import remove_string
from dispatch.matching.solvers.tables import Tables, build, copy_state, empty_state
from dispatch.matching.timetable import route_of
from dispatch.units import SECONDS_PER_DAY
from tests.matching.build import HOUR, at, need, problem, shift, technician, visit, window
from tests.matching.strategies import problems

# No shrinking: with everything drawn at once it takes minutes and makes little smaller.
relaxed = settings(
    max_examples=60,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)
LIMITS = (IMPOSSIBLE, 0, 500 * UNIT, 2_000 * UNIT, 20_000 * UNIT)


def places_of(asked: Problem) -> tuple[Point, ...]:
    used = [item.point for item in asked.visits]
    used += [place for item in asked.shifts for place in (item.start, item.end, item.depot)]
    return tuple(dict.fromkeys(place for place in used if place is not None))


@st.composite
def by_matrix(draw: st.DrawFn, asked: Problem) -> Problem:
    """The problem on ways that differ by direction, are shorter by a detour, or do not exist."""
    places = places_of(asked)
    seconds = st.one_of(st.integers(0, 3_000), st.integers(0, 600), st.sampled_from((0, UNREACHABLE)))
    row = st.lists(seconds, min_size=len(places), max_size=len(places)).map(tuple)
    rows = tuple(draw(st.lists(row, min_size=len(places), max_size=len(places))))
    return replace(asked, travel=Travel(matrix=Matrix(points=places, travel_s=rows, travel_m=rows)))


def leaving_late(asked: Problem) -> Problem:
    """The problem where days that wait leave later, without what that does not go with."""

    def simple(item: Visit) -> Visit:
        windows = tuple(replace(each, hard=True) for each in item.windows[:1])
        return replace(item, windows=windows, due_s=None, published=(), predecessors=(), crew=item.crew[:1])

    def restless(item: Shift) -> Shift:
        return replace(item, breaks=())

    return replace(
        asked,
        visits=tuple(map(simple, asked.visits)),
        shifts=tuple(map(restless, asked.shifts)),
        policy=replace(asked.policy, leave_late=True),
    )


@st.composite
def rich(draw: st.DrawFn, *, most_visits: int = 7) -> Problem:
    """Everything there is, on three kinds of ways, with and without leaving late, waiting paid or not."""
    asked = draw(problems(most_visits=most_visits, extras=True))
    if draw(st.booleans()):
        asked = leaving_late(asked)
    if draw(st.booleans()):
        asked = draw(by_matrix(asked))
        # A depot is never looked for as a short cut: where the way without it is too dear, the price is not found.
        asked = replace(asked, shifts=tuple(replace(item, depot=None) for item in asked.shifts))
    return replace(asked, policy=replace(asked.policy, waiting_percent=draw(st.sampled_from((0, 50)))))


@st.composite
def by_depot(draw: st.DrawFn) -> Problem:
    """One long day with room for many visits, most of which must pass a depot for parts; half of them leave late."""
    points = st.builds(at, st.integers(-9, 9), st.integers(-9, 9))
    day = shift(
        "ann",
        since=6,
        until=21,
        start=draw(points),
        end=draw(st.one_of(st.none(), points)),
        max_leg_s=draw(st.sampled_from((None, 1_800))),
        max_length_s=draw(st.sampled_from((None, 9 * HOUR))),
        parts={"hose": draw(st.integers(0, 2))},
        depot=draw(points),
        depot_s=draw(st.sampled_from((0, 600, 2_400))),
    )
    found = []
    for number in range(8):
        opens = draw(st.integers(6, 15))
        found.append(
            visit(
                f"v{number}",
                place=draw(points),
                minutes=draw(st.sampled_from((0, 30))),
                windows=(window(opens, opens + draw(st.integers(1, 12)), hard=True),),
                parts={"hose": draw(st.sampled_from((0, 0, 1, 2)))},
            )
        )
    policy = replace(problem().policy, leave_late=draw(st.booleans()), waiting_percent=draw(st.sampled_from((0, 50))))
    return problem(technician("ann"), day, *found, policy=policy)


def grown(tables: Tables, state: State, shift: int, at: int, slot: int) -> int | None:
    """What the route costs more with the slot before stop ``at``, timed from nothing; None if it is impossible."""
    longer = copy_state(state)
    before = int(state.cost[shift])
    sequence = [*state.sequence[shift, : state.size[shift]].tolist()]
    sequence.insert(at, slot)
    longer.size[shift] = len(sequence)
    longer.sequence[shift, : len(sequence)] = sequence
    return int(longer.cost[shift]) - before if refresh(tables.data, longer, shift) else None


def grown_beside_depot(tables: Tables, state: State, shift: int, at: int, slot: int) -> int | None:
    """The same with the depot passed where it is now, before or after the slot where that is the same place."""
    data, here = tables.data, int(state.depot_at[shift])
    if here < 0:
        return grown(tables, state, shift, at, slot)
    longer = copy_state(state)
    count = try_stop(longer, shift, at, slot)
    need = int(first_need(data, longer.trial, 0, shift, count))
    sides = [number for number in {here + (at < here), here + (at <= here)} if number <= need]
    prices = [int(lay(data, longer, longer.trial, 0, shift, count, number, False)) for number in sides]
    return min((price - int(state.cost[shift]) for price in prices if price < IMPOSSIBLE), default=None)


def out_of_order(tables: Tables, state: State, shift: int, at: int, slot: int) -> bool:
    """Whether the place is in front of stops that are pinned to the start of the day, or behind for one of those."""
    orders = tables.data.slot[state.sequence[shift, : state.size[shift]], ORDER].tolist()
    own = int(tables.data.slot[slot, ORDER])
    return any(other > own for other in orders[:at]) or any(other < own for other in orders[at:])


def assert_prices(asked: Problem, data: st.DataObject, draws: int) -> None:
    tables = build(Scope.of(asked))
    state = empty_state(tables)
    pairs = np.argwhere(tables.data.allowed).tolist()
    if not pairs:
        return
    for _ in range(draws):
        served = np.flatnonzero(state.route_of >= 0)
        if len(served) and data.draw(st.integers(0, 3)) == 0:
            shift = int(state.route_of[data.draw(st.sampled_from(served.tolist()))])
            at = data.draw(st.integers(0, int(state.size[shift]) - 1))
            slot = int(state.sequence[shift, at])
            take(state, shift, at)
            if not refresh(tables.data, state, shift):
                assert put(tables.data, state, shift, at, slot)
        slot, shift = data.draw(st.sampled_from(pairs))
        if state.route_of[slot] >= 0 or state.size[shift] >= state.sequence.shape[1]:
            continue
        least, chosen, least_beside = IMPOSSIBLE, -1, IMPOSSIBLE
        before = copy_state(state)
        beside = searched(tables)
        for at in range(int(state.size[shift]) + 1):
            price = int(insertion(tables.data, state, shift, at, slot, IMPOSSIBLE))
            more = grown(tables, state, shift, at, slot)
            if more is None:
                assert price == IMPOSSIBLE
            elif not out_of_order(tables, state, shift, at, slot):
                assert price == more
                if price < least:
                    least, chosen = price, at
            price = int(insertion(beside, state, shift, at, slot, IMPOSSIBLE))
            more = grown_beside_depot(tables, state, shift, at, slot)
            if more is None:
                assert price == IMPOSSIBLE
            elif not out_of_order(tables, state, shift, at, slot):
                assert price == more
                least_beside = min(least_beside, price)
        for limit in LIMITS:
            assert int(cheapest_place(beside, state, shift, slot, limit)[0]) == (
                least_beside if least_beside < limit else IMPOSSIBLE
            )
            price, at = map(int, cheapest_place(tables.data, state, shift, slot, limit))
            assert price == (least if least < limit else IMPOSSIBLE)
            assert (at >= 0) == (least < limit)
            assert at < 0 or grown(tables, state, shift, at, slot) == price
        for mine, theirs in zip(state[:3], before[:3], strict=True):
            assert (mine == theirs).all()  # asking for a price changes nothing
        if chosen >= 0 and data.draw(st.booleans()):
            assert put(tables.data, state, shift, chosen, slot)


@settings(relaxed, max_examples=150)
@given(rich(), st.data())
def test_a_price_is_what_the_route_costs_more_at_every_place(asked: Problem, data: st.DataObject) -> None:
    assert_prices(asked, data, 8)


@settings(relaxed, max_examples=400)
@given(by_depot(), st.data())
def test_a_price_is_what_the_route_by_the_depot_costs_more(asked: Problem, data: st.DataObject) -> None:
    assert_prices(asked, data, 16)


@pytest.mark.parametrize("stays", [False, True])
def test_a_stop_that_sends_a_simple_day_by_the_depot_is_priced_with_the_detour(stays: bool) -> None:
    day = shift("ann", depot=at(0, 9), parts={})
    visits = (visit("v0", place=at(5)), visit("v1", place=at(6), parts={"hose": 1}))
    asked = problem(technician("ann"), day, *visits, policy=replace(problem().policy, waiting_percent=0))
    tables = build(Scope.of(asked))
    state = empty_state(tables)
    assert put(tables.data, state, 0, 0, 0)
    price, at_stop = map(int, cheapest_place(searched(tables) if stays else tables.data, state, 0, 1, IMPOSSIBLE))
    assert price == grown(tables, state, 0, at_stop, 1)
    assert price > 1_000 * UNIT


def test_a_stop_behind_the_depot_may_be_in_time_because_the_depot_is_passed_later() -> None:
    """With 40 minutes at the depot first, nobody is at the last visit by 9:10; the depot after it makes room."""
    day = shift("ann", depot=at(1), depot_s=2_400, parts={})
    first = visit("v1", place=at(2), minutes=30, windows=(window(8, 8.75, hard=True),))
    last = visit("v2", place=at(10), parts={"hose": 1})
    between = visit("v3", place=at(3), minutes=0, windows=(window(9, 9 + 1 / 6, hard=True),))
    tables = build(Scope.of(problem(technician("ann"), day, first, last, between)))
    state = empty_state(tables)
    assert put(tables.data, state, 0, 0, 0)
    assert put(tables.data, state, 0, 1, 1)
    assert state.depot_at[0] == 0
    price, place = cheapest_place(tables.data, state, 0, 2, IMPOSSIBLE)
    assert place == 1
    assert price == grown(tables, state, 0, 1, 2)


def assert_sound(improver: Improver) -> None:
    """Nothing that the search keeps up to date differs from what is worked out from the sequences alone."""
    tables, state, work = improver.tables, improver.state, improver.work
    again = copy_state(state)
    again.route_of[:] = -1
    for row in range(len(state.size)):
        stops = state.sequence[row, : state.size[row]]
        again.route_of[stops] = row
        assert (state.slots[stops, AT] == np.arange(len(stops))).all()
        assert refresh(tables.data, again, row)
        assert (again.stops[row, : state.size[row]] == state.stops[row, : state.size[row]]).all()
    assert (again.routes == state.routes).all()
    assert (again.slots == state.slots).all()
    assert int(state.size.sum()) == int((state.route_of >= 0).sum())
    for slot, row in np.argwhere(work.known[:, :, VERSION] == work.version[None, :]).tolist():
        price, at, _ = work.known[slot, row].tolist()
        if work.version[row] == -1 or state.route_of[slot] == row:
            continue
        if at >= 0:
            assert tuple(map(int, cheapest_place(improver.data, state, row, slot, IMPOSSIBLE))) == (price, at)
        else:
            assert int(cheapest_place(improver.data, state, row, slot, price)[1]) == -1


def one_long_day(*, leave_late: bool) -> Problem:
    """A day of many plain stops with windows, some of which use up parts, without a break."""
    rng = random.Random(7)
    day = shift("ann", since=6, until=22, end=at(1, 1), parts={"hose": 12})
    found = [
        visit(
            f"v{number:02}",
            place=at(rng.randint(-9, 9), rng.randint(-9, 9)),
            minutes=rng.choice((5, 10, 20)),
            windows=(window(opens, opens + rng.randint(2, 9), hard=True),) if (opens := rng.randint(6, 14)) % 3 else (),
            parts={"hose": 1} if number % 3 else {},
        )
        for number in range(40)
    ]
    return problem(technician("ann"), day, *found, policy=replace(problem().policy, leave_late=leave_late))


@pytest.mark.parametrize("leave_late", [False, True])
def test_a_long_route_changed_in_one_stretch_is_as_if_timed_from_its_start(*, leave_late: bool) -> None:
    tables = build(Scope.of(one_long_day(leave_late=leave_late)))
    improver = Improver(tables=tables, state=construct(tables), seed=3)
    data, state, work = improver.data, improver.state, improver.work
    rng, changes = random.Random(5), 0
    for _ in range(60):
        around = rng.choice(state.sequence[0, : state.size[0]].tolist())
        touch(state, work, 0, 0)
        taken = int(remove_string(data, state, work, 0, around, 6.0, 0))
        work.is_touched[0] = False
        assert_sound(improver)
        for slot in work.absent[:taken].tolist():
            work.listed[slot] = False
            place = int(cheapest_place(data, state, 0, slot, IMPOSSIBLE)[1])
            if place >= 0:
                assert put(data, state, 0, place, slot)
                renew(work, 0)
                assert_sound(improver)
                changes += 1
    assert changes > 60
    assert state.size[0] > 12


def assert_counted(improver: Improver) -> None:
    assert improver.work.totals[CURRENT] == total_cost(improver.tables, improver.state)
    assert improver.work.totals[CHANGES] == count_changes(improver.tables, improver.state)
    best = improver.best_state()
    assert total_cost(improver.tables, best) == improver.best_cost


@settings(relaxed, max_examples=100)
@given(rich(most_visits=9), st.integers(1, 40), st.integers(0, 5), st.sampled_from((100.0, 1e5, 1e7)))
def test_what_the_search_remembers_is_never_stale(asked: Problem, steps: int, seed: int, hot: float) -> None:
    tables = build(Scope.of(asked))
    improver = Improver(tables=tables, state=construct(tables), seed=seed)
    first = improver.best_state()
    for _ in range(3):
        improver.run(steps, hot, 10.0)
        assert_sound(improver)
        assert_counted(improver)
    improver.adopt(first)
    assert_sound(improver)
    assert_counted(improver)
    improver.run(steps, hot, 10.0)
    assert_sound(improver)
    assert_counted(improver)
    improver.restart(first)
    assert improver.best_cost == total_cost(tables, first)
    improver.run(steps, hot, 10.0)
    assert_sound(improver)
    assert_counted(improver)


def test_the_dearest_day_there_can_be_is_counted_as_with_integers_of_any_size() -> None:
    """Three days of driving, waiting and work at the highest prices stay below `IMPOSSIBLE`.

    Term by term, in hundredths: driving 3 days x 10^4, waiting 3 days x 10^4 x 10^4 before it is divided, fairness (3
    days)^2 x 10^4 and (1 day)^2 x 10^4, lateness 800 days x 10^4 x 100, who comes some 10^11 for each price. A way or a
    time without limit (`FAR`, 2^40) times 10^4 is 10^16. Penalties are at most 4 x 10^11 a slot.
    """
    dear = technician(cost_percent=MAX_PERCENT, pace_percent=1_000, call_out_cost=MAX_COST)
    long = shift(since=0, until=48, overtime_limit_s=SECONDS_PER_DAY, overtime_percent=MAX_PERCENT, end=None)
    highest = Policy(
        waiting_percent=MAX_PERCENT,
        uneven_load_percent=MAX_PERCENT,
        long_overtime_percent=MAX_PERCENT,
        lateness_rate=MAX_RATE,
        second_visit_cost=MAX_COST,
    )
    asked = problem(
        dear,
        replace(long, start_s=MAX_TIME_S - 3 * SECONDS_PER_DAY, end_s=MAX_TIME_S - SECONDS_PER_DAY),
        visit("early", due_s=-MAX_TIME_S, minutes=72, unserved_penalty=MAX_COST, person_cost={"t1": MAX_COST}),
        visit("late", place=at(300), due_s=-MAX_TIME_S, release_s=MAX_TIME_S - 12 * HOUR, minutes=72),
        policy=highest,
    )
    tables = build(Scope.of(asked))
    state = construct(tables)
    assert state.size[0] == 2
    written = route_of(tables, state, 0)
    assert written.cost.fairness > 10**8
    assert abs(int(state.cost[0]) - written.cost.total * UNIT) <= 5 * UNIT  # each term of a route is rounded
    assert int(state.cost[0]) < IMPOSSIBLE // 1_000


def scattered(seed: int, visits: int = 60, people: int = 8) -> Problem:
    """A large day, the same for the same seed, in which nothing ties routes to each other."""
    rng = random.Random(seed)
    return problem(
        *(technician(f"t{n:02}", skills={"gas": 1 + n % 5}) for n in range(people)),
        *(shift(f"t{n:02}", start=at(rng.randint(-20, 20), rng.randint(-20, 20))) for n in range(people)),
        *(
            visit(
                f"v{n:03}",
                place=at(rng.randint(-20, 20), rng.randint(-20, 20)),
                minutes=rng.choice((30, 60, 90)),
                windows=(window(9 + n % 5, 11 + n % 5),) if n % 2 else (),
                needs=(need("gas", 2),) if n % 3 else (),
            )
            for n in range(visits)
        ),
    )


@pytest.mark.parametrize("seed", range(5))
def test_threads_on_strips_of_one_plan_leave_it_sound(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(improve, "DIVIDED_SLOTS", 10)
    monkeypatch.setattr(improve, "CUT_EVERY_S", 0.0)
    tables = build(Scope.of(scattered(seed)))
    improver = Improver(tables=tables, state=construct(tables), seed=seed, threads=2)
    assert improver.divided
    first, before = improver.best_state(), improver.best_cost
    for hot in (1e6, 1e5, 1e4):
        improver.run(60, hot, 100.0)
        assert_sound(improver)
        assert improver.best_cost <= before
        before = improver.best_cost
        assert total_cost(tables, improver.best_state()) == before
    improver.adopt(first)
    assert improver.work.totals[CURRENT] == total_cost(tables, first)
    assert total_cost(tables, improver.best_state()) == improver.best_cost == before
    improver.run(60, 1e4, 100.0)
    assert_sound(improver)
    improver.restart(first)
    assert total_cost(tables, improver.best_state()) == improver.best_cost
