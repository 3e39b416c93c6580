"""One queue for whoever confirms: one click to approve, two to give back, and never one's own."""

from datetime import timedelta

from sqlalchemy import select

from dispatch.accounts.models import RoleName
from dispatch.core import clock
from dispatch.skills.models import Certification, ClaimAnswer, DocumentState, Evidence, Skill
from dispatch.workforce.models import Territory
from tests.conftest import statements
from tests.factories import (
    make_certification,
    make_certification_kind,
    make_evidence,
    make_skill,
    make_technician,
    make_user,
)
from tests.web.conftest import PASSWORD, STORED, Site


class Waiting:
    """A technician of their own for one test who claimed a skill and handed in a certificate."""

    def __init__(self, site: Site, name: str, *, manages: bool = False, south: bool = False) -> None:
        with site.session() as session:
            place = session.get_one(Territory, site.south_id if south else site.north_id)
            roles = (RoleName.TECHNICIAN, RoleName.MANAGER) if manages else (RoleName.TECHNICIAN,)
            user = make_user(session, *roles, territory=place, name=name, email=f"{name}@example.test", password=STORED)
            technician = make_technician(session, territory=place, name=name, user_id=user.id)
            trade = make_skill(session, name=f"Heating of {name}", assignable=False)
            skill = make_skill(session, name=f"Boilers of {name}", parent_id=trade.id)
            kind = make_certification_kind(session, name=f"Permit of {name}")
            claim = make_evidence(
                session,
                technician=technician,
                skill=skill,
                source="self_claim",
                facts={"level": 3, "words": f"fixing boilers {name}"},
                at=clock.now() - timedelta(days=2),
                recorded_by_id=user.id,
            )
            paper = make_certification(
                session, technician=technician, kind=kind, state=DocumentState.CLAIMED, imported=False
            )
            self.name, self.email, self.technician_id = name, user.email, technician.id
            self.skill_id, self.claim_id, self.paper_id, self.version = skill.id, claim.id, paper.id, paper.version


def test_what_waits_for_an_answer_is_a_loose_end_of_somebody_who_may_give_it(site: Site) -> None:
    Waiting(site, "yara")
    with site.session() as session:
        session.get_one(Territory, site.north_id).owner_id = site.people["dispatcher"]
    mine = site.sign_in("manager").get("/loose-ends")
    assert 'href="/approvals#claims"' in mine.html
    assert "Certificate to confirm: Permit of yara" in mine.text
    theirs = site.sign_in("dispatcher").get("/loose-ends")
    assert "To answer" not in theirs.text
    assert "Certificate to confirm" not in theirs.text


def test_one_click_approves_a_claim_and_a_certificate(site: Site) -> None:
    own = Waiting(site, "abe")
    manager = site.sign_in("manager")
    page = manager.get("/approvals")
    assert "“fixing boilers abe”" in page.text
    assert "Permit of abe" in page.text
    assert "no photo" in page.text
    assert manager.send({"answer": "approve"}, action=f"/approvals/claims/{own.claim_id}") == "/approvals"
    manager.get("/approvals")
    assert manager.send({"answer": "approve"}, action=f"/approvals/certificates/{own.paper_id}") == "/approvals"
    page = manager.get("/approvals")
    assert "fixing boilers abe" not in page.text
    assert "Permit of abe" not in page.text
    with site.session() as session:
        assert session.get_one(Certification, own.paper_id).state is DocumentState.CONFIRMED
        judged = select(Evidence).where(Evidence.technician_id == own.technician_id, Evidence.source == "supervisor")
        assert session.scalars(judged).one().facts["level"] == 3
    again = manager.post(f"/approvals/claims/{own.claim_id}", {"answer": "approve"}, status=409)
    assert not isinstance(again, str)
    assert "Manager North was first and approved it" in again.text
    values = {"answer": "return", "reason": "too late", "version": str(own.version)}
    again = manager.post(f"/approvals/certificates/{own.paper_id}", values, status=409)
    assert not isinstance(again, str)
    assert "Manager North was first and confirmed it" in again.text


def test_given_back_with_a_reason_its_person_reads_it(site: Site) -> None:
    own = Waiting(site, "bea")
    manager = site.sign_in("manager")
    manager.get("/approvals")
    unsaid = manager.send({"answer": "return"}, action=f"/approvals/claims/{own.claim_id}", status=422)
    assert not isinstance(unsaid, str)
    assert "Say why, so that they know what would help." in unsaid.text
    assert "Boilers of bea" in unsaid.text
    values = {"answer": "return", "reason": "Join Ben first"}
    manager.send(values, action=f"/approvals/claims/{own.claim_id}")
    manager.get("/approvals")
    unsaid = manager.send({"answer": "return"}, action=f"/approvals/certificates/{own.paper_id}", status=422)
    assert not isinstance(unsaid, str)
    manager.send({"answer": "return", "reason": "Blurred"}, action=f"/approvals/certificates/{own.paper_id}")
    page = manager.get("/approvals")
    assert "fixing boilers bea" not in page.text
    assert "Permit of bea" not in page.text
    browser = site.browser()
    browser.sign_in(own.email, PASSWORD)
    page = browser.get("/my/skills")
    assert "Join Ben first" in page.text
    assert "Blurred" in page.text
    assert f"/my/skills/claim?skill={own.skill_id}" in page.links


def test_a_slip_is_taken_back_in_one_click_by_whoever_made_it(site: Site) -> None:
    own = Waiting(site, "ivo")
    manager = site.sign_in("manager")
    manager.get("/approvals")
    manager.send({"answer": "approve"}, action=f"/approvals/claims/{own.claim_id}")
    assert "Answered by you just now" in manager.get("/approvals").text
    assert manager.send(action=f"/approvals/claims/{own.claim_id}/take-back") == "/approvals"
    page = manager.get("/approvals")
    assert "Approve" in page.text
    assert "fixing boilers ivo" in page.text
    manager.post(f"/approvals/claims/{own.claim_id}/take-back", status=404)


def test_a_claim_given_back_can_be_seen_differently_once_and_stand_after_all(site: Site) -> None:
    own = Waiting(site, "gus")
    manager = site.sign_in("manager")
    manager.get("/approvals")
    manager.send({"answer": "return", "reason": "Never saw it"}, action=f"/approvals/claims/{own.claim_id}")
    browser = site.browser()
    browser.sign_in(own.email, PASSWORD)
    where = f"/my/skills/facts/{own.claim_id}/contest"
    assert where in browser.get("/my/skills").links
    browser.get(where)
    browser.send({"reason": "Ask the school"}, button="Send")
    page = browser.get("/my/skills")
    assert "Never saw it" not in page.text
    assert "Ask the school" in page.text
    again = browser.post(where, {"reason": "And again"}, status=422)
    assert not isinstance(again, str)
    assert "already left out" in again.text
    page = manager.get("/approvals")
    assert "Ask the school" in page.text
    (answer,) = [link for link in page.links if f"/people/{own.technician_id}/contests/" in link]
    manager.get(answer)
    manager.send({"outcome": "upheld", "answer": "The school says so too"}, button="Answer")
    assert "The school says so too" in browser.get("/my/skills").text
    with site.session() as session:
        assert session.get_one(Evidence, own.claim_id).contested is False
    assert "fixing boilers gus" not in manager.get("/approvals").text


def test_a_certificate_given_back_is_seen_differently_and_answered(site: Site) -> None:
    own = Waiting(site, "lea")
    manager = site.sign_in("manager")
    manager.get("/approvals")
    manager.send({"answer": "return", "reason": "Blurred"}, action=f"/approvals/certificates/{own.paper_id}")
    browser = site.browser()
    browser.sign_in(own.email, PASSWORD)
    where = f"/my/skills/certificates/{own.paper_id}/contest"
    assert where in browser.get("/my/skills").links
    page = browser.get(where)
    assert "Given back: Blurred" in page.text
    assert "answers by" in page.text
    unsaid = browser.send({"reason": " "}, button="Send", status=422)
    assert not isinstance(unsaid, str)
    browser.get(where)
    browser.send({"reason": "The number is sharp"}, button="Send")
    page = browser.get("/my/skills")
    assert "The number is sharp" in page.text
    assert where not in page.links, "it is said once"
    again = browser.post(where, {"reason": "And again"}, status=422)
    assert not isinstance(again, str)
    assert "said so already" in again.text
    page = manager.get("/approvals")
    assert "Certificate given back" in page.text
    assert "Contested: Permit of lea" in manager.get("/loose-ends?whose=all").text
    (answer,) = [link for link in page.links if f"/people/{own.technician_id}/contests/" in link]
    page = manager.get(answer)
    assert "Blurred" in page.text
    assert "Right level" not in page.text
    bad = manager.send({"outcome": "corrected", "answer": "No"}, button="Answer", status=422)
    assert not isinstance(bad, str)
    manager.get(answer)
    manager.send({"outcome": "withdrawn", "answer": "Now I can read it"}, button="Answer")
    for text in (browser.get("/my/skills").text, manager.get(f"/people/{own.technician_id}").text):
        assert "It counts after all. Now I can read it" in text
    with site.session() as session:
        assert session.get_one(Certification, own.paper_id).state is DocumentState.CONFIRMED
    history = manager.get(f"/audit?entity=technician&id={own.technician_id}").text
    assert "Permit of lea" in history


def test_ones_own_is_not_in_ones_queue_and_refused(site: Site) -> None:
    own = Waiting(site, "cleo", manages=True)
    boss = site.browser()
    boss.sign_in(own.email, PASSWORD)
    assert "of cleo" not in boss.get("/approvals").text
    boss.post(f"/approvals/claims/{own.claim_id}", {"answer": "approve"}, status=403)
    boss.post(f"/approvals/claims/{own.claim_id}", {"answer": "return", "reason": "x"}, status=403)
    values = {"answer": "approve", "version": str(own.version)}
    boss.post(f"/approvals/certificates/{own.paper_id}", values, status=403)
    assert "of cleo" in site.sign_in("manager").get("/approvals").text


def test_only_managers_and_only_their_territory(site: Site) -> None:
    own, far = Waiting(site, "dora"), Waiting(site, "emil", south=True)
    for role in ("technician", "dispatcher", "administrator"):
        site.sign_in(role).get("/approvals", 403)
        site.sign_in(role).post(f"/approvals/claims/{own.claim_id}", {"answer": "approve"}, status=403)
    manager = site.sign_in("manager")
    assert "of emil" not in manager.get("/approvals").text
    manager.post(f"/approvals/claims/{far.claim_id}", {"answer": "approve"}, status=404)
    values = {"answer": "approve", "version": str(far.version)}
    manager.post(f"/approvals/certificates/{far.paper_id}", values, status=404)
    manager.post(f"/approvals/claims/{own.claim_id}", {"answer": "perhaps"}, status=422)
    manager.post("/approvals/claims/999999", {"answer": "approve"}, status=404)
    with site.session() as session:
        assert session.get(ClaimAnswer, own.claim_id) is None
        assert session.get_one(Skill, own.skill_id).id


def test_claims_are_one_loose_end_of_whoever_answers(site: Site) -> None:
    Waiting(site, "fred")
    page = site.sign_in("manager").get("/loose-ends?whose=all")
    assert "what people say they can do" in page.text
    assert any(link.startswith("/approvals") for link in page.links)
    technician = site.browser()
    technician.sign_in("fred@example.test", PASSWORD)
    assert "what people say they can do" not in technician.get("/loose-ends?whose=all").text


def test_a_long_queue_costs_as_many_statements_as_a_short_one(site: Site) -> None:
    Waiting(site, "hans")
    manager = site.sign_in("manager")
    counts = []
    for number in range(2):
        manager.get("/approvals")
        with statements(site.engine) as sent:
            manager.get("/approvals")
        counts.append(sent.count)
        for each in range(4):
            Waiting(site, f"hans{number}{each}")
    assert counts[0] == counts[1] <= 12, sent.texts
