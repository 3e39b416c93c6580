"""Tiny files of each family, small enough to count by hand, and where the published ones lie."""

import json
from pathlib import Path
from typing import Any

import pytest

INSTANCES = Path(__file__).parents[3] / "shared" / "instances"

needs_published = pytest.mark.skipif(not INSTANCES.exists(), reason="the published instances are not at hand")


def published(pattern: str) -> list[Any]:
    """The published files of a pattern, as parameters of a test that is skipped where there are none."""
    found = sorted(INSTANCES.glob(pattern))
    return [pytest.param(path, id=path.stem) for path in found] or [pytest.param(None, marks=needs_published)]


SOLOMON = """TINY

VEHICLE
NUMBER     CAPACITY
  9         20

CUSTOMER
CUST NO.   XCOORD.   YCOORD.    DEMAND   READY TIME   DUE DATE   SERVICE TIME

    0      0         0          0          0       100          0
    1      3         4         10          0        50         10
    2      6         8         10         20        60         10
    3      1         1          5          0        80         10
"""
"""Ways: 0-1 5, 1-2 5, 0-2 10, 0-3 1.4142, 1-3 3.6056, 2-3 8.6023."""

VRPLIB = """NAME : TINY
TYPE : VRPTW
DIMENSION : 4
VEHICLES : 2
CAPACITY : 20
SERVICE_TIME : 10
EDGE_WEIGHT_TYPE : EUC_2D
NODE_COORD_SECTION
1 0 0
2 3 4
3 6 8
4 1 1
DEMAND_SECTION
1 0
2 10
3 10
4 5
TIME_WINDOW_SECTION
1 0 100
2 0 50
3 20 60
4 0 80
DEPOT_SECTION
1
-1
EOF
"""

PRIZES = VRPLIB.replace("DEPOT_SECTION", "PRIZE_SECTION\n1 0\n2 7\n3 100\n4 2\nDEPOT_SECTION")

SITE_DEPENDENT = """NAME: TINY
TYPE: SDVRPTW
DIMENSION: 4
VEHICLES: 2
VEHICLES_MAX_DURATION: 45
NODE_COORD_SECTION
1\t0\t0
2\t3\t4
3\t6\t8
4\t1\t1
DEMAND_SECTION
1\t0
2\t10
3\t10
4\t5
SERVICE_TIME_SECTION
1\t0
2\t10
3\t10
4\t10
TIME_WINDOW_SECTION
1\t0\t100
2\t0\t50
3\t20\t60
4\t0\t80
CAPACITY_SECTION
1\t20
2\t10
VEHICLES_ALLOWED_CLIENTS_SECTION
1\t2\t3\t4
2\t4
EOF
"""

TWO_DEPOTS = """NAME: TINY
TYPE: MDVRPTW
DIMENSION: 4
VEHICLES: 2
CAPACITY: 20
VEHICLES_MAX_DURATION: 45
NODE_COORD_SECTION
1\t0\t0
2\t6\t8
3\t3\t4
4\t1\t1
DEMAND_SECTION
1\t0
2\t0
3\t10
4\t5
SERVICE_TIME_SECTION
1\t0
2\t0
3\t10
4\t10
TIME_WINDOW_SECTION
1\t0\t100
2\t0\t100
3\t0\t50
4\t0\t80
VEHICLES_DEPOT_SECTION
1\t1
2\t2
DEPOT_SECTION
1
2
EOF
"""

RICH: dict[str, Any] = {
    "name": "tiny",
    "skills": ["gas", "solar"],
    "travel": {"detour": 1.3, "speed": 9.0},
    "objective": {"unserved": {"1": 7200, "2": 21600, "3": 64800}, "under_cost": 300, "over_cost": 60},
    "technicians": [
        {"id": "T0", "start": [0, 0], "end": [0, 0], "shift": [28800, 57600], "skills": {"0": 5}},
        {"id": "T1", "start": [9000, 0], "end": [0, 0], "shift": [28800, 57600], "skills": {"0": 2, "1": 3}},
    ],
    "jobs": [
        {
            "id": "J0",
            "loc": [900, 0],
            "duration": 3600,
            "tw": [32400, 36000],
            "skills": {"0": {"min": 2, "preferred": 3}},
            "priority": 1,
        },
        {
            "id": "J1",
            "loc": [900, 900],
            "duration": 3600,
            "tw": [25200, 68400],
            "skills": {"1": {"min": 2, "preferred": 4}},
            "priority": 3,
        },
    ],
}
"""900 m take 130 s, 9,000 m take 1,300 s, 900 m by 900 m take 184 s."""

TRSP = """TINY.1

INFO
CREW COUNT  SKILLS  TOOLS   SPARE PARTS
2      2       2       2

DEPOT TECHNICIANS AND REQUESTS
ID   X     Y     TWS    TWE    Serv   SKILLS   TOOLS    SPARE PARTS
0    0     8     0      100    0      [] \t[] \t[]
1    0     0     0      100    0      [0,1] \t[0] \t[1,0]
2    6     8     0      100    0      [1] \t[1] \t[0,0]
3    3     4     30     40     10     [0] \t[0] \t[1,0]
4    6     0     0      90     10     [1] \t[1] \t[1,0]
"""

TASKS = """Capacity: 200
Customer: 3

CUST NO. XCOORD. YCOORD. DEMAND READY TIME DUE DATE SERVICE TIME cost d11 d12 d21 d22
1 0 0 0 0 100 0 0 0 0 0 0
2 3 4 10 0 50 10 100 1 1 0 0
3 6 8 10 20 60 10 100 1 0 1 0
"""

TECHNICIANS = """Technicians
Number of Technicians: 2
domains: 2
proficiency level: 2


ID domain1 domain2
1 2 0
2 1 1
"""


def solomon(folder: Path) -> Path:
    return _written(folder / "TINY.txt", SOLOMON)


def vrplib(folder: Path, text: str = VRPLIB) -> Path:
    return _written(folder / "TINY.vrp", text)


def rich(folder: Path, **changes: Any) -> Path:
    return _written(folder / "tiny.json", json.dumps(RICH | changes))


def trsp(folder: Path) -> Path:
    return _written(folder / "TINY.1.txt", TRSP)


def kovacs(folder: Path) -> Path:
    people = TECHNICIANS.replace("Technicians: 2", "Technicians: 1").replace("2 1 1\n", "")
    _written(folder / "technicians_noTeam" / "technicians_TINY.txt", TECHNICIANS)
    _written(folder / "techniciansReduced_noTeam" / "technicians_TINY.txt", people)
    return _written(folder / "tasks_noTeam" / "TINY.txt", TASKS)


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
