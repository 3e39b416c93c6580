"""The command line: a thin door. Each command's module is loaded only when that command runs.

So ``dispatch solve`` starts without web framework or database, and ``dispatch --help`` without anything.
"""

import importlib
import os
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parents[2]
# name -> (module, attribute, one line for the overview)
COMMANDS: dict[str, tuple[str, str, str]] = {
    "run": ("dispatch.cli.server", "run", "Set up and start everything: database, web, worker."),
    "stop": ("dispatch.cli.server", "stop", "Stop what `run` left behind, the embedded database included."),
    "serve": ("dispatch.cli.server", "serve", "Start the web server."),
    "work": ("dispatch.cli.server", "work", "Start a worker for background tasks."),
    "migrate": ("dispatch.cli.server", "migrate", "Bring the database to this version's schema."),
    "warm": ("dispatch.cli.server", "warm", "Compile the solver's kernels into the cache."),
    "user": ("dispatch.cli.users", "user", "Add and list the people who can sign in."),
    "agreement": ("dispatch.cli.agreements", "agreement", "Record that outcomes of jobs may count as evidence."),
    "skills": ("dispatch.cli.skills", "skills", "Fit the level model to the organisation's own record."),
    "audit": ("dispatch.cli.auditing", "audit", "Check that nobody tampered with the change log."),
    "demo": ("dispatch.cli.data", "demo", "Load the demo organisation into an empty database."),
    "import": ("dispatch.cli.data", "import_group", "Import requests, skills, people, shifts, absences."),
    "generate": ("dispatch.cli.data", "generate", "Make a plausible workforce for a set of jobs."),
    "plan": ("dispatch.cli.planning", "plan", "Ask for a plan of every territory's day."),
    "solve": ("dispatch.cli.matching", "solve", "Solve a problem file; needs no database."),
    "replan": ("dispatch.cli.replanning", "replan", "Repair a plan file for a changed problem; needs no database."),
    "check": ("dispatch.cli.matching", "check", "Check a plan file against its problem; needs no database."),
    "explain": ("dispatch.cli.matching", "explain", "Say why a plan does what it does; needs no database."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module; None when there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: Any = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.{attribute} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the overview from the table, without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """Extramile: match customer jobs to the best-qualified available person."""
    _settle_folders()


def _settle_folders() -> None:
    """Fix where data and compiled kernels go before anything reads these settings.

    In a checkout that is the ignored folder beside the code, whatever folder the command is called from.
    """
    if "DISPATCH_DATA_DIR" not in os.environ and (ROOT / "pyproject.toml").exists():
        os.environ["DISPATCH_DATA_DIR"] = str(ROOT / "var")
    data = Path(os.environ.get("DISPATCH_DATA_DIR", "var")).resolve()
    os.environ.setdefault("NUMBA_CACHE_DIR", str(data / "numba"))
