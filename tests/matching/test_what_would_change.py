"""What would change it: every change that is told was made for a trial, and here it is made once more."""

import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.matching import Plan, Problem, candidates, changes, solve
from dispatch.matching.check import unforced
from dispatch.matching.explain import Effect, Remedy, what_would_change
from dispatch.matching.plan import Cost
from dispatch.matching.problem import Certification, Pin, Proficiency
from dispatch.matching.solvers.obstacles import written_plan
from dispatch.matching.solvers.remedies import trial
from tests.matching.build import HOUR, at, need, problem, shift, technician, visit, window
from tests.matching.random_days import day
from tests.matching.strategies import pinned, problems

uncapped = problems(extras=True).map(lambda asked: replace(asked, policy=replace(asked.policy, max_changes=None)))
"""Explanations look at one visit, and not at how many published ones the whole plan may change."""

relaxed = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def verify(asked: Problem, plan: Plan, name: str, person: str, remedy: Remedy, slot: int = 0) -> None:
    """Make the changes and ask the slow way; then send the person and let the checker count it all again."""
    made = trial(asked, plan, remedy.changes)
    assert made is not None
    others = written_plan(made, plan)
    found = made.everybody(name, slot=slot)
    [stated] = remedy.candidates
    assert stated.technician == person
    assert stated in found.ranked
    if remedy.effect is Effect.CHEAPEST:
        assert found.ranked[0] == stated
    if not any(isinstance(change, changes.GiveAway) for change in remedy.changes) and not made._rigid:
        again = candidates(changes.applied(asked, remedy.changes), plan, name, slot=slot)
        assert stated in again.ranked
    if len(made.problem.visit_by_id[name].crew) > 1:
        return
    assert made.seat(name, person)
    sent = written_plan(made, plan)
    before = {(item.rule, item.visit, item.shift) for item in unforced(asked, plan)}
    assert [one for one in unforced(made.problem, sent) if (one.rule, one.visit, one.shift) not in before] == []
    if name not in others.stops_by_visit:
        assert _routes(sent) - _routes(others) == stated.cost


def _routes(plan: Plan) -> Cost:
    return Cost.summed(route.cost for route in plan.routes)


def test_two_hundred_random_pairs_verify() -> None:
    chosen = random.Random(7)
    pairs = told = 0
    while pairs < 200:
        asked = day(pairs)
        plan = solve(asked, time_limit_s=None, step_limit=10)
        name, person = chosen.choice(asked.visits).id, chosen.choice(asked.technicians).id
        found = candidates(asked, plan, name).ranked
        pairs += 1
        remedies = what_would_change(asked, plan, name, person)
        assert len(remedies) <= 3
        if found and found[0].technician == person:
            assert remedies == ()
        for remedy in remedies:
            verify(asked, plan, name, person, remedy)
        told += bool(remedies)
    assert told > 120  # the others are cheapest already, or dearer with nothing that helps


@relaxed
@given(st.one_of(problems(), pinned(), uncapped), st.data())
def test_every_change_told_does_what_is_said(asked: Problem, data: st.DataObject) -> None:
    if not asked.visits:
        return
    plan = solve(asked, time_limit_s=None, step_limit=10)
    wanted = data.draw(st.sampled_from(asked.visits))
    slot = data.draw(st.integers(0, len(wanted.crew) - 1))
    person = data.draw(st.sampled_from(asked.technicians)).id
    for remedy in what_would_change(asked, plan, wanted.id, person, slot=slot):
        verify(asked, plan, wanted.id, person, remedy, slot)


def kinds(remedy: Remedy) -> list[str]:
    return [type(change).__name__ for change in remedy.changes]


@pytest.mark.parametrize(
    ("person", "asked_for", "kind"),
    [
        (technician(skills={"gas": 2}), visit(needs=(need("gas"),)), "RaiseLevel"),
        (
            technician(proficiencies={"gas": Proficiency(mean=4, sd=0.2, confirmed=False)}),
            visit(needs=(need("gas"),)),
            "ConfirmEvidence",
        ),
        (technician(territories=("north",)), visit(territory="south"), "OpenTerritory"),
        (technician(), visit(excluded=("t1",)), "LiftExclusion"),
        (technician(), visit(required=("boss",)), "AlsoAccept"),
    ],
)
def test_a_must_is_lifted_by_the_one_change_that_fits(person: object, asked_for: object, kind: str) -> None:
    asked = problem(person, asked_for)  # type: ignore[arg-type]  # a visit
    [remedy] = what_would_change(asked, Plan(), "v1", "t1")
    assert kinds(remedy) == [kind]
    assert remedy.effect is Effect.CAN_SERVE


def test_a_certificate_is_extended_to_that_day() -> None:
    papers = (Certification(id="permit", valid_until_s=12 * HOUR),)
    wanted = visit(crew=(replace(visit().crew[0], certifications=("permit",)),))
    [remedy] = what_would_change(problem(technician(certifications=papers), wanted), Plan(), "v1", "t1")
    assert remedy.changes == (
        changes.ExtendCertification(technician="t1", certification="permit", from_s=0, until_s=24 * HOUR),
    )


def test_a_window_is_widened_by_the_minutes_that_are_missing() -> None:
    asked = problem(visit(windows=(window(6, 7.5),)))
    first = what_would_change(asked, Plan(), "v1", "t1")
    assert first[0].changes == (changes.WidenWindow(visit="v1", window=0, later_s=1_800),)
    assert first[1].changes == (changes.StartEarlier(shift="t1-day", earlier_s=1_800),)


def test_overtime_is_as_long_as_needed() -> None:
    asked = problem(visit(minutes=500))
    found = {remedy.changes for remedy in what_would_change(asked, Plan(), "v1", "t1")}
    assert (changes.AllowOvertime(shift="t1-day", more_s=20 * 60),) in found


def test_a_visit_in_the_way_goes_to_whoever_takes_it_for_least() -> None:
    asked = problem(
        technician("full", skills={"gas": 4}),
        technician("free"),
        visit("gas", needs=(need("gas"),), minutes=300),
        visit("other", minutes=300, known_faces=("full",)),
    )
    day_before = replace(asked, visits=asked.visits[1:])
    plan = solve(day_before, time_limit_s=None, step_limit=20)
    assert plan.routes[0].technician == "full"
    [remedy, *_] = what_would_change(asked, plan, "gas", "full")
    assert [(one.visit, one.technician) for one in remedy.changes if isinstance(one, changes.GiveAway)] == [
        ("other", "free")
    ]


def test_two_musts_and_a_window_are_told_together() -> None:
    asked = problem(
        technician(skills={"gas": 2}, territories=("north",)),
        visit(needs=(need("gas"),), territory="south", windows=(window(6, 7.5),)),
    )
    assert set(kinds(what_would_change(asked, Plan(), "v1", "t1")[0])) == {
        "RaiseLevel",
        "OpenTerritory",
        "WidenWindow",
    }


def test_who_is_dearer_by_little_is_named_as_preferred() -> None:
    asked = problem(technician("a"), technician("b"), shift("a"), shift("b", start=at(2), end=at(2)), visit("v1"))
    plan = solve(asked, time_limit_s=None, step_limit=5)
    found = what_would_change(asked, plan, "v1", "b")
    assert (changes.NamePreferred(visit="v1", technician="b"),) in {remedy.changes for remedy in found}
    assert all(remedy.effect is Effect.CHEAPEST for remedy in found)
    assert what_would_change(asked, plan, "v1", "a") == ()


def test_somebody_without_a_shift_would_have_to_work() -> None:
    asked = problem(technician("a"), technician("off"), visit("v1"), shifts=(shift("a"),))
    [remedy, *_] = what_would_change(asked, Plan(), "v1", "off")
    assert kinds(remedy) == ["AddShift"]


def test_a_pin_to_somebody_else_goes() -> None:
    asked = problem(technician("a"), technician("b"), visit("v1"), pins=(Pin(visit="v1", technician="a"),))
    [remedy, *_] = what_would_change(asked, Plan(), "v1", "b")
    assert kinds(remedy) == ["Unpin"]


def test_an_estimate_is_raised_by_no_more_than_needed() -> None:
    for known in (Proficiency(mean=1.0, sd=0.4), Proficiency(mean=0, sd=1, at_least=(0.9, 0.5, 0.1, 0.0, 0.0))):
        raised = changes.lifted(known, 3, 0.7)
        assert raised.confirmed
        assert 0.7 <= raised.confidence(3) < 0.72
    assert changes.lifted(Proficiency(mean=5, sd=0.1), 3, 0.7).mean == 5
