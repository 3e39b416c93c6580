"""`dispatch user`: the first administrator of an installation, and what is refused."""

from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from dispatch.accounts import passwords
from dispatch.accounts.queries import find_user_by_email
from dispatch.cli import main
from dispatch.core.config import settings
from dispatch.core.db import make_engine, make_sessions, psycopg_url
from tests import factories as make

GOOD = "four plain words here\n"


@pytest.fixture
def url(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DATABASE_URL", database_url)
    settings.cache_clear()
    return database_url


@pytest.fixture(autouse=True)
def fresh_settings() -> Iterator[None]:
    yield
    settings.cache_clear()


def dispatch(*arguments: str, typed: str = GOOD) -> Result:
    return CliRunner().invoke(main, ["user", *arguments], input=typed)


def one(url: str, query: str) -> tuple[object, ...]:
    with create_engine(psycopg_url(url), poolclass=NullPool).connect() as connection:
        return tuple(connection.execute(text(query)).one())


def test_the_first_administrator(url: str) -> None:
    done = dispatch("add", "ines@example.org", "--name", "Ines", "--role", "administrator", "--password-stdin")
    assert done.exit_code == 0, done.output
    assert "Ines can sign in as ines@example.org (administrator)." in done.output
    stored, active = one(url, "SELECT password, active FROM user_account")
    assert active is True
    assert GOOD.strip() not in str(stored)
    assert passwords.verify(str(stored), GOOD.strip())
    channel, count = one(url, "SELECT min(channel), count(*) FROM audit_event")
    assert (channel, count) == ("command line", 2)
    assert "ines@example.org  Ines  administrator" in dispatch("list").output


def test_twice_is_refused_and_leaves_one(url: str) -> None:
    dispatch("add", "ines@example.org", "--role", "manager", "--no-password")
    again = dispatch("add", "INES@example.org", "--role", "manager", "--no-password")
    assert again.exit_code == 1
    assert "can sign in already" in again.output
    assert one(url, "SELECT count(*) FROM user_account") == (1,)


@pytest.mark.parametrize(
    ("arguments", "typed", "told"),
    [
        (["no-address", "--role", "manager", "--password-stdin"], GOOD, "no e-mail address"),
        (["a@example.org", "--role", "manager", "--password-stdin"], "short\n", "at least"),
        (["a@example.org", "--role", "king", "--password-stdin"], GOOD, "king"),
        (["a@example.org", "--password-stdin"], GOOD, "--role"),
        (["a@example.org", "--role", "manager", "--password-stdin", "--no-password"], GOOD, "exclude each other"),
    ],
)
def test_what_is_refused_is_told_and_changes_nothing(url: str, arguments: list[str], typed: str, told: str) -> None:
    refused = dispatch("add", *arguments, typed=typed)
    assert refused.exit_code in (1, 2)
    assert told in refused.output
    assert one(url, "SELECT count(*) FROM user_account") == (0,)


def test_a_new_password(url: str) -> None:
    dispatch("add", "ines@example.org", "--role", "manager", "--no-password")
    assert dispatch("password", "ines@example.org", "--password-stdin").exit_code == 0
    assert passwords.verify(str(one(url, "SELECT password FROM user_account")[0]), GOOD.strip())
    unknown = dispatch("password", "nobody@example.org", "--password-stdin")
    assert unknown.exit_code == 1
    assert "Nobody signs in as" in unknown.output


def test_a_role_is_taken_away(url: str) -> None:
    dispatch("add", "ines@example.org", "--name", "Ines", "--role", "administrator", "--no-password")
    dispatch("add", "max@example.org", "--name", "Max", "--role", "manager", "--role", "dispatcher", "--no-password")
    assert "max@example.org is no longer manager." in dispatch("revoke", "max@example.org", "--role", "manager").output
    assert "max@example.org  Max  dispatcher" in dispatch("list").output
    again = dispatch("revoke", "max@example.org", "--role", "manager")
    assert again.exit_code == 1
    assert "Max does not have the role manager." in again.output
    last = dispatch("revoke", "ines@example.org", "--role", "administrator")
    assert last.exit_code == 1, "the last administrator stays"


def test_access_ends_and_open_work_passes_to_a_colleague(url: str) -> None:
    dispatch("add", "ines@example.org", "--role", "administrator", "--no-password")
    dispatch("add", "max@example.org", "--name", "Max", "--role", "manager", "--no-password")
    engine = make_engine(url)
    with make_sessions(engine)() as session:
        max_user = find_user_by_email(session, "max@example.org")
        assert max_user is not None
        make.make_job(session, owner=max_user)
        session.commit()
    engine.dispose()
    alone = dispatch("deactivate", "max@example.org")
    assert alone.exit_code == 1
    assert "Max owns 1 open items" in alone.output
    assert one(url, "SELECT active FROM user_account WHERE email = 'max@example.org'") == (True,)
    done = dispatch("deactivate", "max@example.org", "--successor", "ines@example.org")
    assert done.exit_code == 0, done.output
    assert "1 open items went to ines@example.org." in done.output
    assert one(url, "SELECT active FROM user_account WHERE email = 'max@example.org'") == (False,)
    assert "(cannot sign in any more)" in dispatch("list").output


def test_an_old_schema_is_refused(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", server_url)
    settings.cache_clear()
    refused = dispatch("list")
    assert refused.exit_code == 1
    assert "dispatch migrate" in refused.output
