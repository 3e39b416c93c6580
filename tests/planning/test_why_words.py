"""The sentences of an explanation: what counts most first, and the same for who decides and who is sent."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dispatch.planning.why_words import DoneBefore, Reasons, SkillHeld, gap, knock_on, why
from tests.factories import MORNING, ZONE

HOUR = timedelta(hours=1)
GAS = SkillHeld(skill="Gas boilers", needed=3, wished=None, level=4, confirmed=True, known=True, met=True)
PLAIN = Reasons(
    skills=(GAS,),
    p_fix=0.9,
    second_visit_s=5_400,
    start_at=MORNING + HOUR,
    promise=(MORNING + HOUR, MORNING + 3 * HOUR),
    spare_s=6_000,
    travel_s=540,
    after="Hale Dental",
    customer="North School",
    known=False,
    preferred=False,
    credit_s=0,
    done=DoneBefore(),
    zone=ZONE,
)


def test_three_sentences_the_largest_contribution_first() -> None:
    done = DoneBefore(times=4, here=2, last_at=MORNING - timedelta(days=90))
    told = why(replace(PLAIN, known=True, credit_s=300, done=done), "Ana")
    assert told == (
        "Ana holds Gas boilers at level 4, confirmed; 3 is needed. It is 90 % likely to be fixed at once.",
        "Ana starts at 09:00 for the promised 09:00 to 11:00, coming 9 min from Hale Dental.",
        "Ana did this kind of work 4 times before, last in December 2025, twice here.",
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"preferred": True, "credit_s": 9_000}, "North School asked for Ana."),
        ({"known": True, "credit_s": 9_000}, "North School knows Ana."),
        ({"travel_s": 0, "after": None, "p_fix": 0.1}, "coming right from where the day starts."),
        ({"second_visit_s": 0, "promise": None, "spare_s": None}, "Ana comes 9 min from Hale Dental."),
    ],
)
def test_what_weighs_most_is_said_first(changes: dict[str, object], told: str) -> None:
    assert why(replace(PLAIN, **changes), "Ana")[0].endswith(told)  # type: ignore[arg-type]  # fields by name


def test_what_speaks_against_somebody_is_no_reason_for_them() -> None:
    late = replace(PLAIN, spare_s=-60, travel_s=3_000, skills=(replace(GAS, met=False),), p_fix=0.3)
    assert why(late, "Ana") == ()


def test_the_person_reads_what_the_dispatcher_reads() -> None:
    done = DoneBefore(times=1, here=1, last_at=MORNING)
    reasons = replace(PLAIN, preferred=True, credit_s=900, done=done)
    verbs = (("You hold", "Ana holds"), ("You start", "Ana starts"), ("You did", "Ana did"), ("for you.", "for Ana."))
    mine = why(reasons, None)
    for you, name in verbs:
        mine = tuple(sentence.replace(you, name) for sentence in mine)
    assert mine == why(reasons, "Ana")


def test_a_gap_names_what_makes_most_of_it() -> None:
    words = gap(
        "Ben", "Ana", {"travel": 900, "second_visit": 600}, {"travel": 60, "second_visit": 600, "continuity": -300}
    )
    assert (
        words == "Ben is 19 min behind Ana, most of it for “driving” (+14 min) and “known at this customer” (+5 min)."
    )
    assert gap("Ben", "Ana", {"travel": 30}, {}) == "Ben is as good as Ana: the difference is less than a minute."


@pytest.mark.parametrize(
    ("moved", "told"),
    [
        ([], "Moves nothing else"),
        ([("North School", 480, False)], "Moves 1 job, +8 min, nobody late for it"),
        ([("A", 480, False), ("B", 120, True)], "Moves 2 jobs, by up to 8 min, late then: B"),
    ],
)
def test_what_moves_is_told_in_words(moved: list[tuple[str, int, bool]], told: str) -> None:
    assert knock_on(moved) == told
