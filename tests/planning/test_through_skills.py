"""Who meets a skill through one that includes it: the table, the list and planning say the same of everybody."""

import random

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from dispatch.matching.policy import Policy
from dispatch.matching.problem import Proficiency, Technician
from dispatch.planning.rows import critical_skills, proficiencies
from dispatch.planning.terms import qualified
from dispatch.planning.who_can import who_can
from dispatch.skills.estimate import DEFAULT_RULES, QualificationRules
from dispatch.skills.inventory import Asked, Cell, Inventory, Standing, skill_inventory
from dispatch.skills.models import RelationKind, Skill, SkillRelation, SkillWish, Wish
from dispatch.skills.queries import who_holds
from dispatch.skills.taxonomy import load_need_rules, load_taxonomy
from dispatch.workforce.models import Technician as Person
from tests.conftest import statements
from tests.factories import MORNING, make_evidence, make_proficiency, make_skill, make_technician

CLAIMS = QualificationRules(threshold=0.8, claims_count_to=2)
LEVELS = range(1, 6)


def relate(session: Session, kind: RelationKind, skill: Skill, other: Skill) -> None:
    session.add(SkillRelation(kind=kind, skill_id=skill.id, other_id=other.id))
    session.flush()


def ask(session: Session, rules: QualificationRules = DEFAULT_RULES, **asked: object) -> Inventory[Cell]:
    wanted = Asked(**asked)  # type: ignore[arg-type]  # the names of its fields
    return skill_inventory(session, load_taxonomy(session), wanted, reach=None, rules=rules, now=MORNING, page=None)


def make_world(session: Session, seed: int) -> tuple[list[Skill], list[Person]]:
    """Give nine skills, some of them critical, chains of what includes what, and people with levels of all kinds."""
    chance = random.Random(seed)
    skills = [make_skill(session, critical=chance.random() < 0.3) for _ in range(9)]
    for number, skill in enumerate(skills):
        for other in chance.sample(skills[number + 1 :], min(len(skills) - number - 1, chance.choice((0, 0, 1, 2)))):
            relate(session, RelationKind.IMPLIES, skill, other)
    people = [make_technician(session) for _ in range(8)]
    for person in people:
        for skill in chance.sample(skills, chance.randint(0, 5)):
            confirmed = chance.random() < 0.7
            mean, sd = chance.uniform(1.0, 5.3), chance.choice((0.2, 0.5, 1.5))
            make_proficiency(session, technician=person, skill=skill, mean=mean, sd=sd, confirmed=confirmed)
            if not confirmed:
                make_evidence(session, technician=person, skill=skill, source="self_claim", facts={"level": 3})
    return skills, people


@pytest.mark.parametrize("rules", [DEFAULT_RULES, CLAIMS], ids=["confirmed only", "claims to 2"])
@pytest.mark.parametrize("seed", range(6))
def test_table_and_list_say_what_planning_goes_by(session: Session, seed: int, rules: QualificationRules) -> None:
    skills, people = make_world(session, seed)
    meaning = load_need_rules(session)
    policy = Policy(
        min_confidence=rules.threshold, claims_count_to=rules.claims_count_to, critical_skills=critical_skills(session)
    )
    known: dict[int, dict[str, Proficiency]] = {person.id: {} for person in people}
    for row in proficiencies(session, list(known)):
        known[row.technician_id][str(row.skill_id)] = Proficiency(mean=row.mean, sd=row.sd, confirmed=row.confirmed)

    def planned(person: Person, skill: Skill, level: int) -> bool:
        who = Technician(id=str(person.id), proficiencies=known[person.id])
        options = meaning.widened([(skill.id, level)])
        return any(qualified(policy, who, str(one), least) for one, least in options)

    table = ask(session, rules)
    places = [(person, skill) for person in people for skill in skills]
    relied_on = {
        (person.id, skill.id): max((level for level in LEVELS if planned(person, skill, level)), default=0)
        for person, skill in places
    }
    shown = {place: table.cells[place].relied_on_to if place in table.cells else 0 for place in relied_on}
    assert shown == relied_on
    assert {place for place, cell in table.cells.items() if cell.through} == {
        (person.id, skill.id)
        for person, skill in places
        if relied_on[person.id, skill.id]
        > max((n for n in LEVELS if qualified_alone(policy, known[person.id], skill, n)), default=0)
    }
    for level in LEVELS:
        found = ask(session, rules, level=level).cells
        assert set(found) == {place for place, relied in relied_on.items() if relied >= level}, level
        for skill in skills:
            holders = who_holds(session, skill.id, level, on=MORNING.date(), rules=rules, meaning=meaning)
            enough = {one.technician_id for one in holders if one.qualified}
            assert enough == {person.id for person in people if planned(person, skill, level)}
            assert len({one.technician_id for one in holders}) == len(holders)
    by_standing = {standing: set(ask(session, rules, standing=standing).cells) for standing in Standing}
    assert by_standing == {
        standing: {place for place, cell in table.cells.items() if cell.standing is standing} for standing in Standing
    }


def qualified_alone(policy: Policy, known: dict[str, Proficiency], skill: Skill, level: int) -> bool:
    return qualified(policy, Technician(id="one", proficiencies=known), str(skill.id), level)


def test_the_way_through_is_named_with_its_certainty(session: Session, engine: Engine) -> None:
    plant, boiler, gas = (make_skill(session, name=name) for name in ("Plant rooms", "Boilers", "Gas pipes"))
    relate(session, RelationKind.IMPLIES, plant, boiler)
    relate(session, RelationKind.IMPLIES, boiler, gas)
    ana, ben = make_technician(session, name="Ana"), make_technician(session, name="Ben")
    make_proficiency(session, technician=ana, skill=plant, mean=4.2, sd=0.3, last_used_at=MORNING)
    make_proficiency(session, technician=ana, skill=gas, mean=2.0, sd=0.7)
    make_proficiency(session, technician=ben, skill=plant, mean=4.2, sd=9.0)
    make_proficiency(session, technician=ben, skill=gas, mean=3.0, sd=0.3)
    with statements(engine) as sent:
        cells = ask(session).cells
    assert sent.count <= 8, "five for the table, three for the tree"
    met = cells[ana.id, gas.id]
    assert (met.relied_on_to, met.through, met.certainty, met.last_used) == (
        4, "Plant rooms", "very sure", MORNING.date(),
    )  # fmt: skip
    assert cells[ana.id, boiler.id].through == "Plant rooms", "nothing is known of it but through the other"
    own = cells[ben.id, gas.id]
    assert (own.relied_on_to, own.through) == (3, None), "the other says less"
    assert (ben.id, boiler.id) not in cells, "what cannot be relied on includes nothing"
    used = ask(session, used_since=MORNING).cells
    assert set(used) == {(ana.id, skill.id) for skill in (plant, boiler, gas)}


def test_what_somebody_wants_of_the_skill_asked_for_is_told_and_ranks_nobody(session: Session) -> None:
    gas, power = make_skill(session, name="Gas pipes"), make_skill(session, name="Mains power")
    people = [make_technician(session, name=name) for name in ("Ana", "Ben", "Cid")]
    for person, wish in zip(people, (Wish.LESS, None, Wish.MORE), strict=True):
        make_proficiency(session, technician=person, skill=gas, mean=4.0, sd=0.3)
        for skill, said in ((gas, wish), (power, Wish.MORE)):
            now = {"technician_id": person.id, "skill_id": skill.id, "wish": said, "changed_at": MORNING}
            session.add(SkillWish(**now, declined_at=MORNING))
    session.flush()
    answer = who_can(
        session, load_taxonomy(session), "gas pipes level 3", territories={}, reach=None, rules=DEFAULT_RULES,
        today=MORNING.date(),
    )  # fmt: skip
    assert [(one.holder.name, one.wishes) for one in answer.found] == [
        ("Ana", ((gas.id, Wish.LESS),)),
        ("Ben", ()),
        ("Cid", ((gas.id, Wish.MORE),)),
    ]


def test_who_can_follows_what_a_skill_includes_and_what_it_needs_first(session: Session) -> None:
    boiler, gas, power = (make_skill(session, name=name) for name in ("Boilers", "Gas pipes", "Mains power"))
    relate(session, RelationKind.IMPLIES, boiler, gas)
    relate(session, RelationKind.PREREQUISITE, gas, power)
    for name, held in (("Ana", (boiler, power)), ("Ben", (boiler,)), ("Cid", (gas, power)), ("Dot", (power,))):
        person = make_technician(session, name=name)
        for skill in held:
            make_proficiency(session, technician=person, skill=skill, mean=4.0, sd=0.3)
    answer = who_can(
        session, load_taxonomy(session), "gas pipes level 3", territories={}, reach=None, rules=DEFAULT_RULES,
        today=MORNING.date(),
    )  # fmt: skip
    assert [(one.holder.name, one.holder.through) for one in answer.found] == [("Ana", "Boilers"), ("Cid", None)]
    assert [one.name for one in answer.unsure] == ["Ben"], "the work it needs first is missing"
