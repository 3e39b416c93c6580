"""A sentence that asks for somebody is read as people mean it, and finds those who can and are there."""

from datetime import date, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from dispatch.planning.who_can import LAST, MIDNIGHT, Answer, Sentence, read_sentence, who_can
from dispatch.skills.estimate import DEFAULT_RULES
from dispatch.skills.taxonomy import load_taxonomy
from dispatch.workforce.models import Territory
from tests.factories import (
    DAY,
    hours,
    make_absence,
    make_assignment,
    make_job,
    make_proficiency,
    make_shift,
    make_skill,
    make_technician,
    make_territory,
    make_visit,
)

FRIDAY = date(2026, 11, 27)
PLACES = {1: "North", 2: "North Harbour", 3: "St. Louis"}


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("gas level 3, North, Thursday morning",
         {"words": (("gas", 3),), "territory_id": 1, "day": date(2026, 12, 3), "start": time(6), "end": time(12)}),
        ("who can do boilers", {"words": (("boilers", 1),)}),
        ("gas, level 4", {"words": (("gas", 4),)}),
        ("gas level 3 and lift ropes lvl 2 today",
         {"words": (("gas", 3), ("lift ropes", 2)), "day": FRIDAY}),
        ("smoke alarms north harbour at 10",
         {"words": (("smoke alarms", 1),), "territory_id": 2, "start": time(10), "end": time(11)}),
        ("smoke alarms tomorrow", {"words": (("smoke alarms", 1),), "day": date(2026, 11, 28)}),
        ("Drains in St. Louis 9-12 fri",
         {"words": (("drains", 1),), "territory_id": 3, "day": FRIDAY, "start": time(9), "end": time(12)}),
        ("drains next friday after 2 pm",
         {"words": (("drains", 1),), "day": date(2026, 12, 4), "start": time(14), "end": LAST}),
        ("drains 2 Dec before 10:30",
         {"words": (("drains", 1),), "day": date(2026, 12, 2), "start": MIDNIGHT, "end": time(10, 30)}),
        ("drains 3 January", {"words": (("drains", 1),), "day": date(2027, 1, 3)}),
        ("drains 2026-12-24 evening",
         {"words": (("drains", 1),), "day": date(2026, 12, 24), "start": time(17), "end": time(21)}),
        ("day after tomorrow: drains", {"words": ((": drains", 1),), "day": date(2026, 11, 29)}),
        ("drains 2026-02-31", {"words": (("drains 2026-02-31", 1),)}),
        ("drains level 9", {"words": (("drains level 9", 1),)}),
        ("drains 31-99", {"words": (("drains 31-99", 1),)}),
        ("", {}),
        ("level 3", {}),
    ],
)  # fmt: skip
def test_a_sentence_is_read(text: str, understood: dict[str, Any]) -> None:
    assert read_sentence(text, territories=PLACES, today=FRIDAY) == Sentence(**understood)


@given(st.text(max_size=300))
def test_any_text_is_read_without_complaint(text: str) -> None:
    read = read_sentence(text, territories=PLACES, today=FRIDAY)
    assert read.start < read.end
    assert all(1 <= level <= 5 for _words, level in read.words)


class TestWhoCan:
    """People of two territories on one day."""

    @pytest.fixture
    def north(self, session: Session) -> Territory:
        return make_territory(session, name="North")

    @pytest.fixture(autouse=True)
    def people(self, session: Session, north: Territory) -> None:
        gas, ropes = make_skill(session, name="Gas pipes"), make_skill(session, name="Lift ropes")
        south = make_territory(session, name="South")
        for name, territory, level, sure, other, shift in (
            ("Ana", north, 4.0, 0.3, 4.0, (0, 8)),
            ("Ben", north, 4.0, 0.3, None, (0, 8)),
            ("Cid", north, 4.0, 0.3, None, (5, 10)),
            ("Dot", north, 4.0, 6.0, None, (0, 8)),
            ("Eve", south, 4.0, 0.3, None, (0, 8)),
            ("Fay", north, 4.0, 0.3, None, (0, 8)),
        ):
            person = make_technician(session, name=name, territory=territory)
            during = hours(*shift)
            made = make_shift(session, technician=person, territory=territory, on_date=DAY, during=during)
            make_proficiency(session, technician=person, skill=gas, mean=level, sd=sure)
            if other is not None:
                make_proficiency(session, technician=person, skill=ropes, mean=other, sd=sure)
            if name == "Ana":
                visit = make_visit(session, job=make_job(session))
                make_assignment(session, visit=visit, technician=person, during=hours(1, 2), shift_id=made.id)
            if name == "Fay":
                make_absence(session, technician=person, during=hours(0, 24))

    def ask(self, session: Session, text: str, reach: list[int] | None = None) -> Answer:
        places = {each.id: each.name for each in session.query(Territory)}
        return who_can(
            session, load_taxonomy(session), text, territories=places, reach=reach, rules=DEFAULT_RULES, today=DAY
        )

    def test_who_is_there_comes_by_free_time_and_who_is_not_is_named(self, session: Session) -> None:
        answer = self.ask(session, f"gas pipes level 3, North, {DAY} morning")
        assert [(one.holder.name, one.at_work and one.at_work.visits) for one in answer.found] == [
            ("Ben", 0),
            ("Ana", 1),
        ]
        assert [one.at_work.free_s for one in answer.found if one.at_work] == [4 * 3600, 3 * 3600]
        assert [one.name for one in answer.away] == ["Cid", "Fay"]
        assert [one.name for one in answer.unsure] == ["Dot"]

    def test_two_skills_are_wanted_of_one_person(self, session: Session) -> None:
        answer = self.ask(session, "gas pipes level 3 and lift ropes, North")
        assert [one.holder.name for one in answer.found] == ["Ana"]

    def test_nobody_is_found_out_of_reach(self, session: Session, north: Territory) -> None:
        answer = self.ask(session, f"gas pipes {DAY}", reach=[north.id])
        assert {one.holder.name for one in answer.found} == {"Ana", "Ben", "Cid", "Dot"}

    def test_what_is_not_understood_is_said(self, session: Session) -> None:
        answer = self.ask(session, "gas pipes, quantum chromodynamics, North")
        assert answer.not_understood == ("quantum chromodynamics",)
        assert answer.found
