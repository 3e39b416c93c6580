"""Pure: from a person's own words to skills of the catalogue, forgiving typing errors."""

from dataclasses import dataclass

from dispatch.skills.taxonomy import Taxonomy

GOOD_ENOUGH = 60.0


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A skill that may be meant, the name or alias that says so, and how alike the words are (0 to 100)."""

    skill_id: int
    name: str
    because: str
    likeness: float


def suggest_skills(taxonomy: Taxonomy, words: str, *, limit: int = 8) -> list[Suggestion]:
    """Return skills in use whose name or alias is like the words, most alike first."""
    from rapidfuzz import utils

    asked = utils.default_process(words)
    if not asked:
        return []
    found = []
    for node in taxonomy.nodes.values():
        if not node.assignable or node.retired:
            continue
        likeness, because = max(
            ((_likeness(asked, utils.default_process(word)), word) for word in (node.name, *node.aliases)),
            key=lambda pair: pair[0],
        )
        if likeness >= GOOD_ENOUGH:
            found.append(Suggestion(skill_id=node.id, name=node.name, because=because, likeness=likeness))
    return sorted(found, key=lambda one: (-one.likeness, one.name, one.skill_id))[:limit]


def _likeness(asked: str, word: str) -> float:
    """Compare word by word; what the name has beyond the words asked for costs little, a missing word much."""
    from rapidfuzz import fuzz

    ours = word.split()
    best = [max(fuzz.ratio(one, other) for other in ours) for one in asked.split()]
    return 0.9 * sum(best) / len(best) + 0.1 * float(fuzz.ratio(asked, word))
