"""What the model must conclude from typical sets of facts, with the written defaults."""

import pytest

from dispatch.skills.proficiency import QualificationRules, qualified
from tests.skills.build import BOILER, LEAK, LIGHTS, METER, after, claim, fact, level_of, outcome, supervisor

MONTHS = range(0, 121, 3)


@pytest.mark.parametrize("level", [3, 4, 5])
@pytest.mark.parametrize("months", [0, 1, 12, 60])
def test_a_claim_alone_never_qualifies(level: int, months: int) -> None:
    assert not qualified(level_of([claim(level)], after(months=months)), 3)


def test_a_high_claim_fails_for_want_of_confirmation_only() -> None:
    found = level_of([claim(5)], after(days=1))
    assert found.confidence(3) > 0.9
    assert not found.confirmed
    assert not qualified(found, 3)


def test_a_supervisors_3_qualifies_at_once_and_for_18_months_without_use() -> None:
    for months in [0, 1, 3, 6, 9, 12, 15, 18]:
        assert qualified(level_of([supervisor(3)], after(months=months)), 3), months
    assert not qualified(level_of([supervisor(3)], after(months=36)), 3)


def test_a_test_beside_it_lasts_30_months() -> None:
    facts = [supervisor(3), fact("practical_test", level=3)]
    for months in [0, 6, 12, 18, 24, 30]:
        assert qualified(level_of(facts, after(months=months)), 3), months


def test_monthly_success_keeps_a_person_qualified_always() -> None:
    facts = [supervisor(3)] + [outcome(after(months=month), fixed=True) for month in range(1, 121)]
    for months in [0, 0.9, 1, 1.9, 6, 12, 17.9, 24, 36.5, 60, 90, 120]:
        known = [one for one in facts if one.at <= after(months=months)]
        assert qualified(level_of(known, after(months=months)), 3), months


@pytest.mark.parametrize("days", [0, 1, 3, 7, 10])
def test_one_failure_does_not_disqualify(days: int) -> None:
    assert qualified(level_of([supervisor(3), outcome(after(days=days), fixed=False)], after(days=days)), 3)


@pytest.mark.parametrize("months", [1, 2, 6, 12])
def test_one_failure_does_not_disqualify_somebody_in_practice(months: int) -> None:
    """A supervisor's word wears thin; with the month's successes beside it a failure later on does no harm either."""
    successes = [outcome(after(months=month), fixed=True) for month in range(1, months + 1)]
    failure = outcome(after(months=months, days=7), fixed=False)
    assert qualified(level_of([supervisor(3), *successes, failure], after(months=months, days=8)), 3)


@pytest.mark.parametrize("gap_days", [0, 1, 7, 30])
def test_three_failures_in_a_row_disqualify_until_new_evidence(gap_days: int) -> None:
    facts = [supervisor(3)] + [outcome(after(days=gap_days * number), fixed=False) for number in (1, 2, 3)]
    last = gap_days * 3
    for later in [0, 30, 365, 3650]:
        assert not qualified(level_of(facts, after(days=last + later)), 3), later
    facts.append(fact("practical_test", after(days=last + 40), level=3))
    assert qualified(level_of(facts, after(days=last + 41)), 3)


def test_a_sibling_skill_helps_but_does_not_qualify() -> None:
    facts = [supervisor(4, skill=METER)]
    sibling, stranger = level_of(facts, after(days=1)), level_of([], after(days=1))
    assert not qualified(sibling, 3)
    assert sibling.confidence(3) > stranger.confidence(3) + 0.1
    assert sibling.mean > level_of(facts, after(days=1), skill=LIGHTS).mean > stranger.mean


def test_the_policy_may_let_claims_count_for_simple_work() -> None:
    trusting = QualificationRules(claims_count_to=2)
    found = level_of([claim(4)], after(days=1))
    assert qualified(found, 2, trusting)
    assert not qualified(found, 2)
    assert not qualified(found, 3, trusting)
    assert not qualified(level_of([claim(4, skill=LEAK)], after(days=1), skill=LEAK), 2, trusting), "critical"


def test_failed_work_does_not_confirm_a_claim() -> None:
    failed = level_of([claim(5), outcome(after(days=1), fixed=False)], after(days=1))
    assert not failed.confirmed
    assert level_of([claim(5), outcome(after(days=1), fixed=True)], after(days=1)).confirmed
    assert failed.facts == 2
    assert failed.last_used == after(days=1).date()


def test_the_threshold_is_the_policys() -> None:
    found = level_of([supervisor(3)], after())
    assert qualified(found, 3, QualificationRules(threshold=0.8))
    assert not qualified(found, 3, QualificationRules(threshold=0.9))
    assert found.skill == BOILER
