"""The audit: what was changed is found by thing, person and day, by those who may know it."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

import dispatch
from dispatch.core import clock
from dispatch.core.audit import Change, record
from dispatch.jobs.queries import HistoryRow
from dispatch.planning.changelog import Names
from dispatch.planning.models import ReportKind
from dispatch.web import history
from dispatch.workforce.models import Territory
from tests.conftest import statements
from tests.factories import make_customer, make_job, make_site, make_visit
from tests.web.browser import Browser, Page
from tests.web.conftest import Site

SignIn = Callable[[str], Browser]


@pytest.fixture(scope="module")
def made(site: Site) -> dict[str, int]:
    """A customer, a site and a job in the North, each changed once by the dispatcher; and the same in the South."""
    with site.session() as session:
        north, south = session.get_one(Territory, site.north_id), session.get_one(Territory, site.south_id)
        found: dict[str, int] = {}
        for name, territory in (("Hale Dental", north), ("Far Away", south)):
            customer = make_customer(session, name=name, phone="1")
            place = make_site(session, customer=customer, territory=territory, gate_code="GATE-1")
            job = make_job(session, site=place, title=f"Boiler of {name}", owner_id=site.people["dispatcher"])
            make_visit(session, job=job)
            key = "" if territory is north else "far_"
            found |= {f"{key}customer": customer.id, f"{key}site": place.id, f"{key}job": job.id}
    dispatcher = site.sign_in("dispatcher")
    dispatcher.get(f"/customers/{found['customer']}/edit")
    dispatcher.send({"phone": "+49 30 77"}, button="Save")
    dispatcher.get(f"/customers/sites/{found['site']}/edit")
    dispatcher.send({"gate_code": "GATE-2"}, button="Save")
    dispatcher.get(f"/jobs/{found['job']}/edit")
    dispatcher.send({"title": "Boiler leaks", "duration_min": "75"}, button="Save")
    return found


def audit(browser: Browser, **asked: object) -> Page:
    return browser.get(f"/audit?{urlencode(asked)}")


def test_every_page_has_its_history_one_click_away(client_for: SignIn, site: Site, made: dict[str, int]) -> None:
    dispatcher = client_for("dispatcher")
    for path, words in (
        (f"/customers/{made['customer']}", "phone from “1” to “+49 30 77”"),
        (f"/jobs/{made['job']}", "to “Boiler leaks”"),
        (f"/people/{site.technician_id}", "No change fits"),
    ):
        links = [link for link in dispatcher.get(path).links if link.startswith("/audit?")]
        assert links, f"{path} has no history"
        assert words in dispatcher.get(links[0]).text
    page = audit(dispatcher, entity="job", id=made["job"])
    assert "75 min" in page.text, "a job's history tells of its visits"
    assert "phone from" not in page.text
    assert "GATE-2" in audit(dispatcher, entity="customer", id=made["customer"]).text, "a customer's tells of its sites"


@pytest.mark.parametrize(
    "asked, found",
    [
        ({"who": "dispatcher"}, True),
        ({"who": "nobody"}, False),
        ({"entity": "customer"}, True),
        ({"entity": "site"}, False),
        ({"from": 0, "to": 0}, True),
        ({"from": 1}, False),
        ({"to": -1}, False),
        ({"from": "nonsense", "to": "9999-12-31"}, True),
        ({"entity": "customer", "id": "x"}, True),
    ],
)
def test_filters_stand_in_the_address(
    client_for: SignIn, made: dict[str, int], asked: dict[str, object], found: bool
) -> None:
    today = clock.local_day(clock.now(), "Europe/Berlin")
    days = {key: today + timedelta(days=value) for key, value in asked.items() if isinstance(value, int)}
    page = audit(client_for("dispatcher"), **{**asked, **days})
    assert ("+49 30 77" in page.text) == found
    if not found and "site" not in asked.values():
        assert "No change fits what you asked for" in page.text


def test_who_may_read_what(client_for: SignIn, site: Site, made: dict[str, int]) -> None:
    far = {"entity": "customer", "id": made["far_customer"]}
    dispatcher, manager, technician = (client_for(role) for role in ("dispatcher", "manager", "technician"))
    assert "No change fits" in audit(dispatcher, **far).text
    near = {"entity": "site", "id": made["site"]}
    assert "GATE-2" in audit(dispatcher, **near).text
    hidden = audit(manager, **near)
    assert "GATE" not in hidden.html, "who may not read a gate code does not read it here"
    assert "•••" in hidden.text
    assert "Hale Dental" not in audit(technician).text
    assert "+49 30 77" in audit(client_for("administrator")).text


@pytest.mark.parametrize(
    "entity, readers",
    [("evidence", {"manager"}), ("user", {"administrator"}), ("site", {"dispatcher", "manager", "administrator"})],
)
def test_what_needs_a_right_of_its_own_needs_it_here(
    client_for: SignIn, site: Site, entity: str, readers: set[str]
) -> None:
    with site.session() as session:
        after = {"words": "CANARY"}
        line = Change(
            at=clock.now(),
            actor_id=None,
            action="add",
            entity=entity,
            entity_id="0",
            territory_id=site.north_id,
            after=after,
        )
        record(session, line)
    seen = {role for role in site.emails if "CANARY" in audit(client_for(role), entity=entity).html}
    assert seen == readers


def test_an_export_is_a_line_of_the_log(client_for: SignIn, made: dict[str, int]) -> None:
    dispatcher = client_for("dispatcher")
    audit(dispatcher, entity="customer", id=made["customer"])
    form = dispatcher.form(action="/audit/export")
    answer = dispatcher.client.post("/audit/export", data={name: value[0] for name, value in form.fields.items()})
    assert answer.mimetype == "text/csv"
    rows = list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert rows[0][:4] == ["number", "when", "who", "what"]
    assert [row[5:7] for row in rows if "phone" in row[6]] == [["phone: 1", "phone: +49 30 77"]]
    page = audit(dispatcher, entity="audit")
    assert "Export" in page.text
    assert "Dispatcher North" in page.text


def test_the_log_is_checked_on_the_page(client_for: SignIn, made: dict[str, int]) -> None:
    administrator = client_for("administrator")
    administrator.get("/audit")
    page = administrator.get(str(administrator.send({}, action="/audit/check")))
    assert "The log is whole" in page.text
    assert "Check that the log" not in client_for("dispatcher").get("/audit").text


def test_a_long_log_says_how_long_and_costs_the_same(client_for: SignIn, site: Site, made: dict[str, int]) -> None:
    dispatcher = client_for("dispatcher")
    with statements(site.engine) as sent:
        page = dispatcher.get("/audit")
    assert "of " in page.text
    assert sent.count <= 14


def test_every_action_that_the_code_notes_has_words() -> None:
    written = re.compile(
        r'action="([a-z_.]+)"|action: str = "([a-z_.]+)"|_note\(\s*"([a-z_.]+)"'
        r'|\b_?(?:note|write|put_in_force)\(\s*(?:session|db\(\)),\s*(?:[a-z_.]+,\s*){0,4}"([a-z_.]+)"'
    )
    sources = "\n".join(each.read_text(encoding="utf-8") for each in Path(dispatch.__path__[0]).rglob("*.py"))
    found = {next(one for one in match if one) for match in written.findall(sources)}
    assert {"record", "put_off", "request_plan", "coverage.solve"} <= found
    assert found | {f"report_{kind.value}" for kind in ReportKind} <= set(history.ACTIONS)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("time_limit_s", 8.0, "time limit “8 s”"),
        ("unmet_s", 47_241 * 60, "cannot be served “787 h 21 min”"),
        ("starts_on", "2026-11-23", "from the week of “Mon 23 Nov 2026”"),
        ("due_at", "2026-11-23T10:30:00+00:00", "due “Mon 23 Nov 10:30”"),
        ("promise", "[2026-11-23 10:00:00+00:00, 2026-11-23 12:00:00+00:00)", "promise “Mon 23 Nov 10:00–12:00”"),
        ("state", "could_not_do", "state “could not do”"),
        ("code", "leak_repair", "code “leak_repair”"),
        ("jobs", 45_488, "jobs “45,488”"),
        ("lat", 52.79322, "lat “52.79322”"),
        ("closed", True, "closed “yes”"),
        ("phone", "+49 30 77", "phone “+49 30 77”"),
        ("agreed_with", None, ""),
        ("undoes", "repair", "undoes “Repair accepted”"),
        ("subject", "cell-skill-61-2-2026-11-23-train", ""),
    ],
)
def test_values_of_the_log_read_as_people_write_them(site: Site, key: str, value: object, told: str) -> None:
    row = HistoryRow(at=clock.now(), who="Ines", action="change", before=None, after={key: value}, reason=None, seq=1)
    with site.app.test_request_context():
        assert history.details_of(row, Names(), "UTC") == told
