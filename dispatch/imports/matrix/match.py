"""Pure: what a file's columns and words stand for, as proposed and as corrected; kept as plain data between steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from dispatch.core.errors import Invalid
from dispatch.imports.matrix.levels import LEAVE_OUT
from dispatch.imports.reader import Table
from dispatch.skills.evidence import HIGHEST_LEVEL

LEFT_OUT = 0
"""A skill, or a person, that stands for nothing here."""


class Layout(StrEnum):
    """How a file says who can do what."""

    WIDE = "wide"
    LONG = "long"


@dataclass(frozen=True, kw_only=True)
class Match:
    """What the columns of a file are, which skill each word is, which level each word or number is.

    ``skills`` is by column (wide) or by what stands in the skill column (long); what is missing there is not decided.
    ``people`` is by line, for the lines whose person is not found by number, mail or name.
    """

    layout: Layout
    person: Mapping[str, str] = field(default_factory=dict)
    skill_column: str = ""
    level_column: str = ""
    day_column: str = ""
    skills: Mapping[str, int] = field(default_factory=dict)
    people: Mapping[str, int] = field(default_factory=dict)
    scale: Mapping[str, int] = field(default_factory=dict)
    shares: bool = False
    as_of: str = ""
    by_self: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for storage."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Match:
        """Read what was stored."""
        return cls(**{**data, "layout": Layout(data["layout"])})

    def day(self) -> date | None:
        """Return the day the levels are of; None stands for the moment of the import."""
        try:
            return date.fromisoformat(self.as_of) if self.as_of else None
        except ValueError as error:
            raise Invalid("Write the day as year-month-day, for example 2026-03-14.", field="as_of") from error

    def check(self, table: Table) -> None:
        """Refuse what cannot be read with; says which choice is missing."""
        known = set(table.columns)
        roles = {role: column for role, column in self.person.items() if column}
        if not set(roles) & {"number", "mail", "name"}:
            raise Invalid("Say which column names the person: by number, e-mail or name.", field="name")
        single = [*roles.values(), self.skill_column, self.level_column, self.day_column]
        used = [column for column in single if column]
        if not set(used) <= known:
            raise Invalid("The file does not have this column.", field="name")
        if len(set(used)) < len(used):
            raise Invalid("One column cannot be two things; choose another.", field="name")
        if self.layout is Layout.LONG and not (self.skill_column and self.level_column):
            raise Invalid("Say which column holds the skill and which the level.", field="skill_column")
        if self.layout is Layout.WIDE and not any(self.skills.get(column) for column in self.skill_columns(table)):
            raise Invalid("No column stands for a skill yet; choose the skill of at least one.", field="skills")
        self._check_skills(table)
        if any(not LEAVE_OUT <= level <= HIGHEST_LEVEL for level in self.scale.values()):
            raise Invalid("A level is from 1 to 5.", field="scale")
        self.day()

    def _check_skills(self, table: Table) -> None:
        """Refuse two columns for one skill: nobody could say which of them counts."""
        if self.layout is not Layout.WIDE:
            return
        taken: dict[int, str] = {}
        for column in self.skill_columns(table):
            skill = self.skills.get(column, LEFT_OUT)
            if skill and skill in taken:
                raise Invalid(
                    f"The columns {taken[skill]} and {column} stand for the same skill; leave one out.", field="skills"
                )
            taken[skill] = column

    def skill_columns(self, table: Table) -> Sequence[str]:
        """Return the columns of a wide file that may be skills."""
        used = {*self.person.values(), self.day_column}
        return [column for column in table.columns if column not in used]

    def level_cells(self, table: Table) -> list[str]:
        """Return every cell that holds a level."""
        if self.layout is Layout.LONG:
            return [row.cells[self.level_column] for row in table.rows] if self.level_column else []
        columns = [column for column in self.skill_columns(table) if self.skills.get(column)]
        return [row.cells[column] for row in table.rows for column in columns]
