"""Kinds of certificates in the catalogue: how long they usually hold, and which skills they prove."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import BooleanField, HiddenField, IntegerField, StringField
from wtforms.validators import DataRequired, Length, NumberRange, Optional

from dispatch.accounts.access import Right
from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs.queries import history
from dispatch.jobs.skill_use import KindUse, use_of_kind
from dispatch.skills import certification_kinds as service
from dispatch.skills.choices import skill_choices
from dispatch.skills.taxonomy import load_taxonomy
from dispatch.web.context import actor, db, moment
from dispatch.web.forms import Form, given, whole
from dispatch.web.history import timeline_items, zone_of_reader
from dispatch.web.pages import form_page, page
from dispatch.web.security import permission
from dispatch.web.words import _, _l

blueprint = Blueprint("certificate_kinds", __name__, url_prefix="/skills/certificates")
BLANK_ROWS = 3
ProofRow = tuple[int | None, int | None]


class KindForm(Form):
    """What a kind of certificate is."""

    version = HiddenField(default="1")
    name = StringField(_l("Name"), validators=[DataRequired(_l("Give it a name.")), Length(max=120)])
    issuer = StringField(_l("Usually issued by"), validators=[Optional(), Length(max=120)])
    usual_validity_months = IntegerField(
        _l("Usually valid for so many months"),
        description=_l("Empty: as it says on the document, or without end"),
        validators=[Optional(), NumberRange(1, service.LONGEST_VALIDITY_MONTHS)],
    )
    field = StringField(_l("What it is about"), validators=[Optional(), Length(max=60)])
    safety = BooleanField(_l("Safety: nobody may override it"))


class NewKindForm(KindForm):
    """A new kind needs its code."""

    code = StringField(
        _l("Short code"),
        description=_l("As on imported lists"),
        validators=[DataRequired(_l("Give it a short code.")), Length(max=60)],
    )


@blueprint.get("/<int:kind_id>")
@permission(Right.SKILL_READ, own=True)
def show(kind_id: int) -> Response:
    """Show a kind of certificate: what it is, what it proves, where it is used."""
    kind = service.get_certification_kind(db(), kind_id)
    taxonomy = load_taxonomy(db())
    return page(
        "skills/certificate.html",
        kind=kind,
        proves=[(taxonomy.nodes[skill], level) for skill, level in service.proofs_of(db(), kind_id)],
        use=_use(kind_id) if actor().reaches_others(Right.CERTIFICATE_READ) else None,
        may_edit=actor().may(Right.CATALOGUE_EDIT),
        history_items=timeline_items(history(db(), "certification_kind", [kind_id], limit=20), zone_of_reader()),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@permission(Right.CATALOGUE_EDIT)
def new() -> Response:
    """Add a kind of certificate."""
    form = NewKindForm()
    rows: list[ProofRow] = []
    if form.validate_on_submit():
        try:
            rows, proves = _proofs(request.form.getlist)
            values = _values(form) | {"code": given(form.code.data), "proves": proves}
            kind = service.add_certification_kind(db(), **values, actor=actor(), now=moment())
        except (Invalid, Conflict) as refused:
            form.refuse(refused if isinstance(refused, Invalid) else Invalid(refused.message, field="code"))
        else:
            flash(_("Added."), "good")
            return redirect(url_for("certificate_kinds.show", kind_id=kind.id), 303)
    return _form_page(form, None, rows, back=url_for("skills.index"))


@blueprint.route("/<int:kind_id>/edit", methods=["GET", "POST"])
@permission(Right.CATALOGUE_EDIT)
def edit(kind_id: int) -> Response:
    """Change a kind of certificate."""
    kind = service.get_certification_kind(db(), kind_id)
    form = KindForm(obj=kind)
    rows: list[ProofRow] = list(service.proofs_of(db(), kind_id))
    back = url_for("certificate_kinds.show", kind_id=kind_id)
    conflict = None
    if form.validate_on_submit():
        try:
            rows, proves = _proofs(request.form.getlist)
            _change(kind_id, form.version.data, _values(form) | {"proves": proves})
        except Invalid as refused:
            form.refuse(refused)
        except Conflict as refused:
            conflict, form.version.data = refused.message, str(kind.version)
        else:
            return _saved(_("Saved."), back)
    return _form_page(form, kind, rows, back=back, conflict=conflict)


@blueprint.post("/<int:kind_id>/retire")
@permission(Right.CATALOGUE_EDIT)
def retire(kind_id: int) -> Response:
    """Take a kind of certificate out of use; its page says what that touches."""
    _change(kind_id, request.form.get("version"), {"retired_at": moment()}, action="retire")
    return _saved(_("Out of use."), url_for("certificate_kinds.show", kind_id=kind_id))


@blueprint.post("/<int:kind_id>/bring-back")
@permission(Right.CATALOGUE_EDIT)
def bring_back(kind_id: int) -> Response:
    """Take a kind of certificate into use again."""
    _change(kind_id, request.form.get("version"), {"retired_at": None}, action="bring_back")
    return _saved(_("It is in use again."), url_for("certificate_kinds.show", kind_id=kind_id))


def _use(kind_id: int) -> KindUse:
    return use_of_kind(db(), kind_id, territories=actor().territories(Right.JOB_READ), on=moment().date())


def _change(kind_id: int, version: str | None, changes: dict[str, Any], **how: Any) -> None:
    service.change_certification_kind(
        db(), kind_id=kind_id, version=whole(version) or abort(400), changes=changes, actor=actor(), now=moment(), **how
    )


def _saved(text: str, back: str) -> Response:
    message: Any = {"text": text, "undo_url": url_for("steps.undo"), "fields": {"back": back}}
    flash(message, "good")
    return redirect(back, 303)


def _form_page(form: Any, kind: Any, rows: list[ProofRow], *, back: str, conflict: str | None = None) -> Response:
    blank: list[ProofRow] = [(None, None)] * BLANK_ROWS
    return form_page(
        "skills/certificate_edit.html",
        form,
        kind=kind,
        rows=[*rows, *blank],
        skills=skill_choices(db(), also=[skill for skill, _level in rows if skill]),
        back=back,
        conflict=conflict,
    )


def _values(form: KindForm) -> dict[str, Any]:
    return {
        "name": given(form.name.data),
        "issuer": form.issuer.data or None,
        "usual_validity_months": form.usual_validity_months.data,
        "field": form.field.data or None,
        "safety": form.safety.data,
    }


def _proofs(values: Any) -> tuple[list[ProofRow], list[tuple[int, int]]]:
    rows: list[ProofRow] = []
    found: dict[int, int] = {}
    for skill, level in zip(values("skill_id"), values("level"), strict=False):
        if not skill:
            continue
        number, at = whole(skill), whole(level)
        rows.append((number, at))
        if number is None or at is None:
            raise Invalid(_("Give each skill that it proves a level."))
        if number in found:
            raise Invalid(_("The same skill stands there twice."))
        found[number] = at
    return rows, list(found.items())
