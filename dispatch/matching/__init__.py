"""The pure matching library: a problem goes in, a plan comes out; no database, no web, no wall clock of its own."""

from dispatch.matching.check import check
from dispatch.matching.explain import candidates, why_not, why_unassigned
from dispatch.matching.plan import Plan
from dispatch.matching.problem import Problem, Refused
from dispatch.matching.solve import ProgressUpdate, baseline, is_warm, never_compile, solve, warm

__all__ = [
    "Plan",
    "Problem",
    "ProgressUpdate",
    "Refused",
    "baseline",
    "candidates",
    "check",
    "is_warm",
    "never_compile",
    "solve",
    "warm",
    "why_not",
    "why_unassigned",
]
