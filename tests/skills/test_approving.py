"""Claims wait for one answer by somebody else, and nothing that is settled waits."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from dispatch.core.db import make_engine
from dispatch.core.errors import Conflict, Forbidden, Invalid, NotFound
from dispatch.skills import documents, service
from dispatch.skills.approving import (
    TAKEN_BACK_WITHIN,
    approve_claim,
    fresh_answers,
    list_claims,
    return_claim,
    returned_claims,
    take_back_answer,
)
from dispatch.skills.models import ClaimAnswer, DocumentState, Evidence, Proficiency, Skill
from tests.factories import make_certification, make_certification_kind, make_territory, make_user
from tests.skills.people import NOW, Crew, actor_of, make_crew

ON = NOW.date()


@pytest.fixture
def crew(session: Session) -> Crew:
    return make_crew(session)


def say(session: Session, crew: Crew, level: int = 3, skill: Skill | None = None, **changes: object) -> Evidence:
    values = {"actor": crew.holder, "now": NOW, "words": "boilers"} | changes
    return service.claim_skill(
        session,
        technician_id=crew.technician.id,
        skill_id=(skill or crew.boiler).id,
        level=level,
        **values,  # type: ignore[arg-type]  # cases mix kinds
    )


def waiting(session: Session, crew: Crew) -> list[int]:
    return [one.evidence_id for one in list_claims(session, territory_ids=[crew.territory.id], on=ON)]


def test_a_claim_waits_with_its_words_and_what_is_known(session: Session, crew: Crew) -> None:
    claim = say(session, crew)
    (one,) = list_claims(session, territory_ids=None, on=ON)
    assert (one.evidence_id, one.level, one.words) == (claim.id, 3.0, "boilers")
    assert (one.technician, one.critical, one.confirmed) == (crew.technician.name, True, False)
    assert one.mean is not None


def test_approving_is_a_judgement_of_ones_own_and_ends_the_waiting(session: Session, crew: Crew) -> None:
    claim = say(session, crew)
    judged = approve_claim(session, evidence_id=claim.id, actor=crew.manager, now=NOW)
    assert (judged.source, judged.facts["level"], judged.recorded_by_id) == ("supervisor", 3, crew.manager.user_id)
    assert waiting(session, crew) == []


def test_returning_leaves_the_claim_out_and_says_why(session: Session, crew: Crew) -> None:
    claim = say(session, crew, 4)
    with pytest.raises(Invalid, match="Say why"):
        return_claim(session, evidence_id=claim.id, reason="  ", actor=crew.manager, now=NOW)
    assert waiting(session, crew) == [claim.id]
    return_claim(session, evidence_id=claim.id, reason="Not seen yet", actor=crew.manager, now=NOW)
    assert claim.contested
    assert waiting(session, crew) == []
    since = NOW - timedelta(days=1)
    (back,) = returned_claims(session, crew.technician.id, since=since)
    assert (back.skill_id, back.level, back.reason, back.by) == (crew.boiler.id, 4, "Not seen yet", crew.manager.name)
    anew = say(session, crew, 3, now=NOW + timedelta(hours=1))
    assert waiting(session, crew) == [anew.id]
    assert returned_claims(session, crew.technician.id, since=since) == []


def test_nobody_answers_their_own_and_only_who_may_confirm_answers(session: Session, crew: Crew) -> None:
    claim = say(session, crew)
    boss = make_user(session)
    own = actor_of(boss, "manager", crew.territory, technician=crew.technician)
    elsewhere = actor_of(boss, "manager", make_territory(session))
    for actor, refusal in (
        (own, Forbidden),
        (crew.holder, Forbidden),
        (crew.mate, NotFound),
        (crew.dispatcher, Forbidden),
        (elsewhere, NotFound),
    ):
        with pytest.raises((refusal, Forbidden, NotFound)):
            approve_claim(session, evidence_id=claim.id, actor=actor, now=NOW)
        with pytest.raises((refusal, Forbidden, NotFound)):
            return_claim(session, evidence_id=claim.id, reason="no", actor=actor, now=NOW)
    with pytest.raises(Forbidden, match="own claim"):
        approve_claim(session, evidence_id=claim.id, actor=own, now=NOW)
    assert waiting(session, crew) == [claim.id]
    mine = crew.technician.id
    assert list_claims(session, territory_ids=None, on=ON, besides=mine) == []
    assert list_claims(session, territory_ids=[make_territory(session).id], on=ON) == []


def test_what_is_no_claim_is_not_found(session: Session, crew: Crew) -> None:
    judged = service.assess_skill(
        session, technician_id=crew.technician.id, skill_id=crew.meter.id, level=3, actor=crew.manager, now=NOW
    )
    for number in (judged.id, 999_999):
        with pytest.raises(NotFound):
            approve_claim(session, evidence_id=number, actor=crew.manager, now=NOW)


@pytest.mark.parametrize("answer", ["approved it", "gave it back"])
def test_the_second_hears_who_was_first(session: Session, crew: Crew, answer: str) -> None:
    claim = say(session, crew)
    if answer == "approved it":
        approve_claim(session, evidence_id=claim.id, actor=crew.manager, now=NOW)
    else:
        return_claim(session, evidence_id=claim.id, reason="no", actor=crew.manager, now=NOW)
    other = actor_of(make_user(session), "manager", crew.territory)
    with pytest.raises(Conflict, match=f"{crew.manager.name} was first and {answer}"):
        approve_claim(session, evidence_id=claim.id, actor=other, now=NOW)
    with pytest.raises(Conflict, match=f"{crew.manager.name} was first and {answer}"):
        return_claim(session, evidence_id=claim.id, reason="no", actor=other, now=NOW)


@pytest.mark.parametrize("approved", [True, False])
def test_an_answer_is_taken_back_as_if_it_had_not_been(session: Session, crew: Crew, approved: bool) -> None:
    claim = say(session, crew)
    before = stored(session, crew)
    if approved:
        approve_claim(session, evidence_id=claim.id, actor=crew.manager, now=NOW)
    else:
        return_claim(session, evidence_id=claim.id, reason="no", actor=crew.manager, now=NOW)
    assert stored(session, crew) != before
    (fresh,) = fresh_answers(session, crew.manager.user_id or 0, now=NOW)
    assert (fresh.evidence_id, fresh.outcome) == (claim.id, "approved" if approved else "returned")
    other = actor_of(make_user(session), "manager", crew.territory)
    with pytest.raises(Forbidden, match="whoever answered"):
        take_back_answer(session, evidence_id=claim.id, actor=other, now=NOW)
    with pytest.raises(Conflict, match="too long ago"):
        take_back_answer(session, evidence_id=claim.id, actor=crew.manager, now=NOW + TAKEN_BACK_WITHIN)
    take_back_answer(session, evidence_id=claim.id, actor=crew.manager, now=NOW)
    assert stored(session, crew) == before
    assert waiting(session, crew) == [claim.id]
    assert fresh_answers(session, crew.manager.user_id or 0, now=NOW) == []
    with pytest.raises(NotFound):
        take_back_answer(session, evidence_id=claim.id, actor=crew.manager, now=NOW)
    approve_claim(session, evidence_id=claim.id, actor=other, now=NOW)
    assert waiting(session, crew) == []


def test_an_answer_seen_differently_is_not_taken_back(session: Session, crew: Crew) -> None:
    claim = say(session, crew)
    return_claim(session, evidence_id=claim.id, reason="no", actor=crew.manager, now=NOW)
    service.contest_evidence(session, evidence_id=claim.id, reason="yes", actor=crew.holder, now=NOW)
    with pytest.raises(Conflict, match="seen your answer differently"):
        take_back_answer(session, evidence_id=claim.id, actor=crew.manager, now=NOW)


def stored(session: Session, crew: Crew) -> list[tuple[int, float, float, bool]]:
    """Return the person's levels as planning reads them."""
    rows = session.execute(
        select(Proficiency.skill_id, Proficiency.mean, Proficiency.sd, Proficiency.confirmed)
        .where(Proficiency.technician_id == crew.technician.id)
        .order_by(Proficiency.skill_id)
    )
    return [(row.skill_id, round(row.mean, 9), round(row.sd, 9), row.confirmed) for row in rows]


def test_only_the_newest_word_waits_and_saying_it_is_still_true_does_not(session: Session, crew: Crew) -> None:
    old = say(session, crew, 2)
    new = say(session, crew, 3, now=NOW + timedelta(minutes=1))
    service.still_true(
        session,
        technician_id=crew.technician.id,
        skill_id=crew.boiler.id,
        actor=crew.holder,
        now=NOW + timedelta(minutes=2),
    )
    assert waiting(session, crew) == [new.id]
    with pytest.raises(Conflict, match="waits no more"):
        approve_claim(session, evidence_id=old.id, actor=crew.manager, now=NOW + timedelta(minutes=3))


def test_what_others_judged_since_or_know_already_does_not_wait(session: Session, crew: Crew) -> None:
    def judge(level: int, at: timedelta, skill: Skill) -> None:
        service.assess_skill(
            session,
            technician_id=crew.technician.id,
            skill_id=skill.id,
            level=level,
            actor=crew.manager,
            now=NOW + at,
        )

    say(session, crew, 4)
    judge(2, timedelta(hours=1), crew.boiler)
    assert waiting(session, crew) == [], "judged since, at whatever level"
    judge(4, timedelta(0), crew.meter)
    say(session, crew, 3, crew.meter, now=NOW + timedelta(hours=2))
    assert waiting(session, crew) == [], "known already"
    higher = say(session, crew, 5, crew.meter, now=NOW + timedelta(hours=3))
    assert waiting(session, crew) == [higher.id]


def test_a_certificate_has_one_answer_too(session: Session, crew: Crew) -> None:
    kind = make_certification_kind(session)
    paper = make_certification(
        session, technician=crew.technician, kind=kind, state=DocumentState.CLAIMED, imported=False
    )
    version = paper.version
    documents.confirm_certification(session, certification_id=paper.id, version=version, actor=crew.manager, now=NOW)
    with pytest.raises(Conflict, match=f"{crew.manager.name} was first and confirmed it"):
        documents.return_certification(
            session, certification_id=paper.id, version=version, reason="no", actor=crew.manager, now=NOW
        )
    documents.return_certification(
        session, certification_id=paper.id, version=paper.version, reason="Not legible", actor=crew.manager, now=NOW
    )
    assert paper.returned_because == "Not legible"


def wait_until_blocked(engine: Engine, give_up: threading.Event) -> None:
    """Return when some connection of this database waits for a lock."""
    with engine.connect() as connection:
        while not give_up.wait(0.01):
            waits = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if connection.scalar(text(waits)):
                return
    raise AssertionError("the second answer did not wait for the first")


def test_of_two_at_the_same_moment_one_answers_and_the_other_is_told(database_url: str) -> None:
    engine = make_engine(database_url)
    with Session(engine) as session:
        crew = make_crew(session)
        claim_id = say(session, crew).id
        other = actor_of(make_user(session), "manager", crew.territory)
        session.commit()
    ended, heard = threading.Event(), list[BaseException | str]()

    def second() -> None:
        try:
            with Session(engine) as session:
                return_claim(session, evidence_id=claim_id, reason="no", actor=other, now=NOW)
                session.commit()
                heard.append("answered")
        except BaseException as error:
            heard.append(error)
        finally:
            ended.set()

    with Session(engine) as first:
        approve_claim(first, evidence_id=claim_id, actor=crew.manager, now=NOW)
        thread = threading.Thread(target=second)
        thread.start()
        wait_until_blocked(engine, ended)
        first.commit()
    thread.join(20)
    (said,) = heard
    assert isinstance(said, Conflict)
    assert "was first and approved it" in said.message
    with Session(engine) as session:
        assert session.scalars(select(ClaimAnswer.outcome)).all() == ["approved"]
        assert session.get_one(Evidence, claim_id).contested is False
    engine.dispose()
