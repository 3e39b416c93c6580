"""Until when somebody cannot work, in words."""

from datetime import UTC, datetime

import pytest

from dispatch.web.disruptions import _end_words
from tests.web.conftest import Site


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (datetime(2026, 11, 27, 16, 30, tzinfo=UTC), "until Fri 27 Nov 16:30"),
        (datetime(2026, 11, 28, 0, 0, tzinfo=UTC), "until the end of Fri 27 Nov"),
    ],
)
def test_midnight_is_the_end_of_the_day_before(site: Site, end: datetime, told: str) -> None:
    with site.app.test_request_context():
        assert _end_words(end, "Europe/London") == told
