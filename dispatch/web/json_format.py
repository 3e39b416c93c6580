"""JSON as the standard says: no NaN, no name twice, no nesting without end."""

import json
import math
from typing import Any, NoReturn

from flask.json.provider import DefaultJSONProvider

DEEPEST = 50


class StrictJSON(DefaultJSONProvider):
    """Refuses on the way in and out what other programs could not read."""

    sort_keys = False

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Return the text; NaN and infinity raise here rather than in the reader."""
        kwargs.setdefault("allow_nan", False)
        return super().dumps(obj, **kwargs)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Return the value, or ValueError with what is wrong."""
        try:
            value = json.loads(
                s, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_no_name_twice, **kwargs
            )
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        _shallow(value)
        return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large a number")
    return value


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object holds a name twice")
    return found


def _shallow(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise ValueError("nested too deeply")
        level = [
            inner
            for outer in level
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
