"""The pure matching library: a problem goes in, a plan comes out; no database, no web, no wall clock of its own."""

from dispatch.matching.plan import Plan
from dispatch.matching.problem import Problem, Refused
from dispatch.matching.solve import ProgressUpdate, solve, warm

__all__ = ["Plan", "Problem", "ProgressUpdate", "Refused", "solve", "warm"]
