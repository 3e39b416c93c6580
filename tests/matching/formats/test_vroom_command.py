"""``--format vroom`` on the command line: VROOM's files in and out, one line for each fault."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dispatch.cli import main
from tests.matching.formats.build import document, jobs, text


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*(str(item) for item in arguments), "--format", "vroom"])


@pytest.fixture
def question(tmp_path: Path) -> Path:
    path = tmp_path / "input.json"
    path.write_text(text(jobs=jobs({"service": 60}, {"service": 60}, {"skills": [3]})))
    return path


@pytest.fixture
def answer(question: Path, tmp_path: Path) -> Path:
    path = tmp_path / "solution.json"
    done = run("solve", question, "-o", path, "--steps", 10)
    assert done.exit_code == 0, done.output
    assert "served 2 of 3" in done.stderr
    return path


def test_solving_writes_a_vroom_solution(answer: Path) -> None:
    written = json.loads(answer.read_text())
    assert written["summary"]["cost"] == 100 + 150 + 210
    assert [item["id"] for item in written["unassigned"]] == [12]


def test_without_an_output_the_solution_is_printed_alone(question: Path) -> None:
    assert json.loads(run("solve", question, "--steps", 0, "--quiet").stdout)["code"] == 0


def test_a_solution_can_be_started_from(question: Path, answer: Path) -> None:
    done = run("solve", question, "--steps", 0, "--quiet", "--warm-start", answer)
    assert json.loads(done.stdout) == json.loads(answer.read_text())


def test_a_good_solution_passes_and_a_broken_one_does_not(question: Path, answer: Path) -> None:
    passed = run("check", question, answer)
    assert (passed.exit_code, passed.stdout) == (0, "The plan keeps every rule and its costs add up.\n")
    written = json.loads(answer.read_text())
    written["routes"][0]["steps"][1]["service"] = 1
    answer.write_text(json.dumps(written))
    failed = run("check", question, answer)
    assert (failed.exit_code, "shifts: Visit 10" in failed.stdout) == (1, True)


def test_a_solution_is_explained(question: Path, answer: Path) -> None:
    assert "1 of 1 people could come." in run("explain", question, answer, "--visit", 10).stdout
    assert "Not served: nobody can" in run("explain", question, answer, "--visit", 12).stdout


def test_each_fault_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(document(job={"priority": 101}, vehicle={"max_distance": 9}, shipments=[{}])))
    failed = run("solve", path)
    assert failed.exit_code == 2
    lines = failed.stderr.splitlines()
    assert [line.startswith("Error: ") for line in lines] == [True] * 3
    for words in ("input: shipments is", "jobs[0]: priority is 101", "vehicles[0]: max_distance is 9"):
        assert sum(words in line for line in lines) == 1, words


def test_a_plan_of_ours_is_no_solution(question: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text('{"schema_version": 1, "routes": []}')
    failed = run("check", question, path)
    assert (failed.exit_code, "solution: schema_version is 1" in failed.stderr) == (2, True)
