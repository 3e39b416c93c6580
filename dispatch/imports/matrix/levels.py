"""Pure: what stands in a cell as a level from 1 to 5. Words, marks and percentages mean what a table says."""

import math
import re
from collections.abc import Iterable, Mapping

from dispatch.skills.evidence import HIGHEST_LEVEL, LOWEST_LEVEL

LEAVE_OUT = 0
MOST_KEYS = 60
_WORDS: Mapping[int, tuple[str, ...]] = {
    LEAVE_OUT: ("none", "no", "n", "not applicable", "na", "n a", "unknown", "never", "0"),
    1: ("beginner", "novice", "trainee", "learning", "learner", "aware", "awareness", "apprentice", "very low"),
    2: ("basic", "basics", "low", "some", "elementary", "fundamental", "developing", "with help", "advanced beginner"),
    3: ("good", "x", "xx", "yes", "y", "ok", "true", "intermediate", "medium", "competent", "independent", "working"),
    4: ("advanced", "proficient", "very good", "high", "experienced", "strong", "skilled"),
    5: ("expert", "master", "very high", "excellent", "specialist", "trainer", "teaches", "lead"),
}
_SIGNS = {"-": LEAVE_OUT, "--": LEAVE_OUT, "–": LEAVE_OUT, "—": LEAVE_OUT, "✗": LEAVE_OUT, "✘": LEAVE_OUT}
_MARKS = {"✓": 3, "✔": 3, "●": 3, "•": 3, "☑": 3, "☒": 3, "+": 3, "++": 4, "+++": 5, "*": 3}
PROPOSED: Mapping[str, int] = _SIGNS | _MARKS | {word: level for level, words in _WORDS.items() for word in words}


def number_in(text: str) -> float | None:
    """Return a number with a point or a comma before decimals, None for all else."""
    if not re.fullmatch(r"[+-]?\d{1,9}(?:[.,]\d{1,15})?", text.strip()):
        return None
    found = float(text.strip().replace(",", "."))
    return found if math.isfinite(found) else None


def share_in(text: str) -> float | None:
    """Return a percentage as a share, None for all else."""
    if not text.rstrip().endswith("%"):
        return None
    found = number_in(text.rstrip()[:-1])
    return None if found is None else found / 100


def key_of(text: str, *, shares: bool) -> str | None:
    """Return what the scale is asked for in a cell; None where the level stands there by itself.

    Percentages are asked for in bands of 20; ``shares`` says that plain numbers up to 1 are percentages too, as
    spreadsheets keep them.
    """
    share, number = share_in(text), number_in(text)
    if share is None and shares and number is not None and 0 <= number <= 1:
        share = number
    if share is not None:
        if not 0 <= share <= 1:
            return text.strip()
        band = math.ceil(round(share * 100, 9) / 20)
        return "0 %" if band == 0 else f"{(band - 1) * 20} to {band * 20} %"
    if number is not None:
        if number.is_integer():
            return str(int(number))
        return None if LOWEST_LEVEL <= number <= HIGHEST_LEVEL else text.strip().replace(",", ".")
    words = " ".join(text.casefold().split())
    return words.strip(".:") or words


def keys_in(cells: Iterable[str]) -> tuple[tuple[str, ...], bool]:
    """Return what the scale has to say about all these cells, and whether plain numbers among them are percentages."""
    texts = sorted({cell.strip() for cell in cells if cell.strip()})
    numbers = [number for text in texts if (number := number_in(text)) is not None]
    shares = bool(numbers) and all(0 <= n <= 1 for n in numbers) and any(not n.is_integer() for n in numbers)
    keys = {key for text in texts if (key := key_of(text, shares=shares)) is not None}
    return tuple(sorted(keys, key=_order)[:MOST_KEYS]), shares


def propose_scale(keys: Iterable[str]) -> dict[str, int]:
    """Return what each key most likely means; one that could mean anything is left open."""
    keys = tuple(keys)
    numbers = {key: number for key in keys if (number := number_in(key)) is not None}
    highest = max(numbers.values(), default=0)
    found: dict[str, int] = {}
    for key in keys:
        number = numbers.get(key)
        band = re.fullmatch(r"\d+ to (\d+) %", key)
        if key == "0 %":
            found[key] = LEAVE_OUT
        elif band is not None:
            found[key] = int(band[1]) // 20
        elif number is None:
            level = PROPOSED.get(key)
            if level is not None:
                found[key] = level
        elif number == 0:
            found[key] = LEAVE_OUT
        elif number >= 1 and number.is_integer() and highest <= 10:
            found[key] = int(number) if highest <= HIGHEST_LEVEL else math.ceil(number / 2)
    return found


def read_level(text: str, scale: Mapping[str, int], *, shares: bool) -> float | None:
    """Return the level in a cell, None where it is to be left out; ValueError says what would be right."""
    key = key_of(text, shares=shares)
    if key is None:
        number = number_in(text)
        assert number is not None
        return number
    if key not in scale:
        raise ValueError("Write a level from 1 to 5, or say in the scale what this means.")
    level = scale[key]
    return None if level == LEAVE_OUT else float(level)


def _order(key: str) -> tuple[int, float, str]:
    number = number_in(key.split(" ")[0])
    return (0 if number is not None else 1, number or 0.0, key)
