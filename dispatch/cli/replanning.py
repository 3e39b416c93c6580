"""The command that repairs a plan file: ``replan``. It needs no database.

Exit codes: 0 done, 2 a file or an option is not usable; then one line says why.
"""

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NoReturn, TypeVar

import click

from dispatch.matching import Plan, Problem, Refused, warm
from dispatch.matching.plan import Reason
from dispatch.matching.replan import DEFAULT_TIME_LIMIT_S, Appointment, Repair
from dispatch.matching.replan import replan as repair_plan
from dispatch.units import Seconds

READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)
WRITABLE = click.Path(dir_okay=False, writable=True, path_type=Path)

Document = TypeVar("Document", Problem, Plan)


@click.command()
@click.argument("problem_file", type=READABLE)
@click.argument("plan_file", type=READABLE)
@click.option("-o", "--output", type=WRITABLE, help="Where to write the new plan; without it nothing is written.")
@click.option(
    "--time-limit", type=float, help=f"Seconds of wall time; default {DEFAULT_TIME_LIMIT_S:g} unless --steps is given."
)
@click.option("--steps", type=click.IntRange(min=0), help="Most attempts to do better; then the answer is repeatable.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the random choices.")
@click.option("--improve", is_flag=True, help="Also serve what was left out before where that moves nobody.")
def replan(
    problem_file: Path,
    plan_file: Path,
    output: Path | None,
    time_limit: float | None,
    steps: int | None,
    seed: int,
    improve: bool,
) -> None:
    """Repair PLAN_FILE for the changed PROBLEM_FILE, moving as few customers as possible, and say what changed."""
    problem, plan = _read(Problem, problem_file), _read(Plan, plan_file)
    warm()  # a first call ever compiles for some seconds; the time limit is for repairing
    limit = DEFAULT_TIME_LIMIT_S if time_limit is None and steps is None else time_limit
    try:
        repair = repair_plan(problem, plan, time_limit_s=limit, step_limit=steps, seed=seed, improve=improve)
    except ValueError as error:
        _fail(str(error))
    for line in account(problem, repair):
        click.echo(line)
    if output is not None:
        output.write_text(repair.plan.to_json() + "\n", encoding="utf-8")


def account(problem: Problem, repair: Repair) -> Iterator[str]:
    """Say in words what a repair changed."""
    if repair.vanished:
        yield f"No longer in the problem: {', '.join(repair.vanished)}."
    few = " (nobody could move fewer)" if repair.proven and repair.moved else ""
    yield (
        f"Visits kept {len(repair.kept)}, moved {len(repair.moved)}{few}, lost {len(repair.lost)},"
        f" newly served {len(repair.new)}."
    )
    for item in repair.moved:
        yield f"  {item.visit}: was {_who(problem, item.before)}, now {_who(problem, item.after)}"
    for served in repair.new:
        yield f"  {served.visit}: new, {_who(problem, served.after)}"
    for lost in repair.lost:
        reasons = "; ".join(_words(reason) for reason in lost.reasons)
        yield f"  {lost.visit}: was {_who(problem, lost.before)}, now nobody: {reasons}"
    if repair.told:
        yield f"Tell about their day: {', '.join(repair.told)}."
    else:
        yield "Nobody's day changes."
    yield f"Done in {repair.plan.stats.seconds:.2f} s; the plan costs {repair.plan.cost.total}."


def _who(problem: Problem, appointments: tuple[Appointment, ...]) -> str:
    people = " and ".join(item.technician for item in appointments)
    return f"{people} at {_clock(problem, appointments[0].start_s)}"


def _clock(problem: Problem, instant_s: Seconds) -> str:
    """Say an instant as date and time in the zone of the problem's start."""
    return (problem.start + timedelta(seconds=instant_s)).strftime("%Y-%m-%d %H:%M")


def _words(reason: Reason) -> str:
    facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in reason.params.items())
    return reason.code.replace("_", " ") + (f" ({facts})" if facts else "")


def _read(kind: type[Document], path: Path) -> Document:
    try:
        return kind.from_json(path.read_bytes())
    except Refused as error:
        _fail(f"{path} is not usable: " + "; ".join(str(fault) for fault in error.faults))
    except (OSError, UnicodeDecodeError) as error:
        _fail(f"{path} can not be read: {error}")


def _fail(message: str) -> NoReturn:
    click.echo(f"Error: {message}", err=True)
    sys.exit(2)
