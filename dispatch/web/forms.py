"""Base of all forms: shape only; what a service refuses lands on the field it names."""

from collections.abc import Iterable
from datetime import date
from typing import Any, TypeVar

from flask_wtf import FlaskForm
from wtforms import DateField, DateTimeLocalField, ValidationError
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its published types

from dispatch.core.errors import Invalid

Value = TypeVar("Value")
EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)
LONGEST_NUMBER = 9


class Form(FlaskForm):  # type: ignore[misc]  # the library publishes no types
    """A form whose refusals, its own and a service's, are shown in one place."""

    class Meta:
        """Field values without surrounding blanks, days that something can be added to."""

        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Any:
            """Strip texts; passwords stay as typed."""
            kind = unbound_field.field_class.__name__
            if kind in ("StringField", "EmailField", "TelField", "SearchField", "TextAreaField"):
                options.setdefault("filters", [])
                options["filters"] = [*options["filters"], _strip]
            bound = unbound_field.bind(form=form, **options)
            if isinstance(bound, DateField | DateTimeLocalField):
                bound.validators = [*bound.validators, _within_the_calendar]
            return bound

    def refuse(self, error: Invalid) -> None:
        """Put a service's refusal beside the field it names, else at the top."""
        field = getattr(self, error.field, None) if error.field else None
        if field is None:
            self.form_errors.append(error.message)
        else:
            field.errors = [*field.errors, error.message]


def options(pairs: Iterable[tuple[Any, Any]]) -> list[Any]:
    """Return what a select or radio field offers, from (value, words)."""
    return [SelectChoice(value=value, label=words) for value, words in pairs]


def plausible(day: date) -> bool:
    """Say whether a day is one to reckon with: at the ends of the calendar adding an hour overflows."""
    return EARLIEST <= date(day.year, day.month, day.day) <= LATEST


def whole(text: str | None) -> int | None:
    """Return a number sent in plain digits, None for all else; ``isdigit`` alone takes signs that ``int`` does not."""
    fits = text and text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
    return int(text) if text and fits else None


def _within_the_calendar(_form: Any, field: Any) -> None:
    if field.data is not None and not plausible(field.data):
        raise ValidationError(f"Choose a day from {EARLIEST.year} to {LATEST.year}.")


def _strip(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def given(value: Value | None) -> Value:
    """Return what a required field holds; its validator has seen to it that there is something."""
    assert value is not None
    return value
