"""Charts of measured runs, written as SVG by hand so that no plotting library is needed.

    python -m benchmarks rich FILE... --time-limit 60 --peers --trace > RESULTS.jsonl
    python -m benchmarks.plots RESULTS.jsonl -o FOLDER

For each instance with traces: cost over time, one line a run, the engines told apart by colour and dash. For each
family with several sizes: cost as a ratio to the best engine of each instance, and seconds, both against the number of
visits.
"""

import argparse
import json
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

Line = dict[str, Any]
Points = list[tuple[float, float]]

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 90, 170, 46, 56
LOOKS = {
    "extramile": ("#0b5cad", ""),
    "vroom": ("#b3261e", "7 4"),
    "pyvrp": ("#2e7d32", "2 3"),
    "ortools": ("#8a4fbf", "9 3 2 3"),
    "ortools-ils": ("#a15c00", "4 2"),
}
OTHER_LOOK = ("#555555", "1 2")


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A range of values on a stretch of pixels.

    Attributes
    ----------
    label
        What is measured, with its unit.
    low, high
        Range of the values.
    near, far
        Pixels of ``low`` and ``high``.
    logarithmic
        Whether equal ratios get equal room; the range is above 0 then.
    """

    label: str
    low: float
    high: float
    near: float
    far: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Give the pixel of a value; where equal ratios get equal room, 0 stands at the low end."""
        scale: Callable[[float], float] = math.log10 if self.logarithmic else float
        share = (scale(max(value, self.low) if self.logarithmic else value) - scale(self.low)) / (
            scale(self.high) - scale(self.low)
        )
        return self.near + share * (self.far - self.near)

    def ticks(self) -> list[float]:
        """Give round values to mark: powers of ten with their halves and fifths, or about five even steps."""
        if self.high > 20.0 * self.low > 0.0 and self.logarithmic:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            marks = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
            return [mark for mark in marks if self.low <= mark <= self.high]
        rough = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = power * next(digit for digit in (1, 2, 5, 10) if digit * power >= rough)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line of a chart; ``steps`` holds each value until the next, ``faint`` leaves it out of the legend."""

    name: str
    points: Points
    steps: bool = False
    faint: bool = False


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart with its words; ``level`` is a value marked across, such as the best known cost."""

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    x_logarithmic: bool = False
    y_logarithmic: bool = False
    level: tuple[str, float] | None = None

    def svg(self) -> str:
        """Write the chart."""
        xs = [x for line in self.series for x, _ in line.points]
        ys = [y for line in self.series for _, y in line.points] + ([self.level[1]] if self.level else [])
        across = _axis(self.x_label, xs, LEFT, WIDTH - RIGHT, logarithmic=self.x_logarithmic)
        up = _axis(self.y_label, ys, HEIGHT - BOTTOM, TOP, logarithmic=self.y_logarithmic)
        words = f"{self.title}: {self.y_label} against {self.x_label}, for " + ", ".join(
            dict.fromkeys(line.name for line in self.series)
        )
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
            ' role="img" font-family="sans-serif" font-size="12" fill="#222">',
            f"<title>{escape(self.title)}</title><desc>{escape(words)}</desc>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
            f'<text x="{LEFT}" y="24" font-size="15" font-weight="bold">{escape(self.title)}</text>',
            *_frame(across, up),
        ]
        if self.level:
            y = up.at(self.level[1])
            parts.append(
                f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#222" stroke-dasharray="1 3" fill="none"/>'
            )
            parts.append(f'<text x="{WIDTH - RIGHT + 6}" y="{y + 4:.1f}">{escape(self.level[0])}</text>')
        for line in self.series:
            parts.append(_drawn(line, across, up))
        named = dict.fromkeys(line.name for line in self.series)
        for row, name in enumerate(named):
            colour, dash = LOOKS.get(name, OTHER_LOOK)
            y = TOP + 10 + 18 * row
            x = WIDTH - RIGHT + 14
            parts.append(
                f'<path d="M{x} {y}h26" stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dash}" fill="none"/>'
                f'<text x="{x + 32}" y="{y + 4}">{escape(name)}</text>'
            )
        return "\n".join([*parts, "</svg>"]) + "\n"


def _axis(label: str, values: Sequence[float], near: float, far: float, *, logarithmic: bool) -> Axis:
    """Fit an axis to the values, with a little room around them."""
    if logarithmic:
        values = [value for value in values if value > 0] or [1.0]
        room = max(1.02, (max(values) / min(values)) ** 0.05)
        low, high = min(values) / room, max(values) * room
    else:
        low, high = min(values, default=0.0), max(values, default=1.0)
        room = 0.05 * (high - low) or abs(high) * 0.05 or 1.0
        low, high = (0.0 if 0 <= low <= room else low - room), high + room
    return Axis(label=label, low=low, high=high, near=near, far=far, logarithmic=logarithmic)


def _frame(across: Axis, up: Axis) -> list[str]:
    """Draw both axes with their marks and words."""
    parts = [f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" stroke="#222" fill="none"/>']
    for mark in across.ticks():
        x = across.at(mark)
        parts.append(f'<path d="M{x:.1f} {HEIGHT - BOTTOM}v5" stroke="#222"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{_shown(mark)}</text>')
    for mark in up.ticks():
        y = up.at(mark)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_shown(mark)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle">{escape(across.label)}</text>')
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(f'<text transform="translate(16 {middle}) rotate(-90)" text-anchor="middle">{escape(up.label)}</text>')
    return parts


def _shown(value: float) -> str:
    """Write a mark without needless digits, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:g}" if value == 0 else f"{float(f'{value:.4g}'):g}"


def _drawn(line: Series, across: Axis, up: Axis) -> str:
    """Draw one line, with a dot at each measured value or, for steps, at the last one."""
    colour, dash = LOOKS.get(line.name, OTHER_LOOK)
    path, dots = "", ""
    height = 0.0
    for number, (x, y) in enumerate(line.points):
        left, now = across.at(x), up.at(y)
        if number == 0:
            path += f"M{left:.1f} {now:.1f}"
        elif line.steps:
            path += f"L{left:.1f} {height:.1f}L{left:.1f} {now:.1f}"
        else:
            path += f"L{left:.1f} {now:.1f}"
        if not line.steps or number == len(line.points) - 1:
            dots += f'<circle cx="{left:.1f}" cy="{now:.1f}" r="3.5" fill="{colour}"/>'
        height = now
    width, opacity = (1.2, 0.45) if line.faint else (2.5, 1)
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-opacity="{opacity}"'
        f' stroke-dasharray="{dash}"/>{dots}'
    )


def charts(lines: Sequence[Line]) -> dict[str, Chart]:
    """Give the charts of the results, by file name; runs that failed or are not feasible are left out."""
    good = [line for line in lines if line.get("feasible")]
    found: dict[str, Chart] = {}
    for family in dict.fromkeys(str(line["family"]) for line in good):
        mine = [line for line in good if line["family"] == family]
        for instance in dict.fromkeys(str(line["instance"]) for line in mine):
            traced = [line for line in mine if line["instance"] == instance and line.get("trace")]
            longest = max((line["time_limit_s"] for line in traced), default=0.0)
            if traced:
                shown = [line for line in traced if line["time_limit_s"] == longest]
                found[f"{family}-{instance}-over-time.svg"] = _over_time(family, instance, shown)
        for limit in dict.fromkeys(float(line["time_limit_s"]) for line in mine):
            alike = [line for line in mine if line["time_limit_s"] == limit]
            if len({line["visits"] for line in alike}) > 1:
                found |= _size_charts(family, f"{limit:g} s", alike)
    return found


def _size_charts(family: str, limit: str, lines: Sequence[Line]) -> dict[str, Chart]:
    """Cost and times of runs with the same limit."""
    first = [(line, float(line["first_plan_s"])) for line in lines if line.get("first_plan_s") is not None]
    seconds = [(line, float(line["seconds"])) for line in lines]
    cost = "cost / best cost of the instance"
    told = f"limit {limit}"
    stem = f"{family}-{limit.replace(' ', '')}"
    return {
        f"{stem}-cost-by-size.svg": _by_size(f"{family}: cost by size, {told}", cost, _ratios(lines), even=True),
        f"{stem}-time-by-size.svg": _by_size(f"{family}: time by size, {told}", "seconds", seconds, even=False),
        f"{stem}-first-plan-by-size.svg": _by_size(
            f"{family}: first plan by size, {told}", "seconds, set-up included", first, even=False
        ),
    }


def _over_time(family: str, instance: str, lines: Sequence[Line]) -> Chart:
    """Cost over time; of several runs of an engine the median one is drawn strong."""
    series: list[Series] = []
    for engine in dict.fromkeys(str(line["engine"]) for line in lines):
        runs = sorted((line for line in lines if line["engine"] == engine), key=lambda line: float(line["objective"]))
        strong = runs[(len(runs) - 1) // 2]
        series += [
            Series(name=engine, points=[(x, y) for x, y in run["trace"]], steps=True, faint=run is not strong)
            for run in runs
        ]
    known = [line for line in lines if line.get("best_known") and "best_known_vehicles" not in line]
    best = next((float(line["best_known"]) for line in known), None)  # where vehicles count first, it is no such cost
    return Chart(
        title=f"{family} {instance}: cost over time",
        x_label="seconds",
        y_label="cost of the best plan so far",
        series=series,
        y_logarithmic=True,
        level=None if best is None else ("best known", best),
    )


def _ratios(lines: Sequence[Line]) -> list[tuple[Line, float]]:
    """Cost of each run over the best median of its instance."""
    found: list[tuple[Line, float]] = []
    for instance in dict.fromkeys(line["instance"] for line in lines):
        mine = [line for line in lines if line["instance"] == instance]
        medians = [
            statistics.median(float(line["objective"]) for line in mine if line["engine"] == engine)
            for engine in {line["engine"] for line in mine}
        ]
        found += [(line, float(line["objective"]) / min(medians)) for line in mine if min(medians) > 0]
    return found


def _by_size(title: str, label: str, values: Sequence[tuple[Line, float]], *, even: bool) -> Chart:
    """Medians over the runs of each size."""
    series: list[Series] = []
    for engine in dict.fromkeys(str(line["engine"]) for line, _ in values):
        sizes: dict[int, list[float]] = {}
        for line, value in values:
            if line["engine"] == engine:
                sizes.setdefault(int(line["visits"]), []).append(value)
        points = [(float(size), statistics.median(each)) for size, each in sorted(sizes.items())]
        series.append(Series(name=engine, points=points))
    return Chart(
        title=title,
        x_label="visits",
        y_label=label,
        series=series,
        x_logarithmic=True,
        y_logarithmic=not even,
    )


def read_lines(path: Path) -> list[Line]:
    """Read results, one JSON object a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def main() -> None:
    """Write the charts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    lines = [line for path in options.results for line in read_lines(path)]
    for name, chart in charts(lines).items():
        (options.output / name).write_text(chart.svg(), encoding="utf-8")
        print(options.output / name)


if __name__ == "__main__":
    main()
