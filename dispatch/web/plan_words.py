"""How a planning run and its comparison are told: fields of the live page, rows of the table, what publishing did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dispatch.planning.models import RequestState
from dispatch.planning.preview import Kind, Only
from dispatch.planning.progress import falling, last_gain, lost_by_stopping
from dispatch.planning.publishing import PublishReport
from dispatch.web.filters import minutes, number
from dispatch.web.words import _, _l, _n

PHASES = {
    "construct": "First plan",
    "improve": "Improving",
    "recombine": "Combining the best routes",
    "finish": "Explaining what is left out",
}
STATES = {
    RequestState.QUEUED: "Waiting for a free worker",
    RequestState.RUNNING: "Reading the day",
    RequestState.SOLVED: "Ready",
    RequestState.FAILED: "Failed",
    RequestState.CANCELLED: "Called off",
}
KINDS = {
    Kind.DROPPED: _l("Nobody any more"),
    Kind.REASSIGNED: _l("Somebody else goes"),
    Kind.RETIMED: _l("At another time"),
    Kind.NEW: _l("Somebody goes now"),
    Kind.SLIGHT: _l("By a few minutes"),
}
ONLY = {
    Only.ALL: _l("All changes"),
    Only.CUSTOMERS: _l("Only what customers will notice"),
    Only.PROMISES: _l("Only promises broken"),
}
COLUMNS = ("published", "proposal", "baseline")
FIGURES = (
    ("kept", _l("Promises kept"), number, "up"),
    ("at_risk", _l("Promises at risk"), number, "down"),
    ("broken", _l("Promises broken"), number, "down"),
    ("unserved", _l("Visits nobody has"), number, "down"),
    ("margin_s", _l("Mean time to spare where a promise holds"), minutes, "up"),
    ("travel_s", _l("Driving"), minutes, "down"),
    ("overtime_s", _l("Overtime"), minutes, "down"),
    ("most_overtime_s", _l("Most overtime of one person"), minutes, "down"),
    ("known_faces", _l("Visits by somebody the customer knows"), number, "up"),
    ("near_starts", _l("Days that start within 15 min of the first customer"), number, "up"),
    ("customers_told", _l("Customers to be told of a change"), number, "down"),
    ("technicians_changed", _l("Technicians whose day changes"), number, "down"),
)
"""Name, label, how it is written, and whether more or less of it is better."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One figure of a comparison; ``change`` is what it differs by from what is followed now."""

    text: str | None
    change: float | None = None
    change_text: str = ""
    good: str | None = None


def compare_rows(versus: Mapping[str, Any], names: Sequence[str] = COLUMNS) -> list[tuple[str, list[Cell]]]:
    """Return the rows of a comparison; every column but the first says how it differs from the first."""
    first = versus.get(names[0]) or {}
    return [
        (str(label), [_cell(key, write, good, versus.get(name), first if name != names[0] else {}) for name in names])
        for key, label, write, good in FIGURES
    ]


def _cell(key: str, write: Any, good: str, column: Mapping[str, Any] | None, first: Mapping[str, Any]) -> Cell:
    value = None if column is None else column.get(key)
    if value is None:
        return Cell(text=None)
    before = first.get(key)
    if before is None or key in ("customers_told", "technicians_changed"):
        return Cell(text=write(value))
    change = value - before
    text = f"{'+' if change > 0 else '−'}{write(abs(change))}"
    return Cell(text=write(value), change=change, change_text=text if change else _("no change"), good=good)


def progress_words(
    state: RequestState, points: list[Mapping[str, Any]], message: str | None, limit_s: float
) -> dict[str, Any]:
    """Return a run's progress as the page's fields, numbers and one sentence."""
    latest = points[-1] if points else None
    done = state not in (RequestState.QUEUED, RequestState.RUNNING)
    phase = STATES[state] if done or latest is None else PHASES.get(str(latest.get("phase")), "Improving")
    words: dict[str, Any] = {"phase": phase, "expected_s": limit_s, "done": done, "message": message or ""}
    if latest is not None:
        words |= point(latest) | {
            "cost_words": f"{round(latest['cost'] / 60):,} min",
            "first_cost_words": f"{round(falling(points)[0]['cost'] / 60):,} min",
            "bound_words": bound_words(latest),
            "elapsed_words": f"{latest['elapsed_s']:.0f} s",
            "gain_words": gain_words(points, limit_s),
            "summary": (
                f"{phase}. {latest['unserved']} visits without anybody, {latest['late']} late,"
                f" after {latest['elapsed_s']:.0f} seconds."
            ),
        }
    return words


def gain_words(points: Sequence[Mapping[str, Any]], limit_s: float) -> str:
    """Say when the plan got better last, and what stopping now would cost."""
    gain, lost = last_gain(points), lost_by_stopping(points, limit_s)
    told = []
    if gain is not None:
        told.append(
            _("Last improvement %(ago)s s ago, %(percent)s %% better.", ago=round(gain[0]), percent=_small(gain[1]))
        )
    if lost is not None:
        told.append(
            _n(
                "Stopping now would cost about 1 visit that could still be served on time.",
                "Stopping now would cost about %(num)s visits that could still be served on time.",
                lost,
            )
            if lost
            else _("Stopping now would hardly cost a visit.")
        )
    return " ".join(told)


def _small(percent: float) -> str:
    return f"{percent:.1f}" if percent >= 0.05 else _("less than 0.1")


def bound_words(update: Mapping[str, Any]) -> str:
    """Say what no plan can cost less than, and how much there may be left to gain at most."""
    bound = update.get("bound")
    if bound is None:
        return "not known yet"
    return f"{round(bound / 60):,} min, so at most {update['gap_percent']:.1f} % are left to gain"


def chart_of(points: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return a few points of a run that show how the plan got better: each time something changed, twelve at most."""
    kept: list[Mapping[str, Any]] = []
    for line in falling(points):
        if not kept or any(line[name] != kept[-1][name] for name in ("unserved", "late", "cost")):
            kept.append(line)
    last = len(kept) - 1
    return kept if last < 12 else [kept[round(number * last / 11)] for number in range(12)]


def published_words(report: PublishReport) -> str:
    """Return what publishing did, in one or two sentences."""
    parts = [
        f"{len(visits)} {words}"
        for visits, words in (
            (report.assigned, "newly assigned"),
            (report.moved, "moved"),
            (report.kept, "unchanged"),
            (report.freed, "taken off"),
        )
        if visits
    ]
    told = f"Published: {', '.join(parts) if parts else 'nothing to change'}."
    if report.complete:
        return told
    left = len(report.changed) + len(report.taken)
    what = "visit was" if left == 1 else "visits were"
    return f"{told} {left} {what} changed by somebody meanwhile and stay as they are."


def point(update: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of a progress line that the page draws."""
    return {name: update.get(name) for name in ("elapsed_s", "unserved", "late", "cost", "bound")} | {
        "at_risk": update.get("late")
    }
