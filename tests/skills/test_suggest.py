"""Own words lead to skills of the built-in catalogue, with the words that say so and how sure that is."""

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from dispatch.skills.reading import PastText, Reading, Sureness, Vocabulary, needed_words, read_text, words_in
from dispatch.skills.starter import SKILLS, TRADES
from dispatch.skills.stems import stems_of
from dispatch.skills.suggest import suggest_skills
from dispatch.skills.taxonomy import Node, Taxonomy
from tests.conftest import statements

_TRADES = {code: number for number, (code, _name) in enumerate(TRADES, start=1000)}
TREE = Taxonomy(
    nodes={
        **{
            number: Node(
                id=number, code=one.code, name=one.name, parent_id=_TRADES[one.code.partition(".")[0]], assignable=True,
                critical=one.critical, half_life_days=198, retired=one.code == "pest.control", aliases=one.aliases,
            )
            for number, one in enumerate(SKILLS)
        },
        **{
            _TRADES[code]: Node(
                id=_TRADES[code], code=code, name=name, parent_id=None, assignable=False, critical=False,
                half_life_days=198, retired=False,
            )
            for code, name in TRADES
        },
    }
)  # fmt: skip
CODES = {node.code: node.id for node in TREE.nodes.values()}


def read(session: Session, text: str, *past: tuple[str, str], limit: int = 3) -> list[Reading]:
    known = [PastText(text=words, skills=(CODES[code],)) for words, code in past]
    stems = stems_of(session, needed_words(text, TREE, known))
    return read_text(text, Vocabulary(TREE, stems), stems, past=known, limit=limit)


def codes(readings: list[Reading]) -> list[str]:
    return [TREE.nodes[one.skill_id].code for one in readings]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("heat pumps", "hvac.refrigeration"),
        ("boylers", "hvac.heating_plant"),
        ("Elevator!", "lift.electromechanical"),
        ("trafic light", "signal.heads"),
        ("water meter", "water.metering"),
        ("gas", "plumbing.gas"),
        ("Boiler leaking at Hale Dental, no hot water since last night, ask for Priya", "plumbing.steam_hot_water"),
        ("my Viessmann Vitodens boyler does not heat", "hvac.heating_plant"),
        ("StreetLight out", "streetlight.luminaire"),
        ("wtr meter", "water.metering"),
        ("strtlght out", "streetlight.luminaire"),
        ("elvtr stuck", "lift.electromechanical"),
    ],
)
def test_everyday_words_find_the_skill(session: Session, words: str, code: str) -> None:
    assert code in codes(read(session, words))


def test_of_two_that_are_meant_alike_the_one_that_is_called_so_comes_first(session: Session) -> None:
    first, second = read(session, "gas")[:2]  # F-gas is read as gas, too
    assert first.score == second.score
    assert codes([first]) == ["plumbing.gas"]


def test_a_word_that_could_be_short_for_two_is_short_for_none(session: Session) -> None:
    past = [("gizmotor hums", "hvac.ventilation"), ("gizmeter stuck", "water.metering")]
    assert read(session, "gzmtr", *past) == []
    (only,) = read(session, "gzmtr", past[0])
    assert (TREE.nodes[only.skill_id].code, only.words) == ("hvac.ventilation", ("gzmtr",))
    assert read(session, "gz xyz", *past) == [], "too short, or of no word"


def test_the_words_that_say_so_are_those_that_were_typed(session: Session) -> None:
    best = read(session, "The FUSE-boxes again, says Priya")[0]
    assert TREE.nodes[best.skill_id].code == "electrical.distribution"
    assert (best.words, best.because) == (("fuse", "boxes"), "fuse box")


def test_a_plain_name_is_sure_and_half_a_hint_is_not(session: Session) -> None:
    assert read(session, "smoke alarm")[0].sureness is Sureness.SURE
    assert read(session, "no receipt from the thing")[0].sureness is not Sureness.CHECK
    assert {one.sureness for one in read(session, "something is broken in the street")} <= {
        Sureness.LIKELY, Sureness.CHECK,
    }  # fmt: skip


@pytest.mark.parametrize("words", ["leak", "alarm", "pump"])
def test_what_speaks_for_two_alike_is_sure_of_neither(session: Session, words: str) -> None:
    first, second = read(session, words)[:2]
    assert first.score - second.score < 0.15
    assert first.sureness is not Sureness.SURE


def test_past_texts_teach_words_that_no_skill_is_called_by(session: Session) -> None:
    assert read(session, "zwibbelfix kaput") == []
    found = read(session, "zwibbelfix kaput", ("Zwibbelfix does not start", "lift.controls"))
    assert codes(found) == ["lift.controls"]
    assert (found[0].words, found[0].because) == (("zwibbelfix",), None)


@pytest.mark.parametrize("words", ["", "  !? ", "quantum chromodynamics", "the and of", "x"])
def test_nonsense_finds_nothing(session: Session, words: str) -> None:
    assert read(session, words) == []


def test_retired_skills_are_not_suggested_even_by_past_texts(session: Session) -> None:
    assert "pest.control" not in codes(read(session, "rodents", ("rodents in the cellar", "pest.control")))


def test_a_long_text_is_read_as_far_as_its_first_pages() -> None:
    assert len(words_in("boiler " * 10_000)) <= 300


def test_it_takes_one_statement_whatever_the_text(session: Session, engine: Engine) -> None:
    suggest_skills(session, TREE, "boiler")
    with statements(engine) as seen:
        suggest_skills(session, TREE, "zwobbel zwabbel zwubbel boiler leaking " * 20)
    assert len(seen.texts) == 1
