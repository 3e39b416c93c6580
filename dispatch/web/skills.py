"""The skills catalogue: the tree, a skill with where it is used, and its changes with a look at what each touches."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import (
    BooleanField,
    HiddenField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from dispatch.accounts.access import Right
from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs.queries import history
from dispatch.jobs.skill_use import SkillUse, use_of_skill
from dispatch.skills import cataloguing as service
from dispatch.skills.attribution import attributions
from dispatch.skills.cataloguing import LEVELS
from dispatch.skills.choices import group_choices, skill_choices
from dispatch.skills.models import RelationKind, Skill
from dispatch.skills.starting import load_starter_catalogue
from dispatch.skills.suggest import suggest_skills
from dispatch.skills.taxonomy import Taxonomy, load_taxonomy
from dispatch.skills.tree import SkillPage, catalogue_table, certification_lines, skill_page
from dispatch.web.context import actor, db, moment
from dispatch.web.forms import Form, given, options, whole
from dispatch.web.history import timeline_items, zone_of_reader
from dispatch.web.pages import form_page, page
from dispatch.web.security import permission
from dispatch.web.words import _, _l

blueprint = Blueprint("skills", __name__, url_prefix="/skills")
LONGEST_QUESTION = 120
FOUND = 30


class SkillForm(Form):
    """What a skill is made of."""

    version = HiddenField(default="1")
    name = StringField(_l("Name"), validators=[DataRequired(_l("Give the skill a name.")), Length(max=120)])
    parent_id = SelectField(_l("Belongs to"), coerce=int)
    assignable = BooleanField(_l("People can have it"), default=True)
    aliases = TextAreaField(_l("Other words for it"), description=_l("One a line: what people really say and type"))
    critical = BooleanField(_l("Critical: somebody's own word never counts for it"))
    half_life_days = IntegerField(
        _l("Practice fades by half in so many days"),
        description=_l("198 where accuracy counts, 396 for routine work"),
        validators=[InputRequired(_l("Give a number of days.")), NumberRange(1, service.LONGEST_HALF_LIFE_DAYS)],
        default=198,
    )
    level_1 = StringField(_l("Level 1"), validators=[Optional(), Length(max=300)])
    level_2 = StringField(_l("Level 2"), validators=[Optional(), Length(max=300)])
    level_3 = StringField(_l("Level 3"), validators=[Optional(), Length(max=300)])
    level_4 = StringField(_l("Level 4"), validators=[Optional(), Length(max=300)])
    level_5 = StringField(_l("Level 5"), validators=[Optional(), Length(max=300)])
    prerequisites = SelectMultipleField(_l("Needs first"), coerce=int)
    implies = SelectMultipleField(_l("Includes"), coerce=int)


class MergeForm(Form):
    """Which skill it lives on in."""

    version = HiddenField(default="1")
    into_id = SelectField(_l("Lives on in"), coerce=int)


class RetireForm(Form):
    """Why it is not used any more."""

    version = HiddenField(default="1")
    reason = StringField(_l("Why"), validators=[DataRequired(_l("Say why, so that others understand it later."))])


@blueprint.get("")
@permission(Right.SKILL_READ, own=True)
def index() -> Response:
    """Show the tree, or what some words find in it."""
    words = " ".join(request.args.get("q", "").split())[:LONGEST_QUESTION]
    with_retired = request.args.get("retired") == "1"
    taxonomy = load_taxonomy(db())
    found = suggest_skills(db(), taxonomy, words, limit=FOUND) if words else []
    return page(
        "skills/index.html",
        fragment="tree",
        taxonomy=taxonomy,
        q=words,
        with_retired=with_retired,
        found=[(taxonomy.nodes[one.skill_id], path(taxonomy, one.skill_id), one.because) for one in found],
        retired=sum(node.retired for node in taxonomy.nodes.values()),
        kinds=certification_lines(db(), with_retired=with_retired),
        may_edit=_may_edit(),
        may_import=actor().may(Right.IMPORT),
        attributions=attributions(db()),
    )


@blueprint.get("/catalogue.csv")
@permission(Right.EXPORT, own=True)
def table() -> Response:
    """Give the catalogue as a table, with what its sources ask to be said."""
    answer = Response(catalogue_table(db()), mimetype="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="skills.csv"'
    return answer


@blueprint.route("/new", methods=["GET", "POST"])
@permission(Right.CATALOGUE_EDIT)
def new() -> Response:
    """Add a skill, or a group of skills."""
    taxonomy = load_taxonomy(db())
    proposed = request.args.get("name", "")[:LONGEST_QUESTION]
    form = SkillForm(data={"parent_id": request.args.get("parent", type=int) or 0, "name": proposed})
    _offer(form, taxonomy, None)
    if form.validate_on_submit():
        try:
            values = _values(form)
            related = {part: values.pop(part) for part in service.LISTS}
            skill = service.add_skill(db(), **values, actor=actor(), now=moment())
            service.change_skill(db(), skill_id=skill.id, changes=related, actor=actor(), now=moment())
        except Invalid as refused:
            form.refuse(refused)
        else:
            flash(_("Added."), "good")
            return redirect(url_for("skills.show", skill_id=skill.id), 303)
    return form_page("skills/edit.html", form, skill=None, use=None, back=url_for("skills.index"))


@blueprint.post("/start")
@permission(Right.CATALOGUE_EDIT)
def start() -> Response:
    """Add what is missing of the built-in catalogue."""
    skills, kinds = load_starter_catalogue(db(), actor=actor(), now=moment())
    added = _("%(skills)s skills and %(kinds)s kinds of certificates added.", skills=skills, kinds=kinds)
    flash(added if skills or kinds else _("Nothing was missing."), "good")
    return redirect(url_for("skills.index"), 303)


@blueprint.get("/<int:skill_id>")
@permission(Right.SKILL_READ, own=True)
def show(skill_id: int) -> Response:
    """Show a skill: what it is, and where it is used."""
    taxonomy, shown = load_taxonomy(db()), skill_page(db(), skill_id)
    may_people = actor().reaches_others(Right.PERSON_READ)
    return page(
        "skills/show.html",
        taxonomy=taxonomy,
        skill=shown.skill,
        shown=shown,
        trail=path(taxonomy, skill_id),
        use=_use(skill_id) if may_people else None,
        may_edit=_may_edit(),
        may_people=may_people,
        needed_by=_pointing_at(taxonomy, RelationKind.PREREQUISITE, skill_id),
        included_in=_pointing_at(taxonomy, RelationKind.IMPLIES, skill_id),
        history_items=timeline_items(history(db(), "skill", [skill_id], limit=20), zone_of_reader()),
    )


@blueprint.route("/<int:skill_id>/edit", methods=["GET", "POST"])
@permission(Right.CATALOGUE_EDIT)
def edit(skill_id: int) -> Response:
    """Change a skill."""
    taxonomy, shown = load_taxonomy(db()), skill_page(db(), skill_id)
    skill, back = shown.skill, url_for("skills.show", skill_id=skill_id)
    form = SkillForm(data=_data(shown, taxonomy))
    _offer(form, taxonomy, skill_id)
    conflict = None
    if form.validate_on_submit():
        try:
            service.change_skill(
                db(), skill_id=skill_id, version=_version(form), changes=_values(form), actor=actor(), now=moment()
            )
        except Invalid as refused:
            form.refuse(refused)
        except Conflict as refused:
            conflict, form.version.data = refused.message, str(skill.version)
        else:
            _say_undoable(_("Saved."), back)
            return redirect(back, 303)
    return form_page("skills/edit.html", form, skill=skill, use=_use(skill_id), conflict=conflict, back=back)


@blueprint.route("/<int:skill_id>/merge", methods=["GET", "POST"])
@permission(Right.CATALOGUE_EDIT)
def merge(skill_id: int) -> Response:
    """Let a skill live on in another one, after a look at what that touches."""
    skill = service.get_skill(db(), skill_id)
    form = MergeForm(data={"version": skill.version, "into_id": request.args.get("into", type=int)})
    form.into_id.choices = options(choice for choice in skill_choices(db()) if choice[0] != skill_id)
    conflict = None
    if form.validate_on_submit():
        try:
            into = service.merge_skill(
                db(),
                skill_id=skill_id,
                into_id=form.into_id.data,
                version=_version(form),
                actor=actor(),
                now=moment(),
            )
        except Invalid as refused:
            form.refuse(refused)
        except Conflict as refused:
            conflict, form.version.data = refused.message, str(skill.version)
        else:
            back = url_for("skills.show", skill_id=into.id)
            _say_undoable(_("%(name)s lives on in %(other)s.", name=skill.name, other=into.name), back)
            return redirect(back, 303)
    return form_page("skills/merge.html", form, skill=skill, use=_use(skill_id), conflict=conflict)


@blueprint.route("/<int:skill_id>/retire", methods=["GET", "POST"])
@permission(Right.CATALOGUE_EDIT)
def retire(skill_id: int) -> Response:
    """Take a skill out of use, after a look at what that touches."""
    skill = service.get_skill(db(), skill_id)
    form = RetireForm(data={"version": skill.version})
    back = url_for("skills.show", skill_id=skill_id)
    conflict = None
    if form.validate_on_submit():
        try:
            service.retire_skill(
                db(),
                skill_id=skill_id,
                version=_version(form),
                reason=given(form.reason.data),
                actor=actor(),
                now=moment(),
            )
        except Invalid as refused:
            form.refuse(refused)
        except Conflict as refused:
            conflict, form.version.data = refused.message, str(skill.version)
        else:
            _say_undoable(_("%(name)s is out of use.", name=skill.name), back)
            return redirect(back, 303)
    return form_page("skills/retire.html", form, skill=skill, use=_use(skill_id), conflict=conflict)


@blueprint.post("/<int:skill_id>/bring-back")
@permission(Right.CATALOGUE_EDIT)
def bring_back(skill_id: int) -> Response:
    """Take a retired or merged skill into use again."""
    back = url_for("skills.show", skill_id=skill_id)
    version = whole(request.form.get("version")) or abort(400)
    service.bring_back_skill(db(), skill_id=skill_id, version=version, actor=actor(), now=moment())
    _say_undoable(_("It is in use again."), back)
    return redirect(back, 303)


def path(taxonomy: Taxonomy, skill_id: int) -> list[tuple[str, str]]:
    """Return the groups above a skill from the top down, as (name, address)."""
    return [
        (taxonomy.nodes[above].name, url_for("skills.show", skill_id=above))
        for above in reversed(taxonomy.broader(skill_id))
    ]


def _may_edit() -> bool:
    return actor().may(Right.CATALOGUE_EDIT)


def _use(skill_id: int) -> SkillUse:
    return use_of_skill(db(), skill_id, territories=actor().territories(Right.PERSON_READ), on=moment().date())


def _pointing_at(taxonomy: Taxonomy, kind: RelationKind, skill_id: int) -> list[int]:
    return sorted(skill for (each, skill), others in taxonomy.relations.items() if each is kind and skill_id in others)


def _offer(form: SkillForm, taxonomy: Taxonomy, skill_id: int | None) -> None:
    """Offer what a skill can belong to and be related with: never itself or what lies below it."""
    within = set() if skill_id is None else {skill_id, *taxonomy.narrower(skill_id)}
    groups = [(number, name) for number, name in group_choices(taxonomy) if number not in within]
    form.parent_id.choices = options([(0, _("Nothing: it is a trade of its own")), *groups])
    there = [other for kind in RelationKind for other in taxonomy.relations.get((kind, skill_id or 0), ())]
    others = options(choice for choice in skill_choices(db(), also=there) if choice[0] != skill_id)
    form.prerequisites.choices = form.implies.choices = others


def _data(shown: SkillPage, taxonomy: Taxonomy) -> dict[str, Any]:
    skill: Skill = shown.skill
    return {
        "version": skill.version,
        "name": skill.name,
        "parent_id": skill.parent_id or 0,
        "assignable": skill.assignable,
        "aliases": "\n".join(shown.aliases),
        "critical": skill.critical,
        "half_life_days": skill.half_life_days,
        **{f"level_{level}": skill.level_anchors.get(level, "") for level in LEVELS},
        **{part: sorted(taxonomy.relations.get((kind, skill.id), frozenset())) for part, kind in service.LISTS.items()},
    }


def _values(form: SkillForm) -> dict[str, Any]:
    return {
        "name": given(form.name.data),
        "parent_id": form.parent_id.data or None,
        "assignable": form.assignable.data,
        "aliases": (form.aliases.data or "").splitlines(),
        "critical": form.critical.data,
        "half_life_days": given(form.half_life_days.data),
        "level_anchors": {level: form[f"level_{level}"].data or "" for level in LEVELS},
        "prerequisites": form.prerequisites.data or [],
        "implies": form.implies.data or [],
    }


def _version(form: Any) -> int:
    return whole(form.version.data) or abort(400)


def _say_undoable(text: str, back: str) -> None:
    message: Any = {"text": text, "undo_url": url_for("steps.undo"), "fields": {"back": back}}
    flash(message, "good")
