"""After warming up nobody waits for the compiler, whatever is asked."""

import json
import subprocess
import sys

ASKED = """
import json, pkgutil, importlib
from dataclasses import replace
from dispatch.matching import solve, solvers, warm, why_unassigned
from dispatch.matching.bounds import bound_for
from dispatch.matching.explain import desk, what_would_change
from dispatch.matching.replan import replan
from tests.matching.random_days import day

warm(bounds=True)
names = [f"{solvers.__name__}.{found.name}" for found in pkgutil.iter_modules(solvers.__path__)]
modules = [importlib.import_module(name) for name in names]
kernels = {id(one): one for module in modules for one in vars(module).values() if hasattr(one, "overloads")}

def compiled():
    return {kernel.py_func.__qualname__: len(kernel.overloads) for kernel in kernels.values()}

before = compiled()
for seed in range(6):
    asked = day(seed)
    plan = solve(asked, time_limit_s=None, step_limit=200, seed=seed)
    prepared = desk(asked, plan)
    for visit in asked.visits[:3]:
        prepared.candidates(visit.id)
        prepared.everybody(visit.id)
        prepared.options(visit.id)
        what_would_change(asked, plan, visit.id, asked.technicians[0].id)
    prepared.candidates(replace(asked.visits[0], id="new", predecessors=()))
    prepared.options(replace(asked.visits[0], id="newer", predecessors=()))
    for item in plan.unassigned[:1]:
        why_unassigned(asked, plan, item.visit)
    bound_for(asked, 0.5)
    replan(replace(asked, shifts=asked.shifts[1:], pins=()), plan, time_limit_s=None, step_limit=5)
after = compiled()
print(json.dumps([len(kernels), {name: count for name, count in after.items() if count > before[name]}]))
"""


def test_no_kernel_is_compiled_after_warming_up() -> None:
    done = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    kernels, late = json.loads(done.stdout.splitlines()[-1])
    assert kernels > 50
    assert late == {}
