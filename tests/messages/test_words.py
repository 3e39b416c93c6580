from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatch.messages.models import Kind
from dispatch.messages.words import Line, Sender, compose, when_words, widened

INES = Sender(name="Ines Weber", phone="+49 30 1")
BERLIN = "Europe/Berlin"


def at(hour: int, minute: int = 0, *, day: int = 3) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def span(start: datetime, minutes: int = 60, **more: str) -> dict[str, Any]:
    return {"start": start.isoformat(), "end": (start + timedelta(minutes=minutes)).isoformat(), **more}


def line(kind: Kind, before: Any, after: Any) -> Line:
    return Line(
        kind=kind, before=before, after=after, zone=BERLIN, job="Boiler", customer="Hale Dental", address="1 Long Lane"
    )


WORK = [
    (
        line(Kind.BOOKED, None, span(at(9))),
        "New: Boiler at Hale Dental, Tuesday 3 March 10:00 to 11:00, 1 Long Lane.",
    ),
    (
        line(Kind.MOVED, span(at(9)), span(at(13, day=4))),
        "Moved: Boiler at Hale Dental, now Wednesday 4 March 14:00 to 15:00; it was Tuesday 3 March 10:00 to 11:00.",
    ),
    (
        line(Kind.CANCELLED, span(at(9)), None),
        "Not yours any more: Boiler at Hale Dental, Tuesday 3 March 10:00 to 11:00.",
    ),
]
APPOINTMENTS = [
    (
        line(Kind.PROMISED, None, span(at(9), 120)),
        "Your appointment",
        "We will be with you Tuesday 3 March between 10:00 and 12:00 for Boiler.",
    ),
    (
        line(Kind.PROMISE_CHANGED, span(at(9), 120), span(at(13), 120)),
        "A change of your appointment",
        "The new time for Boiler: Tuesday 3 March between 14:00 and 16:00, instead of Tuesday 3 March between 10:00"
        " and 12:00. Thank you for making room for it.",
    ),
    (
        line(Kind.PROMISE_WITHDRAWN, span(at(9), 120), None),
        "A change of your appointment",
        "We will not come Tuesday 3 March between 10:00 and 12:00 for Boiler, as we agreed.",
    ),
    (
        line(Kind.ON_THE_WAY, None, span(at(9, 3), 4, name="Ana Ruiz")),
        "We are on the way",
        "Ana Ruiz is on the way to you for Boiler and should be there between 10:00 and 10:15.",
    ),
]


@pytest.mark.parametrize("told, sentence", WORK)
def test_a_technician_reads_what_is_new_moved_or_gone_in_the_clock_of_the_site(told: Line, sentence: str) -> None:
    title, body = compose("Ana", [told], INES, to_customer=False)
    assert title == "Your work has changed"
    assert body == f"Hello Ana,\n\n{sentence}\n\nAnything wrong with it? Call Ines Weber on +49 30 1."


@pytest.mark.parametrize("told, title, sentence", APPOINTMENTS)
def test_a_customer_reads_a_window_and_who_can_be_asked(told: Line, title: str, sentence: str) -> None:
    assert compose("Priya", [told], INES, to_customer=True) == (
        title,
        f"Hello Priya,\n\n{sentence}\n\n"
        "Does this not suit you, or is there a question? Ines Weber will help on +49 30 1.",
    )


def test_several_changes_are_one_message_in_the_order_of_the_day() -> None:
    lines = [line(Kind.BOOKED, None, span(at(hour))) for hour in (13, 9)]
    _, body = compose("Ana", lines, INES, to_customer=False)
    assert body.index("10:00 to 11:00") < body.index("14:00 to 15:00")
    assert body.count("Hello") == 1


@pytest.mark.parametrize("jobs, words", [(0, "Get well."), (1, "Your job is"), (7, "Your 7 jobs are")])
def test_who_is_away_is_wished_well_and_not_given_a_list(jobs: int, words: str) -> None:
    away = Line(kind=Kind.ABSENT, before=None, after={}, zone=BERLIN)
    taken = [line(Kind.CANCELLED, span(at(9)), None)] * jobs
    _, body = compose("Ana", [*taken, away], INES, to_customer=False)
    assert words in body
    assert "Get well." in body
    assert "Boiler" not in body


def test_a_second_try_says_that_it_may_be_the_second() -> None:
    _, body = compose("Ana", [WORK[0][0]], INES, to_customer=False, again=True)
    assert "You may have had this message before; this one counts." in body


def test_without_a_number_the_name_alone_is_told() -> None:
    _, body = compose("Ana", [WORK[0][0]], Sender(name="Ines Weber", phone=None), to_customer=False)
    assert body.endswith("Call Ines Weber.")


def test_a_window_over_midnight_names_both_days() -> None:
    assert when_words(at(22), at(23, 30), BERLIN) == "Tuesday 3 March between 23:00 and Wednesday 4 March 00:30"


@pytest.mark.parametrize(
    "start, end", [(at(9, 3), at(9, 4)), (at(9), at(9)), (at(9, 59), at(10, 40)), (at(9, 1), at(9, 16))]
)
def test_an_expected_arrival_is_never_told_more_exactly_than_a_quarter_of_an_hour(
    start: datetime, end: datetime
) -> None:
    low, high = widened(start, end)
    assert low <= start <= end <= high
    assert high - low >= timedelta(minutes=15)
    assert low.minute % 5 == high.minute % 5 == 0


def test_on_the_day_the_clock_goes_forward_times_are_those_on_the_wall() -> None:
    start = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    assert when_words(start, start + timedelta(hours=1), BERLIN) == "Sunday 29 March between 01:30 and 03:30"


def test_a_certificate_that_ends_is_said_after_the_work_and_alone_under_its_own_title() -> None:
    paper = {"mark": 7, "name": "Gas card", "number": None, "until": "2026-03-10", "more": 0}
    ends = line(Kind.CERTIFICATE_ENDS, None, paper | {"visits": [["Boiler", "Hale Dental", at(9, day=12).isoformat()]]})
    title, body = compose("Ana", [ends], INES, to_customer=False)
    assert title == "A certificate of yours ends"
    assert (
        "Your certificate Gas card ends: Tuesday 10 March 2026 is its last day. Without a new one these go to somebody"
        " else: Boiler at Hale Dental on Thursday 12 March. Please hand in the new one on the page My skills."
    ) in body
    new = line(Kind.BOOKED, None, span(at(9)))
    title, body = compose("Ana", [ends, new], INES, to_customer=False)
    assert title == "Your work has changed"
    assert body.index("New: Boiler") < body.index("Your certificate")
    quiet = line(Kind.CERTIFICATE_ENDS, None, paper | {"visits": []})
    assert "somebody else" not in compose("Ana", [quiet], INES, to_customer=False)[1]
