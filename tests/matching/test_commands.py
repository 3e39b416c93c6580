"""``dispatch solve | check | explain`` on files: results, one-line errors, exit codes, and no database."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dispatch.cli import main
from dispatch.matching import Plan, solve
from tests.matching.build import at, need, problem, technician, visit, window

ASKED = problem(
    technician("a", skills={"gas": 4}),
    technician("b"),
    visit("v1", place=at(2), needs=(need("gas"),)),
    visit("v2", windows=(window(1, 2),)),
)


@pytest.fixture
def question(tmp_path: Path) -> Path:
    path = tmp_path / "problem.json"
    path.write_text(ASKED.to_json())
    return path


@pytest.fixture
def answer(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    path.write_text(solve(ASKED, time_limit_s=None, step_limit=10).to_json())
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(item) for item in arguments])


def test_solving_writes_the_plan_of_these_steps(question: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    done = run("solve", question, "-o", output, "--steps", 10, "--seed", 1)
    assert done.exit_code == 0, done.output
    assert "served 1 of 2" in done.stderr
    expected = solve(ASKED, time_limit_s=None, step_limit=10, seed=1)
    assert Plan.from_json(output.read_text()).fingerprint() == expected.fingerprint()


def test_solving_tells_how_much_is_left_to_gain_unless_told_not_to(question: Path) -> None:
    done = run("solve", question, "--steps", 10)
    plan = Plan.from_json(done.stdout)
    assert plan.stats.bound is not None
    assert 0 < plan.stats.bound <= plan.cost.total
    assert f"bound {plan.stats.bound}, gap " in done.stderr
    silent = run("solve", question, "--steps", 10, "--bound", 0)
    assert Plan.from_json(silent.stdout).stats.bound is None
    assert "bound" not in silent.stderr


def test_without_an_output_the_plan_is_printed_alone(question: Path) -> None:
    done = run("solve", question, "--steps", 0, "--quiet")
    assert Plan.from_json(done.stdout).routes


def test_a_good_plan_passes_and_a_broken_one_does_not(question: Path, answer: Path) -> None:
    assert run("check", question, answer).exit_code == 0
    document = json.loads(answer.read_text())
    document["routes"][0]["stops"][0]["travel_s"] -= 100
    answer.write_text(json.dumps(document))
    failed = run("check", question, answer)
    assert failed.exit_code == 1
    assert "travel" in failed.stdout


def test_explaining_names_people_terms_and_reasons(question: Path, answer: Path) -> None:
    told = run("explain", question, answer, "--visit", "v1")
    assert "1 of 2 people could come." in told.stdout
    assert "a (a-day), first of the day" in told.stdout
    assert "1 can not: not qualified" in told.stdout
    one = run("explain", question, answer, "--visit", "v1", "--technician", "b")
    assert "b can not: not qualified (" in one.stdout
    left_out = json.loads(run("explain", question, answer, "--visit", "v2", "--json").stdout)
    assert left_out["unassigned"]["kind"] == "nobody_then"


def test_without_a_visit_all_that_are_left_out_are_explained(question: Path, answer: Path, tmp_path: Path) -> None:
    told = run("explain", question, answer)
    assert told.stdout.startswith("v2 is not served: nobody then\n")
    assert "The cheapest way out:" in told.stdout
    found = json.loads(run("explain", question, answer, "--json").stdout)["unassigned"]
    assert [item["visit"] for item in found] == ["v2"]
    asked = json.loads(question.read_text())
    asked["visits"] = [item for item in asked["visits"] if item["id"] != "v2"]
    served = tmp_path / "served.json"
    served.write_text(json.dumps(asked))
    assert run("solve", served, "-o", answer, "--steps", 10, "--bound", 0).exit_code == 0
    assert run("explain", served, answer).stdout == "Every visit is served.\n"
    one = run("explain", served, answer, "--technician", "a")
    assert one.exit_code == 2
    assert "name it with --visit" in one.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--visit", "none"), "has no visit none"),
        (("--visit", "v1", "--slot", "3"), "has 1 crew slots"),
        (("--visit", "v1", "--technician", "none"), "has no technician none"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(
    question: Path, answer: Path, arguments: tuple[str, ...], words: str
) -> None:
    failed = run("explain", question, answer, *arguments)
    assert failed.exit_code == 2
    assert words in failed.stderr
    assert failed.stderr.count("\n") == 1


def test_a_malformed_problem_is_refused_with_all_faults(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(
        '{"start": "2030-01-01T00:00:00+00:00", "visits": [{"id": "a", "duration_s": -1, "point": null}], "x": 1}'
    )
    failed = run("solve", path, "--steps", 1)
    assert failed.exit_code == 2
    assert "visit a: duration_s is -1" in failed.stderr
    assert "problem: x is 1" in failed.stderr


def test_a_senseless_limit_is_refused(question: Path) -> None:
    failed = run("solve", question, "--time-limit", "-5")
    assert (failed.exit_code, "time_limit_s" in failed.stderr) == (2, True)


def test_no_database_and_no_web_are_loaded(question: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from dispatch.cli import main\n"
        f"try: main(['solve', {str(question)!r}, '-o', {str(tmp_path / 'p.json')!r}, '--steps', '1', '--quiet'])\n"
        "except SystemExit as done: assert not done.code\n"
        "print([name for name in ('sqlalchemy', 'flask', 'psycopg') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
