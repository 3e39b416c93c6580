"""What is wrong with a malformed problem: every fault named at once, with what would be right."""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing that is wrong in the input.

    Attributes
    ----------
    element
        What carries the fault, such as ``visit 17``.
    field
        The field of that element.
    value
        The value found, as text.
    expected
        What would be right.
    """

    element: str
    field: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"{self.element}: {self.field} is {self.value}, expected {self.expected}"


class Refused(ValueError):
    """A malformed value; ``faults`` lists everything that is wrong with it, not only the first thing."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(str(fault) for fault in self.faults))


class Faults:
    """Collects the faults of one element and raises them together."""

    def __init__(self, element: str) -> None:
        self.element = element
        self.found: list[Fault] = []

    def add(self, field: str, value: object, expected: str) -> None:
        """Note one fault; long values are cut so that a message stays readable."""
        shown = repr(value)
        self.found.append(
            Fault(
                element=self.element,
                field=field,
                value=shown if len(shown) <= 80 else shown[:77] + "...",
                expected=expected,
            )
        )

    def whole(self, field: str, value: object, low: int, high: int) -> bool:
        """Whether ``value`` is a whole number within ``low..high``, noting a fault if not."""
        good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        if not good:
            self.add(field, value, f"a whole number between {low} and {high}")
        return good

    def number(self, field: str, value: object, low: float, high: float) -> bool:
        """Whether ``value`` is a finite number within ``low..high``, noting a fault if not."""
        good = (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and math.isfinite(value)
            and low <= value <= high
        )
        if not good:
            self.add(field, value, f"a finite number between {low:g} and {high:g}")
        return good

    def name(self, field: str, value: object) -> None:
        """Note a fault unless ``value`` is a non-empty text."""
        if not isinstance(value, str) or not value.strip():
            self.add(field, value, "a text that is not empty")

    def unique(self, field: str, values: Iterable[str]) -> None:
        """Note every value that occurs more than once."""
        seen: set[str] = set()
        for value in values:
            if value in seen:
                self.add(field, value, "each of these only once")
            seen.add(value)

    def raise_any(self) -> None:
        """Raise all faults noted so far, if there are any."""
        if self.found:
            raise Refused(self.found)
