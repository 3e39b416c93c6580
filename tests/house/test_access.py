"""Who reaches which route: every route, method and role is tried and compared with a reviewed table.

A route that is new, gone, or open to others than before fails here. Read the difference, then write the table anew
with ``python -m pytest tests/house/test_access.py --update-golden``.
"""

import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Response
from sqlalchemy import text
from sqlalchemy.orm import Session
from werkzeug.routing import Rule as Route

from dispatch.accounts.access import TABLE, Actor, Grant, Reach, Right, holders
from dispatch.accounts.models import RoleName
from dispatch.core.errors import Forbidden, NotFound
from dispatch.web.security import DECLARED, PUBLIC, rule_of
from tests.factories import make_user
from tests.web.browser import Browser
from tests.web.conftest import ROLES, STORED, Site

TABLE_FILE = Path(__file__).with_name("access.txt")
HEAD = "# Who reaches which route. Reviewed by people; written by tests/house/test_access.py.\n"
EVERYBODY = ("visitor", "signed-in", *ROLES)
# Tables that a page may write while it is only read: the browser's own session, and tries to sign in.
BOOKKEEPING = {"user_session", "login_attempt"}


@pytest.fixture(scope="module")
def people(site: Site) -> dict[str, Browser]:
    """Give a signed-in browser for everybody, made before the views are replaced."""
    with site.session() as session:
        user = make_user(session, name="Nobody Special", email="plain@example.test", password=STORED)
        site.emails["signed-in"] = user.email
    found = {role: site.sign_in(role) for role in ("signed-in", *ROLES)}
    return {"visitor": site.browser()} | found


@pytest.fixture
def reached(site: Site, people: dict[str, Browser]) -> Iterator[list[str]]:
    """Put a witness in the place of every view; it notes who got past the guard."""
    calls: list[str] = []
    views = dict(site.app.view_functions)
    for endpoint, view in views.items():
        if endpoint == "static":
            continue

        def witness(_endpoint: str = endpoint, **_arguments: Any) -> Response:
            calls.append(_endpoint)
            return Response(status=204)

        rule = getattr(view, "access_rule", None)
        if rule is not None:
            witness.access_rule = rule  # type: ignore[attr-defined]
        site.app.view_functions[endpoint] = witness
    site.app.config["WTF_CSRF_ENABLED"] = False
    yield calls
    site.app.config["WTF_CSRF_ENABLED"] = True
    site.app.view_functions.update(views)


def routes(site: Site) -> list[Route]:
    return sorted((rule for rule in site.app.url_map.iter_rules() if rule.endpoint != "static"), key=lambda r: r.rule)


def address(site: Site, route: Route) -> str:
    values = {name: sample(route._converters[name]) for name in route.arguments}
    with site.app.test_request_context():
        return site.app.url_for(route.endpoint, **values)


def sample(converter: Any) -> Any:
    """Return a value of the right shape that names nothing that exists."""
    options = getattr(converter, "items", None)
    for value in ([sorted(options)[0]] if options else []) + [999_999, date(2026, 3, 3), uuid.UUID(int=1), "unknown"]:
        try:
            converter.to_python(converter.to_url(value))
        except (ValueError, TypeError, AttributeError):
            continue
        return value
    raise AssertionError(f"no sample for {converter}")


def test_every_route_is_open_to_whom_the_reviewed_table_says(
    site: Site, people: dict[str, Browser], reached: list[str], pytestconfig: pytest.Config
) -> None:
    lines = []
    for route in routes(site):
        path = address(site, route)
        for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
            may = [who for who in EVERYBODY if reaches(people[who], method, path, reached)]
            lines.append(f"{method:7}{route.rule:90} {' '.join(may) or 'nobody'}\n")
    table = HEAD + "".join(sorted(lines, key=lambda line: (line[7:], line)))
    if pytestconfig.getoption("--update-golden"):
        TABLE_FILE.write_text(table, encoding="utf-8")
    known = TABLE_FILE.read_text(encoding="utf-8").splitlines()
    assert table.splitlines() == known, "review the difference, then --update-golden"


def reaches(browser: Browser, method: str, path: str, reached: list[str]) -> bool:
    reached.clear()
    answer = browser.client.open(path, method=method, headers={"Accept": "application/json"})
    if reached:
        assert answer.status_code == 204, (method, path)
        return True
    assert answer.status_code in (401, 403), (method, path, answer.status_code)
    return False


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "PATCH"])
def test_no_other_method_gets_past_the_guard(
    site: Site, people: dict[str, Browser], reached: list[str], method: str
) -> None:
    for route in routes(site):
        rule = rule_of(site.app, route.endpoint)
        if method in (route.methods or set()) and rule == PUBLIC:
            continue
        reached.clear()
        answer = people["visitor"].client.open(
            address(site, route), method=method, headers={"X-HTTP-Method-Override": "GET", "HX-Request": "true"}
        )
        assert not reached, (method, route.rule)
        assert answer.status_code in (303, 401, 403, 405) or rule == PUBLIC, (method, route.rule, answer.status_code)


def test_other_spellings_of_an_address_open_nothing(site: Site, people: dict[str, Browser], reached: list[str]) -> None:
    for route in routes(site):
        if rule_of(site.app, route.endpoint) == PUBLIC or "GET" not in (route.methods or set()):
            continue
        path = address(site, route)
        for other in (path + "/", "/" + path, path.upper(), path.replace("/", "/./"), path.replace("/", "%2f", 1)):
            reached.clear()
            people["visitor"].client.get(other)
            assert not reached, other


def test_a_view_that_declares_nothing_stays_shut(site: Site, people: dict[str, Browser]) -> None:
    undeclared = [route.endpoint for route in routes(site) if rule_of(site.app, route.endpoint) is None]
    assert set(undeclared) <= {"security.verify"}, "declare a permission on these views"
    assert set(DECLARED) - {"static"} <= {route.endpoint for route in routes(site)}, "a declaration without a view"
    for endpoint in undeclared:
        route = next(route for route in routes(site) if route.endpoint == endpoint)
        assert people["administrator"].client.get(address(site, route)).status_code == 403


def test_every_change_needs_a_token(site: Site, people: dict[str, Browser], reached: list[str]) -> None:
    site.app.config["WTF_CSRF_ENABLED"] = True
    try:
        for route in routes(site):
            if "POST" not in (route.methods or set()):
                continue
            rule = rule_of(site.app, route.endpoint)
            if rule is None:
                continue
            who = "manager" if rule.right is None else holders(rule.right, own=rule.own)[0]
            for headers in ({}, {"Content-Type": "text/plain"}, {"Origin": "https://elsewhere.example"}):
                reached.clear()
                told = {"Accept": "application/json"} | headers
                answer = people[who].client.post(address(site, route), data=b"x=1", headers=told)
                assert answer.status_code == 403, (route.rule, answer.status_code)
                assert not reached, route.rule
    finally:
        site.app.config["WTF_CSRF_ENABLED"] = False


def test_reading_every_page_changes_nothing(site: Site) -> None:
    people = {role: site.sign_in(role) for role in ROLES}
    before = fingerprint(site)
    for route in routes(site):
        if "GET" in (route.methods or set()) and not route.rule.endswith("/events"):
            for browser in people.values():
                answer = browser.client.get(address(site, route))
                assert answer.status_code < 500 or answer.status_code == 503, (route.rule, answer.status_code)
    assert fingerprint(site) == before


def fingerprint(site: Site) -> dict[str, Any]:
    """Return what all tables hold, in a short form."""
    with site.session() as session:
        names = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")).all()
        return {name: contents(session, name) for name in names if name not in BOOKKEEPING}


def contents(session: Session, name: str) -> Any:
    return tuple(
        session.execute(text(f'SELECT count(*), coalesce(sum(hashtext(t::text)::bigint), 0) FROM "{name}" t')).one()
    )


def test_the_table_of_rights_names_every_role_and_every_right() -> None:
    assert set(ROLES) < set(TABLE)
    for right in Right:
        assert holders(right), f"{right} is held by nobody"


def test_a_grant_reaches_its_territory_and_no_other() -> None:
    stand_in = Actor(
        user_id=1, name="A", grants=(Grant(role="dispatcher", territory_id=1), Grant(role="manager", territory_id=2))
    )
    assert stand_in.may(Right.JOB_EDIT)
    assert stand_in.may(Right.JOB_EDIT, 1)
    assert not stand_in.may(Right.JOB_EDIT, 2)
    assert stand_in.territories(Right.JOB_READ) == {1, 2}
    assert stand_in.territories(Right.USER_EDIT) == frozenset()
    with pytest.raises(NotFound):
        stand_in.require(Right.JOB_EDIT, 2, what="job")
    with pytest.raises(Forbidden, match="administrator"):
        stand_in.require(Right.USER_EDIT)


def test_a_right_over_oneself_reaches_nobody_else() -> None:
    own = Actor(user_id=1, name="T", grants=(Grant(role="technician", territory_id=1),), technician_id=7)
    assert own.may(Right.SKILL_CLAIM, technician_id=7)
    assert not own.may(Right.SKILL_CLAIM, technician_id=8)
    assert not own.may(Right.SKILL_CLAIM, 1), "a territory is not oneself"
    assert own.may(Right.JOB_READ)
    assert not own.reaches_others(Right.JOB_READ), "a list of everybody's jobs stays shut"
    assert not own.may(Right.SKILL_CONFIRM, technician_id=7), "nobody confirms their own skill"


@pytest.mark.parametrize("role", [role.value for role in RoleName])
def test_who_may_see_outcomes_of_others(role: str) -> None:
    reach = TABLE[role].get(Right.EVIDENCE_READ)
    assert reach is {"technician": Reach.OWN, "manager": Reach.SCOPE}.get(role)
