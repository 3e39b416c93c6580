"""Expected work and its own track record."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.coverage.classes import Piece, add_up, monday, needs_from, still_expected
from dispatch.coverage.forecast import expected_s, track_record
from tests.coverage.build import GAS, LIFT_CARD, MONDAY, NORTH, WIRING, need, week


@pytest.mark.parametrize(
    ("history", "expected"),
    [([], None), ([100] * 7, None), ([100] * 8, 100), ([900] * 5 + [100] * 8, 100), ([0] * 7 + [80], 10)],
)
def test_a_usual_week_is_the_mean_of_the_last_eight(history: list[int], expected: int | None) -> None:
    assert expected_s(history) == expected


def test_a_steady_stream_is_never_off() -> None:
    record = track_record({"north": [100] * 30})
    assert record is not None
    assert (record.weeks, record.off_percent, record.bias_percent) == (8, 0, 0)


def test_too_short_a_history_has_no_record() -> None:
    assert track_record({"north": [100] * 8}) is None
    assert track_record({}) is None
    assert track_record({"north": [0] * 30}) is None


def test_the_record_uses_only_what_was_known_then() -> None:
    # Seen one to four weeks ahead, a jump in the last week was expected by nobody.
    record = track_record({"north": [100] * 20 + [500]})
    assert record is not None
    assert record.off_percent == pytest.approx(100 * 4 * 400 / (4 * (7 * 100 + 500)))
    assert record.bias_percent == pytest.approx(-record.off_percent)


def test_a_growing_stream_shows_its_bias() -> None:
    record = track_record({"north": [1000 + 50 * number for number in range(40)]})
    assert record is not None
    assert record.bias_percent < -5
    assert record.off_percent == pytest.approx(-record.bias_percent)


@given(st.lists(st.integers(0, 10**6), max_size=60))
def test_error_is_at_least_the_bias(history: list[int]) -> None:
    record = track_record({1: history})
    if record is not None:
        assert record.off_percent >= abs(record.bias_percent) - 1e-9


def test_only_what_is_not_booked_yet_is_expected() -> None:
    weeks = (week(0), week(1), week(2))
    booked = {week(0): 30, week(1): 250}
    assert still_expected(100, booked, weeks, {week(0): 0.4}) == {week(0): 10, week(1): 0, week(2): 100}


def test_needs_of_rows() -> None:
    made = needs_from([(None, GAS, 2), (None, GAS, 3), (1, WIRING, 3), (1, GAS, 4), (None, 99, None)], [LIFT_CARD])
    assert made == tuple(sorted([need(GAS, 3), need(GAS, 4, (WIRING, 3)), need(LIFT_CARD, 0)]))


def test_equal_pieces_add_up_whoever_books_them() -> None:
    def piece(seconds: int, booked: bool) -> Piece:
        return Piece(needs=(need(GAS),), territory=NORTH, week=MONDAY, seconds=seconds, visits=1, booked=booked)

    (made,) = add_up([piece(3600, True), piece(1800, True), piece(1800, False)])
    assert (made.booked_s, made.expected_s, made.visit_s) == (5400, 1800, 2400)


def test_monday() -> None:
    assert [monday(MONDAY + timedelta(days=days)) for days in (0, 6, 7)] == [MONDAY, MONDAY, week(1)]
