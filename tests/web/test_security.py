"""Headers, limits, malformed requests, other people's addresses, and what happens when the database refuses."""

import json
import re
from typing import Any

import pytest
from flask import Blueprint, flash, request
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.datastructures import Headers

from dispatch.accounts.models import User
from dispatch.app import TRIES
from dispatch.core.errors import Conflict, Forbidden, Invalid, NotFound
from dispatch.web.context import db
from dispatch.web.json_format import StrictJSON
from dispatch.web.pages import page
from dispatch.web.security import public, repeatable, safe_target
from tests.web.conftest import PASSWORD, Site

trial = Blueprint("trial", __name__, url_prefix="/trial")
tries: list[int] = []

RAISED: dict[str, Exception] = {
    "forbidden": Forbidden("Only <b>Ines</b> may."),
    "missing": NotFound("There is no such job 7."),
    "conflict": Conflict("Ana was booked by Ines 10 seconds ago."),
    "invalid": Invalid("End before start.", field="end"),
    "stale": StaleDataError("row gone"),
    "bug": RuntimeError("a detail nobody outside may read"),
}
SQL = {
    "check": "INSERT INTO territory (name, zone) VALUES (NULL, 'UTC')",
    "twice": "INSERT INTO role (name, description) VALUES ('manager', '')",
    "wait": "SELECT pg_sleep(2)",
}


@trial.route("/raise/<name>", methods=["GET", "POST"])
@public
def fail(name: str) -> str:
    raise RAISED[name]


@trial.get("/sql/<name>")
@public
def refuse(name: str) -> str:
    if name == "wait":
        db().execute(text("SET LOCAL statement_timeout = '50ms'"))
    db().execute(text(SQL[name]))
    return "done"


@trial.get("/late")
@public
def late() -> str:
    """Change a row so that only the commit finds out."""
    db().execute(text("SET CONSTRAINTS ALL DEFERRED"))
    db().execute(text("CREATE TEMP TABLE late (x int UNIQUE DEFERRABLE INITIALLY DEFERRED) ON COMMIT DROP"))
    db().execute(text("INSERT INTO late VALUES (1), (1)"))
    return "done"


@trial.route("/deadlock", methods=["GET", "POST"])
@public
def deadlock() -> str:
    tries.append(1)
    if len(tries) < TRIES:
        db().execute(text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$"))
    return "done"


@trial.post("/deadlock/again")
@public
@repeatable
def deadlock_again() -> str:
    flash(f"try {len(tries) + 1}")
    return deadlock()


@trial.post("/half")
@public
def half() -> tuple[str, int]:
    """Change something and then refuse: nothing of it may stay."""
    db().scalars(select(User).order_by(User.id)).first().name = "Half done"  # type: ignore[union-attr]
    db().flush()
    return "no", 422


@trial.post("/echo")
@public
def echo() -> Any:
    return {"got": request.get_json()}


@trial.get("/many")
@public
def many() -> Any:
    return {"rows": list(range(2_000))}


@trial.get("/part")
@public
def part() -> Any:
    return page("errors/error.html", "content", code=404)


@pytest.fixture(scope="module", autouse=True)
def routes(site: Site) -> None:
    site.app._got_first_request = False
    site.app.register_blueprint(trial)
    site.app.extensions["csrf"].exempt(trial)


def test_every_answer_carries_the_headers(site: Site) -> None:
    for path in ("/sign-in", "/static/icons/sprite.svg", "/no-such-page", "/health/live", "/trial/raise/bug"):
        headers = headers_of(site.browser().client, path)
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "Server" not in headers or "Python" not in headers["Server"]
    personal = headers_of(site.sign_in("manager").client, "/me")
    assert personal["Cache-Control"] == "no-store"
    assert "Cookie" in personal["Vary"]
    static = headers_of(site.browser().client, "/static/icons/sprite.svg?v=1")
    assert "immutable" in static["Cache-Control"]
    assert "Set-Cookie" not in static


@pytest.mark.parametrize(
    ("path", "accepted", "used"),
    [
        ("/trial/many", "gzip, deflate, br", "br"),
        ("/trial/many", "gzip", "gzip"),
        ("/trial/many", "identity", None),
        ("/static/icons/sprite.svg", "gzip, deflate, br", "br"),
        # A page holds the token of its forms beside words from the address: its compressed length would tell on it.
        ("/jobs?q=csrf_token", "gzip, deflate, br", None),
    ],
)
def test_data_and_files_are_sent_compressed_and_pages_are_not(
    site: Site, path: str, accepted: str, used: str | None
) -> None:
    client = site.sign_in("dispatcher").client
    with client.get(path) as plain, client.get(path, headers={"Accept-Encoding": accepted}) as answer:
        assert answer.status_code == 200
        assert answer.headers.get("Content-Encoding") == used
        assert "Accept-Encoding" in answer.headers["Vary"]
        assert (len(answer.data) < 0.6 * len(plain.data)) == (used is not None)


def test_a_compressed_file_that_is_known_is_not_sent_again(site: Site) -> None:
    accepted = {"Accept-Encoding": "br"}
    client = site.browser().client
    with client.get("/static/icons/sprite.svg", headers=accepted) as first:
        known = {"If-None-Match": first.headers["ETag"]}
    with client.get("/static/icons/sprite.svg", headers=accepted | known) as again:
        assert again.status_code == 304


def headers_of(client: FlaskClient, path: str) -> Headers:
    with client.get(path) as answer:
        return answer.headers


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "https:evil.example",
        "https://evil.example/me",
        "javascript:alert(1)",
        "http://localhost@evil.example/me",
        "/%2F/evil.example",
        "/no-such-page",
        "/static/icons/sprite.svg",
        "/sign-out",
        "\r\nSet-Cookie: x=1",
        "",
    ],
)
def test_only_pages_of_ours_are_returned_to(site: Site, address: str) -> None:
    with site.app.test_request_context():
        assert safe_target(address) in (None, "/")
    browser = site.browser()
    where = browser.post("/me/theme", {"theme": "dark", "next": address})
    assert where == "/"


def test_a_page_is_returned_to_with_its_question(site: Site) -> None:
    with site.app.test_request_context():
        assert safe_target("/me?a=1&a=2&b=%2F%2Fx&_external=1&_scheme=ftp") == "/me?a=1&a=2&b=//x"
    browser = site.browser()
    answer = browser.client.get("/me?day=2026-03-03")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
    browser.get("/sign-in")
    assert browser.send({"email": site.emails["manager"], "password": PASSWORD}) == "/me?day=2026-03-03"


def test_next_in_the_address_of_the_sign_in_page_is_ignored(site: Site) -> None:
    browser = site.browser()
    browser.get("/sign-in?next=//evil.example")
    assert browser.send({"email": site.emails["manager"], "password": PASSWORD}) == "/"


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("forbidden", 403, "Only <b>Ines</b> may."),
        ("missing", 404, "There is nothing at this address"),
        ("conflict", 409, "Ana was booked by Ines"),
        ("invalid", 422, "End before start."),
        ("stale", 409, "Someone else was faster"),
        ("bug", 500, "Reference"),
    ],
)
def test_refusals_are_pages_in_words(site: Site, name: str, code: int, words: str) -> None:
    browser = site.browser()
    shown = browser.get(f"/trial/raise/{name}", code)
    assert words in shown.text
    assert "nobody outside" not in shown.html
    assert "<b>Ines</b>" not in shown.html
    part = browser.get(f"/trial/raise/{name}", code, part=True)
    assert "<html" not in part.html
    data = browser.data(f"/trial/raise/{name}", code)
    assert data["code"] == code
    assert data["error"]


@pytest.mark.parametrize(
    ("referrer", "back"),
    [
        ("http://localhost/jobs?state=open", "/jobs?state=open"),
        ("http://localhost/trial/raise/conflict", None),
        ("http://elsewhere.example/jobs", None),
        ("http://localhost/nothing-here", None),
        ("http://localhost//elsewhere.example/", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_a_refusal_leads_back_to_the_page_of_ours_one_came_from(site: Site, referrer: str, back: str | None) -> None:
    answer = site.browser().client.get("/trial/raise/conflict", headers={"Referer": referrer})
    assert answer.status_code == 409
    links = re.findall(r'href="([^"]+)"[^>]*><span>Back to where you were', answer.text)
    assert links == ([] if back is None else [back])


def test_a_thing_out_of_reach_looks_like_one_that_never_was(site: Site) -> None:
    client = site.browser().client
    hidden, unknown = client.get("/trial/raise/missing"), client.get("/trial/raise-nothing")
    assert strip_token(hidden.get_data(as_text=True)) == strip_token(unknown.get_data(as_text=True))


def strip_token(html: str) -> str:
    html = re.sub(r'(name="csrf-token" content="|name="csrf_token" value=")[^"]+', "", html)
    return re.sub(r'name="next" value="[^"]*"', "", html)


@pytest.mark.parametrize(("name", "code"), [("twice", 409), ("wait", 503), ("check", 500)])
def test_what_the_database_refuses_is_translated(site: Site, name: str, code: int) -> None:
    answer = site.browser().client.get(f"/trial/sql/{name}")
    assert answer.status_code == code
    assert "INSERT" not in answer.get_data(as_text=True)
    assert ("Retry-After" in answer.headers) == (code == 503)


def test_a_refusal_at_the_commit_is_a_409(site: Site) -> None:
    assert site.browser().client.get("/trial/late").status_code == 409


def test_reading_is_repeated_after_a_deadlock_and_writing_is_not(site: Site) -> None:
    client = site.browser().client
    tries.clear()
    assert client.get("/trial/deadlock").status_code == 200
    assert len(tries) == TRIES
    tries.clear()
    assert client.post("/trial/deadlock").status_code == 409
    assert len(tries) == 1


def test_a_view_that_asks_for_it_is_repeated_and_speaks_once(site: Site) -> None:
    browser = site.browser()
    tries.clear()
    assert browser.client.post("/trial/deadlock/again").status_code == 200
    assert len(tries) == TRIES
    shown = browser.get("/sign-in").text
    assert f"try {TRIES}" in shown
    assert "try 1" not in shown


def test_a_refused_view_leaves_nothing_behind(site: Site) -> None:
    assert site.browser().client.post("/trial/half").status_code == 422
    with site.session() as session:
        assert "Half done" not in session.scalars(select(User.name)).all()


@pytest.mark.parametrize(
    "body",
    [
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": 1e999}',
        '{"a": 1, "a": 2}',
        "[" * 5000 + "]" * 5000,
        '{"a":' * 100 + "1" + "}" * 100,
        "1" * 5000,
        "{",
        "\xff",
    ],
)
def test_json_that_others_could_not_read_is_refused(site: Site, body: str) -> None:
    answer = site.browser().client.post("/trial/echo", data=body.encode("latin-1"), content_type="application/json")
    assert answer.status_code == 400
    assert json.loads(answer.data)["error"]


def test_json_out_holds_no_nan(site: Site) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        StrictJSON(site.app).dumps({"a": float("nan")})


def test_bodies_have_a_size(site: Site) -> None:
    client = site.browser().client
    assert client.post("/sign-in", data={"email": "x" * 5_000_000}).status_code == 413
    many = "&".join(f"f{n}=1" for n in range(300_000))
    answer = client.post("/sign-in", data=many, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 413
    parts = {f"f{n}": (None, "1") for n in range(2500)}
    body = "".join(f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n1\r\n' for n in parts) + "--b--\r\n"
    answer = client.post("/sign-in", data=body, content_type="multipart/form-data; boundary=b")
    assert answer.status_code == 413


@pytest.mark.parametrize("where", ["path", "query", "form"])
def test_an_invisible_character_is_refused_before_it_reaches_the_database(site: Site, where: str) -> None:
    client = site.browser().client
    answer = {
        "path": lambda: client.get("/trial/raise/%00"),
        "query": lambda: client.get("/sign-in?q=%00"),
        "form": lambda: client.post("/sign-in", data={"email": "a\x00b@example.test", "password": "x"}),
    }[where]()
    assert answer.status_code == 400


def test_a_part_is_the_same_block_as_in_the_page(site: Site) -> None:
    browser = site.browser()
    whole, part = browser.get("/trial/part").html, browser.get("/trial/part", part=True).html
    assert "<html" not in part
    assert part.strip() in whole


def test_links_for_outside_do_not_follow_a_forged_host(site: Site) -> None:
    with site.app.test_request_context(headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"}):
        assert site.app.url_for("account.show", _external=True) == "http://127.0.0.1:8000/me"
    answer = site.browser().client.get("/me", headers={"Host": "evil.example"})
    assert answer.headers["Location"] == "/sign-in"


def test_a_person_without_the_right_learns_what_is_needed(site: Site) -> None:
    shown = site.sign_in("technician").get("/jobs", 403)
    assert "you need the role dispatcher or manager or administrator" in shown.text


def test_htmx_and_scripts_are_told_to_sign_in(site: Site) -> None:
    client = site.browser().client
    part = client.get("/me", headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/sign-in")
    assert client.get("/me", headers={"Accept": "application/json"}).status_code == 401
    assert client.get("/me", headers={"Accept": "text/event-stream"}).status_code == 401


def test_health_says_no_more_than_needed(site: Site) -> None:
    client = site.browser().client
    assert client.get("/health/live").data == b"ok"
    assert client.get("/health/ready").data == b"ready"
