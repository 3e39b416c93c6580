"""A confirmed certificate says what its kind proves; one that is given back says it no more."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.skills import documents, service
from dispatch.skills.models import Certification, CertificationKind, CertificationProof, Evidence, Proficiency
from tests.factories import DAY, make_certification_kind, make_skill
from tests.skills.people import ADMIN, NOW, Crew, make_crew


@pytest.fixture
def crew(session: Session) -> Crew:
    return make_crew(session)


@pytest.fixture
def kind(session: Session, crew: Crew) -> CertificationKind:
    kind = make_certification_kind(session, name="Gas examination", issuer="Gas Board")
    session.add_all(
        [
            CertificationProof(kind_id=kind.id, skill_id=crew.boiler.id, level=3),
            CertificationProof(kind_id=kind.id, skill_id=crew.meter.id, level=2),
        ]
    )
    session.flush()
    return kind


def hand_in(session: Session, crew: Crew, kind: CertificationKind, **changes: object) -> Certification:
    values = {"actor": crew.holder, "now": NOW, "valid_from": DAY - timedelta(days=10)} | changes
    return documents.record_certification(
        session,
        technician_id=crew.technician.id,
        kind_id=kind.id,
        **values,  # type: ignore[arg-type]  # cases mix kinds
    )


def proved(session: Session, crew: Crew) -> dict[int, tuple[float, bool]]:
    """Return what certificates say by skill: the level, and whether it counts."""
    rows = session.scalars(
        select(Evidence).where(Evidence.technician_id == crew.technician.id, Evidence.source == "certificate")
    )
    return {row.skill_id: (row.facts["level"], not row.contested) for row in rows}


def confirmed(session: Session, crew: Crew) -> set[int]:
    """Return the skills that something other than the person's word speaks for."""
    mine = select(Proficiency.skill_id).where(
        Proficiency.technician_id == crew.technician.id, Proficiency.confirmed, Proficiency.fact_count > 0
    )
    return set(session.scalars(mine))


def test_handed_in_it_proves_nothing_and_confirmed_it_does(
    session: Session, crew: Crew, kind: CertificationKind
) -> None:
    document = hand_in(session, crew, kind)
    assert proved(session, crew) == {}
    documents.confirm_certification(
        session, certification_id=document.id, version=document.version, actor=crew.manager, now=NOW
    )
    assert proved(session, crew) == {crew.boiler.id: (3, True), crew.meter.id: (2, True)}
    assert confirmed(session, crew) == {crew.boiler.id, crew.meter.id}
    fact = session.scalars(select(Evidence).where(Evidence.skill_id == crew.boiler.id)).one()
    assert fact.at.date() == DAY - timedelta(days=10)
    assert (fact.facts["title"], fact.facts["issuer"]) == ("Gas examination", "Gas Board")
    assert fact.recorded_by_id == crew.manager.user_id


@pytest.mark.parametrize("how", [{"confirmed": True}, {"imported": True}])
def test_vouched_for_at_once_or_imported_it_proves_as_well(
    session: Session, crew: Crew, kind: CertificationKind, how: dict[str, object]
) -> None:
    hand_in(session, crew, kind, actor=ADMIN if "imported" in how else crew.manager, **how)
    assert proved(session, crew) == {crew.boiler.id: (3, True), crew.meter.id: (2, True)}


def test_given_back_it_proves_nothing_and_confirmed_again_the_same_once(
    session: Session, crew: Crew, kind: CertificationKind
) -> None:
    document = hand_in(session, crew, kind, actor=crew.manager, confirmed=True)
    documents.return_certification(
        session, certification_id=document.id, version=document.version, reason="forged", actor=crew.manager, now=NOW
    )
    assert proved(session, crew) == {crew.boiler.id: (3, False), crew.meter.id: (2, False)}
    assert confirmed(session, crew) == set()
    documents.confirm_certification(
        session, certification_id=document.id, version=document.version, actor=crew.manager, now=NOW
    )
    assert proved(session, crew) == {crew.boiler.id: (3, True), crew.meter.id: (2, True)}
    assert len(session.scalars(select(Evidence.id).where(Evidence.source == "certificate")).all()) == 2


def test_what_its_person_sees_differently_stays_out(session: Session, crew: Crew, kind: CertificationKind) -> None:
    document = hand_in(session, crew, kind, actor=crew.manager, confirmed=True)
    fact = session.scalars(select(Evidence).where(Evidence.skill_id == crew.meter.id)).one()
    service.contest_evidence(session, evidence_id=fact.id, reason="never did", actor=crew.holder, now=NOW)
    documents.return_certification(
        session, certification_id=document.id, version=document.version, reason="blurred", actor=crew.manager, now=NOW
    )
    documents.confirm_certification(
        session, certification_id=document.id, version=document.version, actor=crew.manager, now=NOW
    )
    assert proved(session, crew) == {crew.boiler.id: (3, True), crew.meter.id: (2, False)}


def test_one_that_begins_later_is_known_from_today_and_merged_skills_speak_for_what_they_live_on_in(
    session: Session, crew: Crew, kind: CertificationKind
) -> None:
    old = make_skill(session, parent_id=crew.trade.id, merged_into_id=crew.boiler.id, retired_at=NOW)
    session.add(CertificationProof(kind_id=kind.id, skill_id=old.id, level=4))
    session.flush()
    hand_in(session, crew, kind, actor=crew.manager, confirmed=True, valid_from=DAY + timedelta(days=30))
    assert proved(session, crew) == {crew.boiler.id: (4, True), crew.meter.id: (2, True)}
    assert {fact.at for fact in session.scalars(select(Evidence))} == {NOW}


def test_a_kind_that_proves_nothing_says_nothing(session: Session, crew: Crew) -> None:
    hand_in(session, crew, make_certification_kind(session), actor=crew.manager, confirmed=True)
    assert proved(session, crew) == {}
