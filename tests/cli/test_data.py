"""`dispatch import`, `dispatch generate`: what is printed, what is kept, and the exit codes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from dispatch.cli import main
from dispatch.core.config import settings
from dispatch.core.db import psycopg_url

SKILLS = "code,name,parent\ngas,Gas,plumbing\n,Nameless,\nleak,Leaks,plumbing\n"
MAPPING = (
    "city,request_type,descriptor,bundle,trade,required_skills,suggested_certifications,priority,"
    "onsite_min_low,onsite_min_typical,onsite_min_high,crew_size\n"
    "Baltimore,Leak,,leak,plumbing,leak:2,,1,20,40,80,1\n"
)
REQUESTS = (
    "request_id,city,request_type,descriptor,agency,created,due,lat,lon,neighborhood\n"
    "B1,Baltimore,Leak,,Water,2015-02-22T08:00:00,2015-02-23T08:00:00,39.30,-76.61,Canton\n"
    "B2,Baltimore,Leek,,Water,2015-02-22T08:00:00,,39.30,-76.61,Canton\n"
)


@pytest.fixture
def url(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    settings.cache_clear()
    yield database_url
    settings.cache_clear()


def dispatch(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def one(url: str, query: str) -> object:
    with create_engine(psycopg_url(url), poolclass=NullPool).connect() as connection:
        return connection.execute(text(query)).scalar_one()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "skills.csv").write_text(SKILLS)
    (tmp_path / "mapping.csv").write_text(MAPPING)
    (tmp_path / "requests.csv").write_text(REQUESTS)
    return tmp_path


def test_a_file_with_a_faulty_row_goes_in_without_it_and_says_so(url: str, files: Path) -> None:
    dry = dispatch("import", "skills", files / "skills.csv", "--dry-run")
    assert dry.exit_code == 3
    assert "3 rows read, 2 new" in dry.output
    assert "nothing was changed" in dry.output
    assert one(url, "SELECT count(*) FROM skill") == 0
    done = dispatch("import", "skills", files / "skills.csv")
    assert done.exit_code == 3
    assert "line 3, column code: A value is needed here." in done.output
    assert one(url, "SELECT count(*) FROM skill WHERE assignable") == 2
    assert one(url, "SELECT channel FROM audit_event") == "import"


def test_requests_bring_their_catalogue_and_get_a_workforce(url: str, files: Path) -> None:
    arguments = ("import", "requests", files / "requests.csv", "--mapping", files / "mapping.csv")
    options = ("--catalogue", files / "skills.csv", "--shift-to", "2026-06-02")
    refused = dispatch(*arguments, *options)
    assert refused.exit_code == 1
    assert "add a user first" in refused.output
    assert dispatch("user", "add", "ines@example.org", "--role", "dispatcher", "--no-password").exit_code == 0
    dry = dispatch(*arguments, *options, "--dry-run")
    assert one(url, "SELECT count(*) FROM skill") == 0
    done = dispatch(*arguments, *options)
    assert (dry.exit_code, done.exit_code) == (3, 3)
    assert "requests: 2 rows read, 1 new, 0 changed, 0 as before, 1 refused" in done.output
    assert "line 3, column request_type: 'Leek':" in done.output
    assert one(url, "SELECT count(*) FROM job WHERE state = 'open'") == 1
    made = dispatch("generate", "workforce", "--for-date", "2026-06-02", "--count", "4", "--seed", "2")
    assert made.exit_code == 0, made.output
    assert "4 people" in made.output
    assert one(url, "SELECT count(*) FROM shift WHERE on_date = '2026-06-02'") == 4


def test_an_unreadable_file_is_one_sentence(url: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"")
    done = dispatch("import", "shifts", tmp_path / "x.csv")
    assert done.exit_code == 1
    assert done.output == "Error: The file is empty.\n"


def test_a_skill_matrix_goes_in_once_and_can_be_taken_back(url: str, files: Path) -> None:
    (files / "territories.csv").write_text("name,zone\nNorth,Europe/Berlin\n")
    (files / "people.csv").write_text("id,name,territory\n17,Ada,North\n")
    (files / "matrix.csv").write_text("Number;Name;Gas;Juggling\n17;Ada;3,5;2\n")
    for kind, name in (("skills", "skills"), ("territories", "territories"), ("technicians", "people")):
        dispatch("import", kind, files / f"{name}.csv")
    levels = "SELECT count(*) FROM proficiency WHERE fact_count > 0"
    dry = dispatch("import", "skill-matrix", files / "matrix.csv", "--dry-run")
    assert (dry.exit_code, one(url, levels)) == (3, 0)
    assert "Which skill is Juggling?" in dry.output
    done = dispatch("import", "skill-matrix", files / "matrix.csv")
    assert "2 cells read, 1 new, 0 changed, 0 as before, 1 refused" in done.output
    assert one(url, levels) == 1
    again = dispatch("import", "skill-matrix", files / "matrix.csv")
    assert "0 new, 0 changed, 1 as before" in again.output
    numbers = [output.partition("This is import ")[2].partition(";")[0] for output in (done.output, again.output)]
    assert dispatch("import", "undo", numbers[0]).exit_code != 0
    for number in reversed(numbers):
        assert dispatch("import", "undo", number).exit_code == 0
    assert one(url, levels) == 0
