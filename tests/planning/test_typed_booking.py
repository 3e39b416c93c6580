"""A booking typed as one line: what is read, who is meant, and that the rules are the same as for a drag."""

from datetime import time

import pytest

from dispatch.planning.typed_booking import Typed, read


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("best", Typed(number=1)),
        ("to best", Typed(number=1)),
        ("3", Typed(number=3)),
        ("Ana 10:00", Typed(who="ana", at=time(10))),
        ("ana ruiz at 9.30", Typed(who="ana ruiz", at=time(9, 30))),
        ("to Ana 1045", Typed(who="ana", at=time(10, 45))),
        ("Ana 2pm", Typed(who="ana", at=time(14))),
        ("Ana 12:15am", Typed(who="ana", at=time(0, 15))),
        ("Ana 10h", Typed(who="ana", at=time(10))),
        ("10:00", Typed(at=time(10))),
        ("Ana", Typed(who="ana")),
        ("Ana 25:00", Typed(who="ana 25:00")),
        ("Ana 10:75", Typed(who="ana 10:75")),
        ("", Typed()),
    ],
)
def test_a_line_is_read_as_person_number_and_time(text: str, meant: Typed) -> None:
    assert read(text) == meant
