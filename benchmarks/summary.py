"""A table of measured runs: medians over the seeds, ours against each peer.

python -m benchmarks.summary RESULTS.jsonl
"""

import argparse
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.plots import Line, read_lines

HEADINGS = ("family", "instance", "limit s", "engine", "runs", "objective", "gap %", "ours / peer", "seconds", "MB")


def rows(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    """Give one row for each instance, limit and engine; the objective is the median of the feasible runs."""
    groups: dict[tuple[str, str, float, str], list[Line]] = {}
    for line in lines:
        if "error" not in line:
            key = (str(line["family"]), str(line["instance"]), float(line["time_limit_s"]), str(line["engine"]))
            groups.setdefault(key, []).append(line)
    found: list[tuple[str, ...]] = []
    for key, runs in groups.items():
        family, instance, limit, engine = key
        good = [run for run in runs if run["feasible"]]
        count = str(len(runs)) if len(good) == len(runs) else f"{len(good)} of {len(runs)} feasible"
        ours = _median(run["objective"] for run in groups.get((*key[:3], "extramile"), []) if run["feasible"])
        cost = _median(run["objective"] for run in good)
        ratio = None if engine == "extramile" or not ours or not cost else ours / cost
        gap = _median(run["gap_percent"] for run in good if run["gap_percent"] is not None)
        found.append(
            (
                family,
                instance,
                f"{limit:g}",
                engine,
                count,
                "-" if cost is None else f"{cost:,.10g}",
                "-" if gap is None else f"{gap:.2f}",
                "-" if ratio is None else f"{ratio:.3f}",
                f"{_median(run['seconds'] for run in runs) or 0:.1f}",
                f"{max(run['peak_mb'] or 0 for run in runs)}",
            )
        )
    return found


def _median(values: Iterable[float]) -> float | None:
    """Median, None of nothing."""
    listed = list(values)
    return statistics.median(listed) if listed else None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+")
    options = parser.parse_args()
    table = [HEADINGS, tuple("---" for _ in HEADINGS)]
    table += rows([line for path in options.results for line in read_lines(path)])
    for row in table:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
