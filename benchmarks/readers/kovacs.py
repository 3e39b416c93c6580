"""Service technician routing (Kovacs, Parragh, Doerner & Hartl 2012, doi 10.1007/s10951-011-0246-9), one person a task.

A task asks levels in some skills; it may be outsourced at 200 + (sum of its skill matrix) ^ 1.5. Minimised are distance
in doubles plus outsourcing; capacity and demand are not used. The technicians stand in a file of their own:
``technicians_noTeam`` or, with fewer people, ``techniciansReduced_noTeam`` beside the folder of the tasks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.readers.instance import Instance, Trip, recounted
from benchmarks.readers.routing import (
    DOUBLES,
    RoutingFile,
    RoutingRecount,
    Site,
    Vehicle,
    instance_of,
    vehicle_name,
)
from dispatch.matching.problem import CrewSlot, Proficiency, SkillLevel, SkillNeed, Technician

FULL = "technicians_noTeam"
REDUCED = "techniciansReduced_noTeam"
OUTSOURCING = 200.0
NO_LIMIT = 1_000_000

Levels = tuple[int, ...]


def read(path: Path, *, technicians: str = FULL) -> Instance:
    """Read a file of tasks and the file of its technicians."""
    people = read_technicians(path.parent.parent / technicians / f"technicians_{path.name}")
    file, needs = read_tasks(path, people)
    instance = instance_of(
        file,
        DOUBLES,
        technicians=[
            Technician(
                id=vehicle_name(number),
                proficiencies={_skill(index): Proficiency(mean=level, sd=0.0) for index, level in enumerate(levels)},
            )
            for number, levels in enumerate(people)
        ],
        crews={name: CrewSlot(needs=_needs(levels)) for name, levels in needs.items()},
    )
    return recounted(
        name=file.name,
        problem=instance.problem,
        best_known=None,
        recount=KovacsRecount(RoutingRecount(file=file, rule=DOUBLES, printed=1)),
        cost_unit=instance.cost_unit,
        ask=instance.contest.ask if instance.contest is not None else None,
        peer_unit=instance.peer_unit,
    )


@dataclass(frozen=True)
class KovacsRecount:
    """Counts trips again, and how many tasks were given away."""

    routing: RoutingRecount

    def objective(self, trips: Sequence[Trip]) -> float:
        """Distance and outsourcing."""
        return self.routing.objective(trips)

    def faults(self, trips: Sequence[Trip]) -> list[str]:
        """Say what starts late and who lacks a level."""
        return self.routing.faults(trips)

    def details(self, trips: Sequence[Trip]) -> dict[str, Any]:
        """Count the technicians used and the tasks outsourced."""
        served = sum(len(trip.visits) for trip in trips)
        return self.routing.details(trips) | {"outsourced": len(self.routing.file.customers) - served}


def read_technicians(path: Path) -> list[Levels]:
    """Read the levels of each technician, by skill."""
    rows = [[int(word) for word in line.split()] for line in _numbers(path)]
    people = [tuple(row[1:]) for row in rows if len(row) > 1]
    if not people:
        raise ValueError(f"{path} has no technicians")
    return people


def read_tasks(path: Path, people: Sequence[Levels]) -> tuple[RoutingFile, dict[str, Levels]]:
    """Read the tasks: as a routing file whose vehicles are the technicians, and the levels each task asks, by skill."""
    rows = [[float(word) for word in line.split()] for line in _numbers(path)]
    rows = [row for row in rows if len(row) > 8]
    if len(rows) < 2:
        raise ValueError(f"{path} has no tasks")
    skills = len(people[0])
    sites: list[Site] = []
    needs: dict[str, Levels] = {}
    for number, row in enumerate(rows):
        _, x, y, _, ready, due, service, _, *matrix = row
        site = Site(x=x, y=y, ready=ready, due=due, service=service)
        if number:
            needs[str(int(row[0]))] = _levels(matrix, skills, path)
            site = replace(site, prize=OUTSOURCING + sum(matrix) ** 1.5)
        sites.append(site)
    file = RoutingFile(
        name=path.stem,
        sites=tuple(sites),
        vehicles=(Vehicle(depot=0, capacity=NO_LIMIT),) * len(people),
        customers={name: number for number, name in enumerate(needs, start=1)},
        allowed={
            name: frozenset(
                number
                for number, levels in enumerate(people)
                if all(have >= asked for have, asked in zip(levels, wanted, strict=True))
            )
            for name, wanted in needs.items()
        },
    )
    return file, needs


def _numbers(path: Path) -> list[str]:
    """Give the lines that start with a number."""
    return [
        line for line in path.read_text(encoding="utf-8").splitlines() if line.split()[:1] and line.split()[0].isdigit()
    ]


def _levels(matrix: Sequence[float], skills: int, path: Path) -> Levels:
    """Highest level asked in each skill: the matrix says how many people it takes at each level or above."""
    steps = len(matrix) // skills
    if steps * skills != len(matrix) or max(matrix) > 1:
        raise ValueError(
            f"{path} asks more than one person of the same skill, or other skills than the technicians have"
        )
    return tuple(
        max((level for level in range(1, steps + 1) if matrix[skill * steps + level - 1]), default=0)
        for skill in range(skills)
    )


def _skill(index: int) -> str:
    return f"skill {index + 1}"


def _needs(levels: Levels) -> tuple[SkillNeed, ...]:
    return tuple(
        SkillNeed(any_of=(SkillLevel(skill=_skill(index), level=level),)) for index, level in enumerate(levels) if level
    )
