"""A hand-made plan that is right, and one way to break each rule: the checker must name exactly that rule."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from dispatch.matching.check import check, feasible_insertions, unforced
from dispatch.matching.check.changes import could_stay
from dispatch.matching.check.costs import count, count_route
from dispatch.matching.plan import BreakTaken, Plan, Reason, ReasonCode, Route, Stop, Unassigned
from dispatch.matching.problem import (
    Break,
    Certification,
    CrewSlot,
    Matrix,
    Partner,
    Pin,
    Point,
    Predecessor,
    Problem,
    Proficiency,
    Published,
    Shift,
    SkillLevel,
    SkillNeed,
    Technician,
    Travel,
    Visit,
    Window,
)

HOME, NEAR, FAR = Point(lat=52.5, lon=13.4), Point(lat=52.6, lon=13.4), Point(lat=52.7, lon=13.4)
WAY = ((0, 600, 1200), (600, 0, 600), (1200, 600, 0))
MATRIX = Matrix(points=(HOME, NEAR, FAR), travel_s=WAY, travel_m=WAY, source="table")
GAS = CrewSlot(needs=(SkillNeed(any_of=(SkillLevel(skill="gas", level=3),)),), certifications=("permit",))
PERMIT = Certification(id="permit")
SKILLED = {"gas": Proficiency(mean=3.5, sd=0.5)}


def person(name: str, **changes: Any) -> Technician:
    return Technician(**({"id": name, "proficiencies": SKILLED, "certifications": (PERMIT,)} | changes))


def lunch(latest_s: int) -> Break:
    return Break(id="lunch", earliest_s=9_000, latest_s=latest_s, duration_s=1_800)


def rest(start_s: int, end_s: int) -> tuple[BreakTaken, ...]:
    return (BreakTaken(id="lunch", start_s=start_s, end_s=end_s),)


def shift(name: str, **changes: Any) -> Shift:
    defaults = {
        "id": f"shift-{name}",
        "technician": name,
        "start_s": 0,
        "end_s": 28_800,
        "start": HOME,
        "end": HOME,
        "breaks": (lunch(18_000),),
    }
    return Shift(**(defaults | changes))


def good_problem() -> Problem:
    lone = Visit(id="lone", point=NEAR, duration_s=3_600, crew=(GAS,), windows=(Window(start_s=3_000, end_s=7_200),))
    crew = Visit(
        id="crew", point=FAR, duration_s=3_600, crew=(GAS, CrewSlot()), predecessors=(Predecessor(visit="lone"),)
    )
    left = Visit(id="left", point=NEAR, duration_s=3_600, crew=(CrewSlot(certifications=("no such",)),), priority=5)
    return Problem(
        start=datetime(2026, 3, 3, 6, tzinfo=UTC),
        technicians=(person("ana"), person("ben", pace_percent=150)),
        shifts=(shift("ana"), shift("ben")),
        visits=(lone, crew, left),
        travel=Travel(matrix=MATRIX),
    )


def good_plan(problem: Problem) -> Plan:
    ana = Route(
        shift="shift-ana",
        technician="ana",
        depart_s=2_400,
        finish_s=13_200 + 1_800 + 1_200,
        stops=(
            stop("lone", 3_000, 3_600, travel_s=600),
            stop("crew", 9_600, 3_600, travel_s=600, arrive_s=7_200, waiting_s=2_400),
        ),
        breaks=rest(13_200, 15_000),
        home_travel_s=1_200,
        home_travel_m=1_200,
        home_source="table",
    )
    ben = Route(
        shift="shift-ben",
        technician="ben",
        depart_s=8_400,
        finish_s=15_000 + 1_800 + 1_200,
        stops=(stop("crew", 9_600, 5_400, slot=1, travel_s=1_200),),
        breaks=rest(15_000, 16_800),
        home_travel_s=1_200,
        home_travel_m=1_200,
        home_source="table",
    )
    plan = Plan(
        routes=(ana, ben),
        unassigned=(Unassigned(visit="left", reasons=(Reason(code=ReasonCode.NOBODY_QUALIFIED),)),),
    )
    return priced(problem, plan)


def stop(visit: str, start_s: int, work_s: int, **changes: Any) -> Stop:
    defaults = {
        "visit": visit,
        "arrive_s": start_s,
        "start_s": start_s,
        "end_s": start_s + work_s,
        "travel_s": 0,
        "travel_m": changes.get("travel_s", 0),
        "travel_source": "table",
    }
    return Stop(**(defaults | changes))


def priced(problem: Problem, plan: Plan) -> Plan:
    """Fill in the costs, so that only the rule under test is broken."""
    routes = tuple(replace(route, cost=count_route(problem, route)) for route in plan.routes)
    plan = replace(plan, routes=routes)
    return replace(plan, cost=count(problem, plan))


def with_stop(plan: Plan, visit: str, slot: int = 0, **changes: Any) -> Plan:
    routes = []
    for route in plan.routes:
        stops = tuple(replace(s, **changes) if (s.visit, s.slot) == (visit, slot) else s for s in route.stops)
        routes.append(replace(route, stops=stops))
    return replace(plan, routes=tuple(routes))


def with_route(plan: Plan, number: int, **changes: Any) -> Plan:
    routes = list(plan.routes)
    routes[number] = replace(routes[number], **changes)
    return replace(plan, routes=tuple(routes))


def with_person(problem: Problem, name: str, **changes: Any) -> Problem:
    return replace(
        problem, technicians=tuple(replace(t, **changes) if t.id == name else t for t in problem.technicians)
    )


def with_shift(problem: Problem, name: str, **changes: Any) -> Problem:
    return replace(problem, shifts=tuple(replace(s, **changes) if s.id == name else s for s in problem.shifts))


def with_visit(problem: Problem, name: str, **changes: Any) -> Problem:
    return replace(problem, visits=tuple(replace(v, **changes) if v.id == name else v for v in problem.visits))


def test_the_good_plan_is_good() -> None:
    problem = good_problem()
    assert check(problem, good_plan(problem)) == ()


UNSURE = {"gas": Proficiency(mean=2.5, sd=1.0)}
CLAIMED = {"gas": Proficiency(mean=4.0, sd=0.3, confirmed=False)}
PROBLEM_BREAKS: dict[str, tuple[str, Callable[[Problem], Problem]]] = {
    "skill too unsure": ("skills", lambda p: with_person(p, "ana", proficiencies=UNSURE)),
    "skill only claimed": ("skills", lambda p: with_person(p, "ana", proficiencies=CLAIMED)),
    "no permit": ("certifications", lambda p: with_person(p, "ana", certifications=())),
    "permit ends in the shift": (
        "certifications",
        lambda p: with_person(p, "ana", certifications=(Certification(id="permit", valid_until_s=28_799),)),
    ),
    "not wanted": ("people", lambda p: with_visit(p, "lone", excluded=("ana",))),
    "somebody else required": ("people", lambda p: with_visit(p, "crew", required=("ben",))),
    "other territory": (
        "territory",
        lambda p: with_shift(with_visit(p, "lone", territory="south"), "shift-ana", territory="north"),
    ),
    "leg too long": ("travel", lambda p: with_shift(p, "shift-ben", max_leg_s=1_199)),
    "no way": (
        "travel",
        lambda p: replace(
            p, travel=Travel(matrix=replace(MATRIX, travel_s=((0, 600, 1200), (600, 0, -1), (1200, 600, 0))))
        ),
    ),
    "after the window": (
        "promise_windows",
        lambda p: with_visit(p, "lone", windows=(Window(start_s=0, end_s=2_999),)),
    ),
    "work not done in time": (
        "promise_windows",
        lambda p: with_visit(p, "lone", windows=(Window(start_s=0, end_s=6_599, whole_visit=True),)),
    ),
    "before the release": ("promise_windows", lambda p: with_visit(p, "lone", release_s=3_001)),
    "predecessor with a gap": (
        "predecessors",
        lambda p: with_visit(p, "crew", predecessors=(Predecessor(visit="lone", gap_s=3_001),)),
    ),
    "predecessor left out": (
        "predecessors",
        lambda p: with_visit(p, "crew", predecessors=(Predecessor(visit="left"),)),
    ),
    "shift ends": ("shifts", lambda p: with_shift(p, "shift-ana", end_s=16_199, breaks=(lunch(16_000),))),
    "shift begins later": ("shifts", lambda p: with_shift(p, "shift-ana", start_s=2_401)),
    "other pace": ("shifts", lambda p: with_person(p, "ana", pace_percent=101)),
    "break owed earlier": (
        "breaks",
        lambda p: with_shift(p, "shift-ana", breaks=(lunch(12_000),)),
    ),
    "pinned to another": ("pins", lambda p: replace(p, pins=(Pin(visit="lone", technician="ben"),))),
    "pinned to another time": ("pins", lambda p: replace(p, pins=(Pin(visit="lone", start_s=3_001),))),
    "second break owed": (
        "breaks",
        lambda p: with_shift(
            p,
            "shift-ana",
            breaks=(*p.shifts[0].breaks, Break(id="tea", earliest_s=15_000, latest_s=16_000, duration_s=300)),
        ),
    ),
}


def with_pins(problem: Problem, *orders: tuple[str, int]) -> Problem:
    return replace(problem, pins=tuple(Pin(visit=name, technician="ana", order=order) for name, order in orders))


def with_partner(problem: Problem, *people: str, visits_a_day: int | None) -> Problem:
    for name in people:
        problem = with_person(problem, name, partner="helpers")
    return replace(problem, partners=(Partner(id="helpers", visits_a_day=visits_a_day), Partner(id="others")))


def rested(problem: Problem, rest_s: int) -> Problem:
    """Ana comes home at 16,200 and her next shift starts at 28,800."""
    following = shift("ana", id="next", start_s=28_800, end_s=40_000, breaks=())
    return replace(with_person(problem, "ana", min_rest_s=rest_s), shifts=(*problem.shifts, following))


def after_hours(problem: Problem, earliest_s: int, latest_s: int) -> Problem:
    """Ana leaves at 2,400 and rests at 13,200, which is 10,800 s later."""
    owed = Break(id="lunch", earliest_s=earliest_s, latest_s=latest_s, duration_s=1_800, from_departure=True)
    return with_shift(problem, "shift-ana", breaks=(owed,))


def published(problem: Problem, *, most: int | None) -> Problem:
    """Lone is as published, the first of the crew is another person, and left has nobody who could come any more."""
    problem = with_visit(problem, "lone", published=(Published(technician="ana", start_s=3_900),))
    problem = with_visit(problem, "crew", published=(Published(technician="ben", start_s=9_600),))
    problem = with_visit(problem, "left", published=(Published(technician="ana", start_s=20_000),))
    return replace(problem, policy=replace(problem.policy, max_changes=most))


def stocked(problem: Problem, pieces: int, tools: tuple[str, ...] = ("ladder",)) -> Problem:
    """Both visits of Ana need parts, the second one a tool; Ben has nothing and needs nothing."""
    problem = with_visit(problem, "lone", parts={"valve": 2, "pipe": 0})
    problem = with_visit(problem, "crew", parts={"valve": 1}, tools=("ladder",))
    return with_shift(problem, "shift-ana", parts={"valve": pieces}, tools=tools)


# What the good plan just keeps, and what is one second, visit, piece or person too much for it.
LIMITS: dict[str, tuple[str, Callable[[Problem], Problem], Callable[[Problem], Problem]]] = {
    "rest": ("rest", lambda p: rested(p, 12_600), lambda p: rested(p, 12_601)),
    "driving": (
        "longest_day",
        lambda p: with_shift(p, "shift-ana", max_drive_s=2_400),
        lambda p: with_shift(p, "shift-ana", max_drive_s=2_399),
    ),
    "length": (
        "longest_day",
        lambda p: with_shift(p, "shift-ana", max_length_s=13_800),
        lambda p: with_shift(p, "shift-ana", max_length_s=13_799),
    ),
    "visits": (
        "longest_day",
        lambda p: with_shift(p, "shift-ana", max_visits=2),
        lambda p: with_shift(p, "shift-ana", max_visits=1),
    ),
    "partner": (
        "partners",
        lambda p: with_partner(p, "ana", "ben", visits_a_day=3),
        lambda p: with_partner(p, "ana", "ben", visits_a_day=2),
    ),
    "partner without a limit": (
        "partners",
        lambda p: with_partner(p, "ana", "ben", visits_a_day=None),
        lambda p: with_partner(p, "ana", "ben", visits_a_day=0),
    ),
    "partner on another day": (
        "partners",
        lambda p: with_shift(with_partner(p, "ana", "ben", visits_a_day=2), "shift-ben", start_s=-1),
        lambda p: with_shift(with_partner(p, "ana", "ben", visits_a_day=1), "shift-ben", start_s=-1),
    ),
    "same or another person": (
        "links",
        lambda p: with_visit(p, "lone", same_person_as=("crew",), other_person_than=("left",)),
        lambda p: with_visit(p, "lone", other_person_than=("crew",)),
    ),
    "longest gap": (
        "predecessors",
        lambda p: with_visit(p, "crew", predecessors=(Predecessor(visit="lone", max_gap_s=3_000),)),
        lambda p: with_visit(p, "crew", predecessors=(Predecessor(visit="lone", max_gap_s=2_999),)),
    ),
    "first stop": ("pins", lambda p: with_pins(p, ("lone", 7)), lambda p: with_pins(p, ("crew", 7))),
    "order of the first stops": (
        "pins",
        lambda p: with_pins(p, ("lone", 1), ("crew", 2)),
        lambda p: with_pins(p, ("lone", 2), ("crew", 1)),
    ),
    "break hours after departure": (
        "breaks",
        lambda p: after_hours(p, 10_000, 10_800),
        lambda p: after_hours(p, 10_000, 10_799),
    ),
    "break not before hours after departure": (
        "breaks",
        lambda p: after_hours(p, 10_800, 12_000),
        lambda p: after_hours(p, 10_801, 12_000),
    ),
    "changes": ("changes", lambda p: published(p, most=1), lambda p: published(p, most=0)),
    "changed start": (
        "changes",
        lambda p: with_visit(published(p, most=1), "lone", published=(Published(technician="ana", start_s=3_900),)),
        lambda p: with_visit(published(p, most=1), "lone", published=(Published(technician="ana", start_s=3_901),)),
    ),
    "parts": ("parts", lambda p: stocked(p, 3), lambda p: stocked(p, 2)),
    "tools": ("parts", lambda p: stocked(p, 3, ("ladder", "pump")), lambda p: stocked(p, 3, ("pump",))),
    "set-up at another site": (
        "shifts",
        lambda p: with_visit(with_visit(p, "lone", site="north"), "crew", site="south", setup_s=600),
        lambda p: with_visit(with_visit(p, "lone", site="north"), "crew", site="north", setup_s=600),
    ),
}


@pytest.mark.parametrize("case", LIMITS)
def test_a_limit_that_is_just_kept_is_fine_and_a_little_less_is_told(case: str) -> None:
    rule, kept, broken = LIMITS[case]
    for change, rules in ((kept, set()), (broken, {rule})):
        problem = change(good_problem())
        assert {found.rule for found in check(problem, priced(problem, good_plan(problem)))} == rules


def test_what_has_to_change_does_not_count_as_a_change() -> None:
    problem = published(good_problem(), most=0)
    (told,) = (found for found in check(problem, priced(problem, good_plan(problem))) if found.rule == "changes")
    assert told.message.startswith("1 published visits")
    assert told.message.endswith("beside 1 that have to.")
    free = with_visit(problem, "left", crew=(CrewSlot(),))
    (told,) = (found for found in check(free, priced(free, good_plan(problem))) if found.rule == "changes")
    assert told.message.startswith("2 published visits")


@pytest.mark.parametrize(
    ("told", "changes", "has_to"),
    [
        (Published(technician="gone", start_s=9_600), {}, True),
        (Published(technician="ben", start_s=300), {}, False),  # from 1,200 on there is time to drive there
        (Published(technician="ben", start_s=299), {}, True),
        (Published(technician="ben", start_s=23_100), {}, False),  # 5,400 s of work and 1,200 s home end at 28,800
        (Published(technician="ben", start_s=23_101), {}, True),
        (Published(technician="ben", start_s=9_600), {"excluded": ("ben",)}, True),
        (Published(technician="ben", start_s=9_600), {"release_s": 10_500}, False),
        (Published(technician="ben", start_s=9_600), {"release_s": 10_501}, True),
        (Published(technician="ben", start_s=9_600), {"windows": (Window(start_s=10_501, end_s=12_000),)}, True),
        (Published(technician="ben", start_s=9_600), {"windows": (Window(start_s=0, end_s=8_700, hard=False),)}, False),
        (Published(technician="ben", start_s=9_600), {"windows": (Window(start_s=0, end_s=8_699),)}, True),
        (
            Published(technician="ben", start_s=9_600),
            {"windows": (Window(start_s=0, end_s=14_099, whole_visit=True),)},
            True,
        ),
    ],
)
def test_a_published_visit_that_its_person_could_not_even_serve_alone_has_to_change(
    told: Published, changes: dict[str, Any], has_to: bool
) -> None:
    problem = with_visit(good_problem(), "crew", published=(told,), **changes)
    assert could_stay(problem, problem.visit_by_id["crew"], told) is not has_to


@pytest.mark.parametrize(("start_s", "has_to"), [(8_700, False), (8_699, True)])
def test_a_pinned_start_decides_what_has_to_change(start_s: int, has_to: bool) -> None:
    told = Published(technician="ben", start_s=9_600)
    problem = replace(good_problem(), pins=(Pin(visit="crew", start_s=start_s),))
    assert could_stay(problem, problem.visit_by_id["crew"], told) is not has_to


def test_unpinned_visits_are_blamed_before_pinned_ones() -> None:
    problem = with_visit(
        with_partner(good_problem(), "ana", "ben", visits_a_day=2), "crew", other_person_than=("lone",)
    )
    plan = priced(problem, good_plan(problem))
    for pinned, blamed in (("crew", "lone"), ("lone", "crew")):
        asked = replace(problem, pins=(Pin(visit=pinned, technician="ana"),))
        assert {(found.rule, found.visit) for found in check(asked, plan)} == {("links", blamed), ("partners", blamed)}
        assert {found.visit for found in unforced(asked, plan)} == {blamed}
    both = replace(problem, pins=(Pin(visit="crew", technician="ana"), Pin(visit="lone", technician="ana")))
    assert unforced(both, plan) == ()


def test_only_first_crew_slots_have_to_be_the_same_person() -> None:
    asked = with_visit(good_problem(), "lone", same_person_as=("crew",))
    plan = good_plan(asked)
    assert "links" not in {found.rule for found in check(asked, plan)}
    ana, ben = plan.routes
    second = replace(ana, stops=(ana.stops[0], replace(ana.stops[1], slot=1)))
    first = replace(ben, stops=(replace(ben.stops[0], slot=0),))
    assert "links" in {found.rule for found in check(asked, replace(plan, routes=(second, first)))}


def test_a_first_drive_is_not_longer_than_a_break_may_be_put_off() -> None:
    problem = after_hours(good_problem(), 0, 600)
    plan = with_route(good_plan(problem), 0, depart_s=600, breaks=rest(1_000, 2_800), finish_s=13_200 + 1_200)
    assert check(problem, priced(problem, plan)) == ()
    (told,) = check(after_hours(problem, 0, 599), priced(problem, plan))
    assert (told.rule, told.message.startswith("The first drive")) == ("breaks", True)


@pytest.mark.parametrize("case", PROBLEM_BREAKS)
def test_a_stricter_problem_breaks_the_rule_it_names(case: str) -> None:
    rule, change = PROBLEM_BREAKS[case]
    problem = change(good_problem())
    plan = priced(problem, good_plan(good_problem()))
    assert {found.rule for found in check(problem, plan)} - {"costs"} == {rule}


PLAN_BREAKS: dict[str, tuple[set[str], Callable[[Plan], Plan]]] = {
    "nobody told why": ({"completeness"}, lambda p: replace(p, unassigned=(Unassigned(visit="left"),))),
    "dropped silently": ({"completeness"}, lambda p: replace(p, unassigned=())),
    "half a crew": ({"completeness"}, lambda p: replace(p, routes=p.routes[:1])),
    "crew apart": (
        {"crews", "breaks"},
        lambda p: with_stop(p, "crew", 1, arrive_s=9_601, start_s=9_601, end_s=15_001),
    ),
    "too fast": ({"travel"}, lambda p: with_stop(with_route(p, 0, depart_s=2_402), "lone", travel_s=598, travel_m=600)),
    "wrong source": ({"travel"}, lambda p: with_stop(p, "lone", travel_source="guess")),
    "no rest": ({"breaks"}, lambda p: with_route(p, 1, breaks=(), finish_s=18_000 + 1)),
    "short rest": (
        {"breaks"},
        lambda p: with_route(p, 1, breaks=rest(15_000, 16_799)),
    ),
    "rest at work": (
        {"breaks"},
        lambda p: with_route(p, 1, breaks=rest(14_000, 15_800)),
    ),
    "hidden waiting": ({"breaks"}, lambda p: with_stop(p, "crew", 0, waiting_s=0)),
    "misstated lateness": ({"promise_windows"}, lambda p: with_stop(p, "lone", late_s=5)),
    "work cut short": ({"shifts", "breaks"}, lambda p: with_stop(p, "lone", end_s=6_599)),
}


@pytest.mark.parametrize("case", PLAN_BREAKS)
def test_a_spoilt_plan_breaks_the_rule_it_names(case: str) -> None:
    rules, change = PLAN_BREAKS[case]
    problem = good_problem()
    plan = priced(problem, change(good_plan(problem)))
    assert {found.rule for found in check(problem, plan)} == rules


@pytest.mark.parametrize("term", ["travel", "waiting", "second_visit", "unserved", "duration"])
def test_a_miscounted_term_is_named(term: str) -> None:
    problem = good_problem()
    plan = good_plan(problem)
    wrong = replace(plan.cost, **{term: getattr(plan.cost, term) + 10})
    (found,) = check(problem, replace(plan, cost=wrong))
    assert (found.rule, term.replace("_", " ") in found.message) == ("costs", True)


def test_terms_counted_by_hand() -> None:
    problem = with_visit(good_problem(), "crew", published=(Published(technician="ben", start_s=0),), due_s=9_000)
    cost = count(problem, good_plan(good_problem()))
    assert cost.travel == 600 + 600 + 1_200 + 1_200 + 1_200
    assert cost.waiting == 2_400 // 2
    assert cost.duration == 5_400 - 3_600
    assert cost.lateness == 600 * 2
    assert cost.changes == 1_200 + 1_800
    assert cost.unserved == 22_500


def test_what_is_unknown_is_told_first() -> None:
    problem = good_problem()
    plan = good_plan(problem)
    stranger = replace(plan, routes=(replace(plan.routes[0], shift="nobody's"), plan.routes[1]))
    assert [found.rule for found in check(problem, stranger)] == ["completeness"]


def test_what_a_pin_asks_for_is_reported_but_not_held_against_the_plan() -> None:
    problem = with_person(good_problem(), "ana", proficiencies=UNSURE)
    problem = replace(problem, pins=(Pin(visit="lone", technician="ana"), Pin(visit="crew", technician="ana")))
    plan = priced(problem, good_plan(good_problem()))
    assert {found.rule for found in check(problem, plan)} == {"skills"}
    assert unforced(problem, plan) == ()


FIRST, LAST = {("shift-ana", 0), ("shift-ben", 0)}, {("shift-ana", 2), ("shift-ben", 1)}


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({"crew": (CrewSlot(),)}, {("shift-ana", 0), ("shift-ana", 2), ("shift-ben", 0), ("shift-ben", 1)}),
        ({"crew": (GAS,), "excluded": ("ben",)}, {("shift-ana", 0), ("shift-ana", 2)}),
        ({"crew": (CrewSlot(),), "required": ("ben",), "due_s": 0}, {("shift-ben", 0), ("shift-ben", 1)}),
        (
            {"crew": (CrewSlot(),), "windows": (Window(start_s=20_000, end_s=23_000),)},
            {("shift-ana", 2), ("shift-ben", 1)},
        ),
        ({"crew": (CrewSlot(),), "windows": (Window(start_s=26_000, end_s=26_000),)}, set()),
        (
            {"crew": (CrewSlot(),), "duration_s": 3_601, "windows": (Window(start_s=0, end_s=700),)},
            {("shift-ana", 0), ("shift-ben", 0)},
        ),
        ({"crew": (CrewSlot(), CrewSlot())}, set()),
    ],
)
def test_every_place_where_an_unserved_visit_fits_is_found(
    changes: dict[str, Any], places: set[tuple[str, int]]
) -> None:
    problem = with_visit(good_problem(), "left", **changes)
    found = feasible_insertions(problem, good_plan(good_problem()))
    assert {(place.shift, place.position) for place in found} == places
