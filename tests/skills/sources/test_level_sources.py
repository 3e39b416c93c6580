"""What every source that puts a level on a person has in common."""

from typing import Any

import pytest

from dispatch.skills.evidence import LevelSeen, Source
from dispatch.skills.sources import SOURCES, source_named
from tests.skills.build import fact, level_of

LEVEL_SOURCES = [source for source in SOURCES if not source.outcome]


@pytest.mark.parametrize("source", LEVEL_SOURCES, ids=lambda source: source.name)
def test_a_level_is_observed_with_the_sources_trust(source: Source) -> None:
    (seen,) = source.observe(fact(source.name, level=3), source.trust)
    assert isinstance(seen, LevelSeen)
    assert (seen.level, seen.trust) == (3, source.trust)
    assert "level 3" in seen.sentence
    assert seen.confirms is not source.own_word


@pytest.mark.parametrize("source", LEVEL_SOURCES, ids=lambda source: source.name)
@pytest.mark.parametrize(
    "bad", [{}, {"level": 0}, {"level": 6}, {"level": "3"}, {"level": True}, {"level": 3, "odd": 1}]
)
def test_a_malformed_detail_is_refused_with_a_reason(source: Source, bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"level|unknown field"):
        source.parse(bad)


def test_better_evidence_moves_the_estimate_more() -> None:
    moved = {s.name: level_of([fact(s.name, level=5)], fact(s.name, level=5).at).mean for s in LEVEL_SOURCES}
    ranked = ["self_claim", "endorsement", "training", "certificate", "supervisor", "practical_test"]
    assert [moved[name] for name in ranked] == sorted(moved[name] for name in ranked)


def test_unknown_sources_are_named() -> None:
    with pytest.raises(ValueError, match="rumour"):
        source_named("rumour")
