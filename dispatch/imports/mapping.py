"""The table that says what each type of request means: trade, needs, certificates, priority, time on site, crew."""

import re
from dataclasses import dataclass

from dispatch.imports.cells import Cells, number, whole
from dispatch.imports.reader import Fault, Table

Key = tuple[str, str, str]
NEEDED = ("city", "request_type", "descriptor", "bundle", "trade", "required_skills", "priority", "onsite_min_typical")


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """One line of the mapping. Skills are (code, level); ``bundle`` names types of one city that need the same."""

    line: int
    city: str
    bundle: str
    label: str
    trade: str
    skills: tuple[tuple[str, int], ...]
    certificates: tuple[str, ...]
    priority: int
    minutes: tuple[float, float, float]
    crew: int


def read_mapping(table: Table) -> tuple[dict[Key, Meaning], list[Fault]]:
    """Return what each (city, type, descriptor) means, and what is wrong with the table."""
    missing = [name for name in NEEDED if name not in table.columns]
    if missing:
        remedy = f"The mapping lacks the columns {', '.join(missing)}."
        return {}, [Fault(line=1, column=None, value=None, remedy=remedy)]
    names = {name: name for name in table.columns}
    found: dict[Key, Meaning] = {}
    faults = list(table.faults)
    for row in table.rows:
        cells = Cells(row, names)
        skills = cells.read("required_skills", read_levels, needed=True)
        priority = cells.read("priority", whole(1, 4), needed=True)
        usual = cells.read("onsite_min_typical", number(1, 1440), needed=True)
        low = cells.read("onsite_min_low", number(1, 1440))
        high = cells.read("onsite_min_high", number(1, 1440))
        crew = cells.read("crew_size", whole(1, 8))
        key = (cells.text("city"), cells.text("request_type"), cells.text("descriptor"))
        if key in found:
            cells.refuse("request_type", f"Line {found[key].line} says what this type means already; keep one line.")
        if cells.faults or skills is None or priority is None or usual is None:
            faults += cells.faults
            continue
        found[key] = Meaning(
            line=row.line,
            city=key[0],
            bundle=cells.text("bundle"),
            label=" / ".join(dict.fromkeys(part for part in key[1:] if part)),
            trade=cells.text("trade"),
            skills=skills,
            certificates=tuple(
                code.strip() for code in cells.text("suggested_certifications").split(";") if code.strip()
            ),
            priority=priority,
            minutes=(low or usual, usual, high or usual),
            crew=crew or 1,
        )
    return found, faults


def read_levels(text: str) -> tuple[tuple[str, int], ...]:
    """Read skills with levels, as in plumbing.gas:3;hvac.controls:2."""
    found = []
    for part in text.split(";"):
        match = re.fullmatch(r"\s*([\w.\-]+)\s*:\s*([1-5])\s*", part)
        if match is None:
            raise ValueError("Write skills as code:level with levels 1 to 5, as in plumbing.gas:3;hvac.controls:2.")
        found.append((match[1], int(match[2])))
    return tuple(found)
