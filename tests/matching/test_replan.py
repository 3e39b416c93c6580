"""A standing plan that has to change: only what must change does, and the account of it is true."""

import random
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings

from dispatch.cli import main
from dispatch.matching import Plan, Problem, check, solve
from dispatch.matching.problem import Pin, Predecessor, Published
from dispatch.matching.replan import replan
from tests.matching.build import FLAT, HOUR, at, need, problem, shift, technician, visit, who, window
from tests.matching.repairs import changed, measured, moved, planned, repaired, starts, without
from tests.matching.strategies import problems

DOCS = Path(__file__).resolve().parents[2] / "docs" / "howto"


THREE = problem(
    technician("a"),
    technician("b"),
    technician("c"),
    *(shift(name, start=at(0, 10.0 * number), end=at(0, 10.0 * number)) for number, name in enumerate("abc")),
    *(
        visit(f"a{number}", place=at(number, 0), minutes=30, windows=(window(8 + 2 * number, 9 + 2 * number),))
        for number in range(3)
    ),
    *(
        visit(f"b{number}", place=at(number, 10), minutes=30, windows=(window(8 + 2 * number, 9 + 2 * number),))
        for number in range(2)
    ),
    *(
        visit(f"c{number}", place=at(number, 20), minutes=30, windows=(window(8 + 2 * number, 9 + 2 * number),))
        for number in range(2)
    ),
)
"""Three people with their own customers around them, and room between any two visits."""


def test_a_question_that_did_not_change_changes_nothing() -> None:
    plan = planned(THREE)
    repair = repaired(THREE, plan)
    assert all(mine is theirs for mine, theirs in zip(repair.plan.routes, plan.routes, strict=True))
    assert repair.plan.fingerprint() == plan.fingerprint()
    assert (repair.moved, repair.lost, repair.new, repair.touched, repair.told) == ((), (), (), (), ())
    assert repair.proven


def test_visits_of_a_sick_technician_move_and_nobody_else_does() -> None:
    plan = planned(THREE)
    repair = repaired(without(THREE, shifts=("a-day",)), plan)
    assert moved(repair) == {"a0", "a1", "a2"}
    assert not repair.lost
    assert repair.vanished == ("shift a-day",)
    # One colleague can take all three, so the other one's day stays the very same object.
    assert len(repair.touched) == len(repair.told) == 1
    kept = next(route for route in repair.plan.routes if route.shift not in repair.touched)
    assert kept is plan.route_by_shift[kept.shift]
    assert repair.proven


def test_untouched_routes_are_written_the_same_to_the_byte() -> None:
    plan = planned(THREE)
    repair = repaired(without(THREE, shifts=("a-day",)), plan)
    mine = {route["shift"]: route for route in repair.plan.as_dict()["routes"]}
    theirs = {route["shift"]: route for route in plan.as_dict()["routes"]}
    untouched = set(mine) - set(repair.touched)
    assert untouched
    assert all(mine[name] == theirs[name] for name in untouched)


def test_after_a_cancellation_the_others_keep_their_time() -> None:
    """Without holding them everybody after the cancelled visit would come earlier."""
    asked = problem(visit("v1", minutes=120), visit("v2", place=at(5), minutes=60), visit("v3", place=at(9)))
    plan = planned(asked)
    first = plan.routes[0].stops[0].visit
    repair = repaired(without(asked, visits=(first,)), plan)
    assert moved(repair) == set()
    assert not repair.lost
    assert repair.vanished == (f"visit {first}",)
    old = {name: pairs for name, pairs in starts(plan).items() if name != first}
    assert starts(repair.plan) == old


def test_an_emergency_finds_the_free_time_that_moves_nobody() -> None:
    plan = planned(THREE)
    urgent = visit("urgent", place=at(0, 12), priority=1, windows=(window(9, 10),))
    repair = repaired(replace(THREE, visits=(*THREE.visits, urgent)), plan)
    assert [item.visit for item in repair.new] == ["urgent"]
    assert moved(repair) == set()
    assert len(repair.touched) == 1


def test_an_emergency_moves_the_customer_who_can_wait() -> None:
    asked = problem(
        visit("fixed", windows=(window(8, 8),), minutes=120), visit("waits", windows=(window(8, 15),), minutes=120)
    )
    plan = planned(asked)
    urgent = visit("urgent", priority=1, minutes=60, windows=(window(10, 10.5),))
    repair = repaired(replace(asked, visits=(*asked.visits, urgent)), plan)
    assert moved(repair) == {"waits"}
    assert not repair.lost
    assert [item.visit for item in repair.new] == ["urgent"]


def test_an_emergency_displaces_the_lower_priority_when_nothing_else_helps() -> None:
    asked = problem(
        shift("t1", since=8, until=12), visit("low", priority=5, minutes=120), visit("high", priority=2, minutes=120)
    )
    plan = planned(asked)
    repair = repaired(replace(asked, visits=(*asked.visits, visit("urgent", priority=1, minutes=120))), plan)
    assert [item.visit for item in repair.lost] == ["low"]
    assert [item.visit for item in repair.new] == ["urgent"]


def test_in_a_larger_day_too_the_lowest_priority_makes_room() -> None:
    """More visits than are searched through exhaustively."""
    names = [f"t{number}" for number in range(5)]
    asked = problem(
        *(technician(name) for name in names),
        *(shift(name, since=8, until=12) for name in names),
        *(visit(f"v{number}", minutes=120, priority=5 if number == 7 else 3) for number in range(10)),
    )
    plan = planned(asked)
    repair = repaired(replace(asked, visits=(*asked.visits, visit("urgent", priority=1, minutes=120))), plan)
    assert [item.visit for item in repair.lost] == ["v7"]
    assert [item.visit for item in repair.new] == ["urgent"]


def test_in_a_larger_day_too_one_colleague_is_told_rather_than_two() -> None:
    """Each of the two visits of the sick person is nearer to another colleague, and either could take both."""
    asked = problem(
        *(technician(name) for name in "abc"),
        *(shift(name, start=at(0, east), end=at(0, east)) for name, east in (("a", 0), ("b", -6), ("c", 6))),
        visit("a0", place=at(0, -5), minutes=30, windows=(window(12, 13),), known_faces=("a",)),
        visit("a1", place=at(0, 5), minutes=30, windows=(window(14, 15),), known_faces=("a",)),
        *(
            visit(f"{name}{hour}", place=at(0, east), minutes=30, windows=(window(hour, hour),), required=(name,))
            for name, east in (("b", -6), ("c", 6))
            for hour in (8, 9, 10, 11)
        ),
        policy=replace(FLAT, continuity_credit=9_000),
    )
    plan = planned(asked)
    assert who(plan)["a0"] == who(plan)["a1"] == ["a"]
    repair = repaired(without(asked, shifts=("a-day",)), plan)
    assert moved(repair) == {"a0", "a1"}
    assert len(repair.told) == 1
    assert repair.proven


def test_a_new_visit_of_little_worth_displaces_nobody() -> None:
    asked = problem(shift("t1", since=8, until=12), visit("v1", minutes=120), visit("v2", minutes=120))
    plan = planned(asked)
    repair = repaired(replace(asked, visits=(*asked.visits, visit("new", priority=5))), plan)
    assert not repair.lost
    assert not repair.new
    assert [item.visit for item in repair.plan.unassigned] == ["new"]
    assert all(mine is theirs for mine, theirs in zip(repair.plan.routes, plan.routes, strict=True))


def test_a_longer_visit_lets_go_of_as_few_as_possible() -> None:
    """The day is full: with an hour more one visit has to go, and only one."""
    asked = problem(
        technician("a"),
        technician("b"),
        *(visit(f"v{number}", minutes=120, windows=(window(8 + 2 * number, 8 + 2 * number),)) for number in range(4)),
        shift("b", since=12, until=16),
        policy=FLAT,
    )
    asked = changed(asked, "v0", required=("a",))
    plan = planned(asked)
    repair = repaired(changed(asked, "v0", duration_s=3 * HOUR), plan)
    assert len(repair.moved) + len(repair.lost) == 1


def test_running_late_the_work_under_way_stays_first_and_the_least_number_moves() -> None:
    asked = problem(
        technician("a"),
        technician("b"),
        *(visit(f"v{number}", minutes=60, windows=(window(8, 16),), required=("a",)) for number in range(4)),
    )
    plan = planned(asked)
    order = [stop.visit for stop in plan.route_by_shift["a-day"].stops]
    assert [stop.start_s // HOUR for stop in plan.route_by_shift["a-day"].stops] == [8, 9, 10, 11]
    late = replace(asked, pins=(Pin(visit=order[0], technician="a", start_s=9 * HOUR + 1_800, order=0),))
    repair = repaired(late, plan)
    # Ninety minutes late: the first moves by its pin, the next one can not start before 10:30 and goes to the end.
    assert order[0] in moved(repair)
    assert not repair.lost
    stops = repair.plan.route_by_shift["a-day"].stops
    assert stops[0].visit == order[0]
    assert stops[0].start_s == 9 * HOUR + 1_800
    assert len(repair.moved) == 3


def test_running_a_little_late_moves_nobody() -> None:
    asked = problem(*(visit(f"v{number}", minutes=60, windows=(window(8, 16),)) for number in range(3)))
    plan = planned(asked)
    first = plan.routes[0].stops[0].visit
    late = replace(asked, pins=(Pin(visit=first, technician="t1", start_s=8 * HOUR + 600, order=0),))
    repair = repaired(late, plan)
    assert repair.moved == ()
    assert repair.told == ()
    assert [stop.start_s - 8 * HOUR for stop in repair.plan.routes[0].stops] == [600, 4_200, 7_800]


def test_nothing_goes_before_work_that_is_under_way() -> None:
    asked = problem(visit("under way", windows=(window(10, 11),)))
    plan = planned(asked)
    under_way = replace(
        asked,
        visits=(*asked.visits, visit("new", minutes=30)),
        pins=(Pin(visit="under way", technician="t1", start_s=10 * HOUR, order=0),),
    )
    repair = repaired(under_way, plan)
    assert [stop.visit for stop in repair.plan.routes[0].stops] == ["under way", "new"]


def test_without_access_a_visit_moves_to_another_day() -> None:
    day = 24.0
    asked = problem(
        technician("a"),
        shift("a"),
        shift("a", since=day + 8, until=day + 16, id="a-tomorrow"),
        visit("closed", windows=(window(8, 10),)),
        visit("open", windows=(window(10, 16),)),
        visit("tomorrow", windows=(window(day + 8, day + 9),)),
        horizon_s=48 * HOUR,
    )
    plan = planned(asked)
    repair = repaired(changed(asked, "closed", windows=(window(day + 10, day + 12),)), plan)
    assert moved(repair) == {"closed"}
    assert repair.moved[0].before[0].start_s < 10 * HOUR
    assert (day + 10) * HOUR <= repair.moved[0].after[0].start_s <= (day + 12) * HOUR
    assert set(repair.touched) == {"a-day", "a-tomorrow"}


def test_a_shorter_shift_keeps_what_still_fits() -> None:
    plan = planned(THREE)
    shorter = tuple(replace(one, end_s=11 * HOUR) if one.id == "a-day" else one for one in THREE.shifts)
    repair = repaired(replace(THREE, shifts=shorter), plan)
    # The first two of the three visits end before eleven, the way home included.
    assert moved(repair) == {"a2"}
    assert not repair.lost


def test_a_crew_keeps_its_time_and_the_member_who_is_there() -> None:
    asked = problem(
        *(technician(name) for name in "abc"),
        visit("both", crew=(visit().crew[0],) * 2, windows=(window(9, 12),)),
    )
    plan = planned(asked)
    people = who(plan)["both"]
    start = plan.stops_by_visit["both"][0][1].start_s
    repair = repaired(without(asked, shifts=(f"{people[0]}-day",)), plan)
    after = repair.plan.stops_by_visit["both"]
    assert {stop.start_s for _, stop in after} == {start}
    assert after[1][0].technician == people[1]
    assert after[0][0].technician not in people
    assert moved(repair) == {"both"}


def test_a_visit_that_waits_for_a_longer_one_moves_with_it() -> None:
    asked = problem(
        technician("a"),
        technician("b"),
        visit("first", minutes=60, windows=(window(8, 8),), required=("a",)),
        visit("then", minutes=60, predecessors=(Predecessor(visit="first"),), required=("b",)),
    )
    plan = planned(asked)
    repair = repaired(changed(asked, "first", duration_s=3 * HOUR), plan)
    assert moved(repair) == {"then"}
    assert repair.moved[0].after[0].start_s >= 11 * HOUR


def test_people_linked_to_other_visits_stay_linked() -> None:
    asked = problem(
        technician("a"),
        technician("b"),
        technician("c"),
        visit("first", windows=(window(8, 8),), required=("b",)),
        visit("other", windows=(window(10, 10),), required=("a",)),
    )
    plan = planned(asked)
    linked = changed(asked, "other", other_person_than=("first",), required=())
    repair = repaired(without(linked, shifts=("a-day",)), plan)
    assert who(repair.plan)["other"] == ["c"]


def test_a_visit_nobody_else_can_do_is_lost_with_its_reason() -> None:
    asked = problem(
        technician("a", skills={"gas": 5}),
        technician("b"),
        visit("gas", needs=(need("gas"),)),
        visit("any", windows=(window(8, 9),)),
    )
    plan = planned(asked)
    repair = repaired(without(asked, shifts=("a-day",)), plan)
    assert [item.visit for item in repair.lost] == ["gas"]
    assert next(str(reason.code) for reason in repair.lost[0].reasons) == "nobody_qualified"


def test_what_was_left_out_stays_out_unless_asked_for() -> None:
    asked = problem(shift("t1", since=8, until=10), visit("v1", minutes=120), visit("v2", minutes=120, priority=1))
    plan = planned(asked)
    assert [item.visit for item in plan.unassigned] == ["v1"]
    cancelled = without(asked, visits=("v2",))
    quiet = repaired(cancelled, plan)
    assert quiet.plan.routes == ()
    assert not quiet.new
    filled = repaired(cancelled, plan, improve=True)
    assert [item.visit for item in filled.new] == ["v1"]


def test_a_route_with_another_price_is_written_anew_and_named() -> None:
    plan = planned(THREE)
    told = changed(THREE, "a0", published=(Published(technician="b", start_s=8 * HOUR),))
    repair = repaired(told, plan)
    assert repair.repriced == ("a-day",)
    assert repair.touched == ()
    assert repair.moved == ()
    assert repair.plan.route_by_shift["a-day"].stops == plan.route_by_shift["a-day"].stops
    assert check(told, repair.plan) == ()


@pytest.mark.parametrize("most, expected", ((None, {"waits"}), (1, {"waits"}), (0, set())))
def test_no_more_published_visits_move_than_the_policy_allows(most: int | None, expected: set[str]) -> None:
    asked = problem(visit("fixed", windows=(window(8, 8),), minutes=120), visit("waits", minutes=120))
    plan = planned(asked)
    published = [
        replace(one, published=(Published(technician="t1", start_s=plan.stops_by_visit[one.id][0][1].start_s),))
        for one in asked.visits
    ]
    urgent = visit("urgent", priority=2, minutes=60, windows=(window(10, 10.5),))
    capped = replace(asked, visits=(*published, urgent), policy=replace(asked.policy, max_changes=most))
    repair = repaired(capped, plan)
    assert moved(repair) == expected
    assert not repair.lost
    assert [item.visit for item in repair.new] == (["urgent"] if expected else [])


def test_what_a_sick_person_leaves_does_not_count_against_the_cap() -> None:
    plan = planned(THREE)
    published = tuple(
        replace(
            one,
            published=tuple(
                Published(technician=route.technician, start_s=stop.start_s)
                for route, stop in plan.stops_by_visit[one.id]
            ),
        )
        for one in THREE.visits
    )
    asked = replace(THREE, visits=published, policy=replace(THREE.policy, max_changes=0))
    repair = repaired(without(asked, shifts=("a-day",)), plan)
    assert moved(repair) == {"a0", "a1", "a2"}


def test_a_pin_to_somebody_absent_is_kept_and_reported() -> None:
    plan = planned(THREE)
    asked = replace(without(THREE, shifts=("a-day",)), pins=(Pin(visit="a1", technician="a"),))
    repair = repaired(asked, plan)
    assert [item.visit for item in repair.lost] == ["a1"]
    assert any(item.rule == "pins" and item.visit == "a1" for item in repair.plan.violations)


# -- limits, repeatability, size ------------------------------------------------------------------------------------


def full_day(people: int = 12, visits: int = 90, seed: int = 3) -> Problem:
    """A day with a little more work than time."""
    draw = random.Random(seed)
    names = [f"t{number:02d}" for number in range(people)]
    homes = [at(draw.uniform(-15, 15), draw.uniform(-15, 15)) for _ in names]
    asked = []
    for number in range(visits):
        opening = draw.randint(8, 13)
        windows = (window(opening, opening + 2),) if draw.random() < 0.5 else ()
        place = at(draw.uniform(-15, 15), draw.uniform(-15, 15))
        asked.append(
            visit(
                f"v{number:03d}",
                place=place,
                minutes=draw.choice((30, 45, 60)),
                windows=windows,
                priority=number % 5 + 1,
            )
        )
    return problem(
        *(technician(name) for name in names),
        *(shift(name, start=home, end=home) for name, home in zip(names, homes, strict=True)),
        *asked,
    )


DAY = full_day()


@pytest.fixture(scope="module")
def standing() -> Plan:
    return solve(DAY, time_limit_s=None, step_limit=3_000)


def test_the_same_seed_and_steps_give_the_same_repair(standing: Plan) -> None:
    sick = without(DAY, shifts=("t03-day", "t04-day"))
    one, other = (repaired(sick, standing, step_limit=20, seed=5) for _ in range(2))
    assert one.plan.fingerprint() == other.plan.fingerprint()
    assert one.plan.stats.repeatable
    assert one.plan.stats.steps <= 20
    backwards = replace(sick, visits=sick.visits[::-1], shifts=sick.shifts[::-1], technicians=sick.technicians[::-1])
    assert repaired(backwards, standing, step_limit=20, seed=5).plan.fingerprint() == one.plan.fingerprint()


@pytest.mark.parametrize("name", [f"t{number:02d}-day" for number in range(0, 12, 3)])
def test_a_full_day_is_mended_by_moving_few(standing: Plan, name: str) -> None:
    """Less disturbing than solving anew by far, and nothing else than those lost or forced changes hands."""
    sick = without(DAY, shifts=(name,))
    repair = repaired(sick, standing)
    own = len(standing.route_by_shift[name].stops)
    assert len(repair.moved) + len(repair.lost) >= own
    assert len(repair.moved) <= 3 * own
    lost = sum(sick.penalty(sick.visit_by_id[item.visit]) for item in repair.lost)
    thrown_away = sum(sick.penalty(sick.visit_by_id[stop.visit]) for stop in standing.route_by_shift[name].stops)
    assert lost <= thrown_away


def test_more_attempts_never_make_it_worse(standing: Plan) -> None:
    sick = without(DAY, shifts=("t03-day", "t04-day"))
    none, some = (repaired(sick, standing, step_limit=steps) for steps in (0, 60))
    assert measured(sick, standing, some) <= measured(sick, standing, none)


@pytest.mark.parametrize("limit_s", (0.05, 0.5))
def test_the_time_limit_is_kept(standing: Plan, limit_s: float) -> None:
    gone = tuple(f"t{number:02d}-day" for number in range(6))
    replan(without(DAY, shifts=gone), standing, time_limit_s=5.0, step_limit=1)
    begun = time.monotonic()
    repair = replan(without(DAY, shifts=gone), standing, time_limit_s=limit_s)
    assert time.monotonic() - begun <= limit_s + 0.2
    assert check(without(DAY, shifts=gone), repair.plan) == ()


def test_stopping_gives_what_there_is(standing: Plan) -> None:
    gone = tuple(f"t{number:02d}-day" for number in range(6))
    begun = time.monotonic()
    repair = repaired(without(DAY, shifts=gone), standing, should_stop=lambda: True)
    assert time.monotonic() - begun <= 0.2 + 0.3  # counting the plan again included
    assert repair.plan.stats.repeatable is False


@pytest.mark.parametrize("limits", ({"time_limit_s": 0.0}, {"time_limit_s": float("nan")}, {"step_limit": -1}))
def test_limits_that_make_no_sense_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="limit"):
        replan(THREE, Plan(), **limits)  # type: ignore[arg-type]  # wrong on purpose


def test_an_empty_plan_makes_everything_new() -> None:
    repair = repaired(THREE, Plan())
    assert len(repair.new) == len(THREE.visits)
    assert not repair.kept


@given(problems())
@settings(max_examples=150, deadline=None)
def test_any_plan_survives_the_loss_of_a_shift_and_a_longer_visit(asked: Problem) -> None:
    plan = solve(asked, time_limit_s=None, step_limit=20)
    same = repaired(asked, plan)
    assert (same.moved, same.lost, same.touched) == ((), (), ())
    if len(asked.shifts) > 1:
        repaired(without(asked, shifts=(asked.shifts[0].id,)), plan)
    for one in asked.visits[:2]:
        repaired(changed(asked, one.id, duration_s=one.duration_s + 2_700), plan, improve=True)


# -- the command ----------------------------------------------------------------------------------------------------


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["replan", *(str(item) for item in arguments)])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    example = Problem.from_json((DOCS / "example-problem.json").read_bytes())
    plan = solve(example, time_limit_s=None, step_limit=200)
    (tmp_path / "plan.json").write_text(plan.to_json())
    (tmp_path / "sick.json").write_text(without(example, shifts=("ana-monday",)).to_json())
    return tmp_path / "sick.json", tmp_path / "plan.json"


def test_the_command_says_what_the_guide_says(files: tuple[Path, Path]) -> None:
    done = run(*files, "--steps", 5)
    assert done.exit_code == 0, done.output
    guide = (DOCS / "repair-a-plan.md").read_text()
    shown = [line[4:] for line in guide.splitlines() if line.startswith("    ")]
    for line in done.stdout.splitlines()[:-1]:
        assert line in shown or any(one.endswith("...") and line.startswith(one[:-3]) for one in shown), line


def test_the_command_writes_the_plan_only_when_asked(files: tuple[Path, Path], tmp_path: Path) -> None:
    output = tmp_path / "new.json"
    assert run(*files, "--steps", 5).exit_code == 0
    assert not output.exists()
    assert run(*files, "--steps", 5, "-o", output).exit_code == 0
    asked, plan = Problem.from_json(files[0].read_text()), Plan.from_json(files[1].read_text())
    expected = replan(asked, plan, time_limit_s=None, step_limit=5).plan
    assert Plan.from_json(output.read_text()).fingerprint() == expected.fingerprint()


def test_the_command_refuses_what_is_no_plan(files: tuple[Path, Path]) -> None:
    files[1].write_text("{}[")
    refused = run(*files)
    assert refused.exit_code == 2
    assert "is not usable" in refused.stderr
    assert run(files[0], files[0]).exit_code == 2
    assert run(*files, "--time-limit", -1).exit_code == 2
