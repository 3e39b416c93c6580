"""Every page that a role may open, found by the routes: accessible in both themes, inside the screen, quiet."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool
from werkzeug.routing import Rule

from dispatch.accounts.access import SYSTEM
from dispatch.app import Web, create_app
from dispatch.core import clock
from dispatch.core.config import Settings
from dispatch.core.db import make_engine
from dispatch.coverage.service import request_count
from dispatch.imports.matrix.service import import_matrix, undo_matrix
from dispatch.imports.matrix.uploads import keep_upload
from dispatch.jobs.models import Job, JobSeries, Visit
from dispatch.jobs.recurrence import Unit
from dispatch.messages.models import CallKind, CallState, CallTask, Message, MessageState
from dispatch.planning.models import (
    Correction,
    CorrectionState,
    Disruption,
    DisruptionKind,
    DisruptionState,
    RepairItem,
    RepairPart,
)
from dispatch.planning.requesting import request_plan
from dispatch.skills.models import Skill
from dispatch.workforce.models import Technician
from tests.e2e.conftest import DESK, PHONE, Desk, Installation, SitDown
from tests.e2e.looking import NARROWEST, overflow, violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WORKED_WITHIN_S = 120
NO_PAGES = {
    "static": "files",
    "plans.events": "a stream, which does not end while a run goes on",
    "disruptions.events": "a stream, which does not end while a proposal is made",
    "board_live.stream": "a stream, which does not end",
    "board_live.changes": "asks from a position of the change log on",
    "board_live.cards": "a part of the board",
    "disruptions.alerts": "a part of the board",
    "candidates.first": "a part of a job's page",
    "outbox.count": "a part of every page",
    "security.verify": "nobody may open it",
    "security.reset_password": "needs a link from a mail",
    "my_certificates.photo": "a picture; test_own_skills looks at one",
    "people.certificate_photo": "a picture; test_own_skills looks at one",
    "risks.cover": "needs something that rests on one person; test_manager_on_friday looks at one",
}
"""Routes that show nothing of their own, and why."""

IDS = {
    "customer_id": "SELECT max(customer_id) FROM site",
    "site_id": "SELECT min(id) FROM site",
    "asset_id": "SELECT min(id) FROM asset",
    "technician_id": """
        SELECT technician_id FROM proficiency GROUP BY technician_id ORDER BY count(*) DESC, technician_id LIMIT 1""",
    "job_id": "SELECT max(job_id) FROM visit WHERE state = 'open'",
    "visit_id": "SELECT max(id) FROM visit WHERE state = 'open'",
    "request_id": "SELECT min(id) FROM plan_request WHERE state = 'solved'",
    "absence_id": "SELECT max(id) FROM absence",
    "partner_id": "SELECT max(id) FROM partner",
    "entity": "SELECT 'job'",
    "row_id": "SELECT max(job_id) FROM visit WHERE state = 'open'",
    "name": "SELECT 'title'",
    "kind": "SELECT 'job'",
    "key_id": "SELECT max(job_id) FROM visit WHERE state = 'open'",
    "disruption_id": "SELECT max(id) FROM disruption",
    "message_id": "SELECT max(id) FROM message WHERE state = 'recalled'",
    "call_id": "SELECT max(id) FROM call_task WHERE state = 'told'",
    "plan_id": """
        SELECT max(p.id) FROM plan p JOIN plan_scope s USING (plan_request_id)
        JOIN territory t ON t.id = territory_id WHERE t.name = 'East'""",
    "series_id": "SELECT max(id) FROM job_series",
    "correction_id": (
        "SELECT max(c.id) FROM correction c JOIN user_account u ON u.id = c.owner_id WHERE u.email = :email"
    ),
    "skill_id": "SELECT skill_id FROM skill_need GROUP BY skill_id ORDER BY count(*) DESC, skill_id LIMIT 1",
    "kind_id": "SELECT min(id) FROM certification_kind",
    "upload_id": "SELECT max(id) FROM import_upload",
    "batch_id": "SELECT max(id) FROM import_batch WHERE kind = 'skill_matrix'",
}
"""Rows of the demo for the people who see all of it."""
OF_ANA = {
    "technician_id": "SELECT :ana",
    "certification_id": "SELECT id FROM certification WHERE technician_id = :ana AND state = 'claimed'",
    "contest_id": """
        SELECT c.id FROM evidence_contest c JOIN evidence e ON e.id = c.evidence_id
        WHERE e.technician_id = :ana AND c.settled_at IS NULL""",
    "request_id": """
        SELECT max(plan_request_id) FROM plan_scope JOIN territory t ON t.id = territory_id WHERE t.name = 'East'""",
    "partner_id": "SELECT NULL",  # nobody of a partner works in the East
    "customer_id": "SELECT max(customer_id) FROM site JOIN territory t ON t.id = territory_id WHERE t.name = 'East'",
    **dict.fromkeys(
        ("job_id", "row_id", "key_id"),
        "SELECT max(j.id) FROM job j JOIN site s ON s.id = j.site_id JOIN territory t ON t.id = s.territory_id"
        " WHERE t.name = 'East'",
    ),
}
"""Rows of the East for its manager."""
MINE = {
    "visit_id": "SELECT max(visit_id) FROM assignment WHERE technician_id = :me AND state IN ('planned', 'accepted')",
    "evidence_id": """
        SELECT max(e.id) FROM evidence e JOIN proficiency p USING (technician_id, skill_id)
        WHERE e.technician_id = :me AND NOT EXISTS (SELECT FROM evidence_contest c WHERE c.evidence_id = e.id)""",
    "certification_id": "SELECT max(id) FROM certification WHERE technician_id = :me AND state = 'returned'",
    "skill_id": "SELECT min(skill_id) FROM proficiency WHERE technician_id = :me",
    "key_id": "SELECT NULL",  # nothing is theirs to hand on
    "row_id": """
        SELECT max(v.job_id) FROM assignment a JOIN visit v ON v.id = a.visit_id
        WHERE a.technician_id = :me AND a.state IN ('planned', 'accepted')""",
}
QUERIES = {
    "jobs.new": {"site_id": "SELECT min(id) FROM site"},
    "disruptions.cannot_work": {"technician": "SELECT :ana"},
    "board_many.proposal": {
        "visit": "SELECT max(v.id) FROM visit v JOIN territory t ON t.id = v.territory_id WHERE t.name = 'East'"
    },
    "series.new": {
        "site_id": "SELECT min(s.id) FROM site s JOIN territory t ON t.id = s.territory_id WHERE t.name = 'East'"
    },
    "people.show": {"open": "SELECT min(skill_id) FROM proficiency WHERE technician_id = :ana"},
    "my_skills.index": {"open": "SELECT min(skill_id) FROM proficiency WHERE technician_id = :me"},
}
CELL = {"kind": "skill"}
WHO = {"dispatcher": "dispatcher", "manager": "mira", "administrator": "administrator", "technician": "technician"}
ROWS = {"manager": IDS | OF_ANA, "technician": IDS | MINE}


@pytest.fixture(scope="module")
def routes(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> tuple[Web, list[Rule]]:
    """Give the application's routes that answer GET, read from an application like the one that is running."""
    _plan_and_count(installation)
    _what_is_over(installation)
    engine = make_engine(installation.engine.url.render_as_string(hide_password=False), poolclass=NullPool)
    settings = Settings(
        database_url=engine.url.render_as_string(hide_password=False),
        data_dir=Path(tmp_path_factory.mktemp("routes")),
        secret_key="not a secret, only for the tests of this module",  # type: ignore[arg-type]  # parsed by the settings
    )
    app = create_app(settings, engine=engine)
    rules = [
        rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and rule.endpoint not in NO_PAGES
    ]
    return app, sorted(rules, key=lambda rule: rule.rule)


@pytest.fixture(scope="module")
def seen() -> set[str]:
    """Collect the endpoints somebody has seen as a page or as data."""
    return set()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("role", WHO)
def test_pages_are_accessible_and_fit(
    role: str, installation: Installation, routes: tuple[Web, list[Rule]], sit_down: SitDown, seen: set[str]
) -> None:
    desk = sit_down(WHO[role])
    faults: list[str] = []
    for endpoint, path in addresses(installation, routes, role):
        answer = desk.page.request.get(desk.address + path, max_redirects=0)
        if answer.status == 403:
            continue
        if answer.status >= 400 or answer.status == 304:
            faults.append(f"{endpoint} {path}: answered {answer.status}")
            continue
        seen.add(endpoint)
        if answer.ok and "text/html" in answer.headers["content-type"]:
            faults += [f"{endpoint} {path}: {fault}" for fault in look(desk, path)]
    assert not faults, "\n".join(faults)


# It adds up what the tests above saw, so it runs where they run.
@pytest.mark.usefixtures("browser")
def test_every_route_was_seen_by_somebody(routes: tuple[Web, list[Rule]], seen: set[str]) -> None:
    unseen = [rule.rule for rule in routes[1] if rule.endpoint not in seen]
    assert not unseen, f"say above where to find ids for {unseen}"


def look(desk: Desk, path: str) -> list[str]:
    """Open a page once and look at it at the desk by day, on the phone by night, and at its narrowest."""
    page = desk.page
    page.emulate_media(color_scheme="light", reduced_motion="reduce")  # colours are looked at once they stand still
    page.set_viewport_size(DESK)  # type: ignore[arg-type]  # a dictionary of the right keys
    desk.open(path)
    if page.locator("#gantt").count():
        page.locator("#gantt.is-ready").wait_for()
    faults = [f"light at 1440: {one}" for one in violations(page)] + overflow(page)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a dictionary of the right keys
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    faults += [f"dark at 360: {one}" for one in violations(page)] + overflow(page)
    page.set_viewport_size(NARROWEST)  # type: ignore[arg-type]  # a dictionary of the right keys
    return faults + overflow(page)


def addresses(installation: Installation, routes: tuple[Web, list[Rule]], role: str) -> Iterator[tuple[str, str]]:
    """Give an address for each route, with ids of rows that exist and, for a technician, are their own."""
    app, rules = routes
    with installation.session() as session, app.test_request_context():
        me = session.scalar(
            text("SELECT t.id FROM technician t JOIN user_account u ON u.id = t.user_id WHERE u.email = :email"),
            {"email": installation.emails[WHO[role]]},
        )
        people = {"me": me, "ana": installation.east.ana, "email": installation.emails[WHO[role]]}
        for rule in rules:
            rows = ROWS.get(role, IDS)
            wanted = {name: rows[name] for name in rule.arguments if name in rows} | QUERIES.get(rule.endpoint, {})
            values = {name: session.scalar(text(query), people) for name, query in wanted.items()}
            if rule.endpoint == "coverage.cell":
                week = {"week": _monday(installation.east.today)}
                values = CELL | week | {"number": installation.east.skill, "territory": installation.east.territory}
            missing = sorted(rule.arguments - {name for name, value in values.items() if value is not None})
            if not missing:
                yield rule.endpoint, app.url_for(rule.endpoint, **values)


def _withdrawn(customer: int, territory: int, *, proposed_by: int, owner: int, now: datetime) -> Correction:
    """A proposal that was taken back: it waits in nobody's list."""
    return Correction(
        entity="customer",
        row_id=customer,
        name="name",
        about="Somebody in the East",
        was="Before",
        value="After",
        territory_id=territory,
        proposed_by_id=proposed_by,
        proposed_at=now,
        owner_id=owner,
        due_at=now,
        state=CorrectionState.WITHDRAWN,
        settled_at=now,
        seen_at=now,
    )


def _what_is_over(installation: Installation) -> None:
    """Add trouble, a message, a call and recurring work that are over, so that no other test meets them."""
    now, east = clock.now(), installation.east
    with installation.session() as session:
        visit = session.get_one(
            Visit, session.scalar(text("SELECT max(id) FROM visit WHERE territory_id = :id"), {"id": east.territory})
        )
        job = session.get_one(Job, visit.job_id)
        owner = job.owner_id or session.scalar(text("SELECT min(id) FROM user_account"))
        reader = session.scalar(
            text("SELECT id FROM user_account WHERE email = :email"),
            {"email": installation.emails[WHO["dispatcher"]]},
        )
        closed = Disruption(
            kind=DisruptionKind.CANNOT_WORK,
            state=DisruptionState.CLOSED,
            settled_at=now,
            territory_id=east.territory,
            day=east.today,
            technician_id=east.ana,
            scope=[[east.territory, east.today.isoformat()]],
            owner_id=owner,
            due_at=now,
            reported_at=now,
        )
        session.add(closed)
        session.flush()
        _imported(session, installation, now)
        _given_back(session, installation)
        session.add_all(
            [
                RepairItem(
                    disruption_id=closed.id,
                    visit_id=session.scalar(text(IDS["visit_id"])),
                    position=0,
                    part=RepairPart.YOU,
                    visit_version=1,
                    stays=False,
                    small=False,
                    changes=[],
                    reasons=[],
                ),
                Message(
                    technician_id=east.ana,
                    territory_id=east.territory,
                    state=MessageState.RECALLED,
                    problem="Recalled",
                    hold_until=now,
                    created_at=now,
                    changed_at=now,
                ),
                CallTask(
                    visit_id=visit.id,
                    kind=CallKind.SECOND_VISIT,
                    state=CallState.TOLD,
                    facts={},
                    owner_id=owner,
                    due_at=now,
                    created_at=now,
                    closed_at=now,
                    outcome="Told",
                ),
                _withdrawn(job.customer_id, east.territory, proposed_by=owner, owner=reader, now=now),
                JobSeries(
                    site_id=job.site_id,
                    job_type_id=job.job_type_id,
                    owner_id=owner,
                    title="Yearly service",
                    every=1,
                    unit=Unit.YEAR,
                    first_on=east.today,
                    tolerance_days=3,
                    ahead_days=28,
                    ended_at=now,
                ),
            ]
        )
        session.commit()


def _imported(session: Session, installation: Installation, now: datetime) -> None:
    """Let the administrator's table of skills wait, and take one back that was imported."""
    admin = session.scalar(
        text("SELECT id FROM user_account WHERE email = :email"),
        {"email": installation.emails[WHO["administrator"]]},
    )
    person = session.get_one(Technician, installation.east.ana).name
    skill = session.get_one(Skill, installation.east.skill).name
    file = f"Name,{skill}\n{person},4\nNobody of that name,wizard\n".encode()
    actor = replace(SYSTEM, user_id=admin)
    report = import_matrix(session, file_name="skills.csv", data=file, dry_run=False, actor=actor, now=now)
    undo_matrix(session, batch_id=report.batch_id, actor=actor, now=now)
    keep_upload(session, file_name="skills.csv", data=file, actor=actor, now=now)


def _given_back(session: Session, installation: Installation) -> None:
    """Give back a certificate that the technician handed in."""
    session.execute(
        text(
            "INSERT INTO certification (technician_id, kind_id, valid, state, claimed_by_id, returned_because, version)"
            " SELECT t.id, k.id, daterange('2020-01-01', '2021-01-01'), 'returned', u.id, 'Blurred', 1"
            " FROM technician t JOIN user_account u ON u.id = t.user_id,"
            " (SELECT min(id) AS id FROM certification_kind) k WHERE u.email = :email"
        ),
        {"email": installation.emails[WHO["technician"]]},
    )


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _plan_and_count(installation: Installation) -> None:
    """Ask for plans of tomorrow in the demo and in the East, and for a count of coverage; wait for the worker."""
    now, east = clock.now(), installation.east
    with installation.session() as session:
        north = session.scalar(text("SELECT id FROM territory WHERE name = 'North'"))
        scopes = [(north, now.date() + timedelta(days=1)), (east.territory, east.today + timedelta(days=1))]
        made = [request_plan(session, scope=[scope], actor=SYSTEM, now=now, time_limit_s=2).id for scope in scopes]
        request_count(session, actor=SYSTEM)
    give_up = time.monotonic() + WORKED_WITHIN_S
    while time.monotonic() < give_up:
        with installation.session() as session:
            states = session.scalars(text("SELECT state FROM plan_request WHERE id = ANY(:ids)"), {"ids": made}).all()
            counted = session.scalar(text("SELECT count(*) FROM coverage_run"))
        if set(states) == {"solved"} and counted:
            return
        threading.Event().wait(0.5)
    pytest.fail(f"The worker did not plan ({states}) and count ({counted}) in time")
