"""The application on a real database, and a browser stand-in that checks every page it fetches.

``client_for("dispatcher")`` signs in through the real form. ``site.session()`` opens a session to put rows into the
module's database; what it commits the next request sees.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from dispatch.accounts import passwords
from dispatch.accounts.models import RoleName
from dispatch.app import Web, create_app
from dispatch.core.config import Settings
from dispatch.core.db import make_engine, make_sessions
from tests.factories import make_technician, make_territory, make_user
from tests.web.browser import Browser

PASSWORD = "a long walk in the rain"
STORED = passwords.hash_password(PASSWORD)
ROLES = tuple(role.value for role in RoleName)


@dataclass
class Site:
    """One application with its database and one person for each role in the territory North."""

    app: Web
    engine: Engine
    people: dict[str, int] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)
    north_id: int = 0
    south_id: int = 0
    technician_id: int = 0

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open a session and commit it at the end."""
        with make_sessions(self.engine)() as session, session.begin():
            yield session

    def browser(self) -> Browser:
        """Return a browser that is not signed in."""
        return Browser(self.app)

    def sign_in(self, role: str) -> Browser:
        """Return a browser signed in through the form as the person of a role."""
        browser = self.browser()
        browser.sign_in(self.emails[role], PASSWORD)
        return browser


@pytest.fixture(scope="module")
def site(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give an application on a database that the tests of one module share."""
    engine = make_engine(module_database_url, role="dispatch_app", pool_size=4)
    app = create_app(
        Settings(
            database_url=module_database_url,
            data_dir=Path(tmp_path_factory.mktemp("data")),
            secret_key="not a secret, only for the tests of this module",
            mail_backend="locmem",
        ),
        engine=engine,
        TESTING=True,
    )
    made = Site(app=app, engine=engine)
    with made.session() as session:
        _people(session, made)
    yield made
    app.extensions["dispatch_streams"].close()
    engine.dispose()


def _people(session: Session, site: Site) -> None:
    north = make_territory(session, name="North")
    south = make_territory(session, name="South")
    site.north_id, site.south_id = north.id, south.id
    for role in RoleName:
        whole = role in (RoleName.ADMINISTRATOR,)
        user = make_user(
            session,
            role,
            territory=None if whole else north,
            name=f"{role.value.title()} North",
            email=f"{role.value}@example.test",
            password=STORED,
            phone="+49 30 1234",
        )
        site.people[role.value], site.emails[role.value] = user.id, user.email
    technician = make_technician(session, territory=north, name="Technician North", user_id=site.people["technician"])
    site.technician_id = technician.id


@pytest.fixture
def client_for(site: Site) -> Callable[[str], Browser]:
    """Give a function that returns a signed-in browser; each role signs in once in a module."""
    return site.sign_in


@pytest.fixture
def browser(site: Site) -> Browser:
    """Give a browser that is not signed in."""
    return site.browser()
