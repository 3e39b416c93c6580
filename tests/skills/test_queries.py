"""Profiles and lists: what each viewer sees, and that the figures are the model's."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from dispatch.core.errors import NotFound
from dispatch.skills import service
from dispatch.skills.proficiency import estimate, likely_level
from dispatch.skills.queries import SkillState, proficiencies, skill_profile, who_holds
from dispatch.skills.recompute import facts_of
from dispatch.skills.taxonomy import catalogue_of, load_taxonomy
from tests.conftest import statements
from tests.factories import make_evidence, make_territory
from tests.skills.people import NOW, Crew, agree_to_outcomes, make_crew


@pytest.fixture
def crew(session: Session) -> Crew:
    crew = make_crew(session)
    agree_to_outcomes(session)
    return crew


def outcome(session: Session, crew: Crew, days_ago: float, *, fixed: bool, **detail: object) -> int:
    facts = {"needs": [[crew.boiler.id, 3]], "fixed": fixed} | detail
    at = NOW - timedelta(days=days_ago)
    return make_evidence(
        session, technician=crew.technician, skill=crew.boiler, source="job_outcome", at=at, facts=facts
    ).id


def test_every_level_opens_to_its_facts_and_what_each_moves(session: Session, crew: Crew) -> None:
    person, boiler = crew.technician.id, crew.boiler.id
    make_evidence(
        session, technician=crew.technician, skill=crew.boiler, recorded_by_id=crew.manager.user_id,
        at=NOW - timedelta(days=90),
    )  # fmt: skip
    good = [outcome(session, crew, days, fixed=True) for days in (40, 39, 38)]
    bad = outcome(session, crew, 37, fixed=False)
    parts = outcome(session, crew, 5, fixed=False, cause="parts")
    wrong = make_evidence(session, technician=crew.technician, skill=crew.boiler, contested=True)
    profile = skill_profile(session, person, actor=crew.holder, at=NOW, explain=[boiler])
    (line,) = profile.lines
    assert (line.name, line.trade, line.state) == (crew.boiler.name, crew.trade.name, SkillState.CONFIRMED)
    assert (line.level, line.certainty, line.claimed_level) == (3, "quite sure", None)
    by_keys = {one.keys: one for one in line.facts}
    month, failure = by_keys[tuple(good)], by_keys[(bad,)]
    assert month.count == 3
    assert month.sentence == "Fixed at the first visit: level 3 work"
    assert month.moved is not None and failure.moved is not None  # noqa: PT018 - both are needed below
    assert month.moved > 0 > failure.moved
    facts = facts_of(session, person, load_taxonomy(session))
    rest = [one for one in facts if one.key not in good]
    catalogue = catalogue_of(load_taxonomy(session))
    whole, without = (estimate(some, catalogue, [boiler], NOW, outcomes=True)[boiler] for some in (facts, rest))
    assert line.estimate == whole
    assert month.moved == pytest.approx(whole.mean - without.mean)
    assert month.confidence_without == pytest.approx(without.confidence(likely_level(whole)))
    assert by_keys[(parts,)].left_out == "the cause lay elsewhere, so it says nothing about skill"
    assert by_keys[(wrong.id,)].left_out == "contested, so it does not count"
    assert [one.given_by for one in line.facts if one.source == "supervisor" and not one.left_out] == [
        crew.manager.name
    ]


def test_an_older_word_of_the_same_voice_is_shown_as_replaced(session: Session, crew: Crew) -> None:
    for level in (2, 4):
        service.claim_skill(
            session, technician_id=crew.technician.id, skill_id=crew.boiler.id, level=level, actor=crew.holder, now=NOW
        )
    (line,) = skill_profile(session, crew.technician.id, actor=crew.holder, at=NOW).lines
    assert [one.left_out is None for one in line.facts] == [False, True]
    assert (line.state, line.claimed_level, line.relied_on_to) == (SkillState.CLAIMED, 4.0, 0)
    assert all(one.moved is None for one in line.facts), "not asked for"


def test_dispatchers_see_levels_and_no_facts(session: Session, crew: Crew) -> None:
    make_evidence(session, technician=crew.technician, skill=crew.boiler)
    seen = skill_profile(session, crew.technician.id, actor=crew.dispatcher, at=NOW, explain=[crew.boiler.id])
    assert not seen.evidence_shown
    assert [line.facts for line in seen.lines] == [()]
    assert seen.lines[0].level == 3
    assert skill_profile(session, crew.technician.id, actor=crew.manager, at=NOW).evidence_shown
    with pytest.raises(NotFound):
        skill_profile(session, crew.technician.id, actor=crew.mate, at=NOW)


def test_without_an_agreement_outcomes_are_not_even_shown(session: Session) -> None:
    crew = make_crew(session)
    make_evidence(session, technician=crew.technician, skill=crew.meter)
    outcome(session, crew, 3, fixed=False)
    profile = skill_profile(session, crew.technician.id, actor=crew.manager, at=NOW)
    assert not profile.outcomes_count
    assert [line.skill_id for line in profile.lines] == [crew.meter.id]


def test_states_of_a_level(session: Session, crew: Crew) -> None:
    make_evidence(session, technician=crew.technician, skill=crew.boiler, at=NOW)
    # A supervisor's 3 is relied on for some 700 days; what remains is level 2.
    for days, level, state in [
        (1, 3, SkillState.CONFIRMED),
        (650, 3, SkillState.EXPIRING),
        (760, 2, SkillState.CONFIRMED),
    ]:
        at = NOW + timedelta(days=days)
        (line,) = skill_profile(session, crew.technician.id, actor=crew.holder, at=at).lines
        assert (line.relied_on_to, line.state) == (level, state), days


def test_failures_alone_leave_a_level_in_doubt(session: Session, crew: Crew) -> None:
    for days in (1, 2, 3):
        outcome(session, crew, days, fixed=False)
    (line,) = skill_profile(session, crew.technician.id, actor=crew.holder, at=NOW).lines
    assert (line.relied_on_to, line.state) == (0, SkillState.DOUBTFUL)


def test_who_holds_a_skill_is_a_list_by_name(session: Session, crew: Crew) -> None:
    crew.technician.name, crew.colleague.name = "Zora", "Abel"
    make_evidence(session, technician=crew.technician, skill=crew.boiler, facts={"level": 5})
    make_evidence(session, technician=crew.colleague, skill=crew.boiler, source="self_claim", facts={"level": 5})
    service.recompute_all(session, now=NOW)
    holders = who_holds(session, crew.boiler.id, 3, on=NOW.date())
    assert [(one.name, one.qualified) for one in holders] == [("Abel", False), ("Zora", True)]
    assert who_holds(session, crew.meter.id, 3, on=NOW.date()) == [], "a neighbouring skill is not held"
    assert who_holds(session, crew.boiler.id, 3, on=NOW.date(), territory_ids=[make_territory(session).id]) == []
    assert len(who_holds(session, crew.boiler.id, 3, on=NOW.date(), territory_ids=[crew.territory.id])) == 2


def test_planning_reads_any_number_of_people_in_two_statements(session: Session, engine: Engine, crew: Crew) -> None:
    for person in (crew.technician, crew.colleague):
        make_evidence(session, technician=person, skill=crew.boiler)
    service.recompute_all(session, now=NOW)
    people = [crew.technician.id, crew.colleague.id]
    with statements(engine) as sent:
        found = proficiencies(session, people)
    assert sent.count == 2
    assert set(found[crew.technician.id]) == {crew.boiler.id, crew.meter.id}
    assert set(proficiencies(session, people, [crew.meter.id])[crew.colleague.id]) == {crew.meter.id}


def test_a_profile_costs_few_statements(session: Session, engine: Engine, crew: Crew) -> None:
    for days in range(1, 60):
        outcome(session, crew, days, fixed=days % 4 > 0)
    with statements(engine) as sent:
        skill_profile(session, crew.technician.id, actor=crew.manager, at=NOW)
    assert sent.count <= 10
