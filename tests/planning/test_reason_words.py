import pytest
from sqlalchemy.orm import Session

from dispatch.matching.plan import ReasonCode
from dispatch.planning.reason_words import _SENTENCES, sentences
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
