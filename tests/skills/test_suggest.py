"""Own words lead to skills."""

import pytest

from dispatch.skills.starter import SKILLS
from dispatch.skills.suggest import suggest_skills
from dispatch.skills.taxonomy import Node, Taxonomy

TREE = Taxonomy(
    nodes={
        number: Node(
            id=number, code=one.code, name=one.name, parent_id=None, assignable=True, critical=one.critical,
            half_life_days=198, retired=one.code == "pest.control", aliases=one.aliases,
        )
        for number, one in enumerate(SKILLS)
    }
)  # fmt: skip


@pytest.mark.parametrize(
    "words, code",
    [
        ("heat pumps", "hvac.refrigeration"),
        ("boylers", "hvac.heating_plant"),
        ("Elevator!", "lift.electromechanical"),
        ("trafic light", "signal.heads"),
        ("water meter", "water.metering"),
        ("gas", "plumbing.gas"),
    ],
)
def test_everyday_words_find_the_skill(words: str, code: str) -> None:
    found = [TREE.nodes[one.skill_id].code for one in suggest_skills(TREE, words, limit=3)]
    assert code in found


def test_the_reason_is_a_name_or_alias_of_the_skill() -> None:
    best = suggest_skills(TREE, "fuse box")[0]
    assert (best.because, TREE.nodes[best.skill_id].code) == ("fuse box", "electrical.distribution")


@pytest.mark.parametrize("words", ["", "  !? ", "quantum chromodynamics"])
def test_nonsense_finds_nothing(words: str) -> None:
    assert suggest_skills(TREE, words) == []


def test_retired_skills_are_not_suggested() -> None:
    assert all(TREE.nodes[one.skill_id].code != "pest.control" for one in suggest_skills(TREE, "rodents"))
    assert len(suggest_skills(TREE, "repair", limit=2)) <= 2
