"""What an attacker who may sign in would try: other territories by every route, secrets in every page, odd values."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import Range
from werkzeug.routing import Rule

from dispatch.accounts.models import RoleName
from dispatch.core import clock
from dispatch.core.models import ImportBatch, ImportState, ImportUpload
from dispatch.jobs.models import Customer, CustomerPerson, Job, JobSeries, PersonLinkKind
from dispatch.jobs.models import Site as Place
from dispatch.jobs.recurrence import Unit
from dispatch.messages.models import CallKind, CallTask, Message
from dispatch.planning.models import (
    Correction,
    Disruption,
    DisruptionKind,
    DisruptionState,
    Plan,
    PlanRequest,
    PlanScope,
    RequestState,
)
from dispatch.planning.requesting import MOST_WAITING
from dispatch.planning.store import Figures
from dispatch.skills.models import DocumentState, EvidenceContest, Skill
from dispatch.web import stream as streams
from dispatch.workforce.models import Technician, Territory, TerritoryMembership
from tests.factories import (
    ALWAYS,
    make_assignment,
    make_certification,
    make_certification_kind,
    make_evidence,
    make_job,
    make_partner,
    make_policy,
    make_shift,
    make_technician,
    make_user,
    make_visit,
)
from tests.web.browser import Browser, bars_of
from tests.web.conftest import PASSWORD, STORED, Site
from tests.web.world import Day, make_day

SignIn = Callable[[str], Browser]
FOREIGN = "southcanary"  # in every name of the South
GATE, EVIDENCE, CONTEST, HOME = "gate-canary-4711", "evidence-canary", "contest-canary", 52.1234567
OF_EVERYBODY = ("skills.show", "certificate_kinds.show")
"""Pages about what the whole organisation shares."""
SCRIPTED = {"Accept": "application/json"}


@dataclass(frozen=True, kw_only=True)
class World:
    """A day in the North, one in the South, and the ids that addresses are filled with."""

    north: Day
    south: Day
    own: dict[str, int]
    foreign: dict[str, int]
    both_id: int


@pytest.fixture(scope="module")
def world(site: Site) -> World:
    """Give both territories work, people and secrets."""
    with site.session() as session:
        make_policy(session)
        north, south = (session.get_one(Territory, each) for each in (site.north_id, site.south_id))
        here, there = make_day(session, north), make_day(session, south)
        own, foreign = _ids(session, site, here, north), _ids(session, site, there, south)
        for person in (there.ana, there.ben):
            session.get_one(Technician, person).name = f"Sue {FOREIGN}"
        for job_id in (there.booked_job, there.waiting_job):
            job = session.get_one(Job, job_id)
            job.title = f"Boiler of {FOREIGN}"
            session.get_one(Customer, job.customer_id).name = f"Clinic {FOREIGN}"
        ana = session.get_one(Technician, here.ana)
        ana.home_lat, ana.home_lon, ana.start_area = HOME, 13.7654321, "Mitte"
        booked = session.get_one(Job, here.booked_job)
        session.get_one(Place, booked.site_id).gate_code = GATE
        both = make_technician(session, territory=north, name="Bo Both")
        session.add(TerritoryMembership(technician_id=both.id, territory_id=south.id, during=ALWAYS))
        day = Range(here.at(8), here.at(16))
        shift = make_shift(session, technician=both, territory=north, on_date=here.on, during=day)
        elsewhere = make_visit(session, job=make_job(session, site=_place(session, there), title=f"At {FOREIGN}"))
        during = Range(here.at(10), here.at(11))
        make_assignment(session, visit=elsewhere, technician=both, during=during, shift_id=shift.id)
        return World(north=here, south=there, own=own, foreign=foreign, both_id=both.id)


def _place(session: Any, day: Day) -> Place:
    found: Place = session.get_one(Place, session.get_one(Job, day.booked_job).site_id)
    return found


def _ids(session: Any, site: Site, day: Day, territory: Territory) -> dict[str, int]:
    """Make what addresses name, and return its ids by the names of the arguments."""
    person = session.get_one(Technician, day.ana)
    person.partner_id = make_partner(session, name="Works Ltd" if territory.name == "North" else f"Works {FOREIGN}").id
    kind = make_certification_kind(session)
    paper = make_certification(session, technician=person, kind=kind, state=DocumentState.CLAIMED, imported=False)
    skill = session.get_one(Skill, day.skill)
    fact = make_evidence(session, technician=person, skill=skill, facts={"level": 3, "note": EVIDENCE}, contested=True)
    contest = EvidenceContest(
        evidence_id=fact.id,
        reason=CONTEST,
        opened_by_id=site.people["technician"],
        opened_at=clock.now(),
        owner_id=site.people["administrator"],
        due_at=clock.now() + timedelta(days=3),
    )
    place = _place(session, day)
    link = CustomerPerson(
        customer_id=place.customer_id, technician_id=day.ben, kind=PersonLinkKind.PREFERRED, since=date(2026, 1, 1)
    )
    run = PlanRequest(
        policy_id=session.scalar(text("SELECT min(id) FROM policy")),
        state=RequestState.CANCELLED,
        time_limit_s=1,
        seed=1,
        requested_by_id=site.people["administrator"],
        requested_at=clock.now(),
        finished_at=clock.now(),
        progress=[],
    )
    run.scope = [PlanScope(territory_id=territory.id, day=day.on)]
    batch = ImportBatch(
        kind="skill_matrix",
        source=FOREIGN,
        file_name=FOREIGN,
        sha256="",
        state=ImportState.DONE,
        rows_read=0,
        rows_new=0,
        rows_changed=0,
        rows_same=0,
        actor_id=site.people["administrator"],
        at=clock.now(),
    )
    upload = ImportUpload(
        kind="skill_matrix",
        file_name=FOREIGN,
        data=b"",
        choices={},
        made_by_id=site.people["technician"],
        made_at=clock.now(),
        expires_at=clock.now() + timedelta(days=1),
    )
    session.add_all([contest, link, run, batch, upload])
    session.flush()
    steps = _happened(session, site, day, territory, place, run)
    return steps | {
        "visit_id": day.booked_visit,
        "job_id": day.booked_job,
        "customer_id": place.customer_id,
        "site_id": place.id,
        "link_id": link.id,
        "technician_id": day.ana,
        "certification_id": paper.id,
        "contest_id": contest.id,
        "partner_id": person.partner_id or 0,
        "request_id": run.id,
        "evidence_id": fact.id,
        "batch_id": batch.id,
        "upload_id": upload.id,
        "skill_id": day.skill,
        "kind_id": kind.id,
        "territory": territory.id,
        "number": day.skill,
    }


def _happened(
    session: Any, site: Site, day: Day, territory: Territory, place: Place, run: PlanRequest
) -> dict[str, int]:
    """Make what comes of a day: trouble, messages, calls, a plan, recurring work."""
    now, owner = clock.now(), site.people["administrator"]
    owned = {"owner_id": owner, "due_at": now + timedelta(hours=1)}
    made = {
        "disruption_id": Disruption(
            kind=DisruptionKind.CANNOT_WORK,
            state=DisruptionState.PROPOSED,
            territory_id=territory.id,
            day=day.on,
            technician_id=day.ana,
            scope=[[territory.id, day.on.isoformat()]],
            reported_at=now,
            **owned,
        ),
        "message_id": Message(
            technician_id=day.ana,
            territory_id=territory.id,
            hold_until=now + timedelta(days=1),
            created_at=now,
            changed_at=now,
            owner_id=owner,
        ),
        "call_id": CallTask(visit_id=day.booked_visit, kind=CallKind.SECOND_VISIT, facts={}, created_at=now, **owned),
        "plan_id": Plan(
            plan_request_id=run.id,
            cost={"terms": {}, "total": 0},
            stats={"figures": dict.fromkeys((each.name for each in fields(Figures)), 0)},
            created_at=now,
        ),
        "correction_id": Correction(
            entity="customer",
            row_id=place.customer_id,
            name="name",
            about=f"At {FOREIGN}" if territory.name != "North" else "Here",
            was="Old",
            value="New",
            territory_id=territory.id,
            proposed_by_id=owner,
            proposed_at=now,
            **owned,
        ),
        "series_id": JobSeries(
            site_id=place.id,
            job_type_id=session.get_one(Job, day.booked_job).job_type_id,
            owner_id=owner,
            title=f"Again at {FOREIGN}" if territory.name != "North" else "Again",
            every=1,
            unit=Unit.YEAR,
            first_on=day.on,
            next_on=day.on + timedelta(days=300),
            tolerance_days=3,
            ahead_days=28,
        ),
    }
    session.add_all(made.values())
    session.flush()
    return {name: row.id for name, row in made.items()} | {"seq": 999_999, "offer_id": 999_999}


def _routes(site: Site, ids: dict[str, int]) -> Iterator[tuple[Rule, str]]:
    """Return every route that names something of a territory, with its address."""
    more = {"kind": "skill", "week": clock.now().date(), "entity": "job", "name": "title", "subject": "skill-1"}
    job = {"kind": "job", "key_id": ids["job_id"], "row_id": ids["job_id"]}
    adapter = site.app.url_map.bind("localhost")
    for rule in site.app.url_map.iter_rules():
        if rule.arguments and rule.endpoint not in (
            "static",
            "security.reset_password",
            "my_skills.still_true",
            "my_skills.differently",
            "my_skills.from_work",
            "my_skills.wish",
            *OF_EVERYBODY,
        ):
            known = ids | more | (job if {"key_id", "row_id"} & rule.arguments else {})
            values = {name: known[name] for name in rule.arguments}
            yield rule, adapter.build(rule.endpoint, values)


def _changes(site: Site) -> int:
    """Return how many changes were ever made: no service changes anything without a line in the log."""
    with site.session() as session:
        return session.scalar(text("SELECT count(*) FROM audit_event")) or 0


@pytest.mark.parametrize("role", ["technician", "dispatcher", "manager"])
def test_no_route_reaches_another_territory(site: Site, client_for: SignIn, world: World, role: str) -> None:
    """Cases 1 to 4 and 9: every route with arguments, with ids of the South, read and written by the North."""
    someone = client_for(role)
    token, before, seen = someone.token(), _changes(site), 0
    for rule, address in _routes(site, world.foreign):
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            values = {"csrf_token": token, "version": "1", "territory": str(site.south_id)}
            answer = someone.client.open(address, method=method, data=values if method == "POST" else None)
            assert answer.status_code in (403, 404, 422), (method, address, answer.status_code)
            assert FOREIGN not in answer.get_data(as_text=True).lower(), (method, address)
            if answer.status_code == 422:  # refused before anything was looked up: the same for what never was
                digits = re.sub(r"\d+", "999999", address)
                assert someone.client.open(digits, method=method, data=values).status_code == 422, address
            seen += 1
    assert seen > 50
    assert _changes(site) == before


def test_lists_and_filters_reach_no_other_territory(site: Site, client_for: SignIn, world: World) -> None:
    """Cases 6 and 7: what a filter, a search or a part of a page may not bring either."""
    south = site.south_id
    for role in ("dispatcher", "manager"):
        someone = client_for(role)
        for address in (
            f"/board?territory={south}&date={world.south.on}",
            f"/board/data?date={world.south.on}",
            f"/board?date={world.south.on}",
            f"/people?territory={south}",
            f"/people?q={FOREIGN}",
            f"/customers?q={FOREIGN}",
            f"/jobs?q={FOREIGN}&state=all",
            f"/jobs?q={world.south.booked_job}&state=all",
            f"/jobs/new?q={FOREIGN}",
            f"/jobs/new?customer={world.foreign['customer_id']}",
            f"/jobs/new?site_id={world.foreign['site_id']}",
            "/loose-ends?whose=all",
            "/plans",
            f"/coverage?territory={south}",
            f"/forecast?territory={south}",
            "/certificates",
            "/risks?all=1",
            "/promises",
            "/promises/table.csv",
        ):
            body = someone.client.get(address).get_data(as_text=True).lower()
            words = body.replace(f'value="{FOREIGN}"', "").replace(f"“{FOREIGN}”", "").replace(f"q={FOREIGN}", "")
            assert FOREIGN not in words, (role, address)


@pytest.mark.parametrize("path", ["/board/move", "/board/visits/{visit}/book"])
def test_nobody_of_another_territory_is_booked_or_named(
    site: Site, client_for: SignIn, world: World, path: str
) -> None:
    """Case 2 from its other end: one's own visit, somebody else's person."""
    someone = client_for("dispatcher")
    visit = world.north.waiting_visit
    before = _changes(site)
    for hour in (10, 13):
        values = {
            "csrf_token": someone.token(),
            "visit_id": visit,
            "technician_id": world.south.ana,
            "start": world.north.at(hour).isoformat(),
        }
        answer = someone.client.post(path.format(visit=visit), data=values, headers=SCRIPTED)
        assert answer.status_code == 404, answer.get_data(as_text=True)
        assert FOREIGN not in answer.get_data(as_text=True).lower()
    assert _changes(site) == before


def test_a_booking_is_not_moved_to_another_territory(client_for: SignIn, world: World) -> None:
    someone = client_for("dispatcher")
    values = {
        "csrf_token": someone.token(),
        "visit_id": world.north.booked_visit,
        "assignment_id": world.north.assignment,
        "technician_id": world.south.ben,
        "start": world.north.at(13).isoformat(),
    }
    assert someone.client.post("/board/move", data=values, headers=SCRIPTED).status_code == 404


def test_work_elsewhere_blocks_time_and_says_no_more(client_for: SignIn, world: World) -> None:
    """Somebody who works in both: the North sees that the hour is taken, not by whom or where."""
    someone = client_for("dispatcher")
    day = someone.data(f"/board/data?date={world.north.on}")
    bars = [bar for bar in bars_of(day) if bar["technician_id"] == world.both_id]
    assert len(bars) == 1, "the hour must still be shown as taken"
    told = {name for name, value in bars[0].items() if value}
    whose_and_when = {"id", "visit_id", "technician_id", "start", "end"}
    assert told == whose_and_when | {"title", "customer", "state", "elsewhere"}
    assert bars[0]["state"] == "planned", "the same for all of them"
    assert FOREIGN not in str(day).lower()
    assert FOREIGN not in someone.get(f"/board?date={world.north.on}").html.lower()
    values = {
        "csrf_token": someone.token(),
        "visit_id": world.north.waiting_visit,
        "technician_id": world.both_id,
        "start": world.north.at(10).isoformat(),
    }
    answer = someone.client.post("/board/move", data=values, headers=SCRIPTED)
    assert answer.status_code == 409
    assert "booked" in answer.get_json()["error"]
    assert FOREIGN not in answer.get_data(as_text=True).lower()


def test_a_certificate_is_confirmed_on_its_holders_page_only(site: Site, client_for: SignIn, world: World) -> None:
    someone = client_for("manager")
    number = world.own["certification_id"]
    values = {"csrf_token": someone.token(), "version": "1", "reason": "x"}
    for step in ("confirm", "return"):
        answer = someone.client.post(f"/people/{world.north.ben}/certificates/{number}/{step}", data=values)
        assert answer.status_code == 404, step
    with site.session() as session:
        state = session.scalar(text("SELECT state FROM certification WHERE id = :id"), {"id": number})
    assert state == "claimed"


# role -> what it may read; a technician's own things are in other tests
MAY_READ = {
    "technician": set[str](),
    "dispatcher": {GATE},
    "manager": {CONTEST, EVIDENCE},
    "administrator": set[str](),
}


@pytest.mark.parametrize("role", MAY_READ)
def test_secrets_are_on_no_page_of_those_who_must_not_read_them(
    site: Site, client_for: SignIn, world: World, role: str
) -> None:
    """The canary crawl over every page that can be read, with and without arguments, as page, part and data."""
    someone = client_for(role)
    adapter = site.app.url_map.bind("localhost")
    addresses = [address for rule, address in _routes(site, world.own) if "GET" in (rule.methods or ())]
    addresses += [
        adapter.build(rule.endpoint)
        for rule in site.app.url_map.iter_rules()
        if not rule.arguments and "GET" in (rule.methods or ()) and not rule.endpoint.startswith("trial")
    ]
    addresses += [f"/board?date={world.north.on}", f"/board/data?date={world.north.on}"]
    read = 0
    for address in addresses:
        if address.endswith("/events"):
            continue
        for headers in ({}, {"HX-Request": "true"}, SCRIPTED):
            answer = someone.client.get(address, headers=headers)
            body = unpacked(answer.get_data())
            read += answer.status_code == 200
            assert answer.status_code < 500, address
            for secret in {GATE, CONTEST, EVIDENCE} - MAY_READ[role]:
                assert secret not in body, (secret, address)
            assert "52.1234" not in body, ("home", address)
            assert "13.7654" not in body, ("home", address)
            if role != "administrator":
                assert FOREIGN not in body.lower(), ("another territory", address)
    assert read > 10


def unpacked(data: bytes) -> str:
    """Return what can be read in an answer; a workbook is a packed folder of texts."""
    if not data.startswith(b"PK"):
        return data.decode()
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        return "\n".join(packed.read(name).decode("utf-8", "replace") for name in packed.namelist())


FAR = ["9999-12-31", "0001-01-01", "1492-10-12"]


@pytest.mark.parametrize("day", FAR)
def test_days_without_sense_are_refused_and_never_stored(
    site: Site, client_for: SignIn, world: World, day: str
) -> None:
    """Case 67: the ends of the calendar overflow where something is added to them."""
    before = _changes(site)
    person, job, partner = world.own["technician_id"], world.own["job_id"], world.own["partner_id"]
    north = f"{site.north_id}"
    sent: list[tuple[str, str, dict[str, str]]] = [
        ("dispatcher", "/plans", {"date": day}),
        ("dispatcher", "/plans/new", {"territories": north, "first_day": day, "days": "9", "seconds": "1"}),
        ("dispatcher", f"/people/{person}/absence", {"start": f"{day}T01:00", "end": f"{day}T23:59"}),
        ("dispatcher", f"/jobs/{job}/edit", {"version": "1", "title": "x", "priority": "1", "duration_min": "60",
                                             "due_at": f"{day}T23:59"}),
        ("dispatcher", f"/jobs/{job}/promise", {"promise_start": f"{day}T01:00", "promise_end": f"{day}T23:59",
                                                "channel": "call"}),
        ("dispatcher", f"/jobs/{job}/next-step", {"next_step": "x", "due_at": f"{day}T23:59",
                                                  "owner_id": f"{site.people['dispatcher']}"}),
        ("dispatcher", f"/partners/{partner}", {"kind": "x", "first": day, "last": day}),
        ("technician", "/my/skills/certificates/new", {"kind_id": "1", "number": "x", "valid_from": day,
                                                       "valid_to": day}),
        ("dispatcher", "/board/move", {"visit_id": f"{world.north.waiting_visit}", "starts_at": f"{day}T12:00",
                                       "technician_id": f"{world.north.ben}"}),
    ]  # fmt: skip
    for role, address, values in sent:
        someone = client_for(role)
        answer = someone.client.post(address, data={"csrf_token": someone.token(), **values})
        assert answer.status_code == 422, (address, answer.status_code)
    dispatcher, technician = client_for("dispatcher"), client_for("technician")
    script = {"visit_id": world.north.waiting_visit, "technician_id": world.north.ben, "start": f"{day}T12:00:00-14:00"}
    script["csrf_token"] = dispatcher.token()
    assert dispatcher.client.post("/board/move", data=script, headers=SCRIPTED).status_code == 422
    assert technician.client.get(f"/my/day?day={day}").status_code in (200, 422)
    assert dispatcher.client.get(f"/board?date={day}").status_code == 422
    assert _changes(site) == before


@pytest.mark.parametrize("number", ["²", "٣x", "9" * 5000, "-1", "1e3"])
def test_numbers_that_are_none_are_refused(site: Site, client_for: SignIn, world: World, number: str) -> None:
    """Case 60: what looks like a digit to one function is none to the next."""
    before = _changes(site)
    person, job, own = world.own["technician_id"], world.own["job_id"], world.own
    sent: list[tuple[str, dict[str, str]]] = [
        (f"/jobs/{job}/edit", {"version": number, "title": "x", "priority": "1", "duration_min": "60"}),
        (f"/jobs/{job}/needs", {"skill_id": number, "must_level": "1", "preferred_level": ""}),
        (f"/jobs/{job}/needs", {"skill_id": f"{world.north.skill}", "must_level": number, "preferred_level": ""}),
        (f"/people/{person}/edit", {"version": number, "name": "x", "pace_percent": "100"}),
        (f"/customers/{own['customer_id']}/edit", {"version": number, "name": "x", "preferred_channel": "call"}),
        (f"/customers/sites/{own['site_id']}/edit", {"version": number, "name": "x", "address": "y",
                                                     "territory_id": f"{site.north_id}"}),
        ("/board/move", {"visit_id": f"{world.north.booked_visit}", "starts_at": world.north.local(12),
                         "technician_id": f"{world.north.ben}", "assignment_id": number, "version": number}),
    ]  # fmt: skip
    someone = client_for("dispatcher")
    for address, values in sent:
        answer = someone.client.post(address, data={"csrf_token": someone.token(), **values})
        assert answer.status_code in (400, 404, 409, 422), (address, answer.status_code)
    assert _changes(site) == before


def test_a_stream_ends_when_the_territory_is_taken_away(
    site: Site, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 70: the role stays, its territory does not."""
    monkeypatch.setattr(streams, "CHECK_EVERY_S", 0.3)
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        user = make_user(session, RoleName.DISPATCHER, territory=north, email="moved@example.test", password=STORED)
        user_id = user.id
        session.execute(
            text("UPDATE plan_request SET state = 'queued', finished_at = NULL, version = version + 1 WHERE id = :id"),
            {"id": world.own["request_id"]},
        )
    someone = site.browser()
    someone.sign_in("moved@example.test", PASSWORD)
    answer = someone.client.get(f"/plans/{world.own['request_id']}/events", buffered=False)
    parts = iter(answer.response)
    first = [next(parts) for _ in range(2)]
    assert "progress" in str(first)
    with site.session() as session:
        session.execute(
            text("UPDATE role_grant SET territory_id = :south WHERE user_id = :user"),
            {"south": site.south_id, "user": user_id},
        )
    rest = [part for _, part in zip(range(12), parts, strict=False)]
    answer.close()
    assert len(rest) < 12, "the stream goes on for somebody who may not see the run any more"


def test_plan_runs_that_reach_further_are_not_on_the_board(site: Site, client_for: SignIn, world: World) -> None:
    """A run over North and South is somebody else's: its page is not there, so its line must not be either."""
    with site.session() as session:
        run = session.get_one(PlanRequest, world.own["request_id"])
        wide = PlanRequest(
            **{name: getattr(run, name) for name in ("policy_id", "time_limit_s", "seed", "requested_by_id")},
            state=RequestState.CANCELLED,
            requested_at=clock.now(),
            finished_at=clock.now(),
            progress=[],
        )
        wide.scope = [PlanScope(territory_id=each, day=world.north.on) for each in (site.north_id, site.south_id)]
        session.add(wide)
        session.flush()
        number = wide.id
    page = client_for("dispatcher").get(f"/board?date={world.north.on}")
    assert f"/plans/{number}/" not in page.html
    assert FOREIGN not in page.html.lower()


def test_markup_in_names_is_text_everywhere(site: Site, client_for: SignIn, world: World) -> None:
    """Cases 31 to 34: a payload in the words people type, on every page of the North."""
    payload = "<img src=x onerror=alert(1)>{{7*7}}"
    with site.session() as session:
        job = session.get_one(Job, world.north.waiting_job)
        job.title, job.purpose, job.next_step = payload, payload, payload
        session.get_one(Technician, world.north.ben).name = payload
    ids = world.own | {"job_id": world.north.waiting_job, "visit_id": world.north.waiting_visit}
    ids["technician_id"] = world.north.ben
    for role in ("dispatcher", "manager"):
        someone = client_for(role)
        pages = [address for rule, address in _routes(site, ids) if "GET" in (rule.methods or ())]
        for address in [*pages, "/jobs", "/people", "/loose-ends?whose=all", f"/board?date={world.north.on}"]:
            if address.endswith("/events"):
                continue
            answer = someone.client.get(address)
            if answer.mimetype == "text/html":
                assert "<img src=x" not in answer.get_data(as_text=True), (role, address)
                assert "alert(1)&gt;49" not in answer.get_data(as_text=True), (role, address)


@pytest.mark.parametrize("address", ["/sign-in", "/password/forgotten", "/password", "/me", "/jobs", "/board/data"])
def test_nobody_on_the_way_keeps_a_page(site: Site, client_for: SignIn, world: World, address: str) -> None:
    """Case 64: pages of the sign-in library say it as all others do."""
    for someone in (site.browser(), client_for("dispatcher")):
        assert someone.client.get(address).headers["Cache-Control"] == "no-store"


def test_a_person_cannot_fill_the_planner(site: Site, client_for: SignIn, world: World) -> None:
    """Case 84: a run for each day of a year keeps everybody else waiting for hours."""
    someone = client_for("dispatcher")
    token = someone.token()
    days = [world.north.on + timedelta(days=100 + number) for number in range(MOST_WAITING + 2)]
    answers = [someone.client.post("/plans", data={"csrf_token": token, "date": f"{day}"}) for day in days]
    assert [each.status_code for each in answers] == [303] * MOST_WAITING + [409] * 2
    again = someone.client.post("/plans", data={"csrf_token": token, "date": f"{days[0]}"})
    assert again.status_code == 303, "asking anew for the same day replaces the older run"
