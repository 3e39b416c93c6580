"""Outcomes of work."""

from typing import Any

import pytest

from dispatch.skills.evidence import Need, OutcomeSeen
from dispatch.skills.sources.job_outcome import SOURCE, Cause
from tests.skills.build import BOILER, METER, fact, outcome


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
        ({"needs": [[BOILER, 3]], "fixed": True, "cause": "laziness"}, "cause must be one of"),
    ],
)
def test_a_malformed_outcome_is_refused_with_a_reason(bad: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SOURCE.parse(bad)


def test_it_is_performance_data() -> None:
    assert SOURCE.outcome
    assert outcome(fact("job_outcome").at, fixed=True).source == SOURCE.name
