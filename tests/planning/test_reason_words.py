import pytest
from sqlalchemy.orm import Session

from dispatch.matching.plan import ReasonCode
from dispatch.planning.reason_words import _SENTENCES, GROUPS, group_words, sentences
from tests.factories import make_job, make_skill, make_technician, make_visit


def test_every_reason_of_the_matcher_has_words() -> None:
    assert set(_SENTENCES) == {code.value for code in ReasonCode}


@pytest.mark.parametrize("code", list(ReasonCode))
def test_a_reason_without_details_is_still_a_sentence(session: Session, code: ReasonCode) -> None:
    (words,) = sentences(session, [{"code": code.value, "params": {}}])
    assert words.endswith(".")
    assert "None" not in words.replace("None of the", "")


def test_names_are_filled_in(session: Session) -> None:
    skill, person = make_skill(session, name="Gas"), make_technician(session, name="Ben Hale")
    visit = make_visit(session, job=make_job(session, title="Boiler"))
    found = sentences(
        session,
        [
            {
                "code": "not_qualified",
                "params": {"skill": str(skill.id), "technician": str(person.id), "level": 3, "confidence": 0.412},
            },
            {"code": "displaced", "params": {"visit": str(visit.id), "technician": str(person.id), "people": 1}},
            {"code": "nobody_qualified", "params": {"people": 7, "not_qualified": 5, "not_certified": 2}},
        ],
    )
    assert found == [
        "Ben Hale is not known well enough at Gas level 3: we are 41 % sure.",
        "1 person could do it, but their day is full. Nearest: Ben Hale, if “Boiler” went to somebody else.",
        "None of the 7 people of that day can do it: 5 lack the skill, 2 lack a certificate.",
    ]


def test_one_person_is_counted_as_one(session: Session) -> None:
    found = sentences(
        session,
        [
            {"code": "nobody_then", "params": {"qualified": 1}},
            {"code": "nobody_then", "params": {"qualified": 2}},
            {"code": "nobody_qualified", "params": {"people": 2, "not_certified": 1, "not_qualified": 1}},
        ],
    )
    assert found == [
        "One person can do the work, but not at the time it has to start.",
        "2 people can do the work, but none of them at the time it has to start.",
        "None of the 2 people of that day can do it: 1 lacks the skill, 1 lacks a certificate.",
    ]
    assert group_words(GROUPS["no_shift"], 1) == "is off shift"
    assert group_words(GROUPS["no_shift"], 3) == "are off shift"
    # A verb in front that nobody thought of would read the same for one and for many.
    alike = {words for words in GROUPS.values() if group_words(words, 1) == words}
    assert {words.split()[0] for words in alike} <= {"may", "would"}
