import inspect
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from dispatch.planning import musts, objection_words, reason_words
from dispatch.planning.musts import Objection, Weight
from dispatch.planning.readings import Clock
from tests.factories import make_skill, make_technician

CLOCK = Clock(start=datetime(2026, 3, 2, 6, tzinfo=UTC))


def test_every_objection_has_words_in_one_place() -> None:
    codes = set(re.findall(r'"([a-z_]+)"', " ".join(re.findall(r"code=.*", inspect.getsource(musts)))))
    own, shared = set(objection_words._SENTENCES), set(reason_words._SENTENCES)
    assert {"double_booking", "not_confirmed", "no_break"} < codes
    assert own <= codes
    assert not own & shared
    assert codes - own - shared <= {"certification", "start_s", "end_s", "late_s", "early_s", "visit", "duration_s"}


def test_objections_are_told_in_order_with_every_name(session: Session) -> None:
    gas, drains = make_skill(session, name="Gas"), make_skill(session, name="Drains")
    person = make_technician(session, name="Ben Hale")
    found = [
        Objection(
            code="not_qualified",
            weight=Weight.RULE,
            params={"skill": str(gas.id), "level": 3, "confidence": 0.41},
        ),
        Objection(code="late_home", weight=Weight.SOFT, params={"late_s": 1500}),
        Objection(
            code="not_qualified",
            weight=Weight.RULE,
            params={"skill": str(drains.id), "level": 2, "confidence": 0.6},
        ),
        Objection(code="excluded", weight=Weight.RULE),
    ]
    assert objection_words.sentences(session, found, person.id, CLOCK, "UTC", visit_id=0) == (
        "Ben Hale is not known well enough at Gas level 3: we are 41 % sure.",
        "Ben Hale would be back 25 min after the end of the day.",
        "Ben Hale is not known well enough at Drains level 2: we are 60 % sure.",
        "The customer asked not to be served by Ben Hale.",
    )


@pytest.mark.parametrize(
    ("late_s", "told"), [(1_800, "30 min"), (4 * 3_600, "4 h"), (3_857 * 60, "3 days")], ids=["short", "hours", "days"]
)
def test_how_late_reads_as_people_say_it(session: Session, late_s: int, told: str) -> None:
    person = make_technician(session, name="Ben Hale")
    found = [Objection(code="after_promise", weight=Weight.SOFT, params={"late_s": late_s})]
    assert objection_words.sentences(session, found, person.id, CLOCK, "UTC", visit_id=0) == (
        f"This starts {told} after what we promised the customer.",
    )
