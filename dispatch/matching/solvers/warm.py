"""Compile every kernel by asking everything about one tiny problem with exactly the array types of real ones."""

from dataclasses import replace
from datetime import UTC, datetime

from dispatch.matching.constraint import Scope
from dispatch.matching.explain import desk, what_would_change, why_unassigned
from dispatch.matching.plan import Plan
from dispatch.matching.problem import Break, CrewSlot, Point, Problem, Shift, Technician, Visit, Window
from dispatch.matching.replan import replan
from dispatch.matching.solvers.bound import lower_bound
from dispatch.matching.solvers.clock import late_s
from dispatch.matching.solvers.engine import Engine
from dispatch.matching.solvers.tables import build


def compile_kernels() -> None:
    """Compile and cache; a second call costs milliseconds."""
    problem = tiny()
    plan = Engine(problem=problem, time_limit_s=None, step_limit=20, seed=1).run(Plan())
    for missing in problem.shifts:
        others = tuple(shift for shift in problem.shifts if shift is not missing)
        replan(replace(problem, shifts=others), plan, time_limit_s=None, step_limit=1)
    ask(problem, plan)
    # Plans are written with it where a stop can be late at a price, which a tiny plan may not have.
    late_s(build(Scope.of(problem)).data, 0, 0, 0)


def compile_bounds() -> None:
    """Compile and cache what bounds need, each way once."""
    problem = tiny()
    for method, visits in (("capacity", 6), ("columns", 6), ("exact", 2)):  # exact is for few, without crews
        tables = build(Scope.of(replace(problem, visits=problem.visits[-visits:])))
        lower_bound(tables, seconds=1.0, method=method)


def load_for_questions() -> None:
    """Load the kernels of questions about a plan; with a full cache that compiles nothing."""
    problem = tiny()
    ask(problem, Engine(problem=problem, time_limit_s=None, step_limit=0, seed=1).run(Plan()))


def ask(problem: Problem, plan: Plan) -> None:
    """Ask about what is served, what is new and what is left out."""
    asked = desk(problem, plan)
    for visit in problem.visits:
        asked.everybody(visit.id)
    one = problem.visits[-1]
    asked.candidates(replace(one, id="new"))
    asked.options(one.id)
    for more in range(2, 6):
        # The more of the same, the sooner there is one for which only other visits have the time.
        busy = tuple(replace(one, id=f"{one.id}-{number}") for number in range(more))
        fuller = replace(problem, visits=(*problem.visits, *busy))
        full = Engine(problem=fuller, time_limit_s=None, step_limit=0, seed=1).run(Plan())
        if full.unassigned:
            why_unassigned(fuller, full, full.unassigned[0].visit)
            what_would_change(fuller, full, full.unassigned[0].visit, problem.technicians[0].id)
            return


def tiny() -> Problem:
    """Give a problem with crews, breaks, windows and too little time for everything."""
    here = Point(lat=51.0, lon=7.0)
    one = (CrewSlot(),)
    return Problem(
        start=datetime(2030, 1, 1, tzinfo=UTC),
        technicians=tuple(Technician(id=name) for name in ("a", "b")),
        shifts=tuple(
            Shift(
                id=name,
                technician=name,
                start_s=0,
                end_s=14_400,
                start=here,
                end=here,
                breaks=(Break(id="rest", earliest_s=3_600, latest_s=7_200, duration_s=600),),
            )
            for name in ("a", "b")
        ),
        visits=tuple(
            Visit(
                id=str(number),
                point=here,
                duration_s=7_200 if number else 600,
                windows=(Window(start_s=0, end_s=14_400),),
                crew=one * (2 if number == 0 else 1),
            )
            for number in range(6)
        ),
    )
