"""Importing a skill matrix: send the file, match its columns, look at what each cell becomes, import, take back."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_wtf.file import FileField
from werkzeug.wrappers import Response

from dispatch.accounts.access import Right
from dispatch.core.errors import Conflict, Invalid
from dispatch.imports.engine import is_upheaval
from dispatch.imports.matrix.levels import keys_in
from dispatch.imports.matrix.match import LEFT_OUT, Layout, Match
from dispatch.imports.matrix.people import People, load_people
from dispatch.imports.matrix.plan import CellFate, Plan
from dispatch.imports.matrix.proposing import SkillGuess, guess_skills, words_for_skills
from dispatch.imports.matrix.running import outcome_of, start_import
from dispatch.imports.matrix.service import levels_known, plan_matrix, print_of, undo_matrix, undoable_until
from dispatch.imports.matrix.uploads import (
    Waiting,
    choose,
    discard_upload,
    get_import,
    is_running,
    keep_upload,
    past_imports,
    read_upload,
    uploads_waiting,
    with_meanings,
)
from dispatch.skills.choices import skill_choices
from dispatch.skills.taxonomy import Taxonomy, load_taxonomy
from dispatch.web.context import actor, db, moment
from dispatch.web.forms import Form, whole
from dispatch.web.history import zone_of_reader
from dispatch.web.pages import form_page, page, page_number
from dispatch.web.security import permission, wants_part
from dispatch.web.sheets import csv_answer
from dispatch.web.words import _, _l

blueprint = Blueprint("imports", __name__, url_prefix="/imports/skills")
CELLS_ON_A_PAGE = 100
FAULTS_SHOWN = 100
WORDS_SHOWN = 200
PEOPLE_SHOWN = 100
MOST_OPTIONS = 12_000
ROLES = ("number", "mail", "name", "surname")


class UploadForm(Form):
    """The file."""

    file = FileField(_l("File"), description=_l("CSV or XLSX, up to 4 MB"))


@blueprint.route("", methods=["GET", "POST"])
@permission(Right.IMPORT)
def index() -> Response:
    """Take a file, and list what waits and what was imported."""
    form = UploadForm()
    if form.validate_on_submit():
        sent = form.file.data
        try:
            if not sent:
                raise Invalid(_("Choose the file."), field="file")
            upload = keep_upload(db(), file_name=sent.filename or "", data=sent.read(), actor=actor(), now=moment())
        except Invalid as refused:
            form.refuse(refused)
        else:
            return redirect(url_for("imports.columns", upload_id=upload.id), 303)
    return form_page(
        "imports/index.html",
        form,
        zone=zone_of_reader(),
        waiting=[(one, is_running(one)) for one in uploads_waiting(db(), actor=actor(), now=moment())],
        past=[(batch, name, undoable_until(batch) >= moment()) for batch, name in past_imports(db())],
    )


@blueprint.route("/files/<int:upload_id>/columns", methods=["GET", "POST"])
@permission(Right.IMPORT)
def columns(upload_id: int) -> Response:
    """Match columns, people and skills."""
    waiting = read_upload(db(), upload_id, actor=actor(), now=moment())
    taxonomy = load_taxonomy(db())
    match, source, problem = waiting.match, waiting.source, None
    if request.method == "POST":
        words = words_for_skills(waiting.table, match)
        source = request.form.get("source", "")
        try:
            before = (match.layout, match.skill_column)
            match = _chosen(match, words)
            asked = (match.layout, match.skill_column) == before
            match = choose(db(), waiting, match, source=source, taxonomy=taxonomy, whole=asked)
            same = words_for_skills(waiting.table, match) == words
            return redirect(url_for("imports.check" if same else "imports.columns", upload_id=upload_id), 303)
        except Invalid as refused:
            problem = refused.message
    return page(
        "imports/columns.html",
        status=422 if problem else 200,
        problem=problem,
        waiting=waiting,
        match=match,
        source=source,
        columns=waiting.table.columns,
        samples=_samples(waiting),
        words=_words(waiting, match, taxonomy),
        more=max(0, len(words_for_skills(waiting.table, match)) - WORDS_SHOWN),
    )


@blueprint.get("/files/<int:upload_id>")
@permission(Right.IMPORT)
def check(upload_id: int) -> Response:
    """Show what each cell would become, and what is wrong with which."""
    outcome = outcome_of(db(), upload_id, actor=actor(), now=moment())
    if outcome.running:
        return redirect(url_for("imports.running", upload_id=upload_id), 303)
    if outcome.batch_id is not None:
        return redirect(url_for("imports.show", batch_id=outcome.batch_id), 303)
    return _check_page(upload_id, problem=outcome.problem)


@blueprint.post("/files/<int:upload_id>/meanings")
@permission(Right.IMPORT)
def meanings(upload_id: int) -> Response:
    """Take what words and numbers mean, and who is meant in rows that name nobody for certain."""
    waiting = read_upload(db(), upload_id, actor=actor(), now=moment())
    taxonomy = load_taxonomy(db())
    said = [(name, number) for name, value in request.form.items() if (number := whole(value)) is not None]
    people = {name[7:]: number for name, number in said if name.startswith("person-") and whole(name[7:])}
    means = {name: number for name, number in said if name.startswith("means-")}
    scale = {request.form.get(name.replace("means", "key"), ""): number for name, number in means.items()}
    try:
        match = with_meanings(waiting.match, people=people, scale=scale)
        choose(db(), waiting, match, source=waiting.source, taxonomy=taxonomy)
    except Invalid as refused:
        return _check_page(upload_id, problem=refused.message, status=422)
    return redirect(url_for("imports.check", upload_id=upload_id), 303)


@blueprint.post("/files/<int:upload_id>/import")
@permission(Right.IMPORT)
def run(upload_id: int) -> Response:
    """Import the file as it was looked at; sent twice it is imported once."""
    try:
        batch_id = start_import(
            db(),
            upload_id,
            expected=request.form.get("print", ""),
            confirmed=request.form.get("confirm") == "yes",
            actor=actor(),
            now=moment(),
        )
    except (Conflict, Invalid) as refused:
        return _check_page(upload_id, problem=refused.message, status=409)
    if batch_id is None:
        return redirect(url_for("imports.running", upload_id=upload_id), 303)
    flash(_("Imported."), "good")
    return redirect(url_for("imports.show", batch_id=batch_id), 303)


@blueprint.get("/files/<int:upload_id>/running")
@permission(Right.IMPORT)
def running(upload_id: int) -> Response:
    """Say that a large file is being imported, until its outcome is there."""
    outcome = outcome_of(db(), upload_id, actor=actor(), now=moment())
    if outcome.running:
        return page("imports/running.html", fragment="state", outcome=outcome, upload_id=upload_id)
    if outcome.batch_id is None:
        target = url_for("imports.check", upload_id=upload_id)
    else:
        flash(_("Imported."), "good")
        target = url_for("imports.show", batch_id=outcome.batch_id)
    if wants_part():
        answer = Response(status=204)
        answer.headers["HX-Redirect"] = target
        return answer
    return redirect(target, 303)


@blueprint.post("/files/<int:upload_id>/discard")
@permission(Right.IMPORT)
def discard(upload_id: int) -> Response:
    """Forget a file that waits."""
    discard_upload(db(), upload_id, actor=actor(), now=moment())
    flash(_("The file is forgotten; nothing was imported."), "good")
    return redirect(url_for("imports.index"), 303)


@blueprint.get("/files/<int:upload_id>/faults.csv")
@permission(Right.IMPORT)
def faults(upload_id: int) -> Response:
    """Give every cell that cannot be used as a file, to correct them where they come from."""
    waiting = read_upload(db(), upload_id, actor=actor(), now=moment())
    plan = _plan(waiting, load_people(db()), load_taxonomy(db()))
    rows = [(one.line, one.column or "", one.value or "", one.remedy) for one in plan.faults]
    return csv_answer("cells-to-correct", [("line", "column", "value", "what would be right"), *rows])


@blueprint.get("/<int:batch_id>")
@permission(Right.IMPORT)
def show(batch_id: int) -> Response:
    """Show what an import did, and let it be taken back while that is possible."""
    batch = get_import(db(), batch_id, actor=actor())
    until = undoable_until(batch)
    return page(
        "imports/show.html",
        zone=zone_of_reader(),
        batch=batch,
        faults=batch.faults[:FAULTS_SHOWN],
        until=until,
        open=until >= moment(),
    )


@blueprint.post("/<int:batch_id>/undo")
@permission(Right.IMPORT)
def undo(batch_id: int) -> Response:
    """Take an import back."""
    try:
        taken = undo_matrix(db(), batch_id=batch_id, actor=actor(), now=moment())
    except Conflict as refused:
        flash(refused.message, "problem")
    else:
        flash(_("Taken back: %(n)s levels count no more.", n=taken), "good")
    return redirect(url_for("imports.show", batch_id=batch_id), 303)


def _plan(waiting: Waiting, people: People, taxonomy: Taxonomy) -> Plan:
    return plan_matrix(
        db(),
        waiting.table,
        waiting.match,
        source=waiting.source,
        actor=actor(),
        now=moment(),
        people=people,
        taxonomy=taxonomy,
    )


def _check_page(upload_id: int, *, problem: str | None = None, status: int = 200) -> Response:
    waiting = read_upload(db(), upload_id, actor=actor(), now=moment())
    people, taxonomy = load_people(db()), load_taxonomy(db())
    try:
        plan = _plan(waiting, people, taxonomy)
    except Invalid as refused:
        flash(refused.message, "problem")
        return redirect(url_for("imports.columns", upload_id=upload_id), 303)
    number = page_number()
    first = (number - 1) * CELLS_ON_A_PAGE
    counts = {fate.value: plan.count(fate) for fate in CellFate}
    known = levels_known(db(), waiting.source)
    return page(
        "imports/check.html",
        status=status,
        problem=problem,
        waiting=waiting,
        plan=plan,
        counts=counts,
        known=known,
        confirm=is_upheaval(counts["changed"], known),
        print=print_of(plan),
        cells=plan.cells[first : first + CELLS_ON_A_PAGE],
        first=first,
        number=number,
        people=people.people,
        skills=taxonomy.nodes,
        faults=plan.faults[:FAULTS_SHOWN],
        unclear=[row for row in plan.unclear if row[1].may_be][:PEOPLE_SHOWN],
        scale=_keys(waiting),
    )


def _keys(waiting: Waiting) -> list[tuple[str, int | None]]:
    """Return what the scale is asked for, the words that mean nothing yet first."""
    keys, _shares = keys_in(waiting.match.level_cells(waiting.table))
    return sorted(((key, waiting.match.scale.get(key)) for key in keys), key=lambda pair: pair[1] is not None)


def _chosen(match: Match, words: Iterable[str]) -> Match:
    """Read the form of columns."""
    form = request.form
    layout = Layout.LONG if form.get("layout") == "long" else Layout.WIDE
    skills: dict[str, int] = {}
    shown = {form.get(name, ""): form.get(name.replace("word", "skill"), "") for name in form if _is_word(name)}
    for word in words:
        if word not in shown:
            if word in match.skills:
                skills[word] = match.skills[word]
            continue
        number = whole(shown[word])
        if number is not None:
            skills[word] = number
    long = layout is Layout.LONG
    return replace(
        match,
        layout=layout,
        person={role: column for role in ROLES if (column := form.get(role, ""))},
        skill_column=form.get("skill_column", "") if long else "",
        level_column=form.get("level_column", "") if long else "",
        day_column=form.get("day_column", "") if long else "",
        skills=skills,
        as_of=form.get("as_of", ""),
        by_self=form.get("by_self") == "yes",
    )


def _is_word(name: str) -> bool:
    return name.startswith("word-") and name[5:].isdigit()


def _words(waiting: Waiting, match: Match, taxonomy: Taxonomy) -> list[dict[str, Any]]:
    """Return each word that may stand for a skill, with what can be chosen for it."""
    words = words_for_skills(waiting.table, match)[:WORDS_SHOWN]
    guesses = {guess.words: guess for guess in guess_skills(db(), taxonomy, words)}
    everything = skill_choices(db())
    names = dict(everything)
    short = len(words) * len(everything) > MOST_OPTIONS
    return [_word(word, guesses[word], match.skills, everything, names, short=short) for word in words]


def _word(
    word: str,
    guess: SkillGuess,
    chosen: Mapping[str, int],
    everything: list[tuple[int, str]],
    names: Mapping[int, str],
    *,
    short: bool,
) -> dict[str, Any]:
    near = [skill for skill in guess.may_be if skill in names]
    first = [(skill, names[skill]) for skill in near]
    rest = [] if short and guess.exact else [choice for choice in everything if choice[0] not in near]
    value = chosen.get(word)
    state = "left" if value == LEFT_OUT else "none" if value is None else "exact" if guess.exact else "alike"
    return {
        "words": word,
        "value": "" if value is None else value,
        "state": state,
        "choices": [("", _("Not decided")), (LEFT_OUT, _("Leave it out")), *first, *rest],
    }


def _samples(waiting: Waiting) -> dict[str, str]:
    """Return the first things that stand in each column."""
    found: dict[str, list[str]] = {column: [] for column in waiting.table.columns}
    for row in waiting.table.rows[:CELLS_ON_A_PAGE]:
        for column, cell in row.cells.items():
            if cell and cell not in found[column] and len(found[column]) < 3:
                found[column].append(cell[:30])
    return {column: ", ".join(cells) for column, cells in found.items()}
