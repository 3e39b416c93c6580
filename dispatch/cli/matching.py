"""Commands on problem and plan files: ``solve``, ``check``, ``explain``. None of them needs a database.

With ``--format vroom`` the files are VROOM's input and solution instead of ours.

Exit codes: 0 done, 1 the plan breaks rules (``check``), 2 a file or an option is not usable; then one line a fault says
why.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from dispatch.cli.explaining import Teller, remedy_json, unassigned_json
from dispatch.matching import Plan, Problem, ProgressUpdate, Refused, warm
from dispatch.matching import check as check_plan
from dispatch.matching import solve as solve_problem
from dispatch.matching.bounds import bound_for, gap_percent
from dispatch.matching.codec import encode
from dispatch.matching.explain import WhyNot, WhyUnassigned, desk, what_would_change, why_unassigned
from dispatch.matching.formats import vroom
from dispatch.matching.plan import Reason
from dispatch.matching.solve import MOST_THREADS

READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)
WRITABLE = click.Path(dir_okay=False, writable=True, path_type=Path)
SHOWN = 10
FORMAT = click.option(
    "--format",
    "file_format",
    type=click.Choice(["dispatch", "vroom"]),
    default="dispatch",
    show_default=True,
    help="Of the files: ours, or VROOM's JSON.",
)

T = TypeVar("T")


@click.command()
@click.argument("problem_file", type=READABLE)
@click.option("-o", "--output", type=WRITABLE, help="Where to write the plan; default: standard output.")
@click.option("--time-limit", type=float, help="Seconds of wall time; default 10 unless --steps is given.")
@click.option("--steps", type=click.IntRange(min=0), help="Search steps: the same seed and steps give the same plan.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the random choices.")
@click.option(
    "--threads", type=click.IntRange(1, MOST_THREADS), default=1, show_default=True, help="Cores; not with --steps."
)
@click.option("--warm-start", type=READABLE, help="A plan to start from.")
@FORMAT
@click.option(
    "--bound",
    "bound_s",
    type=click.FloatRange(min=0.0),
    default=1.0,
    show_default=True,
    help="Seconds to spend afterwards on a cost that no plan goes under; 0: none.",
)
@click.option("--quiet", is_flag=True, help="No progress.")
def solve(
    problem_file: Path,
    output: Path | None,
    time_limit: float | None,
    steps: int | None,
    seed: int,
    threads: int,
    warm_start: Path | None,
    file_format: str,
    bound_s: float,
    quiet: bool,
) -> None:
    """Solve PROBLEM_FILE and write the plan as JSON."""
    problem, names = _problem(problem_file, file_format)
    start = None if warm_start is None else _plan(warm_start, problem, names)
    warm(bounds=bound_s > 0.0)  # a first call ever compiles for a minute; the time limit is for solving
    limit = 10.0 if time_limit is None and steps is None else time_limit
    try:
        plan = solve_problem(
            problem,
            time_limit_s=limit,
            step_limit=steps,
            seed=seed,
            threads=threads,
            progress=None if quiet else _tell,
            warm_start=start,
        )
        found = bound_for(problem, bound_s) if bound_s > 0.0 else None
        if found is not None:
            plan = replace(plan, stats=replace(plan.stats, bound=found.value))
    except ValueError as error:
        _fail(str(error))
    text = plan.to_json() if names is None else json.dumps(vroom.write(problem, plan, names), ensure_ascii=False)
    if output is None:
        click.echo(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")
    served = len(problem.visits) - len(plan.unassigned)
    click.echo(
        f"cost {plan.cost.total}, served {served} of {len(problem.visits)}, late {plan.late},"
        f" {plan.stats.steps} steps in {plan.stats.seconds:.1f} s",
        err=True,
    )
    if found is not None:
        gap = gap_percent(plan.cost.total, found.value)
        click.echo(f"bound {found.value}, gap {gap:.2f} % ({found.method}, {found.seconds:.1f} s)", err=True)


@click.command()
@click.argument("problem_file", type=READABLE)
@click.argument("plan_file", type=READABLE)
@FORMAT
def check(problem_file: Path, plan_file: Path, file_format: str) -> None:
    """Count PLAN_FILE again from nothing and name every rule it breaks; exit code 1 if there is any."""
    problem, names = _problem(problem_file, file_format)
    plan = _plan(plan_file, problem, names)
    if names is not None:  # such a file has no room for reasons, so nobody can have left them out
        reasons = {item.visit: why_unassigned(problem, plan, item.visit).reasons for item in plan.unassigned}
        plan = replace(plan, unassigned=tuple(replace(item, reasons=reasons[item.visit]) for item in plan.unassigned))
    found = check_plan(problem, plan)
    for item in found:
        click.echo(f"{item.rule}: {item.message}")
    if found:
        sys.exit(1)
    click.echo("The plan keeps every rule and its costs add up.")


@click.command()
@click.argument("problem_file", type=READABLE)
@click.argument("plan_file", type=READABLE)
@click.option("--visit", help="The visit to explain; without it all that are left out.")
@click.option("--slot", type=click.IntRange(min=0), default=0, show_default=True, help="Crew slot of the visit.")
@click.option("--technician", help="Only this person.")
@FORMAT
@click.option("--change", is_flag=True, help="Also what would change it for who can not come or is dearer.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
def explain(
    problem_file: Path,
    plan_file: Path,
    visit: str | None,
    slot: int,
    technician: str | None,
    file_format: str,
    change: bool,
    as_json: bool,
) -> None:
    """Say who could serve a visit at what cost, why others can not, and why it is left out if it is."""
    problem, names = _problem(problem_file, file_format)
    plan = _plan(plan_file, problem, names)
    if visit is None:
        if technician is not None or slot or change:
            raise click.UsageError("--slot, --technician and --change are about one visit: name it with --visit.")
        _explain_left_out(problem, plan, as_json=as_json)
        return
    wanted = problem.visit_by_id.get(visit)
    if wanted is None:
        _fail(f"{problem_file} has no visit {visit}")
    if slot >= len(wanted.crew):
        _fail(f"visit {visit} has {len(wanted.crew)} crew slots, numbered from 0")
    if technician is not None and technician not in problem.technician_by_id:
        _fail(f"{problem_file} has no technician {technician}")
    asked = desk(problem, plan)
    found = asked.everybody(visit, slot=slot)
    ranked = [item for item in found.ranked if technician in (None, item.technician)]
    excluded = [item for item in found.excluded if technician in (None, item.technician)]
    compared = None if technician is None else asked.why_not(visit, technician, slot=slot)
    left_out = why_unassigned(problem, plan, visit) if visit not in plan.stops_by_visit else None
    everybody = [*(item.technician for item in ranked), *(item.technician for item in excluded)]
    people = everybody[:SHOWN] if change else []
    most = 3 if technician is not None else 1
    remedies = {
        name: what_would_change(problem, plan, visit, name, slot=slot, count=most, prepared=asked) for name in people
    }
    if as_json:
        shown: dict[str, Any] = {
            "ranked": [encode(item) for item in ranked],
            "excluded": [encode(item) for item in excluded],
        }
        if compared is not None and compared.difference is not None and compared.holder is not None:
            shown["compared"] = {"with": compared.holder.technician, "difference": encode(compared.difference)}
        if change:
            shown["changes"] = {name: [remedy_json(item) for item in items] for name, items in remedies.items()}
        if left_out is not None:
            shown["unassigned"] = unassigned_json(left_out)
        click.echo(json.dumps(shown, indent=2))
        return
    teller = Teller(problem)
    if left_out is not None:
        click.echo(f"Not served: {left_out.kind.replace('_', ' ')}")
        _tell_why_left_out(teller, left_out)
    click.echo(f"{len(found.ranked)} of {found.scope} people could come.")
    for candidate in ranked[:SHOWN]:
        click.echo(teller.candidate(candidate))
    for item in excluded if technician is not None else ():
        click.echo(_why_not(item))
    if compared is not None:
        for line in teller.comparison(compared):
            click.echo(line)
    if technician is None:
        for code, count in sorted(found.excluded_by.items()):
            click.echo(f"  {count} can not: {code.replace('_', ' ')}")
    for name, items in remedies.items():
        if items:
            click.echo(f"What would change it for {name}:")
        for item_found in items:
            click.echo(teller.remedy(item_found))


def _explain_left_out(problem: Problem, plan: Plan, *, as_json: bool) -> None:
    """Say of each visit left out why."""
    found = [why_unassigned(problem, plan, item.visit) for item in plan.unassigned]
    if as_json:
        click.echo(json.dumps({"unassigned": [unassigned_json(item) for item in found]}, indent=2))
        return
    teller = Teller(problem)
    for item in found:
        click.echo(f"{item.visit} is not served: {item.kind.replace('_', ' ')}")
        _tell_why_left_out(teller, item)
    if not found:
        click.echo("Every visit is served.")


def _tell_why_left_out(teller: Teller, found: WhyUnassigned) -> None:
    for reason in found.reasons:
        click.echo(f"  {_words(reason)}")
    if found.facts:
        click.echo("These facts together exclude it; without any one of them it would have a place:")
    for fact in found.facts:
        click.echo(teller.fact(fact))
    if found.relaxation is not None:
        click.echo("The cheapest way out:")
        click.echo(teller.remedy(found.relaxation))


def _problem(path: Path, file_format: str) -> tuple[Problem, vroom.Names | None]:
    """Read a problem; what VROOM's files say beyond it comes along where it is one of those."""
    if file_format == "vroom":
        return _read(vroom.read, path)
    return _read(Problem.from_json, path), None


def _plan(path: Path, problem: Problem, names: vroom.Names | None) -> Plan:
    if names is None:
        return _read(Plan.from_json, path)
    return _read(lambda text: vroom.read_solution(text, problem), path)


def _read(reader: Callable[[bytes], T], path: Path) -> T:
    try:
        return reader(path.read_bytes())
    except Refused as error:
        _fail(*(f"{path} is not usable: {fault}" for fault in error.faults))
    except (OSError, UnicodeDecodeError) as error:
        _fail(f"{path} can not be read: {error}")


def _fail(*messages: str) -> NoReturn:
    for message in messages:
        click.echo(f"Error: {message}", err=True)
    sys.exit(2)


def _tell(update: ProgressUpdate) -> None:
    click.echo(
        f"{update.elapsed_s:6.1f} s  {update.phase:<9}  cost {update.cost}  unserved {update.unserved}"
        f"  late {update.late}  steps {update.steps}",
        err=True,
    )


def _why_not(item: WhyNot) -> str:
    return f"  {item.technician} can not: {_words(item.reason)}"


def _words(reason: Reason) -> str:
    facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in reason.params.items())
    return reason.code.replace("_", " ") + (f" ({facts})" if facts else "")
