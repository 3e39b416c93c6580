"""Documents: handed in, vouched for, returned; one confirmed document of a kind at a time."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM, Grant
from dispatch.core.errors import Conflict, Forbidden, Invalid, NotFound
from dispatch.planning.loose_ends import loose_ends
from dispatch.skills import service
from dispatch.skills.certifications import holds
from dispatch.skills.documents import MOST_A_DAY, usual_end
from dispatch.skills.models import (
    Certification,
    CertificationKind,
    CertificationProof,
    DocumentState,
    Evidence,
    EvidenceContest,
)
from dispatch.skills.own_contests import contests_of
from dispatch.skills.queries import (
    certifications_held,
    certifications_to_confirm,
    documents_of,
    expiring_certifications,
    open_contests,
)
from tests.factories import DAY, make_certification, make_certification_kind, make_territory
from tests.skills.people import ADMIN, NOW, Crew, make_crew


@pytest.fixture
def crew(session: Session) -> Crew:
    return make_crew(session)


@pytest.fixture
def kind(session: Session) -> CertificationKind:
    return make_certification_kind(session, usual_validity_months=12)


def hand_in(session: Session, crew: Crew, kind: CertificationKind, **changes: object) -> Certification:
    arguments = {"valid_from": DAY, "valid_to": DAY + timedelta(days=30), "actor": crew.holder, "now": NOW} | changes
    return service.record_certification(session, technician_id=crew.technician.id, kind_id=kind.id, **arguments)  # type: ignore[arg-type]  # cases mix kinds


def test_a_document_counts_once_somebody_else_vouches_for_it(
    session: Session, crew: Crew, kind: CertificationKind
) -> None:
    document = hand_in(session, crew, kind)
    person = crew.technician.id
    assert document.state is DocumentState.CLAIMED
    assert certifications_held(session, [person]) == {person: ()}
    assert [one.certification_id for one in certifications_to_confirm(session, on=DAY)] == [document.id]
    with pytest.raises(Forbidden):
        service.confirm_certification(
            session, certification_id=document.id, version=document.version, actor=crew.holder, now=NOW
        )
    service.confirm_certification(
        session, certification_id=document.id, version=document.version, actor=crew.manager, now=NOW
    )
    held = certifications_held(session, [person])[person]
    assert holds(held, kind.id, DAY)
    assert holds(held, kind.id, DAY + timedelta(days=30)), "the last day is included"
    assert not holds(held, kind.id, DAY + timedelta(days=31))
    assert certifications_to_confirm(session, on=DAY) == []


def test_who_manages_elsewhere_hands_in_their_own_document(
    session: Session, crew: Crew, kind: CertificationKind
) -> None:
    elsewhere = Grant(role="manager", territory_id=make_territory(session).id)
    both = replace(crew.holder, grants=(*crew.holder.grants, elsewhere))
    assert hand_in(session, crew, kind, actor=both).state is DocumentState.CLAIMED
    with pytest.raises(NotFound):
        service.record_certification(
            session, technician_id=crew.colleague.id, kind_id=kind.id, valid_from=DAY, actor=both, now=NOW
        )


def test_a_returned_document_counts_no_more(session: Session, crew: Crew, kind: CertificationKind) -> None:
    document = hand_in(session, crew, kind, actor=crew.manager, confirmed=True)
    with pytest.raises(Conflict, match="was first and confirmed it"):
        service.return_certification(
            session, certification_id=document.id, version=99, reason="x", actor=crew.manager, now=NOW
        )
    with pytest.raises(Invalid):
        service.return_certification(
            session, certification_id=document.id, version=document.version, reason=" ", actor=crew.manager, now=NOW
        )
    service.return_certification(
        session, certification_id=document.id, version=document.version, reason="forged", actor=crew.manager, now=NOW
    )
    assert certifications_held(session, [crew.technician.id])[crew.technician.id] == ()
    assert [one.state for one in documents_of(session, crew.technician.id, on=DAY)] == [DocumentState.RETURNED]


def test_two_confirmed_documents_do_not_overlap(session: Session, crew: Crew, kind: CertificationKind) -> None:
    hand_in(session, crew, kind, actor=crew.manager, confirmed=True)
    with pytest.raises(Conflict, match="already a confirmed document"):
        hand_in(
            session, crew, kind, actor=crew.manager, confirmed=True, valid_from=DAY + timedelta(days=30), valid_to=None
        )
    waiting = hand_in(session, crew, kind)
    with pytest.raises(Conflict):
        service.confirm_certification(
            session, certification_id=waiting.id, version=waiting.version, actor=crew.manager, now=NOW
        )
    hand_in(session, crew, kind, actor=crew.manager, confirmed=True, valid_from=DAY + timedelta(days=31), valid_to=None)
    with pytest.raises(IntegrityError), session.begin_nested():
        make_certification(session, technician=crew.technician, kind=kind)


def test_who_may_hand_in_and_vouch(session: Session, crew: Crew, kind: CertificationKind) -> None:
    with pytest.raises(Forbidden):
        hand_in(session, crew, kind, confirmed=True)
    with pytest.raises(NotFound):
        hand_in(session, crew, kind, actor=crew.mate)
    with pytest.raises(Forbidden):
        hand_in(session, crew, kind, actor=crew.dispatcher)
    with pytest.raises(Invalid):
        hand_in(session, crew, kind, valid_to=DAY - timedelta(days=1))
    assert hand_in(session, crew, kind, actor=crew.manager).state is DocumentState.CLAIMED
    assert hand_in(session, crew, kind, actor=ADMIN, imported=True).state is DocumentState.CONFIRMED


def test_the_usual_end_is_proposed(kind: CertificationKind, session: Session) -> None:
    assert usual_end(kind, date(2024, 2, 29)) == date(2025, 2, 28)
    assert usual_end(make_certification_kind(session), DAY) is None


def test_expiring_documents(session: Session, crew: Crew, kind: CertificationKind) -> None:
    def add(first: int, last: int | None, *, kind: CertificationKind = kind) -> Certification:
        end = None if last is None else DAY + timedelta(days=last + 1)
        return make_certification(
            session, technician=crew.technician, kind=kind, valid=Range(DAY + timedelta(days=first), end)
        )

    def due(**changes: object) -> list[tuple[int, int | None, int | None]]:
        found = expiring_certifications(session, on=DAY, **changes)  # type: ignore[arg-type]  # cases mix kinds
        return [(one.certification_id, one.days_left, one.reminder) for one in found]

    ending = add(-300, 30)
    lapsed = add(-300, -5, kind=make_certification_kind(session))
    add(-300, 61, kind=make_certification_kind(session))
    add(-300, None, kind=make_certification_kind(session))
    assert due() == [(lapsed.id, -5, 7), (ending.id, 30, 30)]
    assert due(within_days=7) == [(lapsed.id, -5, 7)]
    assert due(territory_ids=[make_territory(session).id]) == []
    assert len(due(territory_ids=[crew.territory.id])) == 2
    gap = add(33, None)
    assert (ending.id, 30, 30) in due(), "two days without a document still matter"
    session.delete(gap)
    session.flush()
    add(31, None)
    assert due() == [(lapsed.id, -5, 7)], "the next document takes over without a gap"


def test_kinds_are_catalogued(session: Session, crew: Crew) -> None:
    made = service.add_certification_kind(
        session, code=" x-1 ", name="X", usual_validity_months=6, actor=SYSTEM, now=NOW
    )
    assert made.code == "x-1"
    with pytest.raises(Conflict):
        service.add_certification_kind(session, code="x-1", name="X", actor=SYSTEM, now=NOW)
    for wrong in ({"code": " "}, {"name": ""}, {"usual_validity_months": 0}):
        with pytest.raises(Invalid):
            service.add_certification_kind(session, actor=SYSTEM, now=NOW, **({"code": "y", "name": "Y"} | wrong))  # type: ignore[arg-type]  # cases mix kinds
    with pytest.raises(Forbidden):
        service.add_certification_kind(session, code="y", name="Y", actor=crew.manager, now=NOW)


def test_one_account_cannot_flood_the_queue(session: Session, crew: Crew, kind: CertificationKind) -> None:
    for _ in range(MOST_A_DAY):
        hand_in(session, crew, kind)
    with pytest.raises(Invalid, match="Add more tomorrow"):
        hand_in(session, crew, kind)
    hand_in(session, crew, kind, now=NOW + timedelta(days=1, minutes=1))


def give_back(session: Session, crew: Crew, document: Certification) -> None:
    service.return_certification(
        session, certification_id=document.id, version=document.version, reason="Blurred", actor=crew.manager, now=NOW
    )


def see_differently(session: Session, crew: Crew, document: Certification, **changes: object) -> EvidenceContest:
    said = {"reason": "One can read it", "actor": crew.holder, "now": NOW} | changes
    return service.contest_certification(session, certification_id=document.id, **said)  # type: ignore[arg-type]  # cases mix kinds


def test_a_document_given_back_is_seen_differently_and_counts_after_all(
    session: Session, crew: Crew, kind: CertificationKind
) -> None:
    document = hand_in(session, crew, kind)
    with pytest.raises(Conflict, match="not given back"):
        see_differently(session, crew, document)
    give_back(session, crew, document)
    name, due_at = service.who_would_answer_paper(session, document.id, actor=crew.holder, now=NOW)
    contest = see_differently(session, crew, document)
    assert (contest.owner_id, contest.due_at) == (crew.manager.user_id, due_at)
    assert name == crew.manager.name
    assert certifications_held(session, [crew.technician.id])[crew.technician.id] == (), "until it is answered"
    (waiting,) = open_contests(session, owner_id=crew.manager.user_id)
    assert (waiting.about, waiting.certification_id, waiting.technician_id) == (
        kind.name, document.id, crew.technician.id,
    )  # fmt: skip
    assert [one.kind for one in loose_ends(session, actor=crew.manager, now=NOW).rows if one.kind == "contest"]
    service.settle_contest(
        session, contest_id=contest.id, outcome="withdrawn", answer="You are right", actor=crew.manager, now=NOW
    )
    assert session.get_one(Certification, document.id).state is DocumentState.CONFIRMED
    assert holds(certifications_held(session, [crew.technician.id])[crew.technician.id], kind.id, DAY)
    (told,) = contests_of(session, crew.technician.id)
    assert (told.about, told.outcome, told.answer) == (kind.name, "withdrawn", "You are right")
    assert open_contests(session) == []


def test_a_document_stays_given_back_where_the_answer_says_so(
    session: Session, crew: Crew, kind: CertificationKind
) -> None:
    document = hand_in(session, crew, kind)
    give_back(session, crew, document)
    contest = see_differently(session, crew, document)
    service.settle_contest(
        session, contest_id=contest.id, outcome="upheld", answer="It is another year", actor=crew.manager, now=NOW
    )
    assert session.get_one(Certification, document.id).state is DocumentState.RETURNED
    with pytest.raises(Conflict, match="said so already"):
        see_differently(session, crew, document)


def test_who_may_see_a_document_differently_and_who_answers(
    session: Session, crew: Crew, kind: CertificationKind
) -> None:
    document = hand_in(session, crew, kind)
    give_back(session, crew, document)
    with pytest.raises(NotFound):
        see_differently(session, crew, document, actor=crew.mate)
    with pytest.raises(Forbidden):
        see_differently(session, crew, document, actor=crew.dispatcher)
    with pytest.raises(Invalid):
        see_differently(session, crew, document, reason="  ")
    contest = see_differently(session, crew, document)
    answers = {"contest_id": contest.id, "outcome": "withdrawn", "answer": "Yes", "now": NOW}
    with pytest.raises(Forbidden, match="Somebody else answers"):
        service.settle_contest(session, actor=crew.holder, **answers)  # type: ignore[arg-type]  # cases mix kinds
    with pytest.raises(Forbidden):
        service.settle_contest(session, actor=crew.dispatcher, **answers)  # type: ignore[arg-type]  # cases mix kinds
    with pytest.raises(Invalid, match="handing it in anew"):
        service.settle_contest(
            session,
            actor=crew.manager,
            level=3,
            **(answers | {"outcome": "corrected"}),  # type: ignore[arg-type]  # cases mix kinds
        )
    assert session.get_one(EvidenceContest, contest.id).settled_at is None


def test_a_document_seen_differently_leaves_the_facts_of_other_documents_alone(
    session: Session, crew: Crew, kind: CertificationKind
) -> None:
    """A contest without a fact must not keep the facts that certificates prove from counting, or from not counting."""
    proving = make_certification_kind(session)
    session.add(CertificationProof(kind_id=proving.id, skill_id=crew.boiler.id, level=3))
    session.flush()
    other = hand_in(session, crew, kind)
    give_back(session, crew, other)
    see_differently(session, crew, other)
    proof = hand_in(session, crew, proving, actor=crew.manager, confirmed=True)
    fact = session.scalars(select(Evidence).where(Evidence.technician_id == crew.technician.id)).one()
    assert not fact.contested
    give_back(session, crew, proof)
    session.refresh(fact)
    assert fact.contested
