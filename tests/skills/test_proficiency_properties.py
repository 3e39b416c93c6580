"""What must hold for every set of facts."""

import math
import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.skills.catalogue import Catalogue, SkillSpec
from dispatch.skills.evidence import Fact, Trust
from dispatch.skills.inference import LevelSite, OutcomeSite, infer
from dispatch.skills.proficiency import DEFAULTS, Constants, contributions, estimate, estimate_many
from tests.skills.build import (
    ALL_SKILLS,
    BOILER,
    CATALOGUE,
    LEAK,
    LIGHTS,
    METER,
    START,
    after,
    claim,
    fact,
    level_of,
    outcome,
    supervisor,
)
from tests.skills.naive import exact_single_skill, naive_estimate, with_losses

LEVELS = st.integers(1, 5)
SKILLS = st.sampled_from([BOILER, METER, LEAK, LIGHTS])
DAYS = st.integers(0, 700)
NEEDS = st.lists(st.tuples(SKILLS, LEVELS), min_size=1, max_size=3, unique_by=lambda need: need[0])


@st.composite
def some_facts(draw: st.DrawFn) -> list[Fact]:
    """Draw a mixed history."""
    facts = [
        fact(draw(st.sampled_from(["supervisor", "endorsement", "practical_test", "self_claim", "training"])),
             after(days=draw(DAYS)), skill=draw(SKILLS), level=draw(LEVELS), rater=draw(st.sampled_from(["a", "b"])))
        for _ in range(draw(st.integers(0, 6)))
    ]  # fmt: skip
    facts += [
        outcome(after(days=draw(DAYS)), needs=draw(NEEDS), fixed=draw(st.booleans()))
        for _ in range(draw(st.integers(0, 10)))
    ]
    return facts


@settings(max_examples=60, deadline=None)
@given(some_facts(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(facts: list[Fact], shuffler: random.Random) -> None:
    at = after(days=720)
    before = estimate(facts, CATALOGUE, ALL_SKILLS, at, outcomes=True)
    shuffler.shuffle(facts)
    assert estimate(facts, CATALOGUE, ALL_SKILLS, at, outcomes=True) == before, "bit for bit"


@settings(max_examples=40, deadline=None)
@given(some_facts())
def test_estimates_stay_sane(facts: list[Fact]) -> None:
    for found in estimate(facts, CATALOGUE, ALL_SKILLS, after(days=720), outcomes=True).values():
        # Whether something was lost suddenly is a doubt of its own, beside how sure one is of what was there.
        doubt = DEFAULTS.loss_spread**2 + DEFAULTS.loss_size**2
        assert 0 < found.sd <= math.sqrt(DEFAULTS.sd**2 + doubt), "facts never make the model doubt more than that"
        assert -2 < found.mean < 7
        chances = [found.confidence(level) for level in (1, 2, 3, 4, 5)]
        assert chances == sorted(chances, reverse=True)


@settings(max_examples=25, deadline=None)
@given(some_facts(), SKILLS)
def test_agrees_with_the_slow_plain_twin(facts: list[Fact], skill: int) -> None:
    # Each voice once and nothing pooled, so that the twin needs neither rule.
    spoken: dict[tuple[object, ...], Fact] = {}
    for one in facts:
        kind = one.key if one.source == "job_outcome" else (one.source, one.skill, one.rater)
        spoken[kind if isinstance(kind, tuple) else (kind,)] = one
    voices = {one.source: one for one in spoken.values() if one.source == "self_claim"}
    facts = [one for one in spoken.values() if one.source != "self_claim"] + list(voices.values())
    at = after(days=720)
    unpooled = Constants(single_outcome_days=10_000, loss_a_year=0)
    found = estimate(facts, CATALOGUE, [skill], at, outcomes=True, constants=unpooled)[skill]
    mean, sd = naive_estimate(facts, CATALOGUE, skill, at)
    assert found.mean == pytest.approx(mean, abs=2e-4)
    assert found.sd == pytest.approx(sd, abs=2e-4)


def test_laplace_is_close_to_the_true_posterior() -> None:
    cases: list[list[bool]] = [[True] * 12, [False] * 3, [True, False] * 4, [True] * 9 + [False] * 3]
    for results in cases:
        facts = [supervisor(3)] + [outcome(START, fixed=fixed) for fixed in results]
        found = level_of(facts, START)
        mean, sd = exact_single_skill([(3, 0.5)], [(3, fixed) for fixed in results])
        assert found.mean == pytest.approx(mean, abs=0.03)
        assert found.sd == pytest.approx(sd, abs=0.02)


def test_gaussian_facts_are_exact() -> None:
    facts = [supervisor(4), fact("practical_test", level=3), claim(5)]
    found = level_of(facts, START)
    mean, sd = exact_single_skill([(4, 0.5), (3, 0.35), (4.5, 1.0)], [])
    assert found.mean == pytest.approx(mean, abs=1e-9)
    assert found.sd == pytest.approx(sd, abs=1e-9)


@pytest.mark.parametrize("after_it", [[], [1], [1, 1.5], [4], [4, 1, 4], [1, 1, 4, 4]])
def test_a_sudden_loss_is_weighed_exactly(after_it: list[float]) -> None:
    """With levels seen nothing is approximated: every explanation spelled out gives the same mean and sd."""
    tests = [(0, 4.0), (40, 4.5), *((150 + 30 * number, level) for number, level in enumerate(after_it))]
    facts = [fact("practical_test", after(days=day), level=level) for day, level in tests]
    found = level_of(facts, after(days=400))
    mean, sd = with_losses([(day, level, 0.35) for day, level in tests], 400, CATALOGUE.spec(BOILER).half_life_days)
    assert found.mean == pytest.approx(mean, abs=1e-6)
    assert found.sd == pytest.approx(sd, abs=1e-6)


def test_what_is_lost_at_once_is_believed_soon() -> None:
    good = [outcome(after(days=10 * n), fixed=True) for n in range(30)]
    bad = [outcome(after(days=300 + 10 * n), fixed=False) for n in range(4)]
    drifting = estimate([*good, *bad], CATALOGUE, [BOILER], after(days=340), outcomes=True,
                        constants=Constants(loss_a_year=0))[BOILER]  # fmt: skip
    found = level_of([*good, *bad], after(days=340))
    assert found.mean < drifting.mean - 0.3
    assert found.sd > drifting.sd, "whether it was lost is not sure yet"
    one_bad_day = [supervisor(3), outcome(after(days=200), fixed=False)]
    never = Constants(loss_a_year=0)
    at = after(days=201)
    assert (
        level_of(one_bad_day, at)
        == estimate(one_bad_day, CATALOGUE, [BOILER], at, outcomes=True, constants=never)[BOILER]
    ), "one bad day is no loss"


def test_who_claims_everything_is_believed_less_in_each() -> None:
    here = [claim(5, skill=skill) for skill in (BOILER, METER, LEAK, LIGHTS)]
    tested = fact("practical_test", level=2)
    alone = level_of([here[3]], after(days=1), skill=LIGHTS)
    leaning = level_of([*here, tested], after(days=1), skill=LIGHTS)
    assert leaning.mean < alone.mean - 0.3, "the test of one skill showed how high this person claims"
    assert level_of([here[3]], after(days=1), skill=LIGHTS).mean == pytest.approx(2.5 + 2 * 0.5, abs=0.01)


def test_counting_by_month_changes_little() -> None:
    facts = [supervisor(3)] + [outcome(after(days=4 * n), fixed=n % 5 != 0) for n in range(1, 180)]
    at = after(days=720)
    single = estimate(facts, CATALOGUE, ALL_SKILLS, at, outcomes=True, constants=Constants(single_outcome_days=9999))
    counted = estimate(facts, CATALOGUE, ALL_SKILLS, at, outcomes=True)
    for skill in ALL_SKILLS:
        assert counted[skill].mean == pytest.approx(single[skill].mean, abs=0.02)
        assert counted[skill].sd == pytest.approx(single[skill].sd, abs=0.01)


def test_contested_facts_are_left_out() -> None:
    good = supervisor(4)
    wrong = fact("practical_test", level=1, contested=True)
    assert level_of([good, wrong], after(days=9)) == level_of([good], after(days=9))


def test_outcomes_count_only_under_an_agreement() -> None:
    facts = [supervisor(3)] + [outcome(after(days=n), fixed=False) for n in (1, 2, 3)]
    off = level_of(facts, after(days=9), outcomes=False)
    assert off == level_of(facts[:1], after(days=9))
    assert off.last_used is None
    assert level_of(facts, after(days=9)).mean < off.mean - 0.3


def test_the_future_is_not_known_yet() -> None:
    facts = [supervisor(3), supervisor(1, after(days=50), rater="other")]
    assert level_of(facts, after(days=49)) == level_of(facts[:1], after(days=49))


def test_a_voice_counts_once_by_its_newest_word() -> None:
    often = [claim(5, after(days=n)) for n in range(20)]
    assert level_of(often, after(days=30)).mean == level_of(often[-1:], after(days=30)).mean
    two = [supervisor(3), supervisor(3, rater="second")]
    assert level_of(two, after(days=1)).sd < level_of(two[:1], after(days=1)).sd
    tests = [fact("practical_test", level=3), fact("practical_test", level=3)]
    assert level_of(tests, after(days=1)).sd < level_of(tests[:1], after(days=1)).sd


def test_contributions_are_the_estimate_with_and_without() -> None:
    facts = [
        supervisor(4),
        claim(4),
        outcome(after(days=20), fixed=False),
        outcome(after(days=300), fixed=True, needs=((BOILER, 3), (METER, 2))),
        supervisor(5, skill=METER),
    ]
    at = after(days=310)
    parts = contributions(facts, CATALOGUE, BOILER, at, outcomes=True)
    assert [part.facts for part in parts] == [(one.key,) for one in sorted(facts, key=lambda f: (f.at, f.key))]
    for part in parts:
        rest = [one for one in facts if one.key not in part.facts]
        assert part.without == level_of(rest, at)
        assert part.with_facts == level_of(facts, at)
    moved = {part.facts[0]: part.moved for part in parts}
    assert moved[facts[0].key] > 0 > moved[facts[2].key]
    assert 0 < moved[facts[4].key] < moved[facts[0].key] * 2, "a neighbouring skill counts too"


def test_facts_can_be_left_out_in_groups() -> None:
    facts = [outcome(after(days=n), fixed=True) for n in range(6)]
    keys = [one.key for one in facts]
    (part,) = contributions(facts, CATALOGUE, BOILER, after(days=9), outcomes=True, groups=[keys])
    assert part.without == level_of([], after(days=9))
    assert part.moved > 0.2


def test_a_failure_is_shared_by_the_skills_it_needed() -> None:
    known = supervisor(5, skill=METER)
    both = outcome(after(days=1), needs=((BOILER, 3), (METER, 3)), fixed=False)
    before, at = [known], after(days=1)
    drop = {
        s: level_of(before, at, skill=s).mean - level_of([*before, both], at, skill=s).mean for s in (BOILER, METER)
    }
    assert drop[BOILER] > drop[METER] * 2, "the doubtful skill carries most of the blame"
    named = outcome(after(days=1), needs=((BOILER, 3), (METER, 3)), fixed=False, named=BOILER)
    only = outcome(after(days=1), needs=((BOILER, 3),), fixed=False)
    assert level_of([known, named], at).mean == level_of([known, only], at).mean


def test_many_people_are_the_same_as_one_by_one() -> None:
    people = {n: [supervisor(1 + n % 5), outcome(after(days=n), fixed=n % 2 == 0)] for n in range(5)}
    at = after(days=40)
    found = estimate_many(people, CATALOGUE, ALL_SKILLS, at, outcomes=True)
    assert found == {n: estimate(f, CATALOGUE, ALL_SKILLS, at, outcomes=True) for n, f in people.items()}


def test_deeper_trees_still_give_a_valid_covariance() -> None:
    specs = [SkillSpec(skill=1)] + [
        SkillSpec(skill=n, parent=n // 3 or None, half_life_days=30 * n) for n in range(2, 60)
    ]
    deep = Catalogue.of(specs)
    positions = deep.positions([spec.skill for spec in deep.specs])
    likeness = DEFAULTS.likeness(deep, positions, positions)
    assert (likeness == likeness.T).all()
    assert np.linalg.eigvalsh(likeness).min() > 0


@pytest.mark.parametrize(
    "specs, words",
    [
        ([SkillSpec(skill=1, parent=2)], "not in the catalogue"),
        ([SkillSpec(skill=1, parent=2), SkillSpec(skill=2, parent=1)], "its own ancestor"),
        ([SkillSpec(skill=1), SkillSpec(skill=1)], "twice"),
    ],
)
def test_a_broken_tree_is_refused(specs: list[SkillSpec], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Catalogue.of(specs)


def test_malformed_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="skill 99"):
        level_of([supervisor(3, skill=99)], after())
    with pytest.raises(ValueError, match="time zone"):
        level_of([], datetime(2025, 1, 1))  # noqa: DTZ001 - the naive date is the point
    with pytest.raises(ValueError, match="unknown evidence source"):
        level_of([fact("rumour", level=3)], after())
    broken = fact("supervisor", level=9)
    with pytest.raises(ValueError, match=f"fact {broken.key} .supervisor. cannot be read: level must be"):
        level_of([broken], after())
    with pytest.raises(ValueError, match="half-life"):
        SkillSpec(skill=1, half_life_days=0)
    with pytest.raises(ValueError, match="rise"):
        Constants(root_share=0.6)
    with pytest.raises(ValueError, match="positive sd"):
        Trust(bias=0, sd=0)


def test_the_mode_is_found_from_a_hard_start() -> None:
    sites = [
        OutcomeSite(needs=((BOILER, 5.0), (METER, 5.0), (LIGHTS, 5.0)), day=0.0, fixed=0, failed=60),
        OutcomeSite(needs=((BOILER, 1.0),), day=0.0, fixed=500, failed=1),
    ]
    found = infer([], sites, CATALOGUE, DEFAULTS)
    mean, sd = found.at(CATALOGUE.positions([BOILER, METER, LIGHTS]), 0.0)
    assert mean[0] > 3
    assert (mean[1:] < 3).all()
    assert (sd < 1).all()


def test_days_are_utc_days() -> None:
    same_day = START.replace(hour=23) + timedelta(minutes=30)
    assert level_of([supervisor(3)], START.astimezone(UTC)).mean == level_of([supervisor(3)], same_day).mean


def test_sites_in_any_order_give_the_same_numbers_bit_for_bit() -> None:
    levels = [LevelSite(skill=BOILER, day=3.0, level=1.0 + n / 7, sd=0.3 + n / 9) for n in range(12)]
    outcomes = [OutcomeSite(needs=((BOILER, 1 + n / 3),), day=3.0, fixed=n % 4, failed=n % 3) for n in range(12)]
    outcomes += [OutcomeSite(needs=((BOILER, 1 + n / 3), (METER, 2)), day=3.0, fixed=0, failed=1) for n in range(6)]
    here = CATALOGUE.positions([BOILER])
    straight = infer(levels, outcomes, CATALOGUE, DEFAULTS).at(here, 9.0)
    for seed in range(5):
        shuffler = random.Random(seed)
        shuffler.shuffle(levels)
        shuffler.shuffle(outcomes)
        assert infer(levels, outcomes, CATALOGUE, DEFAULTS).at(here, 9.0) == straight
