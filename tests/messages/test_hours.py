from datetime import UTC, datetime, timedelta

import pytest

from dispatch.messages.hours import waits_until

NEW_YORK = "America/New_York"  # five hours behind in winter


def at(hour: float, *, day: int = 3) -> datetime:
    """Return a time of a day in March on New York's clock."""
    return datetime(2026, 3, day, 5, tzinfo=UTC) + timedelta(hours=hour)


@pytest.mark.parametrize(
    "moment, to_customer, expected",
    [
        (at(12), True, at(12)),
        (at(7), True, at(7)),
        (at(6.9), True, at(7)),
        (at(20.9), True, at(20.9)),
        (at(21), True, at(7, day=4)),
        (at(23), True, at(7, day=4)),
        (at(6), False, at(6)),
        (at(5), False, at(6)),
        (at(20), False, at(6, day=4)),
    ],
)
def test_nobody_is_written_to_at_night(moment: datetime, to_customer: bool, expected: datetime) -> None:
    assert waits_until(moment, zone=NEW_YORK, to_customer=to_customer) == expected


@pytest.mark.parametrize(
    "begins, waits",
    [(at(5.5), False), (at(6.9), False), (at(7), True), (at(12), True), (None, True)],
)
def test_what_is_about_the_early_morning_does_not_wait_for_it(begins: datetime | None, waits: bool) -> None:
    told = waits_until(at(4), zone=NEW_YORK, to_customer=False, first_at=begins)
    assert told == (at(6) if waits else at(4))


def test_who_is_at_work_may_be_written_to() -> None:
    assert waits_until(at(23), zone=NEW_YORK, to_customer=False, at_work=True) == at(23)
