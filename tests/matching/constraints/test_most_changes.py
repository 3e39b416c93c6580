"""With a cap on changes a plan starts from what was published, and says so where the cap can not be kept."""

from dataclasses import replace

from dispatch.matching import Problem, check, solve
from dispatch.matching.check.changes import changed
from dispatch.matching.problem import Policy, Published, Visit
from tests.matching.build import HOUR, at, problem, shift, technician, visit, who, window

CAPPED = Policy(second_visit_cost=0, waiting_percent=0, reassign_cost=0, retime_cost=0, max_changes=0)


def told(name: str, person: str, start: float, km: float = 0.0) -> Visit:
    return visit(name, place=at(km), published=(Published(technician=person, start_s=int(start * HOUR)),))


def shuffled_day(cap: int | None) -> Problem:
    """Everybody was told the person and the hour that a free plan would not choose."""
    return problem(
        *(technician(name) for name in ("a", "b")),
        shift("a"),
        shift("b", start=at(9), end=at(9)),
        told("far", "a", 9, 9),
        *(told(f"near{n}", "b", 9 + 2 * n) for n in range(3)),
        policy=replace(CAPPED, max_changes=cap),
    )


def test_a_cap_of_0_keeps_every_person_and_every_hour() -> None:
    asked = shuffled_day(0)
    plan = solve(asked, time_limit_s=None, step_limit=200)
    assert (changed(asked, plan), plan.violations, check(asked, plan)) == ({}, (), ())
    free = solve(shuffled_day(None), time_limit_s=None, step_limit=200)
    assert len(changed(asked, free)) > 2


def test_what_is_changed_stays_under_the_cap_and_pays() -> None:
    kept, some = (solve(shuffled_day(cap), time_limit_s=None, step_limit=400) for cap in (0, 2))
    assert 0 < len(changed(shuffled_day(2), some)) <= 2
    assert some.cost.total < kept.cost.total


def test_a_new_visit_does_not_push_what_was_published() -> None:
    asked = problem(told("x", "t1", 9), visit("new", windows=(window(8.5, 9.5),)), policy=CAPPED)
    plan = solve(asked, time_limit_s=None, step_limit=100)
    assert plan.stops_by_visit["x"][0][1].start_s <= 9 * HOUR + 900
    assert (set(who(plan)), check(asked, plan)) == ({"x"}, ())


def test_changes_that_have_to_be_leave_the_cap_to_others() -> None:
    asked = replace(shuffled_day(1), shifts=shuffled_day(1).shifts[:1])
    plan = solve(asked, time_limit_s=None, step_limit=200)
    assert plan.violations == ()
    assert check(asked, plan) == ()
    assert {name for name, _ in changed(asked, plan)} >= {"near0", "near1", "near2"}


def test_a_cap_that_can_not_be_kept_is_told() -> None:
    both = (told("x", "t1", 9), told("y", "t1", 9))
    plan = solve(problem(*both, policy=CAPPED), time_limit_s=None, step_limit=50)
    assert [item.rule for item in plan.violations] == ["changes"]
    assert len(plan.stops_by_visit) == 2
