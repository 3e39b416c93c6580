"""Expected work and its own track record."""

import math
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.coverage import forecast as forecasting
from dispatch.coverage.classes import Piece, add_up, monday, needs_from, still_expected
from dispatch.coverage.forecast import forecast, track_record
from tests.coverage.build import GAS, LIFT_CARD, MONDAY, NORTH, WIRING, need, week

FIRST = date(2023, 1, 2)
HOUR = 3600


def stream(kind: str, dice: np.random.Generator, weeks: int) -> list[int]:
    """Draw one series of seconds: visits come at random around a rate of the kind asked for."""
    week = np.arange(weeks)
    rate = np.full(weeks, dice.uniform(2, 40))
    if kind == "trend":
        rate = rate * np.exp(dice.normal(0, 0.005) * week)
    if kind == "season":
        rate = rate * np.exp(0.4 * np.cos(2 * np.pi * (week / 52.18 - dice.uniform())))
    if kind == "bursts":
        rate = np.where(dice.random(weeks) < 0.05, rate * dice.uniform(2, 4, weeks), rate)
    visits = dice.poisson(rate * dice.gamma(20, 1 / 20, weeks))
    return [int(dice.gamma(4, 900, count).sum()) for count in visits]


@pytest.mark.parametrize("weeks", [0, 1, 7])
def test_too_short_a_history_expects_nothing(weeks: int) -> None:
    assert forecast({"north": [HOUR] * weeks}, first=FIRST, weeks=4) == {}


def test_no_series_expect_nothing() -> None:
    assert forecast({}, first=FIRST, weeks=4) == {}
    assert track_record({}, first=FIRST) is None


def test_series_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"series of \[8, 9\] weeks: give all of the same length"):
        forecast({1: [0] * 8, 2: [0] * 9}, first=FIRST, weeks=4)


def test_a_steady_stream_goes_on_as_it_is() -> None:
    found = forecast({"north": [20 * HOUR] * 30}, first=FIRST, weeks=3)["north"]
    assert found.mean_s == pytest.approx((20 * HOUR,) * 3, rel=0.001)
    assert found.high80_s[2] - found.low80_s[2] < HOUR
    record = track_record({"north": [20 * HOUR] * 30}, first=FIRST)
    assert record is not None
    assert (record.weeks, record.inside50_percent, record.inside80_percent) == (8, 100, 100)
    assert record.off_percent == pytest.approx(0, abs=0.1)


def test_nothing_came_and_nothing_is_expected() -> None:
    found = forecast({"north": [0] * 30}, first=FIRST, weeks=3)["north"]
    assert (found.mean_s, found.high80_s) == ((0, 0, 0), (0, 0, 0))
    assert track_record({"north": [0] * 30}, first=FIRST) is None


def test_too_short_a_history_has_no_record() -> None:
    assert track_record({"north": [100] * 8}, first=FIRST) is None


def test_the_record_uses_only_what_was_known_then() -> None:
    # Seen one to four weeks ahead, a jump in the last week was expected by nobody.
    record = track_record({"north": [100 * HOUR] * 20 + [500 * HOUR]}, first=FIRST)
    assert record is not None
    assert record.off_percent == pytest.approx(100 * 4 * 400 / (4 * (7 * 100 + 500)), rel=0.01)
    assert record.bias_percent == pytest.approx(-record.off_percent, rel=0.01)
    assert record.inside80_percent == pytest.approx(100 * 7 / 8)


def test_a_growing_stream_is_expected_to_grow() -> None:
    dice = np.random.default_rng(5)
    growing = {
        number: [round(HOUR * each) for each in dice.normal(100 * 1.01 ** np.arange(64), 5)] for number in range(40)
    }
    found = forecast({key: each[:60] for key, each in growing.items()}, first=FIRST, weeks=4)
    expected, came = (sum(ahead.mean_s[3] for ahead in found.values()), sum(each[63] for each in growing.values()))
    usual = sum(sum(each[52:60]) / 8 for each in growing.values())
    assert abs(expected - came) < 0.7 * abs(usual - came)


def test_a_season_seen_twice_is_expected_again() -> None:
    def waves(number: int) -> int:
        return round(100 * HOUR * (1 + 0.4 * math.cos(2 * math.pi * number / 52.18)))

    found = forecast({"north": [waves(number) for number in range(120)]}, first=FIRST, weeks=13)["north"]
    came = [waves(number) for number in range(120, 133)]
    assert found.mean_s == pytest.approx(came, rel=0.03)


@pytest.mark.parametrize("kind", ["flat", "trend", "season", "bursts"])
@pytest.mark.parametrize("weeks", [12, 40, 130])
def test_bands_hold_what_they_say_on_streams_of_every_kind(kind: str, weeks: int) -> None:
    dice = np.random.default_rng(7)
    streams = [stream(kind, dice, weeks + 4) for _ in range(250)]
    found = forecast({number: each[:weeks] for number, each in enumerate(streams)}, first=FIRST, weeks=4)
    inside50 = inside80 = off = naive = 0.0
    for number, each in enumerate(streams):
        ahead, came = found[number], each[weeks:]
        inside50 += sum(low <= x <= high for low, x, high in zip(ahead.low50_s, came, ahead.high50_s, strict=True))
        inside80 += sum(low <= x <= high for low, x, high in zip(ahead.low80_s, came, ahead.high80_s, strict=True))
        off += sum(abs(mean - x) for mean, x in zip(ahead.mean_s, came, strict=True))
        plain = each[weeks - 52 : weeks - 48] if weeks > 52 else [each[weeks - 1]] * 4
        naive += sum(abs(guess - x) for guess, x in zip(plain, came, strict=True))
    assert inside50 / 1000 == pytest.approx(0.5, abs=0.07)
    assert inside80 / 1000 == pytest.approx(0.8, abs=0.07)
    assert off < 0.9 * naive


@st.composite
def histories_of_one_length(draw: st.DrawFn) -> list[list[int]]:
    weeks = draw(st.integers(8, 30))
    return draw(st.lists(st.lists(st.integers(0, 10**6), min_size=weeks, max_size=weeks), min_size=1, max_size=3))


@given(histories_of_one_length())
@settings(max_examples=12, deadline=None)
def test_bands_lie_within_one_another_whatever_came(histories: list[list[int]]) -> None:
    series = dict(enumerate(histories))
    found = forecast(series, first=FIRST, weeks=5)
    assert forecast(dict(reversed(series.items())), first=FIRST, weeks=5) == found
    for ahead in found.values():
        rows = zip(ahead.low80_s, ahead.low50_s, ahead.high50_s, ahead.high80_s, strict=True)
        assert all(0 <= low80 <= low50 <= high50 <= high80 for low80, low50, high50, high80 in rows)
        assert min(ahead.mean_s) >= 0
    record = track_record(series, first=FIRST)
    if record is not None:
        assert record.off_percent >= abs(record.bias_percent) - 1e-9
        assert 0 <= record.inside50_percent <= record.inside80_percent <= 100


@pytest.mark.parametrize("setting", [(0.02, 0.0, 0.0), (0.002, 0.15, 1.0), (0.1, 0.15, 4.0)])
def test_the_filter_agrees_with_one_great_regression(setting: tuple[float, float, float]) -> None:
    """The plain twin: all weeks and the one asked for are jointly normal; condition on what came."""
    weeks, lead = 20, 3
    dice = np.random.default_rng(3)
    root = dice.normal(50, 5, (1, weeks))
    looks = forecasting._waves(FIRST, weeks + lead)
    _, means, variances, _ = forecasting._one_setting(root, looks, lead, *setting)

    level_noise, slope_sd, wave_sd = setting
    step = np.eye(6)
    step[0, 1], step[1, 1] = 1, 0.95
    wander = np.diag([level_noise, (0.1 * slope_sd) ** 2, 0, 0, 0, 0])
    start = np.array([root[0, :8].mean(), 0, 0, 0, 0, 0])
    covariance = [np.diag([1e4, slope_sd**2, *[wave_sd**2] * 4])]
    for _ in range(weeks + lead - 1):
        covariance.append(step @ covariance[-1] @ step.T + wander)
    power = [np.linalg.matrix_power(step, count) for count in range(weeks + lead)]
    joint = np.empty((weeks + lead, weeks + lead))
    for early in range(weeks + lead):
        for late in range(early, weeks + lead):
            both = looks[late] @ power[late - early] @ covariance[early] @ looks[early]
            joint[early, late] = joint[late, early] = both
    joint += np.eye(weeks + lead)
    prior = np.array([looks[week] @ power[week] @ start for week in range(weeks + lead)])
    asked = weeks + lead - 1
    weights = np.linalg.solve(joint[:weeks, :weeks], joint[:weeks, asked])
    assert means[0, weeks - 1, lead - 1] == pytest.approx(prior[asked] + weights @ (root[0] - prior[:weeks]))
    assert variances[weeks - 1, lead - 1] == pytest.approx(joint[asked, asked] - weights @ joint[:weeks, asked])


@pytest.mark.parametrize("weeks", [12, 30, 90])
def test_one_run_says_of_every_week_what_a_run_that_ends_there_says(weeks: int) -> None:
    dice = np.random.default_rng(11)
    work = np.array([stream(kind, dice, weeks) for kind in ("flat", "trend", "season", "bursts") * 6], dtype=float)
    origins = range(7, weeks)
    for seen in forecasting._filtered(work, FIRST, 4, origins):
        (alone,) = forecasting._filtered(work[:, : seen.origin + 1], FIRST, 4, [seen.origin])
        assert (seen.chosen == alone.chosen).all()
        for known, plain in zip(forecasting._expected(seen), forecasting._expected(alone), strict=True):
            np.testing.assert_allclose(known, plain, rtol=1e-12)


def test_only_what_is_not_booked_yet_is_expected() -> None:
    usual = dict.fromkeys((week(0), week(1), week(2)), 100)
    booked = {week(0): 30, week(1): 250}
    assert still_expected(usual, booked, {week(0): 0.4}) == {week(0): 10, week(1): 0, week(2): 100}


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
