"""Whose word about the caller's address is believed: nobody's, until the number of proxies is set."""

import pytest
from flask import request

from dispatch.app import create_app
from dispatch.web.security import public
from tests.web.conftest import Site


@pytest.mark.parametrize(
    ("proxies", "claimed", "seen"),
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.1, 203.0.113.9", "198.51.100.1"),
    ],
)
def test_a_claimed_address_counts_only_behind_proxies(site: Site, proxies: int, claimed: str, seen: str) -> None:
    before = site.app.extensions["dispatch"].settings
    app = create_app(before.model_copy(update={"proxies": proxies}), engine=site.engine, TESTING=True)
    app.add_url_rule("/who", "who", public(lambda: str(request.remote_addr)))
    assert app.test_client().get("/who", headers={"X-Forwarded-For": claimed}).text == seen
