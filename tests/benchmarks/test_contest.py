"""Peers: asked in their own process, ended when they overrun, recounted from the file."""

import json
import stat
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks import peers
from benchmarks.__main__ import main
from benchmarks.contest import compete, engines
from benchmarks.readers import homberger, read, rich, sdvrptw, solomon
from benchmarks.runs import Run, measure
from tests.benchmarks import files

THIS = Path(sys.executable)


def interpreter(folder: Path, script: str) -> Path:
    """A stand-in for the peers' interpreter."""
    path = folder / "interpreter"
    path.write_text("#!/bin/sh\n" + script, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def run(path: Path, family: str = "solomon", **changes: Any) -> Run:
    return Run(**({"family": family, "path": path, "time_limit_s": 1.0} | changes))


def test_the_routing_library_is_asked_and_recounted(tmp_path: Path) -> None:
    told = compete(run(files.solomon(tmp_path), trace=True), "ortools", THIS, 60.0)
    assert (told["engine"], told["feasible"], told["served"]) == ("ortools", True, 3)
    assert told["objective"] == 22.8
    assert told["trace"][-1][1] == 22.8
    assert told["first_plan_s"] <= told["setup_s"] + told["seconds"]


def test_the_routing_library_knows_levels_prices_and_optional_jobs(tmp_path: Path) -> None:
    told = compete(run(files.rich(tmp_path), "rich"), "ortools", THIS, 60.0)
    # T1 alone can do J1 and passes J0 on the way home: 76 further seconds and 300 for its level, against 260 + 120
    assert (told["feasible"], told["served"]) == (True, 2)
    assert told["objective"] == 1_177 + 130 + 130 + 300 + 300


@pytest.mark.parametrize("engine", ["pyvrp", "vroom"])
def test_other_engines_agree_on_a_tiny_file(tmp_path: Path, engine: str) -> None:
    if engine not in peers.installed():
        pytest.skip(f"{engine} is not installed")
    told = compete(run(files.solomon(tmp_path)), engine, THIS, 60.0)
    assert (told["feasible"], told["objective"]) == (True, 22.8)


def test_an_engine_that_overruns_is_ended(tmp_path: Path) -> None:
    begun = time.monotonic()
    told = compete(run(files.solomon(tmp_path)), "vroom", interpreter(tmp_path, "sleep 300 & sleep 300\n"), 0.5)
    assert told["error"] == "ended 0.5 s after it was asked"
    assert time.monotonic() - begun < 60


def test_an_engine_that_crashes_says_so(tmp_path: Path) -> None:
    python = interpreter(tmp_path, "echo trouble >&2\nexit 3\n")
    assert compete(run(files.solomon(tmp_path)), "vroom", python, 60.0)["error"] == "ended with code 3: trouble"


def test_routes_are_not_taken_at_their_word(tmp_path: Path) -> None:
    answer = {"routes": [[0, 1, 2], [], []], "seconds": 1.0, "setup_s": 0.0, "peak_mb": 1, "trace": []}
    told = compete(run(files.solomon(tmp_path)), "vroom", interpreter(tmp_path, f"echo '{json.dumps(answer)}'\n"), 60.0)
    assert told["faults"] == ["vehicle 1 carries 25 of 20"]


def test_a_missing_engine_is_named_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "isolated", measure)
    python = interpreter(tmp_path, "echo '[]'\n")
    files.solomon(tmp_path)
    main(["solomon", str(tmp_path / "TINY.txt"), "--time-limit", "0.2", "--peers", "--peers-python", str(python)])
    told = capsys.readouterr()
    assert [line.split()[0] for line in told.err.splitlines()] == list(peers.ENGINES)
    assert len(told.out.splitlines()) == 1


def test_families_without_peers_say_so(tmp_path: Path) -> None:
    assert "can not be put to peers" in compete(run(files.trsp(tmp_path), "trsp"), "ortools", THIS, 60.0)["error"]


def test_this_interpreter_has_the_routing_library() -> None:
    assert {"ortools", "ortools-ils"} <= set(engines(THIS))


@pytest.mark.parametrize(
    "family, path",
    [("solomon", files.solomon), ("rich", files.rich), ("rich-core", files.rich), ("kovacs", files.kovacs)],
)
def test_question_speaks_of_the_same_jobs_and_shifts(tmp_path: Path, family: str, path: Any) -> None:
    instance = read(family, path(tmp_path))
    assert instance.contest is not None
    model = instance.contest.model
    assert [job["id"] for job in model["jobs"]] == [visit.id for visit in instance.problem.visits]
    assert [vehicle["id"] for vehicle in model["vehicles"]] == [shift.id for shift in instance.problem.shifts]


def test_question_counts_as_the_family_does(tmp_path: Path) -> None:
    assert _ways(solomon.read(files.solomon(tmp_path)))[3] == [14, 36, 86, 0]
    assert _ways(sdvrptw.read(files.vrplib(tmp_path, files.SITE_DEPENDENT)))[3] == [1_414, 3_606, 8_602, 0]
    assert _ways(homberger.read(files.solomon(tmp_path)))[3] == [1_415, 3_606, 8_603, 0]
    assert _ways(rich.read(files.rich(tmp_path)))[0] == [0, 130, 130, 1_170, 130, 130]


def _ways(instance: Any) -> list[list[int]]:
    return peers.Asked(file=instance.contest.model, limit_s=1.0, seed=1, threads=1).ways.tolist()
