"""Own claims."""

from dispatch.skills.sources.self_claim import SOURCE
from tests.skills.build import fact


def test_claims_read_half_a_level_high_and_never_confirm() -> None:
    assert SOURCE.trust.bias == 0.5
    (seen,) = SOURCE.observe(fact("self_claim", level=4, words="boilers"), SOURCE.trust)
    assert not seen.confirms
    assert seen.sentence == "Own claim: level 4"


def test_still_true_says_so() -> None:
    (seen,) = SOURCE.observe(fact("self_claim", level=4, still_true=True), SOURCE.trust)
    assert seen.sentence == "Says it is still level 4"
