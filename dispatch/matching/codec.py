"""Frozen values to JSON and back, and their JSON schema, all three from the type hints of the dataclasses alone."""

import dataclasses
import enum
import json
import math
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from dispatch.matching.faults import Fault, Refused

T = typing.TypeVar("T")
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def encode(value: object) -> Any:
    """Give plain JSON values for ``value``; fields at their default are left out, so that documents stay readable."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        shown = {}
        for field in dataclasses.fields(value):
            item = getattr(value, field.name)
            if field.name != "schema_version" and _is_default(field, item):
                continue
            shown[field.name] = encode(item)
        return shown
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {key: encode(value[key]) for key in sorted(value)}
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    return value


def decode(cls: type[T], text: str | bytes) -> T:
    """Read a value of ``cls`` from a JSON document; raises `Refused` with every fault of every element."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(
            [Fault(element="document", field="text", value=str(error), expected="a JSON document")]
        ) from error
    reader = _Reader()
    value = reader.read(cls, raw, cls.__name__.lower(), "")
    if reader.found:
        raise Refused(reader.found)
    return typing.cast("T", value)


def schema(cls: type) -> dict[str, Any]:
    """Give the JSON schema (draft 2020-12) of the documents that `decode` reads for ``cls``."""
    parts: dict[str, Any] = {}
    root = _schema_of(cls, parts)
    return {"$schema": DRAFT, "title": cls.__name__, **root, "$defs": dict(sorted(parts.items()))}


def _is_default(field: "dataclasses.Field[Any]", item: object) -> bool:
    if field.default is not dataclasses.MISSING:
        return bool(item == field.default) and type(item) is type(field.default)
    if field.default_factory is not dataclasses.MISSING:
        return bool(item == field.default_factory())
    return False


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _union(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union else ()


class _Reader:
    """Reads plain values into dataclasses and collects what is wrong on the way."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def fault(self, element: str, field: str, value: object, expected: str) -> None:
        shown = repr(value)
        self.found.append(
            Fault(
                element=element,
                field=field or "value",
                value=shown if len(shown) <= 80 else shown[:77] + "...",
                expected=expected,
            )
        )

    def read(self, hint: Any, raw: Any, element: str, field: str) -> Any:
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            return self.read_object(hint, raw, element, field)
        if options := _union(hint):
            return self.read_union(options, raw, element, field)
        origin = typing.get_origin(hint)
        if origin is tuple:
            return self.read_list(typing.get_args(hint)[0], raw, element, field)
        if origin is Mapping:
            return self.read_mapping(typing.get_args(hint)[1], raw, element, field)
        return self.read_scalar(hint, raw, element, field)

    def read_union(self, options: tuple[Any, ...], raw: Any, element: str, field: str) -> Any:
        """Take the first alternative that takes the value; its faults are told only if no other takes it either."""
        if raw is None and type(None) in options:
            return None
        told: list[Fault] = []
        for option in options:
            if option is type(None):
                continue
            trial = _Reader()
            value = trial.read(option, raw, element, field)
            if not trial.found:
                return value
            told = told or trial.found
        self.found += told
        return None

    def read_object(self, cls: type, raw: Any, element: str, field: str) -> Any:
        if not isinstance(raw, dict):
            self.fault(element, field, raw, f"an object ({cls.__name__})")
            return None
        name = _element_name(cls, raw, element, field)
        before = len(self.found)
        hints = _hints(cls)
        values: dict[str, Any] = {}
        for key in raw:
            if key not in hints:
                self.fault(name, key, raw[key], f"one of {', '.join(sorted(hints))}")
        for item in dataclasses.fields(cls):
            if item.name in raw:
                values[item.name] = self.read(hints[item.name], raw[item.name], name, item.name)
            elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
                self.fault(name, item.name, None, "a value, it can not be left out")
        if len(self.found) > before:
            return None
        try:
            return cls(**values)
        except Refused as error:
            self.found += error.faults
        except ValueError as error:
            self.fault(name, field, raw, str(error))
        return None

    def read_list(self, hint: Any, raw: Any, element: str, field: str) -> tuple[Any, ...]:
        if not isinstance(raw, list):
            self.fault(element, field, raw, "a list")
            return ()
        if hint is int and all(type(item) is int for item in raw):
            return tuple(raw)
        return tuple(self.read(hint, item, element, f"{field}[{index}]") for index, item in enumerate(raw))

    def read_mapping(self, hint: Any, raw: Any, element: str, field: str) -> dict[str, Any]:
        if not isinstance(raw, dict):
            self.fault(element, field, raw, "an object")
            return {}
        return {key: self.read(hint, item, element, f"{field}.{key}") for key, item in raw.items()}

    def read_scalar(self, hint: Any, raw: Any, element: str, field: str) -> Any:
        if hint is bool and isinstance(raw, bool):
            return raw
        if hint is str and isinstance(raw, str):
            return raw
        if hint is int and isinstance(raw, int) and not isinstance(raw, bool):
            return raw
        if hint is float and isinstance(raw, (int, float)) and not isinstance(raw, bool) and math.isfinite(raw):
            return float(raw)
        if hint is datetime and isinstance(raw, str):
            try:
                return datetime.fromisoformat(raw)
            except ValueError:
                self.fault(element, field, raw, "an instant such as 2030-01-31T00:00:00+00:00")
                return None
        if isinstance(hint, type) and issubclass(hint, enum.Enum):
            if raw in [item.value for item in hint]:
                return hint(raw)
            self.fault(element, field, raw, "one of " + ", ".join(str(item.value) for item in hint))
            return None
        self.fault(element, field, raw, _words(hint))
        return None


def _element_name(cls: type, raw: Mapping[str, Any], element: str, field: str) -> str:
    """How a fault names an object: by its id where it has one, else by where it stands."""
    if isinstance(raw.get("id"), str):
        return f"{cls.__name__.lower()} {raw['id']}"
    return f"{element} {field}".strip() if field else element


def _words(hint: Any) -> str:
    return {bool: "true or false", str: "a text", int: "a whole number", float: "a finite number"}.get(
        hint, "an instant"
    )


def _schema_of(hint: Any, parts: dict[str, Any]) -> dict[str, Any]:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if hint.__name__ not in parts:
            parts[hint.__name__] = {}
            parts[hint.__name__] = _schema_of_object(hint, parts)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if options := _union(hint):
        return {"anyOf": [_schema_of(option, parts) for option in options]}
    origin = typing.get_origin(hint)
    if origin is tuple:
        return {"type": "array", "items": _schema_of(typing.get_args(hint)[0], parts)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _schema_of(typing.get_args(hint)[1], parts)}
    if hint is datetime:
        return {"type": "string", "format": "date-time"}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"type": "string", "enum": [item.value for item in hint]}
    names = {bool: "boolean", str: "string", int: "integer", float: "number", type(None): "null"}
    return {"type": names[hint]}


def _schema_of_object(cls: type, parts: dict[str, Any]) -> dict[str, Any]:
    hints = _hints(cls)
    fields = dataclasses.fields(cls)
    shown: dict[str, Any] = {}
    required: list[str] = []
    for item in fields:
        described = _schema_of(hints[item.name], parts)
        if item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            required.append(item.name)
        elif item.default is not dataclasses.MISSING:
            described = {**described, "default": encode(item.default)}
        shown[item.name] = described
    summary = (cls.__doc__ or "").strip().splitlines()[0]
    return {
        "type": "object",
        "description": summary,
        "properties": shown,
        "required": required,
        "additionalProperties": False,
    }
