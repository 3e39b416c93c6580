"""What a need means by what the catalogue says: merged, included and first skills, against a plain reading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from dispatch.skills import cataloguing
from dispatch.skills.models import RelationKind, SkillRelation
from dispatch.skills.needing import FIRST_LEVEL, PLAIN, NeedRules
from dispatch.skills.taxonomy import load_need_rules
from tests.factories import make_skill
from tests.skills.people import ADMIN, NOW

GAS, BOILER, PUMP, POWER, OLD = 1, 2, 3, 4, 5


@pytest.mark.parametrize(
    ("rules", "groups", "meant"),
    [
        (PLAIN, [[(GAS, 3)], [(PUMP, 2), (BOILER, 3)]], [((GAS, 3),), ((PUMP, 2), (BOILER, 3))]),
        (NeedRules(current={OLD: GAS}), [[(OLD, 3)], [(GAS, 3)]], [((GAS, 3),)]),
        (NeedRules(included_in={GAS: frozenset({BOILER})}), [[(GAS, 3)]], [((GAS, 3), (BOILER, 3))]),
        (NeedRules(needs_first={BOILER: frozenset({POWER})}), [[(BOILER, 4)]], [((BOILER, 4),), ((POWER, 2),)]),
        (NeedRules(needs_first={BOILER: frozenset({POWER})}), [[(BOILER, 1)]], [((BOILER, 1),), ((POWER, 1),)]),
        (
            NeedRules(needs_first={BOILER: frozenset({POWER})}),
            [[(BOILER, 3), (PUMP, 3)]],
            [((BOILER, 3), (PUMP, 3)), ((POWER, 2), (PUMP, 3))],
        ),
    ],
)
def test_what_a_need_means(rules: NeedRules, groups: list[list[tuple[int, int]]], meant: object) -> None:
    assert rules.meant(groups) == meant


SKILLS = st.integers(1, 5)
LEVELS = st.integers(1, 5)
ABOVE = st.dictionaries(SKILLS, st.frozensets(SKILLS, max_size=2), max_size=3)


@given(
    included_in=ABOVE,
    needs_first=ABOVE,
    groups=st.lists(st.lists(st.tuples(SKILLS, LEVELS), min_size=1, max_size=3), max_size=2),
    held=st.dictionaries(SKILLS, LEVELS),
)
def test_who_is_good_enough_is_who_a_plain_reading_says(
    included_in: dict[int, frozenset[int]],
    needs_first: dict[int, frozenset[int]],
    groups: list[list[tuple[int, int]]],
    held: dict[int, int],
) -> None:
    rules = NeedRules(included_in=included_in, needs_first=needs_first)

    def has(skill: int, level: int) -> bool:
        return any(held.get(one, 0) >= level for one in (skill, *included_in.get(skill, ())))

    def fit(skill: int, level: int) -> bool:
        first = needs_first.get(skill, frozenset())
        return has(skill, level) and all(has(one, min(level, FIRST_LEVEL)) for one in first)

    plainly = all(any(fit(skill, level) for skill, level in group) for group in groups)
    meant = all(any(held.get(skill, 0) >= level for skill, level in group) for group in rules.meant(groups))
    assert meant is plainly


def test_the_catalogue_as_planning_reads_it(session: Session) -> None:
    gas, boiler, plant, power, old = (make_skill(session) for _ in range(5))
    for kind, skill, other in (
        (RelationKind.IMPLIES, plant, boiler),
        (RelationKind.IMPLIES, boiler, gas),
        (RelationKind.PREREQUISITE, boiler, power),
        (RelationKind.PREREQUISITE, power, old),
    ):
        session.add(SkillRelation(kind=kind, skill_id=skill.id, other_id=other.id))
    session.flush()
    rules = load_need_rules(session)
    assert rules.included_in[gas.id] == {boiler.id, plant.id}
    assert rules.needs_first[boiler.id] == {power.id, old.id}
    cataloguing.merge_skill(session, skill_id=old.id, into_id=gas.id, actor=ADMIN, now=NOW)
    cataloguing.retire_skill(session, skill_id=power.id, reason="gone", actor=ADMIN, now=NOW)
    rules = load_need_rules(session)
    assert rules.current == {old.id: gas.id}
    assert rules.needs_first.get(boiler.id, frozenset()) == frozenset(), "what is out of use binds nobody"
    assert rules.needs_first[power.id] == {gas.id}
