"""Facts on record: who may add them, what they change, how they are contested."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM
from dispatch.accounts.models import User
from dispatch.core.errors import Conflict, Forbidden, Invalid, NotFound
from dispatch.skills import service
from dispatch.skills.models import Evidence, Proficiency, RelationKind, Skill
from dispatch.skills.proficiency import estimate, qualified
from dispatch.skills.queries import open_contests, proficiencies
from dispatch.skills.recompute import facts_of, outcomes_agreed
from dispatch.skills.starter import CERTIFICATIONS, SKILLS, TRADES
from dispatch.skills.taxonomy import catalogue_of, load_taxonomy
from tests.factories import ALWAYS, make_evidence, make_territory, make_user, make_visit
from tests.skills.people import ADMIN, NOW, Crew, actor_of, agree_to_outcomes, make_crew


@pytest.fixture
def crew(session: Session) -> Crew:
    return make_crew(session)


def kept(session: Session, crew: Crew) -> Proficiency | None:
    session.expire_all()
    return session.get(Proficiency, (crew.technician.id, crew.boiler.id))


def stored(session: Session, crew: Crew, skill: Skill | None = None) -> Proficiency:
    session.expire_all()
    return session.get_one(Proficiency, (crew.technician.id, (skill or crew.boiler).id))


def claim(session: Session, crew: Crew, level: float = 4) -> Evidence:
    return service.claim_skill(
        session, technician_id=crew.technician.id, skill_id=crew.boiler.id, level=level, actor=crew.holder, now=NOW
    )


def assess(session: Session, crew: Crew, level: float = 3) -> Evidence:
    return service.assess_skill(
        session, technician_id=crew.technician.id, skill_id=crew.boiler.id, level=level, actor=crew.manager, now=NOW
    )


def test_a_claim_is_stored_and_confirms_nothing(session: Session, crew: Crew) -> None:
    fact = claim(session, crew)
    assert fact.recorded_by_id == crew.holder.user_id
    found = stored(session, crew)
    assert (found.confirmed, found.fact_count) == (False, 1)
    assert found.mean > 2.8
    assert stored(session, crew, crew.meter).mean > 2.5, "a neighbour in the trade is stored as well"


def test_an_assessment_qualifies(session: Session, crew: Crew) -> None:
    claim(session, crew)
    assess(session, crew)
    one = proficiencies(session, [crew.technician.id])[crew.technician.id][crew.boiler.id]
    assert qualified(one, 3)
    assert one.critical
    assert one.claimed


@pytest.mark.parametrize("source", ["supervisor", "endorsement", "practical_test", "training", "certificate"])
def test_nobody_confirms_their_own_skill(session: Session, crew: Crew, source: str) -> None:
    own_manager = actor_of(make_user(session), "manager", crew.territory, crew.technician)
    for actor in (own_manager, crew.holder):
        with pytest.raises((Forbidden, NotFound)):
            service.record_evidence(
                session, technician_id=crew.technician.id, skill_id=crew.boiler.id, source=source,
                facts={"level": 5}, actor=actor, now=NOW,
            )  # fmt: skip
    assert kept(session, crew) is None


def test_only_those_with_the_right_over_the_person(session: Session, crew: Crew) -> None:
    elsewhere = actor_of(make_user(session), "manager", make_territory(session))
    for actor, refusal in ((crew.mate, NotFound), (elsewhere, Forbidden), (crew.dispatcher, Forbidden)):
        with pytest.raises(refusal):
            service.claim_skill(
                session, technician_id=crew.technician.id, skill_id=crew.boiler.id, level=3, actor=actor, now=NOW
            )
    with pytest.raises(NotFound):
        service.assess_skill(
            session, technician_id=crew.technician.id, skill_id=crew.boiler.id, level=3, actor=elsewhere, now=NOW
        )


def test_a_colleague_can_endorse(session: Session, crew: Crew) -> None:
    service.endorse_skill(
        session, technician_id=crew.technician.id, skill_id=crew.boiler.id, level=4, actor=crew.mate, now=NOW
    )
    found = stored(session, crew)
    assert found.confirmed


@pytest.mark.parametrize(
    "changes, field",
    [
        ({"source": "rumour"}, "facts"),
        ({"facts": {"level": 9}}, "facts"),
        ({"at": NOW + timedelta(days=1)}, "at"),
        ({"at": NOW.replace(tzinfo=None)}, "at"),
    ],
)
def test_bad_facts_are_refused_with_their_field(
    session: Session, crew: Crew, changes: dict[str, object], field: str
) -> None:
    arguments = {"source": "supervisor", "facts": {"level": 3}, "skill_id": crew.boiler.id} | changes
    with pytest.raises(Invalid) as refused:
        service.record_evidence(
            session,
            technician_id=crew.technician.id,
            actor=crew.manager,
            now=NOW,
            **arguments,  # type: ignore[arg-type]  # cases mix kinds
        )
    assert refused.value.field == field


def test_groups_and_unknown_things_are_refused(session: Session, crew: Crew) -> None:
    person = crew.technician.id
    with pytest.raises(Invalid, match="group of skills"):
        service.assess_skill(
            session, technician_id=person, skill_id=crew.trade.id, level=3, actor=crew.manager, now=NOW
        )
    with pytest.raises(NotFound):
        service.assess_skill(session, technician_id=person, skill_id=10**6, level=3, actor=crew.manager, now=NOW)
    with pytest.raises(NotFound):
        service.assess_skill(
            session, technician_id=10**6, skill_id=crew.boiler.id, level=3, actor=crew.manager, now=NOW
        )


def test_still_true_repeats_the_claim_or_the_estimate(session: Session, crew: Crew) -> None:
    person = crew.technician.id
    with pytest.raises(Invalid, match="Nothing is known"):
        service.still_true(session, technician_id=person, skill_id=crew.boiler.id, actor=crew.holder, now=NOW)
    assess(session, crew)
    said = service.still_true(session, technician_id=person, skill_id=crew.boiler.id, actor=crew.holder, now=NOW)
    assert said.facts == {"level": 3, "still_true": True}
    claim(session, crew, 5)
    said = service.still_true(session, technician_id=person, skill_id=crew.boiler.id, actor=crew.holder, now=NOW)
    assert said.facts["level"] == 5


def test_a_contested_fact_is_left_out_until_it_is_answered(session: Session, crew: Crew) -> None:
    assess(session, crew, 4)
    bad = assess(session, crew, 1)
    before = stored(session, crew).mean
    contest = service.contest_evidence(
        session, evidence_id=bad.id, reason="That was another boiler", actor=crew.holder, now=NOW
    )
    assert stored(session, crew).mean > before + 0.5
    assert contest.owner_id == crew.manager.user_id
    assert contest.due_at == NOW + timedelta(days=3), "Tuesday to Friday"
    assert [one.contest_id for one in open_contests(session, owner_id=contest.owner_id)] == [contest.id]
    with pytest.raises(Conflict):
        service.contest_evidence(session, evidence_id=bad.id, reason="again", actor=crew.holder, now=NOW)
    with pytest.raises(Forbidden):
        service.settle_contest(
            session, contest_id=contest.id, outcome="withdrawn", answer="ok", actor=crew.holder, now=NOW
        )
    service.settle_contest(
        session, contest_id=contest.id, outcome="upheld", answer="It was this one", actor=crew.manager, now=NOW
    )
    assert stored(session, crew).mean == before
    assert open_contests(session) == []


def test_a_corrected_fact_stays_out_and_the_right_level_counts(session: Session, crew: Crew) -> None:
    bad = assess(session, crew, 1)
    contest = service.contest_evidence(session, evidence_id=bad.id, reason="No", actor=crew.holder, now=NOW)
    for wrong in (
        {"outcome": "corrected"},
        {"outcome": "withdrawn", "level": 3},
        {"outcome": "maybe"},
        {"answer": " "},
    ):
        arguments = {"outcome": "withdrawn", "answer": "You are right"} | wrong
        with pytest.raises(Invalid):
            service.settle_contest(session, contest_id=contest.id, actor=crew.manager, now=NOW, **arguments)  # type: ignore[arg-type]  # cases mix kinds
    service.settle_contest(
        session, contest_id=contest.id, outcome="corrected", answer="A 3", level=3, actor=crew.manager, now=NOW
    )
    assert session.get_one(Evidence, bad.id).contested
    assert stored(session, crew).mean == pytest.approx(2.9)


def test_where_nobody_is_named_somebody_who_may_confirm_there_answers(session: Session, crew: Crew) -> None:
    fact = make_evidence(session, technician=crew.colleague, skill=crew.boiler)
    name, due = service.who_would_answer(session, fact.id, actor=crew.mate, now=NOW)
    contest = service.contest_evidence(session, evidence_id=fact.id, reason="No", actor=crew.mate, now=NOW)
    assert (contest.owner_id, contest.due_at) == (crew.manager.user_id, due)
    assert name == crew.manager.name


def test_a_contest_needs_somebody_who_can_answer(session: Session, crew: Crew) -> None:
    fact = make_evidence(session, technician=crew.colleague, skill=crew.boiler)
    session.get_one(User, crew.manager.user_id).active = False
    assert service.who_would_answer(session, fact.id, actor=crew.mate, now=NOW)[0] is None
    with pytest.raises(Conflict, match="Nobody is named"):
        service.contest_evidence(session, evidence_id=fact.id, reason="No", actor=crew.mate, now=NOW)
    with pytest.raises(NotFound):
        service.contest_evidence(session, evidence_id=fact.id, reason="No", actor=crew.holder, now=NOW)


def test_three_working_days_skip_the_weekend(session: Session, crew: Crew) -> None:
    friday = NOW + timedelta(days=3)
    contest = service.contest_evidence(
        session, evidence_id=assess(session, crew).id, reason="No", actor=crew.holder, now=friday
    )
    assert contest.due_at == friday + timedelta(days=5)


def test_outcomes_teach_only_under_an_agreement(session: Session, crew: Crew) -> None:
    assess(session, crew)
    before = stored(session, crew).mean
    visit = make_visit(session)

    def report() -> Evidence | None:
        return service.record_outcome(
            session, technician_id=crew.technician.id, needs=[(crew.meter.id, 2), (crew.boiler.id, 3)], fixed=True,
            visit_id=visit.id, at=NOW - timedelta(hours=1), actor=crew.holder, now=NOW,
        )  # fmt: skip

    fact = report()
    assert fact is not None
    assert (fact.skill_id, fact.visit_id) == (crew.boiler.id, visit.id)
    assert report() is fact, "reporting again changes nothing"
    assert not outcomes_agreed(session, NOW)
    assert stored(session, crew).mean == before
    agree_to_outcomes(session)
    service.recompute_proficiency(session, crew.technician.id, now=NOW)
    found = stored(session, crew)
    assert found.mean > before
    assert found.last_used_at is not None
    assert stored(session, crew, crew.meter).confirmed


def test_work_without_needs_teaches_nothing(session: Session, crew: Crew) -> None:
    visit = make_visit(session)
    assert (
        service.record_outcome(
            session, technician_id=crew.technician.id, needs=[], fixed=True, visit_id=visit.id, at=NOW,
            actor=crew.holder, now=NOW,
        )
        is None
    )  # fmt: skip


def test_the_cache_is_a_replay_of_the_log(session: Session, crew: Crew) -> None:
    agree_to_outcomes(session)
    claim(session, crew)
    assess(session, crew)
    for day in range(40):
        make_evidence(
            session, technician=crew.technician, skill=crew.meter, source="job_outcome",
            at=NOW - timedelta(days=7 * day + 1),
            facts={"needs": [[crew.meter.id, 2], [crew.boiler.id, 1 + day % 4]], "fixed": day % 3 > 0},
        )  # fmt: skip
    make_evidence(session, technician=crew.colleague, skill=crew.meter)
    count = service.recompute_all(session, now=NOW)
    assert count == 4, "two skills of the trade for two people"
    facts = facts_of(session, crew.technician.id, load_taxonomy(session))
    again = estimate(facts, catalogue_of(load_taxonomy(session)), [crew.boiler.id, crew.meter.id], NOW, outcomes=True)
    for skill in (crew.boiler, crew.meter):
        row = stored(session, crew, skill)
        assert row is not None
        assert (row.mean, row.sd) == (again[skill.id].mean, again[skill.id].sd)
        assert (row.confirmed, row.fact_count) == (again[skill.id].confirmed, again[skill.id].facts)
    bulk = proficiencies(session, [crew.technician.id, crew.colleague.id])
    service.recompute_proficiency(session, crew.technician.id, now=NOW)
    session.expire_all()
    assert proficiencies(session, [crew.technician.id, crew.colleague.id]) == bulk


def test_recomputing_forgets_what_no_fact_supports(session: Session, crew: Crew) -> None:
    session.add(Proficiency(technician_id=crew.technician.id, skill_id=crew.boiler.id, mean=5, sd=0.1, confirmed=True,
                            last_used_at=None, fact_count=9, as_of=NOW))  # fmt: skip
    session.flush()
    service.recompute_proficiency(session, crew.technician.id, now=NOW)
    assert kept(session, crew) is None


def test_levels_fade_overnight(session: Session, crew: Crew) -> None:
    assess(session, crew)
    before = stored(session, crew).sd
    service.recompute_all(session, now=NOW + timedelta(days=200))
    assert stored(session, crew).sd > before


def test_the_database_keeps_facts_as_they_were(session: Session, crew: Crew) -> None:
    fact = assess(session, crew)
    for statement in ("UPDATE evidence SET facts = '{}' WHERE id = :id", "DELETE FROM evidence WHERE id = :id"):
        with pytest.raises(DBAPIError, match=r"append-only|permission denied"), session.begin_nested():
            session.execute(text(statement), {"id": fact.id})


def test_the_catalogue(session: Session, crew: Crew) -> None:
    skill = service.add_skill(
        session, code=" heat.pump ", name="Heat pumps", parent_id=crew.trade.id, aliases=["HP", "hp", " "],
        actor=ADMIN, now=NOW,
    )  # fmt: skip
    assert skill.code == "heat.pump"
    tree = load_taxonomy(session)
    assert tree.named("hp") == (skill.id,)
    assert tree.trade(skill.id) == crew.trade.id
    assert skill.id in tree.narrower(crew.trade.id)
    with pytest.raises(Conflict):
        service.add_skill(session, code="heat.pump", name="Again", actor=ADMIN, now=NOW)
    with pytest.raises(Forbidden):
        service.add_skill(session, code="x", name="X", actor=crew.manager, now=NOW)
    for wrong in ({"name": " "}, {"code": ""}, {"half_life_days": 0}, {"parent_id": 10**6}):
        arguments = {"code": "new", "name": "New"} | wrong
        with pytest.raises(Invalid):
            service.add_skill(session, actor=ADMIN, now=NOW, **arguments)  # type: ignore[arg-type]  # cases mix kinds
    with pytest.raises(Conflict, match="below it"):
        service.retire_skill(session, skill_id=crew.trade.id, reason="old", actor=ADMIN, now=NOW)
    assert service.retire_skill(session, skill_id=skill.id, reason="old", actor=ADMIN, now=NOW).retired_at == NOW


def test_relations_cannot_go_round_in_circles(session: Session, crew: Crew) -> None:
    third = service.add_skill(session, code="third", name="Third", actor=ADMIN, now=NOW)
    for skill, other in ((crew.boiler, crew.meter), (crew.meter, third)):
        service.relate_skills(
            session, kind=RelationKind.IMPLIES, skill_id=skill.id, other_id=other.id, actor=ADMIN, now=NOW
        )
    assert load_taxonomy(session).implied(crew.boiler.id) == {crew.meter.id, third.id}
    assert load_taxonomy(session).prerequisites(crew.boiler.id) == frozenset()
    with pytest.raises(Invalid, match="circle"):
        service.relate_skills(
            session, kind=RelationKind.IMPLIES, skill_id=third.id, other_id=crew.boiler.id, actor=ADMIN, now=NOW
        )


def test_the_starter_catalogue_is_useful_and_loads_once(session: Session) -> None:
    assert service.load_starter_catalogue(session, actor=SYSTEM, now=NOW) == (len(SKILLS), len(CERTIFICATIONS))
    assert service.load_starter_catalogue(session, actor=SYSTEM, now=NOW) == (0, 0)
    assert (len(TRADES), len(SKILLS) >= 60) == (17, True)
    tree = load_taxonomy(session)
    codes = {node.code: node for node in tree.nodes.values()}
    for one in SKILLS:
        node = codes[one.code]
        assert node.assignable
        assert tree.nodes[tree.trade(node.id)].code == one.code.partition(".")[0]
    assert {node.half_life_days for node in tree.nodes.values()} == {198, 396}
    (boiler,) = tree.named("Boiler")
    assert tree.nodes[boiler].critical
    anchors = session.scalars(select(Skill.level_anchors).where(Skill.id == boiler)).one()
    assert anchors["3"].endswith("alone")


def test_starter_aliases_lead_to_one_skill() -> None:
    words = [word.casefold() for one in SKILLS for word in (one.name, *one.aliases)]
    assert len(words) == len(set(words))


def test_memberships_decide_who_is_in_reach(session: Session, crew: Crew) -> None:
    assert ALWAYS.upper is not None
    later = NOW.replace(year=ALWAYS.upper.year + 1)
    with pytest.raises(NotFound):
        service.assess_skill(
            session, technician_id=crew.technician.id, skill_id=crew.boiler.id, level=3, actor=crew.manager, now=later
        )
