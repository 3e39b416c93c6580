"""The technician's own inventory."""

from datetime import timedelta

from sqlalchemy import select

from dispatch.accounts.models import Agreement, AgreementKind, RoleName
from dispatch.core import clock
from dispatch.skills.models import Certification, DocumentState, Evidence, EvidenceContest
from dispatch.workforce.models import Territory
from tests.factories import (
    ALWAYS,
    make_certification_kind,
    make_evidence,
    make_skill,
    make_technician,
    make_user,
)
from tests.web.browser import Browser
from tests.web.conftest import PASSWORD, STORED, Site


class Own:
    """A technician of their own for one test, with one skill that a supervisor confirmed."""

    def __init__(self, site: Site, name: str) -> None:
        self.site = site
        with site.session() as session:
            north = session.get_one(Territory, site.north_id)
            user = make_user(
                session, RoleName.TECHNICIAN, territory=north, name=name, email=f"{name}@example.test", password=STORED
            )
            technician = make_technician(session, territory=north, name=name, user_id=user.id)
            trade = make_skill(session, name=f"Heating of {name}", assignable=False)
            skill = make_skill(session, name=f"Gas boilers of {name}", parent_id=trade.id)
            fact = make_evidence(
                session,
                technician=technician,
                skill=skill,
                source="supervisor",
                facts={"level": 3},
                at=clock.now() - timedelta(days=30),
                recorded_by_id=site.people["manager"],
            )
            self.technician_id, self.email, self.skill_id, self.fact_id = (
                technician.id,
                user.email,
                skill.id,
                fact.id,
            )

    def browser(self) -> Browser:
        browser = self.site.browser()
        browser.sign_in(self.email, PASSWORD)
        return browser


def test_a_level_says_how_sure_it_is_and_opens_to_its_facts(site: Site) -> None:
    own = Own(site, "ada")
    browser = own.browser()
    page = browser.get("/my/skills")
    assert "Gas boilers of ada" in page.text
    assert "does standard work alone" in page.text
    assert "sure that it is at least level 3" in page.text
    assert "Dispatch relies on you up to level 3" in page.text
    opened = browser.get(f"/my/skills?open={own.skill_id}")
    assert "Manager North" in opened.text
    assert "your level by" in opened.text
    assert "I see it differently" in opened.text


def test_own_words_lead_to_a_skill_and_a_level(site: Site) -> None:
    own = Own(site, "bob")
    browser = own.browser()
    browser.get("/my/skills/claim")
    browser.get("/my/skills/claim?words=gas+boiler+of+bob")
    refused = browser.send({"skill_id": str(own.skill_id)}, button="Add it", status=422)
    assert not isinstance(refused, str)
    assert "Choose the level" in refused.text
    assert browser.send({"skill_id": str(own.skill_id), "level": "4"}, button="Add it") == "/my/skills"
    with site.session() as session:
        claim = session.scalars(
            select(Evidence).where(Evidence.technician_id == own.technician_id, Evidence.source == "self_claim")
        ).one()
        assert claim.facts["level"] == 4
        assert claim.facts["words"] == "gas boiler of bob"


def test_words_that_match_nothing_are_answered(site: Site) -> None:
    page = Own(site, "cem").browser().get("/my/skills/claim?words=xylophone")
    assert "No skill is called like “xylophone”" in page.text


def test_a_skill_that_was_not_offered_is_refused(site: Site) -> None:
    own, other = Own(site, "dan"), Own(site, "eve")
    browser = own.browser()
    browser.post("/my/skills/claim", {"words": "gas boilers of dan", "skill_id": "999999", "level": "5"}, status=422)
    assert other.skill_id != own.skill_id


def test_still_true_is_one_tap(site: Site) -> None:
    own = Own(site, "fay")
    browser = own.browser()
    browser.get("/my/skills")
    assert browser.send(action=f"/{own.skill_id}/still-true") == f"/my/skills#skill-{own.skill_id}"
    with site.session() as session:
        said = session.scalars(
            select(Evidence).where(Evidence.technician_id == own.technician_id, Evidence.source == "self_claim")
        ).one()
        assert said.facts["still_true"] is True


def test_a_certificate_waits_for_somebody_else(site: Site) -> None:
    own = Own(site, "gil")
    with site.session() as session:
        kind_id = make_certification_kind(session, name="Gas safety").id
    browser = own.browser()
    browser.get("/my/skills/certificates/new")
    values = {"kind_id": str(kind_id), "number": "G-77", "valid_from": "2026-01-01", "valid_to": "2025-01-01"}
    refused = browser.send(values, button="Hand it in", status=422)
    assert not isinstance(refused, str)
    assert "cannot end before it starts" in refused.text
    assert "G-77" in refused.html
    browser.send(values | {"valid_to": "2028-01-01"}, button="Hand it in")
    page = browser.get("/my/skills")
    assert "Waits for your manager" in page.text
    with site.session() as session:
        document = session.scalars(select(Certification).where(Certification.technician_id == own.technician_id)).one()
        assert document.state is DocumentState.CLAIMED


def test_a_fact_seen_differently_is_left_out_and_answered_by_a_named_person(site: Site) -> None:
    own = Own(site, "hal")
    browser = own.browser()
    browser.get(f"/my/skills/facts/{own.fact_id}/contest")
    browser.send({"reason": "That was not my job"}, button="Send")
    page = browser.get("/my/skills")
    assert "That was not my job" in page.text
    assert "answers by" in page.text
    with site.session() as session:
        contest = session.scalars(select(EvidenceContest).where(EvidenceContest.evidence_id == own.fact_id)).one()
        assert contest.owner_id is not None
        assert session.get_one(Evidence, own.fact_id).contested


def test_others_facts_do_not_exist_here(site: Site) -> None:
    own, other = Own(site, "ivy"), Own(site, "joe")
    browser = own.browser()
    browser.get(f"/my/skills/facts/{other.fact_id}/contest", 404)
    browser.post(f"/my/skills/facts/{other.fact_id}/contest", {"reason": "x"}, status=404)
    with site.session() as session:
        assert not session.get_one(Evidence, other.fact_id).contested


def test_outcomes_are_said_to_count_or_not(site: Site) -> None:
    own = Own(site, "kim")
    browser = own.browser()
    assert "has not agreed to it" in browser.get("/my/skills").text
    with site.session() as session:
        session.add(
            Agreement(
                kind=AgreementKind.OUTCOME_EVIDENCE,
                valid=ALWAYS,
                scope="all",
                reference="Agreement of the house",
                recorded_at=clock.now(),
            )
        )
    assert "has not agreed to it" not in browser.get("/my/skills").text


def test_a_reason_that_somebody_sees_differently_leads_to_the_fact_it_rests_on(site: Site) -> None:
    own = Own(site, "yara")
    browser = own.browser()
    page = browser.get(f"/my/skills/{own.skill_id}/differently", follow=True)
    assert browser.where == f"/my/skills/facts/{own.fact_id}/contest"
    assert "Gas boilers of yara" in page.text
    browser.send({"reason": "I only watched"}, action="")
    with site.session() as session:
        contest = session.scalars(select(EvidenceContest).where(EvidenceContest.evidence_id == own.fact_id)).one()
        assert contest.owner_id is not None
    assert "Say what you can do." in browser.get(f"/my/skills/{own.skill_id}/differently", follow=True).text
