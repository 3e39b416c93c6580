"""The text of a job leads to what it needs, by names and by jobs like it, in a fixed number of statements."""

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from dispatch.jobs.models import JobTypeNeed
from dispatch.jobs.understanding import past_texts, understand
from dispatch.skills import cataloguing
from dispatch.skills.models import SkillAlias
from dispatch.skills.reading import Sureness
from tests.conftest import statements
from tests.factories import make_job, make_job_type, make_skill, make_visit
from tests.skills.people import ADMIN, NOW


def test_names_and_past_jobs_speak_together(session: Session) -> None:
    boiler = make_skill(session, name="Boilers", code="boiler")
    pump = make_skill(session, name="Booster sets", code="pump")
    session.add(SkillAlias(skill_id=boiler.id, alias="no heat"))
    make_visit(session, job=make_job(session, title="Zwibbelfix hums", description="cellar"), needs={pump: 3})
    found = understand(session, "No heat, and the zwibbelfix hums again")
    assert {one.skill_id: (one.words, one.because) for one in found} == {
        boiler.id: (("heat",), "no heat"),
        pump.id: (("zwibbelfix", "hums"), None),
    }
    assert found[0].sureness in set(Sureness)


def test_a_kind_of_work_speaks_by_its_name_while_it_is_in_use(session: Session) -> None:
    pump = make_skill(session, name="Booster sets")
    kind = make_job_type(session, name="Zwibbelfix overhaul")
    session.add(JobTypeNeed(job_type_id=kind.id, skill_id=pump.id, must_level=3))
    session.flush()
    assert [one.skill_id for one in understand(session, "overhaul of a zwibbelfix")] == [pump.id]
    kind.retired_at = NOW
    session.flush()
    assert understand(session, "overhaul of a zwibbelfix") == []


def test_past_jobs_speak_for_what_their_skills_live_on_in(session: Session) -> None:
    old, new = make_skill(session, name="Booster sets"), make_skill(session, name="Pressure plant")
    make_visit(session, job=make_job(session, title="Zwibbelfix hums"), needs={old: 3})
    cataloguing.merge_skill(session, skill_id=old.id, into_id=new.id, actor=ADMIN, now=NOW)
    assert [one.skill_id for one in understand(session, "zwibbelfix")] == [new.id]


def test_odd_signs_are_words_or_nothing(session: Session) -> None:
    for words in ("", "' | ! & <-> :*", "x' OR '1'='1", "\\", "💧 drip", "a" * 5000):
        assert understand(session, words) == []
    assert past_texts(session, {"it's", "a|b"}) == []


def test_it_takes_the_same_statements_for_any_text_and_any_past(session: Session, engine: Engine) -> None:
    pump = make_skill(session, name="Booster sets")
    understand(session, "pump hums")
    counts = []
    for jobs in (1, 20):
        for number in range(jobs):
            make_visit(session, job=make_job(session, title=f"Pump hums {number}"), needs={pump: 3})
        with statements(engine) as sent:
            understand(session, "Pump hums " * jobs)
        counts.append(sent.count)
    assert counts[0] <= 6
    assert counts[1] <= counts[0] + 1, "only for the stems of new words"
