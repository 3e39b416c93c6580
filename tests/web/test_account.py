"""Signing in and out, forgotten and changed passwords, one's own account, sessions that can be ended."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from pydantic import SecretStr
from sqlalchemy import func, select

from dispatch.accounts import passwords, service, sessions, throttle
from dispatch.accounts.access import SYSTEM
from dispatch.accounts.models import LoginAttempt, RoleName, User, UserSession
from dispatch.app import create_app
from dispatch.core import clock
from dispatch.web import mail
from tests.factories import make_user
from tests.web.browser import Browser
from tests.web.conftest import PASSWORD, Site

OTHER = "four geese over the canal"


def person(site: Site, name: str, *roles: RoleName) -> str:
    """Add somebody of their own for one test; returns the address."""
    with site.session() as session:
        make_user(session, *roles, name=name, email=f"{name}@example.test", password=passwords.hash_password(PASSWORD))
    return f"{name}@example.test"


def cookie(browser: Browser) -> str:
    found = browser.client.get_cookie("session")
    assert found is not None
    return str(found.value)


def test_a_person_signs_in_and_sees_their_roles(site: Site) -> None:
    browser = site.browser()
    browser.get("/sign-in")
    assert browser.send({"email": site.emails["manager"].upper(), "password": PASSWORD}) == "/"
    page = browser.get("/me")
    assert "Manager North" in page.text
    assert "Manager, North" in page.text


def test_a_wrong_password_and_an_unknown_address_read_the_same(site: Site) -> None:
    texts = []
    for email in (site.emails["manager"], "nobody@example.test"):
        browser = site.browser()
        browser.get("/sign-in")
        page = browser.send({"email": email, "password": "wrong, but long enough"}, status=422)
        assert not isinstance(page, str)
        texts.append(page.text.replace(email, ""))
    assert texts[0] == texts[1]
    assert "do not belong together" in texts[0]


def test_an_unknown_address_costs_as_much_work_as_a_known_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[bool] = []
    real = passwords.verify
    monkeypatch.setattr(passwords, "verify", lambda stored, password: checked.append(True) or real(stored, password))
    for email in (site.emails["manager"], "nobody@example.test"):
        browser = site.browser()
        browser.get("/sign-in")
        browser.send({"email": email, "password": "wrong, but long enough"}, status=422)
    assert len(checked) == 2


def test_a_deactivated_person_is_out_at_once_and_stays_out(site: Site) -> None:
    email = person(site, "leaver", RoleName.MANAGER)
    browser = site.browser()
    browser.sign_in(email, PASSWORD)
    browser.get("/me")
    with site.session() as session:
        user = session.scalars(select(User).where(User.email == email)).one()
        service.deactivate_user(session, user_id=user.id, actor=SYSTEM, now=clock.now())
    assert browser.client.get("/me").status_code == 303
    again = site.browser()
    again.get("/sign-in")
    again.send({"email": email, "password": PASSWORD}, status=422)


def test_a_token_planted_before_signing_in_is_worth_nothing_after(site: Site) -> None:
    browser = site.browser()
    browser.get("/sign-in")
    planted = cookie(browser)
    browser.send({"email": site.emails["manager"], "password": PASSWORD})
    assert cookie(browser) != planted
    thief = site.browser()
    thief.client.set_cookie("session", planted)
    assert thief.client.get("/me").status_code == 303


def test_a_copied_cookie_dies_with_the_sign_out(site: Site) -> None:
    browser = site.sign_in("manager")
    copied = cookie(browser)
    browser.get("/me")
    browser.send(action="/sign-out")
    assert browser.last is not None
    assert browser.last.headers["Clear-Site-Data"] == '"cache", "storage"'
    thief = site.browser()
    thief.client.set_cookie("session", copied)
    assert thief.client.get("/me").status_code == 303


def test_the_cookie_keeps_to_itself(site: Site) -> None:
    browser = site.browser()
    browser.get("/sign-in")
    browser.send({"email": site.emails["manager"], "password": PASSWORD, "keep": "y"})
    assert browser.last is not None
    text = next(line for line in browser.last.headers.getlist("Set-Cookie") if line.startswith("session="))
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(text.split("; "))
    assert f"Max-Age={30 * 24 * 3600}" in text
    with site.session() as session:
        stored = session.scalar(select(func.count()).where(UserSession.token_hash == cookie(browser)))
        assert stored == 0, "the table must not hold the token itself"


def test_behind_https_the_cookie_belongs_to_this_host_alone(site: Site) -> None:
    settings = site.app.extensions["dispatch"].settings.model_copy(update={"secure_cookies": True})
    app = create_app(settings, engine=site.engine)
    answer = app.test_client().get("/sign-in", base_url="https://localhost")
    text = answer.headers["Set-Cookie"]
    assert text.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(text.split("; "))
    assert "Domain" not in text
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


@pytest.mark.parametrize("key", ["short", "change-me", ""])
def test_a_weak_key_is_refused_at_the_start(site: Site, key: str) -> None:
    settings = site.app.extensions["dispatch"].settings.model_copy(update={"secret_key": SecretStr(key)})
    with pytest.raises(ValueError, match=r"characters|No signing key"):
        create_app(settings, engine=site.engine)


def test_eight_idle_hours_end_a_session_and_use_prolongs_it(site: Site) -> None:
    start = datetime(2026, 3, 3, 7, 0, tzinfo=UTC)
    with time_machine.travel(start, tick=False) as traveller:
        browser = site.sign_in("manager")
        traveller.shift(timedelta(hours=7))
        assert browser.client.get("/me").status_code == 200
        traveller.shift(timedelta(hours=7))
        assert browser.client.get("/me").status_code == 200
        traveller.shift(timedelta(hours=8, minutes=1))
        assert browser.client.get("/me").status_code == 303


def test_guessing_is_slowed_for_the_guesser_and_not_for_the_owner(site: Site) -> None:
    email = person(site, "target", RoleName.MANAGER)
    site.browser().sign_in(email, PASSWORD)
    guesser = site.browser()
    guesser.get("/sign-in")
    codes = []
    for _try in range(throttle.PER_ACCOUNT_AND_NETWORK + 2):
        answer = guesser.client.post(
            "/sign-in",
            data={"csrf_token": guesser.token(), "email": email, "password": "guess upon guess"},
            environ_base={"REMOTE_ADDR": "198.51.100.7"},
        )
        codes.append(answer.status_code)
    assert codes[-1] == 429
    assert int(answer.headers["Retry-After"]) > 60
    assert codes.count(422) == throttle.PER_ACCOUNT_AND_NETWORK
    site.browser().sign_in(email, PASSWORD)


def test_many_networks_together_are_slowed_but_a_known_one_still_opens(site: Site) -> None:
    email = person(site, "hunted", RoleName.MANAGER)
    site.browser().sign_in(email, PASSWORD)
    with site.session() as session:
        for number in range(throttle.PER_ACCOUNT + 1):
            session.add(LoginAttempt(email=email, network=f"n{number}", succeeded=False, at=clock.now()))
    stranger = site.browser()
    stranger.get("/sign-in")
    answer = stranger.client.post(
        "/sign-in",
        data={"csrf_token": stranger.token(), "email": email, "password": PASSWORD},
        environ_base={"REMOTE_ADDR": "203.0.113.9"},
    )
    assert answer.status_code == 429
    site.browser().sign_in(email, PASSWORD)


@pytest.mark.parametrize(
    "password",
    ["x" * 1_000_000, "nul\x00in the middle", "🦩" * 60, "", " "],
    ids=["huge", "nul", "wide", "none", "blank"],
)
def test_odd_passwords_are_refused_in_words(site: Site, password: str) -> None:
    browser = site.browser()
    browser.get("/sign-in")
    answer = browser.client.post(
        "/sign-in", data={"csrf_token": browser.token(), "email": "nobody@example.test", "password": password}
    )
    assert answer.status_code in (400, 413, 422)


def test_a_forgotten_password_is_set_anew_by_a_link_that_works_once(site: Site) -> None:
    email = person(site, "forgetful", RoleName.MANAGER)
    signed_in = site.browser()
    signed_in.sign_in(email, PASSWORD)
    outbox = mail.sender(site.app).kept = []
    answers = []
    for address in (email, "nobody@example.test"):
        browser = site.browser()
        browser.get("/password/forgotten")
        answers.append(browser.send({"email": address}))
    mail.sender(site.app).flush()
    assert answers[0] == answers[1]
    assert [message["To"] for message in outbox] == [email]
    link = re.search(r"http://\S+", outbox[0].get_content())
    assert link is not None
    assert link.group(0).startswith("http://127.0.0.1:8000/password/forgotten/")
    path = link.group(0).removeprefix("http://127.0.0.1:8000")
    browser = site.browser()
    browser.get(path)
    page = browser.send({"password": "short", "password_confirm": "short"}, status=422)
    assert not isinstance(page, str)
    assert "at least 10" in page.text
    browser.send({"password": OTHER, "password_confirm": OTHER})
    assert signed_in.client.get("/me").status_code == 303, "sessions from before must be over"
    site.browser().sign_in(email, OTHER)
    assert browser.client.get(path).status_code == 303, "the link works once"


def test_a_link_older_than_an_hour_is_refused(site: Site) -> None:
    email = person(site, "slow", RoleName.MANAGER)
    outbox = mail.sender(site.app).kept = []
    with time_machine.travel(datetime(2026, 3, 3, 7, 0, tzinfo=UTC), tick=True) as traveller:
        browser = site.browser()
        browser.get("/password/forgotten")
        browser.send({"email": email})
        mail.sender(site.app).flush()
        path = re.search(r"http://127.0.0.1:8000(\S+)", outbox[0].get_content()).group(1)  # type: ignore[union-attr]
        traveller.shift(timedelta(minutes=61))
        assert browser.client.get(path).headers["Location"] == "/password/forgotten"


def test_an_address_gets_three_links_a_day(site: Site) -> None:
    email = person(site, "pestered", RoleName.MANAGER)
    outbox = mail.sender(site.app).kept = []
    for _request in range(5):
        browser = site.browser()
        browser.get("/password/forgotten")
        browser.send({"email": email})
    mail.sender(site.app).flush()
    assert len(outbox) == throttle.RESETS_A_DAY


def test_a_changed_password_signs_other_devices_out(site: Site) -> None:
    email = person(site, "careful", RoleName.MANAGER)
    phone, desk = site.browser(), site.browser()
    phone.sign_in(email, PASSWORD)
    desk.sign_in(email, PASSWORD)
    desk.get("/password")
    desk.send({"password": "not mine", "new_password": OTHER, "new_password_confirm": OTHER}, status=422)
    desk.get("/password")
    desk.send({"password": PASSWORD, "new_password": OTHER, "new_password_confirm": OTHER})
    assert desk.client.get("/me").status_code == 200
    assert phone.client.get("/me").status_code == 303


def test_contact_is_changed_and_a_change_in_between_is_not_overwritten(site: Site) -> None:
    email = person(site, "caller", RoleName.MANAGER)
    browser = site.browser()
    browser.sign_in(email, PASSWORD)
    browser.get("/me")
    with site.session() as session:
        session.scalars(select(User).where(User.email == email)).one().phone = "1"
    page = browser.send({"name": "New name", "phone": "2"}, status=409)
    assert not isinstance(page, str)
    assert "New name" in page.html
    browser.send({"name": "New name", "phone": "2"})
    assert "New name" in browser.get("/me").text


def test_colours_are_kept_in_a_cookie_and_lead_back_to_the_page(site: Site) -> None:
    browser = site.sign_in("manager")
    assert browser.post("/me/theme", {"theme": "dark", "next": "/me"}) == "/me"
    assert 'data-theme="dark"' in browser.get("/me").html
    browser.post("/me/theme", {"theme": "blink"}, status=422)


def test_expired_sessions_are_cleared_away(site: Site) -> None:
    with site.session() as session:
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        sessions.save(session, "a" * 40, data={}, user_id=None, keep=False, user_agent=None, now=long_ago, fresh=True)
    site.browser().get("/sign-in")
    with site.session() as session:
        assert session.scalar(select(func.count()).where(UserSession.expires_at < clock.now())) == 0


def test_how_close_rows_stand_goes_with_the_person_to_every_screen(site: Site) -> None:
    email = person(site, "compact", RoleName.DISPATCHER)
    browser = site.browser()
    browser.sign_in(email, PASSWORD)
    browser.post("/me/theme", {"density": "compact", "next": "/me"})
    other = site.browser()
    other.sign_in(email, PASSWORD)
    assert 'data-density="compact"' in other.get("/me").html
    browser.post("/me/theme", {"density": "tight"}, status=422)
    site.browser().client.get("/sign-in")


def test_keys_of_ones_own_are_shown_kept_and_work_on_the_page(site: Site) -> None:
    email = person(site, "keys", RoleName.DISPATCHER)
    browser = site.browser()
    browser.sign_in(email, PASSWORD)
    page = browser.get("/me/keys")
    for words in ("Search, or say what to do", "Ctrl K", "Pick a visit up", "Keys of your own"):
        assert words in page.text
    browser.send({"key_new_job": "q"}, button="Save")
    assert 'data-shortcut="q" aria-keyshortcuts="Q"' in browser.get("/me/keys").html
    refused = browser.send({"key_map": "q"}, button="Save", status=422)
    assert not isinstance(refused, str)
    assert "“q” is the key for “New job” already." in refused.text
    assert 'data-shortcut="q"' in browser.get("/me/keys").html, "what was kept before stays"
    browser.send({"single_keys": ""}, button="Save")
    page = browser.get("/me/keys")
    assert 'data-single-keys="off"' in page.html
    assert 'data-shortcut="q">' in page.html, "nobody is told of a key that does nothing"
    browser.send({"single_keys": "y"}, button="Take the usual keys")
    assert 'data-shortcut="n" aria-keyshortcuts="N"' in browser.get("/me/keys").html
    part = browser.get("/me/keys", part=True)
    assert "Keys of your own" not in part.text
    assert "Choose keys of your own" in part.text
