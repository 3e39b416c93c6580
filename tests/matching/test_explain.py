"""Candidates with terms that add up to the truth, obstacles with their facts, and reasons for visits left out."""

from dataclasses import replace

import pytest

from dispatch.matching import candidates, solve, why_not, why_unassigned
from dispatch.matching.explain import Candidate, Kind, WhyNot
from dispatch.matching.plan import ReasonCode
from dispatch.matching.problem import Partner, Problem
from tests.matching.build import HOUR, at, crew, need, problem, shift, technician, visit, window


def asked() -> Problem:
    return problem(
        technician("able", skills={"gas": 4}),
        technician("expert", skills={"gas": 5}),
        technician("novice", skills={"gas": 1}),
        technician("absent", skills={"gas": 4}),
        technician("early", skills={"gas": 4}),
        technician("refused", skills={"gas": 4}),
        shift("able"),
        shift("expert", start=at(10), end=at(10)),
        shift("novice"),
        shift("early", since=4, until=7),
        shift("refused"),
        visit("wanted", place=at(2), needs=(need("gas", 3),), windows=(window(9, 12),), excluded=("refused",)),
        visit("other", place=at(4), required=("able",), windows=(window(9, 16),)),
        shifts=(
            shift("able"),
            shift("expert", start=at(10), end=at(10)),
            shift("novice"),
            shift("early", since=4, until=7),
            shift("refused"),
        ),
    )


def test_everybody_is_ranked_or_has_a_reason() -> None:
    question = asked()
    plan = solve(question, time_limit_s=None, step_limit=100)
    found = candidates(question, plan, "wanted")
    assert [item.technician for item in found.ranked] == ["able", "expert"]
    assert {item.technician: str(item.reason.code) for item in found.excluded} == {
        "novice": "not_qualified",
        "absent": "no_shift",
        "early": "not_then",
        "refused": "excluded",
    }
    assert found.scope == 6
    assert found.excluded_by == {"not_qualified": 1, "no_shift": 1, "not_then": 1, "excluded": 1}


def test_terms_are_what_the_plan_really_costs_more() -> None:
    question = asked()
    without = solve(replace(question, visits=question.visits[1:]), time_limit_s=None, step_limit=100)
    served = solve(question, time_limit_s=None, step_limit=100)
    best = candidates(question, served, "wanted").ranked[0]
    assert best.technician == served.stops_by_visit["wanted"][0][0].technician
    assert best.cost == served.cost - without.cost
    assert best.cost.total == sum(best.cost.terms().values())


def test_knock_on_names_who_is_served_later() -> None:
    question = asked()
    plan = solve(question, time_limit_s=None, step_limit=100)
    best = candidates(question, plan, "wanted").ranked[0]
    stops = {stop.visit: stop for stop in plan.routes[0].stops}
    if best.position == 0:
        assert [item.visit for item in best.knock_on] == ["other"]
        assert best.knock_on[0].start_after_s == stops["other"].start_s
        assert best.knock_on[0].start_before_s == 9 * HOUR
    else:
        assert best.after_visit == "other"
        assert best.knock_on == ()


def test_one_person_is_explained_either_way() -> None:
    question = asked()
    plan = solve(question, time_limit_s=None, step_limit=20)
    assert isinstance(why_not(question, plan, "wanted", "expert"), Candidate)
    novice = why_not(question, plan, "wanted", "novice")
    assert isinstance(novice, WhyNot)
    assert (novice.reason.params["skill"], novice.reason.params["level"]) == ("gas", 3)
    with pytest.raises(KeyError):
        why_not(question, plan, "wanted", "nobody")
    with pytest.raises(KeyError):
        candidates(question, plan, "none")


def test_a_crew_keeps_its_start_and_its_other_members() -> None:
    question = problem(*(technician(name) for name in "abc"), visit(crew=crew((), ()), windows=(window(9, 12),)))
    plan = solve(question, time_limit_s=None, step_limit=0)
    found = candidates(question, plan, "v1", slot=1)
    assert [item.technician for item in found.ranked] == ["b", "c"]
    assert {item.start_s for item in found.ranked} == {plan.stops_by_visit["v1"][0][1].start_s}
    assert found.excluded_by == {"same_crew": 1}


def test_a_full_day_names_the_visit_in_the_way() -> None:
    question = problem(visit("long", minutes=400, priority=1), visit("late", minutes=200, priority=5))
    plan = solve(question, time_limit_s=None, step_limit=20)
    found = why_unassigned(question, plan, "late")
    assert found.kind is Kind.DISPLACED
    assert found.reasons[0].params["visit"] == "long"
    assert candidates(question, plan, "late").excluded[0].reason.params == {"visit": "long"}


@pytest.mark.parametrize(
    ("left_out", "kind"),
    [
        (visit(needs=(need("gas"),)), Kind.NOBODY_CAN),
        (visit(windows=(window(1, 2),)), Kind.NOBODY_THEN),
        (visit(place=None), Kind.NOT_PLANNABLE),
        (visit(place=at(30), optional=True, unserved_penalty=1), Kind.NOT_WORTH_IT),
    ],
)
def test_kinds(left_out: object, kind: Kind) -> None:
    question = problem(left_out)  # type: ignore[arg-type]
    plan = solve(question, time_limit_s=None, step_limit=0)
    assert why_unassigned(question, plan, "v1").kind is kind


@pytest.mark.parametrize(
    ("code", "day", "needs"),
    [
        (ReasonCode.PARTNER_FULL, {}, {}),
        (ReasonCode.MOST_VISITS, {"max_visits": 1}, {}),
        (ReasonCode.MOST_DRIVING, {"max_drive_s": 1_300}, {}),
        (ReasonCode.LONGEST_DAY, {"max_length_s": 2 * HOUR}, {}),
        (ReasonCode.PARTS_USED_UP, {"parts": {"valve": 1}}, {"parts": {"valve": 1}}),
        (ReasonCode.DISPLACED, {"until": 10}, {}),
    ],
)
def test_a_limit_that_is_reached_is_told_by_its_name(
    code: ReasonCode, day: dict[str, object], needs: dict[str, object]
) -> None:
    limit = 1 if code is ReasonCode.PARTNER_FULL else None
    question = problem(
        technician("able", partner="north"),
        visit("first", place=at(5), priority=1, **needs),
        visit("second", place=at(-5), priority=5, **needs),
        shifts=(shift("able", **day),),  # type: ignore[arg-type]  # hours by name
        partners=(Partner(id="north", visits_a_day=limit),),
    )
    plan = solve(question, time_limit_s=None, step_limit=5)
    assert [item.visit for item in plan.unassigned] == ["second"]
    found = why_unassigned(question, plan, "second")
    assert (found.kind, found.reasons[0].code) == (Kind.DISPLACED, code)
    assert [item.reason.code for item in candidates(question, plan, "second").excluded] == [code]


@pytest.mark.parametrize(("kind", "left"), [("same_person_as", "b"), ("other_person_than", "a")])
def test_who_serves_another_visit_decides_who_may_come(kind: str, left: str) -> None:
    question = problem(
        technician("a"), technician("b"), visit("first", required=("a",)), visit("bound", **{kind: ("first",)})
    )
    plan = solve(question, time_limit_s=None, step_limit=5)
    [out] = candidates(question, plan, "bound").excluded
    assert (out.technician, out.reason.code) == (left, ReasonCode.LINKED)
    assert out.reason.params == {"technician": left, "visit": "first", "same": int(kind == "same_person_as")}


def test_served_visits_have_no_such_reason() -> None:
    question = problem(visit())
    with pytest.raises(ValueError, match="served"):
        why_unassigned(question, solve(question, time_limit_s=None, step_limit=0), "v1")
