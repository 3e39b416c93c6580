"""The command line as a whole: every command loads, help needs nothing, refusals are one line."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dispatch.cli import COMMANDS, main
from dispatch.core import embedded, migrate

ROOT = Path(__file__).resolve().parents[2]


def dispatch(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dispatch", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_loads_and_explains_itself(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.help
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0, result.output


def test_an_unknown_command_is_told() -> None:
    result = CliRunner().invoke(main, ["serv"])
    assert result.exit_code == 2
    assert "serv" in result.output


def test_migrate_fills_an_embedded_database_and_leaves_nothing_running(open_path: Path) -> None:
    first = dispatch("migrate", DISPATCH_DATA_DIR=str(open_path))
    assert first.returncode == 0, first.stderr
    assert f"empty -> {migrate.heads()[0]}" in first.stdout
    assert embedded.stop(open_path / "postgres") is False
    again = dispatch("migrate", DISPATCH_DATA_DIR=str(open_path))
    assert f"{migrate.heads()[0]} -> {migrate.heads()[0]}" in again.stdout


def test_migrate_takes_any_server(database_url: str, tmp_path: Path) -> None:
    done = dispatch("migrate", DATABASE_URL=database_url, DISPATCH_DATA_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "postgres").exists()


@pytest.mark.parametrize("command", ["serve", "work", "migrate"])
def test_a_database_that_is_not_there_is_told_in_a_line(command: str, tmp_path: Path) -> None:
    url = f"postgresql://nobody@/nowhere?host={tmp_path}"
    refused = dispatch(command, DATABASE_URL=url, DISPATCH_DATA_DIR=str(tmp_path))
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: The database does not answer")
    assert "Traceback" not in refused.stderr


def test_the_data_folder_does_not_depend_on_where_one_stands(tmp_path: Path) -> None:
    code = "import dispatch.cli as c, os; c._settle_folders(); print(os.environ['DISPATCH_DATA_DIR'])"
    environment = {name: value for name, value in os.environ.items() if name != "DISPATCH_DATA_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(ROOT / "var")
