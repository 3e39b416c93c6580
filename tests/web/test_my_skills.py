"""The technician's own inventory."""

import csv
import io
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import Range

from dispatch.accounts.models import Agreement, AgreementKind, RoleName
from dispatch.core import clock
from dispatch.planning.models import AssignmentState
from dispatch.skills.models import Evidence, EvidenceContest, Skill, SkillWish
from dispatch.workforce.models import Technician, Territory, TerritoryMembership
from tests.conftest import statements
from tests.factories import (
    ALWAYS,
    make_assignment,
    make_evidence,
    make_job,
    make_site,
    make_skill,
    make_technician,
    make_territory,
    make_user,
    make_visit,
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
    assert "the level by" in opened.text
    assert "I see it differently" in opened.text


def test_own_words_lead_to_a_skill_and_a_level(site: Site) -> None:
    own = Own(site, "bob")
    browser = own.browser()
    assert any(form.action == "/my/skills/claim" for form in browser.get("/my/skills").forms)
    page = browser.get("/my/skills/claim?words=gas+boiler+of+bob")
    assert "Which sentence describes you?" in page.text
    assert "solves unusual cases" in page.text
    refused = browser.post("/my/skills/claim", {"words": "gas", "skill_id": str(own.skill_id)}, status=422)
    assert not isinstance(refused, str)
    assert "Choose the level" in refused.text
    browser.get("/my/skills/claim?words=gas+boiler+of+bob")
    assert browser.send({"level": "4"}, action="/claim") == "/my/skills"
    with site.session() as session:
        claim = session.scalars(
            select(Evidence).where(Evidence.technician_id == own.technician_id, Evidence.source == "self_claim")
        ).one()
        assert claim.facts["level"] == 4
        assert claim.facts["words"] == "gas boiler of bob"


def test_a_level_is_chosen_by_the_sentence_the_catalogue_has_for_the_skill(site: Site) -> None:
    own = Own(site, "kai")
    with site.session() as session:
        skill = session.get_one(Skill, own.skill_id)
        skill.level_anchors = {"3": "services any wall-hung boiler alone"}
    page = own.browser().get(f"/my/skills/claim?words=boilers&skill={own.skill_id}")
    assert "services any wall-hung boiler alone" in page.text
    assert "solves unusual cases" in page.text


def test_words_that_match_nothing_are_answered(site: Site) -> None:
    page = Own(site, "cem").browser().get("/my/skills/claim?words=xylophone")
    assert "No skill is called like “xylophone”" in page.text


def test_what_is_no_skill_or_no_level_is_refused(site: Site) -> None:
    own, other = Own(site, "dan"), Own(site, "eve")
    browser = own.browser()
    browser.post("/my/skills/claim", {"words": "gas boilers of dan", "skill_id": "999999", "level": "5"}, status=422)
    with site.session() as session:
        trade_id = session.get_one(Skill, other.skill_id).parent_id
    browser.post("/my/skills/claim", {"words": "gas", "skill_id": str(trade_id), "level": "5"}, status=422)
    browser.post("/my/skills/claim", {"words": "gas", "skill_id": "many", "level": "5"}, status=422)
    browser.post("/my/skills/claim", {"words": "gas", "skill_id": str(own.skill_id), "level": "9"}, status=422)
    with site.session() as session:
        said = select(Evidence).where(Evidence.technician_id == own.technician_id, Evidence.source == "self_claim")
        assert session.scalars(said).all() == []


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


def done_visits(site: Site, own: Own, skill_id: int, ages: list[int]) -> None:
    """Put finished visits of a person on record that needed a skill at level 3, so many days ago."""
    with site.session() as session:
        technician, skill = session.get_one(Technician, own.technician_id), session.get_one(Skill, skill_id)
        for days in ages:
            start = clock.now() - timedelta(days=days)
            make_assignment(
                session,
                visit=make_visit(session, needs={skill: 3}),
                technician=technician,
                state=AssignmentState.DONE,
                during=Range(start, start + timedelta(hours=1)),
            )


def unclaimed(site: Site, name: str) -> int:
    with site.session() as session:
        trade = make_skill(session, name=f"Heat of {name}", assignable=False)
        return make_skill(session, name=f"Heat pumps of {name}", parent_id=trade.id).id


def test_work_suggests_a_skill_that_one_tap_adds(site: Site) -> None:
    own, skill_id = Own(site, "liv"), unclaimed(site, "liv")
    done_visits(site, own, skill_id, [10, 20])
    browser = own.browser()
    assert "Suggested by your work" not in browser.get("/my/skills").text
    done_visits(site, own, skill_id, [30])
    page = browser.get("/my/skills")
    assert "3 visits with Heat pumps of liv since" in page.text
    assert "at level 3: does standard work alone?" in page.text
    assert browser.send({"answer": "yes"}, action=f"/{skill_id}/from-work") == f"/my/skills#skill-{skill_id}"
    assert "Suggested by your work" not in browser.get("/my/skills").text
    with site.session() as session:
        (said,) = session.scalars(
            select(Evidence).where(Evidence.technician_id == own.technician_id, Evidence.source == "self_claim")
        )
        assert (said.skill_id, said.facts["level"], said.facts["words"]) == (skill_id, 3, "3 finished visits")
    again = browser.post(f"/my/skills/{skill_id}/from-work", {"answer": "yes"}, status=409)
    assert not isinstance(again, str)
    assert "no suggestion any more" in again.text


def test_a_suggestion_turned_down_stays_down_until_there_is_new_work(site: Site) -> None:
    own, skill_id = Own(site, "mia"), unclaimed(site, "mia")
    done_visits(site, own, skill_id, [1, 2, 3, 4])
    browser = own.browser()
    browser.get("/my/skills")
    browser.send({"answer": "no"}, action=f"/{skill_id}/from-work")
    assert "Heat pumps of mia" not in browser.get("/my/skills").text
    browser.post(f"/my/skills/{skill_id}/from-work", {"answer": "yes"}, status=409)
    with site.session() as session:
        row = session.scalars(select(SkillWish).where(SkillWish.skill_id == skill_id)).one()
        row.declined_at = clock.now() - timedelta(days=4, hours=12)
    assert "4 visits with Heat pumps of mia" in browser.get("/my/skills").text


def test_a_wish_is_one_tap_and_the_manager_sees_it(site: Site) -> None:
    own = Own(site, "noa")
    browser = own.browser()
    browser.get("/my/skills")
    where = f"/my/skills#skill-{own.skill_id}"
    assert browser.send({"wish": "more"}, action=f"/{own.skill_id}/wish") == where
    assert 'value="more" aria-pressed="true"' in browser.get("/my/skills").html
    assert browser.send({"wish": "less"}, action=f"/{own.skill_id}/wish") == where
    page = browser.get("/my/skills")
    assert 'value="less" aria-pressed="true"' in page.html
    assert 'value="more" aria-pressed="false"' in page.html
    browser.post(f"/my/skills/{own.skill_id}/wish", {"wish": "all of it"}, status=422)
    browser.post("/my/skills/999999/wish", {"wish": "more"}, status=404)
    assert "wants less of it" in site.sign_in("manager").get(f"/people/{own.technician_id}").text
    assert "wants less of it" not in site.sign_in("dispatcher").get(f"/people/{own.technician_id}").text


def test_what_is_proven_and_not_used_for_long_is_listed(site: Site) -> None:
    own = Own(site, "oda")
    browser = own.browser()
    assert "Proven but unused" in browser.get("/my/skills").text
    assert "on no visit yet" in browser.get("/my/skills").text
    done_visits(site, own, own.skill_id, [200])
    assert "Proven but unused" in browser.get("/my/skills").text
    assert "on no visit yet" not in browser.get("/my/skills").text
    done_visits(site, own, own.skill_id, [20])
    assert "Proven but unused" not in browser.get("/my/skills").text


def test_an_empty_inventory_starts_with_what_is_needed_around(site: Site) -> None:
    own = Own(site, "pim")
    with site.session() as session:
        session.execute(delete(TerritoryMembership).where(TerritoryMembership.technician_id == own.technician_id))
        user = make_user(session, RoleName.TECHNICIAN, name="quy", email="quy@example.test", password=STORED)
        east = make_territory(session, name="Far East")
        make_technician(session, territory=east, name="quy", user_id=user.id)
        skill = session.get_one(Skill, own.skill_id)
        make_visit(session, job=make_job(session, site=make_site(session, territory=east)), needs={skill: 2})
    browser = site.browser()
    browser.sign_in("quy@example.test", PASSWORD)
    page = browser.get("/my/skills")
    assert "What did you do last week?" in page.text
    assert f"/my/skills/claim?skill={own.skill_id}" in page.links


def test_a_level_is_seen_differently_through_what_others_said(site: Site) -> None:
    own = Own(site, "rex")
    browser = own.browser()
    browser.get("/my/skills")
    browser.send(action=f"/{own.skill_id}/still-true")
    page = browser.get("/my/skills")
    assert f"/my/skills/{own.skill_id}/differently" in page.links
    to = browser.get(f"/my/skills/{own.skill_id}/differently", follow=True)
    assert browser.where == f"/my/skills/facts/{own.fact_id}/contest"
    assert "Manager North answers by" in to.text
    browser.send({"reason": "I teach it by now"}, button="Send")
    manager = site.sign_in("manager")
    page = manager.get(f"/people/{own.technician_id}")
    assert "I teach it by now" in page.text
    (address,) = [link for link in page.links if "/contests/" in link]
    manager.get(address)
    manager.send({"outcome": "upheld", "answer": "Seen once only"}, button="Answer")
    assert "Seen once only" in browser.get("/my/skills").text
    assert "Seen once only" in manager.get(f"/people/{own.technician_id}").text
    assert "Seen once only" not in site.sign_in("dispatcher").get(f"/people/{own.technician_id}").text
    assert browser.get("/my/skills/999999/differently", follow=True).text
    assert browser.where.startswith("/my/skills/claim")


def test_many_skills_cost_as_many_statements_as_one(site: Site) -> None:
    own = Own(site, "sia")
    browser = own.browser()
    counts = []
    for _ in range(2):
        browser.get(f"/my/skills?open={own.skill_id}")
        with statements(site.engine) as sent:
            browser.get(f"/my/skills?open={own.skill_id}")
        counts.append(sent.count)
        with site.session() as session:
            technician = session.get_one(Technician, own.technician_id)
            for number in range(5):
                skill = make_skill(session, name=f"Skill {number} of sia", parent_id=make_skill(session).id)
                make_evidence(session, technician=technician, skill=skill, facts={"level": 3})
    assert counts[0] == counts[1] <= 24, sent.texts


def test_everything_known_about_oneself_can_be_taken_along(site: Site) -> None:
    own, other = Own(site, "tom"), Own(site, "una")
    browser = own.browser()
    assert "/my/skills/export.csv" in browser.get("/my/skills").links
    answer = browser.client.get("/my/skills/export.csv")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
    assert [row[0] for row in rows] == ["What", "Gas boilers of tom"]
    assert (rows[1][2], rows[1][3], rows[1][7]) == ("3", "Supervisor: level 3", "Manager North")
    assert other.skill_id != own.skill_id
    assert site.sign_in("dispatcher").client.get("/my/skills/export.csv").status_code == 403
