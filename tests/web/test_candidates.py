"""Who fits a job: ranked with reasons that add up, an answer for everybody, and sending in place."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import Job
from dispatch.jobs.models import Site as Place
from dispatch.planning import desks
from dispatch.planning.models import RELEASED_STATES, Assignment, AssignmentState
from dispatch.skills.models import Skill, SkillWish, Wish
from dispatch.workforce.models import Technician, Territory
from tests.conftest import statements
from tests.factories import (
    make_absence,
    make_assignment,
    make_job,
    make_proficiency,
    make_shift,
    make_site,
    make_skill,
    make_technician,
    make_visit,
)
from tests.web.browser import Browser, Page
from tests.web.conftest import Site
from tests.web.world import Day, make_day

SignIn = Callable[[str], Browser]


@pytest.fixture
def day(site: Site) -> Day:
    """Give a day of its own; other tests of the module leave theirs behind in the same territory."""
    desks.forget()  # the rows come past the change log
    with site.session() as session:
        return make_day(session, session.get_one(Territory, site.north_id))


def path(day: Day, **more: object) -> str:
    rest = "".join(f"&{name}={value}" for name, value in more.items())
    return f"/jobs/{day.waiting_job}/candidates?visit={day.waiting_visit}&date={day.on}{rest}"


def holder(site: Site, visit_id: int) -> list[int]:
    with site.session() as session:
        rows = session.execute(
            select(Assignment.technician_id).where(
                Assignment.visit_id == visit_id, Assignment.state.not_in(RELEASED_STATES)
            )
        )
        return [row.technician_id for row in rows]


def add_person(site: Site, day: Day, name: str, *, mean: float | None = 3.6, shift: bool = True) -> int:
    desks.forget()
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        person = make_technician(session, territory=north, name=name)
        if shift:
            during = Range(day.at(8), day.at(16))
            make_shift(session, technician=person, territory=north, on_date=day.on, during=during)
        if mean is not None:
            make_proficiency(session, technician=person, skill=session.get_one(Skill, day.skill), mean=mean)
        return person.id


def test_terms_add_up_to_the_total_shown(client_for: SignIn, day: Day) -> None:
    page = client_for("dispatcher").get(path(day, all=1))
    tables = re.findall(r'<table class="table">.*?</table>', page.html, re.DOTALL)
    assert len(tables) >= 2
    for table in tables:
        shown = re.findall(r'<td class="end">([+−-]?[\d,]+)</td></tr>', table)
        amounts = [int(one.replace("−", "-").replace(",", "")) for one in shown]
        *terms, total = amounts
        assert sum(terms) == total, table


def test_the_best_is_sent_with_one_button(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    page = dispatcher.get(path(day))
    assert "Why Ana Ruiz" in page.text
    assert "Why Ben Cole" in page.text
    assert "for the promised 10:00 to 14:00" in page.text
    dispatcher.send({}, button="Send Ben Cole")
    assert holder(site, day.waiting_visit) == [day.ben]
    assert "has it now" in dispatcher.get(path(day)).text


def order(page: Page) -> list[str]:
    return re.findall(r'id="person-(\d+)"', page.html)


def test_what_somebody_wants_of_it_stands_beside_them_and_ranks_nobody(
    site: Site, client_for: SignIn, day: Day
) -> None:
    dispatcher = client_for("dispatcher")
    before = order(dispatcher.get(path(day, all=1)))
    with site.session() as session:
        other = make_skill(session, name="Whistling")
        session.add_all(
            SkillWish(technician_id=day.ben, skill_id=skill, wish=wish, changed_at=day.at(8))
            for skill, wish in ((day.skill, Wish.LESS), (other.id, Wish.MORE))
        )
    page = dispatcher.get(path(day, all=1))
    assert "wants less of Gas boilers" in page.text
    assert "Whistling" not in page.text, "only what the work asks for"
    assert order(page) == before
    page = dispatcher.get(path(day, compare=f"{day.ben}&compare={before[0]}"))
    assert "What they want of it" in page.text


def test_a_skill_is_told_as_a_band_with_its_evidence(site: Site, client_for: SignIn, day: Day) -> None:
    page = client_for("dispatcher").get(path(day))
    assert "Gas boilers: level 3, confirmed; 3 needed" in page.text
    assert "sd" not in page.text.split()
    assert "3.6" not in page.text


def test_five_first_and_the_others_on_demand(site: Site, client_for: SignIn, day: Day) -> None:
    for number in range(6):
        add_person(site, day, f"Person {number}")
    dispatcher = client_for("dispatcher")
    page = dispatcher.get(path(day))
    assert len(re.findall(r'id="person-\d+"', page.html)) == 5
    more = re.search(r"Show the other (\d+) who could go", page.text)
    assert more is not None
    page = dispatcher.get(path(day, all=1))
    assert len(re.findall(r'id="person-\d+"', page.html)) == 5 + int(more.group(1))


def test_counts_by_reason_are_the_whole_scope_and_open_the_names(site: Site, client_for: SignIn, day: Day) -> None:
    lacking = add_person(site, day, "Lars Unskilled", mean=1.0)
    add_person(site, day, "Olga Off", shift=False)
    dispatcher = client_for("dispatcher")
    page = dispatcher.get(path(day))
    line = re.search(r"((?:\d+ [a-z ]+ ?· ?)*\d+ [a-z ]+) = (\d+) of (\d+)\. (\d+) of \d+ could go", page.text)
    assert line is not None, page.text[-600:]
    counts = [int(one) for one in re.findall(r"(\d+) [a-z]", line.group(1))]
    assert sum(counts) == int(line.group(2))
    assert sum(counts) + int(line.group(4)) == int(line.group(3))
    assert "are off shift" in line.group(1)
    page = dispatcher.get(path(day, reason="not_qualified"))
    assert "Lars Unskilled is not known well enough at Gas boilers level 3" in page.text
    assert f"person={lacking}" in page.html
    assert "Olga Off has no shift on that day." in dispatcher.get(path(day, reason="no_shift")).text


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("lars unskilled", "Lars Unskilled is not known well enough"),
        ("UNSKILLED", "Lars Unskilled is not known well enough"),
        ("Nobody Atall", "Nobody is called “Nobody Atall” here"),
        ("ben cole", "What speaks for Ben Cole"),
    ],
)
def test_typing_a_name_answers_for_that_person(site: Site, client_for: SignIn, day: Day, typed: str, told: str) -> None:
    add_person(site, day, "Lars Unskilled", mean=1.0)
    dispatcher = client_for("dispatcher")
    page = dispatcher.get(path(day, name=typed))
    if "Whom do you mean?" in page.text:  # others of this name were left by the tests before
        page = dispatcher.get(re.findall(r'href="(/jobs/[^"]+person=\d+)"', page.html)[-1].replace("&amp;", "&"))
    assert told in page.text or told in page.html


def test_who_is_behind_is_told_by_how_much_and_for_what(client_for: SignIn, site: Site, day: Day) -> None:
    worse = add_person(site, day, "Petra Slow", mean=3.05)
    page = client_for("dispatcher").get(path(day, person=worse))
    assert "Why not Petra Slow?" in page.text
    assert re.search(r"Petra Slow is \d+ min behind .*likely second visit", page.text)


def test_two_side_by_side_by_address(client_for: SignIn, site: Site, day: Day) -> None:
    lacking = add_person(site, day, "Lars Unskilled", mean=1.0)
    page = client_for("dispatcher").get(
        f"{path(day)}&compare={day.ana}&compare={day.ben}&compare={lacking}&compare=999999"
    )
    table = page.html.split('id="compared"')[1].split("</table>")[0]
    assert [name in table for name in ("Ana Ruiz", "Ben Cole", "Lars Unskilled")] == [True] * 3
    assert "not known well enough" in table
    assert len(re.findall(r'name="compare" value="\d+" form="compare-form" checked', page.html)) == 2


def test_work_done_before_is_counted_and_told(site: Site, client_for: SignIn, day: Day) -> None:
    with site.session() as session:
        job = session.get_one(Job, day.waiting_job)
        for back, here in ((10, True), (40, False)):
            north = session.get_one(Territory, site.north_id)
            place = session.get_one(Place, job.site_id) if here else make_site(session, territory=north)
            past = make_job(session, site=place)
            past.job_type_id = job.job_type_id
            visit = make_visit(session, job=past, state=VisitState.DONE)
            begin = day.at(9) - timedelta(days=back)
            make_assignment(
                session,
                visit=visit,
                technician=session.get_one(Technician, day.ben),
                during=Range(begin, begin + timedelta(hours=1)),
                state=AssignmentState.DONE,
            )
    page = client_for("dispatcher").get(path(day, person=day.ben))
    assert "2 times, last" in page.text
    assert "Ben Cole did this kind of work twice before" in page.text
    assert "once here" in page.text


def test_health_is_never_told(site: Site, client_for: SignIn, day: Day) -> None:
    away = add_person(site, day, "Zoe Away")
    with site.session() as session:
        person = session.get_one(Technician, away)
        make_absence(session, technician=person, during=Range(day.at(0), day.at(23)))
    page = client_for("dispatcher").get(path(day, person=away))
    assert "Zoe Away has no shift on that day." in page.text
    assert not re.search(r"\bsick|\bill\b|absen", page.text, re.IGNORECASE)


def test_somebody_who_does_not_fit_goes_only_with_right_and_reason(site: Site, client_for: SignIn, day: Day) -> None:
    late = day.at(14, 30)
    dispatcher = client_for("dispatcher")
    dispatcher.get(path(day, person=day.ben))
    values = {"visit": day.waiting_visit, "date": str(day.on), "technician_id": day.ben, "start": late.isoformat()}
    page = dispatcher.post(f"/jobs/{day.waiting_job}/candidates/book", values, status=409)
    assert isinstance(page, Page)
    assert "30 min after what we promised" in page.text
    assert holder(site, day.waiting_visit) == []
    dispatcher.send({"override_reason": "The customer is home late"}, button="Do it all the same")
    assert holder(site, day.waiting_visit) == [day.ben]


def test_nobody_overrides_what_they_may_not(site: Site, client_for: SignIn, day: Day) -> None:
    lacking = add_person(site, day, "Lars Unskilled", mean=1.0)
    dispatcher = client_for("dispatcher")
    dispatcher.get(path(day, person=lacking))
    where = dispatcher.send({"start": day.local(12)}, button="See what it would mean")
    page = dispatcher.get(str(where))
    assert "not known well enough" in page.text
    assert "Do it all the same" not in page.text
    assert holder(site, day.waiting_visit) == []


def test_a_booking_that_came_first_is_not_written_over(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher, other = client_for("dispatcher"), client_for("dispatcher")
    dispatcher.get(path(day))
    other.get(path(day))
    other.send({}, button="Send Ana Ruiz")
    page = dispatcher.get(str(dispatcher.send({}, button="Send Ben Cole")))
    assert "Ana Ruiz was booked for this in the meantime" in page.text
    assert holder(site, day.waiting_visit) == [day.ana]


def test_a_visit_of_another_job_and_a_person_of_nowhere_do_not_exist(client_for: SignIn, day: Day) -> None:
    client = client_for("dispatcher").client
    assert client.get(f"/jobs/{day.waiting_job}/candidates?visit={day.booked_visit}").status_code == 404
    assert client.get(path(day, person=999_999)).status_code == 404
    assert client.get(f"/jobs/{day.waiting_job}/candidates?date=9999-12-31").status_code == 422


def test_the_page_names_policy_and_time_and_asks_little(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    page = dispatcher.get(path(day))
    assert re.search(r"policy “Standard”, version 1, on what was known at \d\d:\d\d", page.text)
    dispatcher.client.get(path(day))
    with statements(site.engine) as sent:
        dispatcher.client.get(path(day))
    assert sent.count <= 28, len(sent.texts)


@pytest.mark.parametrize("role", ["technician", "manager"])
def test_who_may_not_see_the_board_sees_no_candidates(client_for: SignIn, role: str, day: Day) -> None:
    assert client_for(role).client.get(path(day)).status_code == 403


def test_what_would_have_to_change_comes_as_a_part_with_what_to_press(site: Site, client_for: SignIn, day: Day) -> None:
    lacking = add_person(site, day, "Lars Unskilled", mean=2.4)
    dispatcher = client_for("dispatcher")
    page = dispatcher.get(path(day, person=lacking))
    assert 'hx-trigger="load"' in page.html
    assert "Try small changes" in page.text
    part = dispatcher.get(path(day, person=lacking, changes=1), part=True)
    assert "A test or an assessment shows that Lars Unskilled reaches level 3 in Gas boilers" in part.text
    assert re.search(r"Then Lars Unskilled starts at \d\d:\d\d, \d+ min behind ", part.text)
    link = re.search(r'href="(/jobs/\d+/next-step\?step=[^"]+)"', part.html)
    assert link is not None
    dispatcher.get(link.group(1).replace("&amp;", "&"))
    dispatcher.send({}, button="Save")
    with site.session() as session:
        job = session.get_one(Job, day.waiting_job)
        assert job.next_step == "A test or an assessment shows that Lars Unskilled reaches level 3 in Gas boilers"
        assert job.owner_id is not None


def test_where_nothing_helps_it_is_said_plainly(site: Site, client_for: SignIn, day: Day) -> None:
    off = add_person(site, day, "Olga Off", shift=False)
    page = client_for("dispatcher").get(path(day, person=off, changes=1))
    assert "No small change would make this work on that day." in page.text


def test_a_change_that_is_booked_leads_back_to_the_question(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    asked = f"/jobs/{day.booked_job}/candidates?visit={day.booked_visit}&date={day.on}&person={day.ben}"
    dispatcher.get(f"{asked}&then={day.waiting_visit}&then_person={day.ana}")
    where = str(dispatcher.send({}, button="Send Ben Cole"))
    assert where.startswith(f"/jobs/{day.waiting_job}/candidates?")
    assert f"person={day.ana}" in where
    assert holder(site, day.booked_visit) == [day.ben]


def test_a_skill_nothing_is_known_of_is_not_told_as_a_doubt(site: Site, client_for: SignIn, day: Day) -> None:
    unknown = add_person(site, day, "Nora New", mean=None)
    page = client_for("dispatcher").get(path(day, person=unknown))
    assert "Nothing is known about Nora New in Gas boilers; level 3 is needed." in page.text
