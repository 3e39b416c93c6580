"""Outcomes of work."""

from typing import Any

import pytest

from dispatch.skills.evidence import Fact, Need, Observation, OutcomeSeen
from dispatch.skills.sources.job_outcome import SOURCE, Cause
from tests.skills.build import BOILER, METER, START, fact, level_of, outcome


def observe(**detail: Any) -> tuple[OutcomeSeen, ...]:
    return SOURCE.observe(fact("job_outcome", **detail), SOURCE.trust)  # type: ignore[return-value]


def test_all_needs_share_an_outcome() -> None:
    (seen,) = observe(needs=[[METER, 2], [BOILER, 3]], fixed=True)
    assert seen.needs == (Need(skill=BOILER, level=3), Need(skill=METER, level=2))
    assert seen.success
    assert seen.sentence == "Fixed at the first visit: level 3 work"


def test_a_named_skill_takes_it_all() -> None:
    (seen,) = observe(needs=[[METER, 2], [BOILER, 3]], fixed=False, named=METER)
    assert seen.needs == (Need(skill=METER, level=2),)
    assert not seen.success


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.SKILL])
def test_a_failure_for_another_cause_says_nothing(cause: Cause) -> None:
    assert observe(needs=[[BOILER, 3]], fixed=False, cause=str(cause)) == ()
    assert len(observe(needs=[[BOILER, 3]], fixed=True, cause=str(cause))) == 1


def test_a_failure_for_want_of_skill_or_without_a_cause_counts() -> None:
    assert len(observe(needs=[[BOILER, 3]], fixed=False, cause="skill")) == 1
    assert len(observe(needs=[[BOILER, 3]], fixed=False)) == 1


def test_two_needs_for_one_skill_are_the_harder_one() -> None:
    (seen,) = observe(needs=[[BOILER, 2], [BOILER, 4]], fixed=True)
    assert seen.needs == (Need(skill=BOILER, level=4),)


@pytest.mark.parametrize(
    "bad, words",
    [
        ({"needs": [], "fixed": True}, "at least one skill"),
        ({"needs": "10:3", "fixed": True}, "list of"),
        ({"needs": [[BOILER]], "fixed": True}, "list of"),
        ({"needs": [[BOILER, 9]], "fixed": True}, "from 1 to 5"),
        ({"needs": [[BOILER, 3]]}, "'fixed' is missing"),
        ({"needs": [[BOILER, 3]], "fixed": 1}, "true or false"),
        ({"needs": [[BOILER, 3]], "fixed": True, "nth": 0}, "1 for a first visit"),
        ({"needs": [[BOILER, 3]], "fixed": True, "taken_s": 60}, "belong together"),
        ({"needs": [[BOILER, 3]], "fixed": True, "taken_s": 0, "expected_s": 60}, "whole seconds"),
        ({"needs": [[BOILER, 3]], "fixed": True, "cause": "laziness"}, "cause must be one of"),
    ],
)
def test_a_malformed_outcome_is_refused_with_a_reason(bad: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SOURCE.parse(bad)


def test_it_is_performance_data() -> None:
    assert SOURCE.outcome
    assert outcome(fact("job_outcome").at, fixed=True).source == SOURCE.name


def test_a_later_visit_is_easier_work() -> None:
    (seen,) = observe(needs=[[BOILER, 3]], fixed=True, nth=2)
    assert seen.needs == (Need(skill=BOILER, level=2.5),)
    assert seen.sentence == "Fixed at a later visit: level 3 work"
    moved = {
        (fixed, nth): level_of([fact("job_outcome", needs=[[BOILER, 3]], fixed=fixed, nth=nth)], START).mean
        for fixed in (True, False)
        for nth in (1, 2)
    }
    assert 2.5 < moved[True, 2] < moved[True, 1], "fixing it the second time says less"
    assert moved[False, 2] < moved[False, 1] < 2.5, "failing again says more"


def test_the_lowest_level_gets_no_easier() -> None:
    (seen,) = observe(needs=[[BOILER, 1]], fixed=True, nth=3)
    assert seen.needs == (Need(skill=BOILER, level=1),)


def took(percent: int, **detail: Any) -> Fact:
    known = {"needs": [[BOILER, 3]], "fixed": True}
    return fact("job_outcome", **(known | detail), taken_s=36 * percent, expected_s=3600)


def test_quick_work_says_a_little_and_often_repeated_it_says_more() -> None:
    usual, quick, slow = (level_of([took(percent)], START) for percent in (100, 60, 160))
    assert slow.mean < usual.mean < quick.mean < usual.mean + 0.5
    thrice = level_of([took(60), took(60), took(60)], START)
    assert thrice.mean > quick.mean
    assert quick.facts == 1, "one fact, whatever it says"
    assert quick.confirmed
    assert not quick.claimed


def test_a_time_counts_only_where_one_skill_explains_it() -> None:
    assert len(took_says()) == 2
    assert took_says()[1].sentence == "Took 60 % of the expected time: level 3 work"
    assert len(took_says(needs=[[BOILER, 3], [METER, 2]])) == 1
    assert len(took_says(needs=[[BOILER, 3], [METER, 2]], named=METER)) == 2
    assert len(took_says(fixed=False)) == 1, "who gives up is quick"
    assert len(SOURCE.observe(took(20), SOURCE.trust)) == 1, "forgot to report the arrival"


def took_says(**detail: Any) -> tuple[Observation, ...]:
    return SOURCE.observe(took(60, **detail), SOURCE.trust)


def test_times_count_only_under_the_agreement() -> None:
    known = [fact("supervisor", level=3, rater="boss")]
    assert level_of([*known, took(40)], START, outcomes=False) == level_of(known, START, outcomes=False)
