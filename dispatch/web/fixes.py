"""The 30-second fix: one field, edited where it is seen, by whoever sees it; without script on a page of its own."""

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField, SelectField, StringField, TelField, TextAreaField
from wtforms.validators import Length, Optional

from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs.queries import owner_name
from dispatch.planning.corrections import propose_fix
from dispatch.planning.fixing import LEVELS, Field, Overtaken, Shape, field_of, fix_field, need_choices
from dispatch.planning.people import skill_name
from dispatch.planning.rechecking import unfit
from dispatch.web.context import actor, db, moment
from dispatch.web.filters import ago, day_clock
from dispatch.web.forms import Form, options
from dispatch.web.pages import page
from dispatch.web.security import safe_target, signed_in, wants_part
from dispatch.web.words import _, _l
from dispatch.workforce.choices import zone_of_territory

blueprint = Blueprint("fixes", __name__, url_prefix="/fix")
CHANNELS = (("call", _l("a call")), ("mail", _l("mail")), ("text", _l("a text message")))
LABELS = {
    ("customer", "name"): _l("Name"),
    ("customer", "contact_name"): _l("Contact person"),
    ("customer", "phone"): _l("Phone"),
    ("customer", "preferred_channel"): _l("They prefer"),
    ("customer", "care_note"): _l("Care note"),
    ("site", "address"): _l("Address"),
    ("site", "place"): _l("Place on the map"),
    ("site", "gate_code"): _l("Gate code"),
    ("site", "parking"): _l("Parking"),
    ("site", "hazards"): _l("Hazards"),
    ("asset", "model"): _l("Model"),
    ("job", "title"): _l("What is to be done"),
    ("job", "purpose"): _l("What it is for"),
    ("job", "description"): _l("Details"),
    ("job", "next_step"): _l("Next step"),
    ("visit", "duration"): _l("Minutes on site"),
    ("visit", "need"): _l("What it needs"),
    ("visit", "new_need"): _l("Another skill it needs"),
    ("technician", "name"): _l("Name"),
    ("technician", "phone"): _l("Phone"),
    ("technician", "level"): _l("Level"),
}
HINTS = {
    Shape.PLACE: _l("Latitude and longitude, as maps give them: 52.51630, 13.37770"),
    Shape.MINUTES: _l("Whole minutes"),
    Shape.SKILL: _l("A skill, and the level if it is not 3: gas boilers 4"),
}


class FixForm(Form):
    """The field as it is and as it should be."""

    was = HiddenField()
    value: Any = StringField()
    why = StringField(_l("Why"), validators=[Optional(), Length(max=300)])


class FixWordsForm(FixForm):
    """Several lines."""

    value = TextAreaField()


class FixPhoneForm(FixForm):
    """A number, with the keys for one on a phone."""

    value = TelField()


class FixChannelForm(FixForm):
    """One of a few."""

    value = SelectField(choices=options(CHANNELS))


class FixLevelForm(FixForm):
    """A level."""

    value = SelectField(choices=options([(level, level) for level in LEVELS]))


class FixNeedForm(FixForm):
    """The level of a skill that the work needs."""

    value = SelectField()


FORMS: dict[Shape, type[FixForm]] = {
    Shape.WORDS: FixWordsForm,
    Shape.PHONE: FixPhoneForm,
    Shape.CHANNEL: FixChannelForm,
    Shape.LEVEL: FixLevelForm,
    Shape.NEED: FixNeedForm,
}


@blueprint.route("/<entity>/<int:row_id>/<name>", methods=["GET", "POST"])
@signed_in
def edit(entity: str, row_id: int, name: str) -> Response:
    """Show a field with its form, save it or propose it; a part of a page where a script asks, else a page."""
    field = field_of(db(), entity=entity, row_id=row_id, name=name, actor=actor(), now=moment())
    if request.args.get("shown") or request.form.get("resolution") == "theirs":
        return _shown(field) if wants_part() else redirect(_back(), 303)
    form = FORMS.get(field.fixable.shape, FixForm)(data={"was": field.value, "value": field.value})
    form.value.label.text = label_of(field)
    if field.fixable.shape is Shape.NEED:
        form.value.choices = options([(each, need_words(each)) for each in need_choices(field.value)])
    overtaken: Overtaken | None = None
    if form.validate_on_submit():
        try:
            shown = _save(field, form) if field.at_once else _propose(field, form)
        except Invalid as refused:
            form.value.errors = [*form.value.errors, refused.message]
        except Overtaken as first:
            overtaken = first
        except Conflict as refused:
            form.value.errors = [*form.value.errors, refused.message]
        else:
            return _shown(shown) if wants_part() else redirect(_back(), 303)
    return _page(
        field,
        form=form,
        overtaken=overtaken,
        when=ago(overtaken.at, moment()) if overtaken and overtaken.at else "",
        status=409 if overtaken else 422 if form.errors else 200,
    )


def _save(field: Field, form: FixForm) -> Field:
    fixed = fix_field(db(), **_written(field, form))
    for each in unfit(db(), [field.row_id], now=moment()) if field.kind in ("need", "new_need") else ():
        flash(
            _(
                "%(who)s is booked for it and does not fit any more: %(why)s The job's next step says so.",
                who=each.technician,
                why=each.reasons[0],
            ),
            "problem",
        )
    if (
        fixed.value != field.value or field.fixable.shape is Shape.SKILL
    ):  # what was saved unchanged is no step, and its undo would take back another
        back: Any = {"undo_url": url_for("steps.undo"), "fields": {"back": _back()}}
        # what somebody saw stays a fact: another assessment corrects a level, nothing takes it back
        message: Any = {"text": _("Saved."), **(back if field.part is None else {})}
        flash(message, "good")
    return fixed


def _propose(field: Field, form: FixForm) -> Field:
    made = propose_fix(db(), **_written(field, form), why=form.why.data or "")
    flash(
        _(
            "Proposed. %(who)s answers by %(when)s; you see the answer under your loose ends.",
            who=owner_name(db(), made.owner_id),
            when=day_clock(made.due_at, zone_of_territory(db(), made.territory_id)),
        ),
        "good",
    )
    return field


def _written(field: Field, form: FixForm) -> dict[str, Any]:
    return {
        "entity": field.entity,
        "row_id": field.row_id,
        "name": field.name,
        "value": form.value.data or "",
        "was": form.was.data or "",
        "actor": actor(),
        "now": moment(),
    }


def _shown(field: Field) -> Response:
    """Give back the field as it reads on a page, with the focus where it was."""
    return _page(field, form=None)


def _page(field: Field, *, status: int = 200, **context: Any) -> Response:
    return page(
        "fixes/edit.html",
        fragment="field",
        status=status,
        field=field,
        label=label_of(field),
        hint=str(HINTS.get(field.fixable.shape, "")),
        words=words_of(field),
        back=_back(),
        **context,
    )


def label_of(field: Field) -> str:
    """Return what a field is called, for a level with its skill."""
    label = str(LABELS[field.entity, field.kind])
    return label if field.part is None else _("%(label)s in %(skill)s", label=label, skill=skill_name(db(), field.part))


def words_of(field: Field) -> str:
    """Return a value as pages show it."""
    if field.fixable.shape is Shape.CHANNEL:
        return str(dict(CHANNELS).get(field.value, field.value))
    if field.fixable.shape is Shape.NEED:
        return need_words(field.value)
    if field.fixable.shape is Shape.LEVEL:
        return _("Level %(value)s", value=field.value)
    return _("%(n)s min", n=field.value) if field.fixable.shape is Shape.MINUTES else field.value


def need_words(value: str) -> str:
    """Return what is needed of a skill in words: ``must 3 better 4`` is at level 3, better 4."""
    words = value.split()
    said = dict(zip(words[::2], words[1::2], strict=True))
    parts = []
    if "must" in said:
        parts.append(_("at level %(n)s", n=said["must"]))
    if "better" in said:
        parts.append(_("better %(n)s", n=said["better"]))
    return ", ".join(parts) or _("not needed")


def _back() -> str:
    return safe_target(request.values.get("back")) or url_for("account.home")
