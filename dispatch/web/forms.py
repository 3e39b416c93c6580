"""Base of all forms: shape only; what a service refuses lands on the field it names."""

from collections.abc import Iterable
from typing import Any, TypeVar

from flask_wtf import FlaskForm
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its published types

from dispatch.core.errors import Invalid

Value = TypeVar("Value")


class Form(FlaskForm):  # type: ignore[misc]  # the library publishes no types
    """A form whose refusals, its own and a service's, are shown in one place."""

    class Meta:
        """Field values without surrounding blanks."""

        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Any:
            """Strip texts; passwords stay as typed."""
            kind = unbound_field.field_class.__name__
            if kind in ("StringField", "EmailField", "TelField", "SearchField", "TextAreaField"):
                options.setdefault("filters", [])
                options["filters"] = [*options["filters"], _strip]
            return unbound_field.bind(form=form, **options)

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


def _strip(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def given(value: Value | None) -> Value:
    """Return what a required field holds; its validator has seen to it that there is something."""
    assert value is not None
    return value
