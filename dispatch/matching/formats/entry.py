"""One object of a JSON document at a known place: its fields are taken one by one, and every fault is noted."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from dispatch.matching.faults import Fault, Faults, Refused


def document(text: str | bytes) -> Any:
    """Read JSON; raises `Refused` for what is no JSON document."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(
            [Fault(element="document", field="text", value=str(error), expected="a JSON document")]
        ) from error


class Entry:
    """One JSON object.

    Parameters
    ----------
    path
        Where it stands, such as ``jobs[3]``; faults name it.
    raw
        What stands there; anything but an object is a fault and counts as an empty one.
    found
        Where faults are collected, shared by all entries of a document.
    taken
        Fields that are read.
    refused
        Fields that are known and can not be held, with what would be right. They may stand there empty.
    """

    def __init__(
        self, path: str, raw: object, found: list[Fault], *, taken: Collection[str], refused: Mapping[str, str]
    ) -> None:
        self.path = path
        self.found = found
        self.raw: Mapping[str, Any] = {}
        if not isinstance(raw, dict):
            self.fault("value", raw, "an object")
            return
        self.raw = raw
        for name, value in raw.items():
            if name in refused and not _says_nothing(value):
                self.fault(name, value, refused[name])
            elif name not in refused and name not in taken:
                self.fault(name, value, f"one of {', '.join(sorted(taken))}")

    def __contains__(self, name: str) -> bool:
        return self.raw.get(name) is not None

    def fault(self, field: str, value: object, expected: str) -> None:
        """Note one fault of this entry."""
        faults = Faults(self.path)
        faults.add(field, value, expected)
        self.found += faults.found

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        """Take a whole number; ``default`` where it is missing or wrong."""
        value = self.raw.get(name)
        if value is None:
            return default
        return self._whole(name, value, low, high, default)

    def needed_whole(self, name: str, low: int, high: int) -> int:
        """Take a whole number that can not be left out; ``low`` where it is wrong."""
        return self._whole(name, self.raw.get(name), low, high, low)

    def text(self, name: str, default: str) -> str:
        """Take a text; ``default`` where it is missing or wrong."""
        value = self.raw.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            self.fault(name, value, "a text")
            return default
        return value

    def wholes(self, name: str, low: int, high: int) -> tuple[int, ...]:
        """Take a list of whole numbers, empty where it is missing; wrong members count as ``low``."""
        return tuple(
            self._whole(f"{name}[{index}]", value, low, high, low) for index, value in enumerate(self.list_of(name))
        )

    def list_of(self, name: str) -> list[Any]:
        """Take a list as it is, empty where it is missing or wrong."""
        value = self.raw.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.fault(name, value, "a list")
            return []
        return value

    def span(self, field: str, value: object, low: int, high: int) -> tuple[int, int] | None:
        """Check a pair of instants in order; None where it is none."""
        if isinstance(value, list) and len(value) == 2 and all(type(one) is int for one in value):
            start, end = value
            if low <= start <= end <= high:
                return start, end
        self.fault(
            field, value, f"two whole numbers [start, end] between {low} and {high}, the end not before the start"
        )
        return None

    def _whole(self, field: str, value: object, low: int, high: int, instead: int) -> int:
        faults = Faults(self.path)
        good = faults.whole(field, value, low, high)
        self.found += faults.found
        return value if good and isinstance(value, int) else instead


def _says_nothing(value: object) -> bool:
    return value is None or value is False or value == [] or value == {}
