"""The technician's own inventory: levels with how sure they are, the facts behind them, claims and certificates."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import IntegerField, RadioField, TextAreaField
from wtforms.validators import InputRequired, Length

from dispatch.accounts.access import Right
from dispatch.core.attachments import with_files
from dispatch.core.clock import local_day
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.planning.practised import UNUSED_AFTER, Practice, often_needed, papers_asked_for, practice_of
from dispatch.planning.technician_day import zone_of
from dispatch.skills import queries, service
from dispatch.skills.approving import returned_claims
from dispatch.skills.documents import PHOTO_OF
from dispatch.skills.models import Wish
from dispatch.skills.own_contests import contests_of
from dispatch.skills.profile import FactLine, SkillLine, SkillState, skill_profile
from dispatch.skills.reading import Sureness
from dispatch.skills.suggest import suggest_skills
from dispatch.skills.taxonomy import Taxonomy, load_taxonomy
from dispatch.skills.wishes import turn_down, wish_for, wishes_of
from dispatch.web.context import actor, db, moment, technician_id
from dispatch.web.forms import Form, options, whole
from dispatch.web.pages import page
from dispatch.web.security import permission
from dispatch.web.sheets import Row, csv_answer
from dispatch.web.skill_words import effect, sureness
from dispatch.web.words import _, _l

blueprint = Blueprint("my_skills", __name__, url_prefix="/my/skills")

LEVELS = {
    1: _l("assists"),
    2: _l("does standard work with checks"),
    3: _l("does standard work alone"),
    4: _l("solves unusual cases"),
    5: _l("teaches and signs off others"),
}
GROUPS: tuple[tuple[SkillState, Any, Any], ...] = (
    (
        SkillState.EXPIRING,
        _l("Not for much longer"),
        _l("Dispatch relies on these now. Unless something new is heard, in 60 days no more."),
    ),
    (SkillState.CLAIMED, _l("Claimed"), _l("Your own word. Somebody else has to confirm them before dispatch relies.")),
    (SkillState.CONFIRMED, _l("Confirmed"), _l("Dispatch relies on these.")),
    (SkillState.DOUBTFUL, _l("Not enough known"), _l("Others have spoken, and it is not enough for any level yet.")),
)
MOST_CONTESTS = 50
ANSWERS_SHOWN = timedelta(days=180)
SURENESS = {Sureness.SURE: _l("sure"), Sureness.LIKELY: _l("likely"), Sureness.CHECK: _l("check")}
WISHES = {Wish.MORE: _l("More"), Wish.ENOUGH: _l("Enough"), Wish.LESS: _l("Less")}


class ClaimForm(Form):
    """Which skill, at which level."""

    skill_id = IntegerField(_l("Skill"), validators=[InputRequired(_l("Choose the skill you mean."))])
    level = RadioField(
        _l("Level"),
        coerce=int,
        choices=options((number, f"{number}") for number in LEVELS),
        validators=[InputRequired(_l("Choose the level that describes you best."))],
    )


class ContestForm(Form):
    """What one sees differently."""

    reason = TextAreaField(
        _l("What do you see differently?"),
        validators=[InputRequired(_l("Say in a sentence what you see differently.")), Length(max=1000)],
    )


@blueprint.get("")
@permission(Right.SKILL_CLAIM, own=True)
def index() -> Response:
    """Show one's levels and certificates; one skill may be open with its facts."""
    me, now = technician_id(), moment()
    opened = whole(request.args.get("open"))
    profile = skill_profile(db(), me, actor=actor(), at=now, explain=() if opened is None else (opened,))
    practice = practice_of(db(), me, now=now)
    documents, seen = queries.documents_of(db(), me, on=_today()), contests_of(db(), me, limit=MOST_CONTESTS)
    groups = [
        (state.value, str(title), str(hint), [line for line in profile.lines if line.state is state])
        for state, title, hint in GROUPS
    ]
    return page(
        "my/skills.html",
        groups=[group for group in groups if group[3]],
        opened=opened,
        profile=profile,
        suggested=[one for one in practice if one.suggested],
        unused=_unused(profile.lines, practice, now),
        first_skills=[] if profile.lines else often_needed(db(), me, now=now),
        wishes=wishes_of(db(), me),
        wish_words=[(wish.value, str(words)) for wish, words in WISHES.items()],
        levels=LEVELS,
        sureness=sureness,
        effect=effect,
        documents=documents,
        photos=with_files(db(), PHOTO_OF, [one.certification_id for one in documents]),
        papers=papers_asked_for(db(), me, now=now),
        contests=seen,
        seen={one.certification_id for one in seen},
        returned=returned_claims(db(), me, since=now - ANSWERS_SHOWN),
        today=_today(),
    )


@blueprint.get("/export.csv")
@permission(Right.EXPORT, own=True)
def export() -> Response:
    """Give everything known about one's own skills as a table: each fact, then each certificate."""
    me, now = technician_id(), moment()
    profile = skill_profile(db(), me, actor=actor(), at=now, explain=())
    head = [
        _("What"),
        _("Level"),
        _("Relied on to"),
        _("Fact"),
        _("Source"),
        _("From"),
        _("To"),
        _("By"),
        _("Left out"),
    ]
    facts: list[Row] = [
        [
            line.name,
            round(line.estimate.mean, 2),
            line.relied_on_to,
            fact.sentence,
            fact.label,
            fact.first.isoformat(),
            fact.last.isoformat(),
            fact.given_by or "",
            fact.left_out or "",
        ]
        for line in profile.lines
        for fact in line.facts
    ]
    papers: list[Row] = [
        [
            one.kind,
            "",
            "",
            one.number or "",
            one.issuer or "",
            one.valid_from.isoformat(),
            "" if one.valid_to is None else one.valid_to.isoformat(),
            str(one.state),
            one.returned_because or "",
        ]
        for one in queries.documents_of(db(), me, on=_today())
    ]
    return csv_answer("my-skills", [head, *facts, *papers])


@blueprint.route("/claim", methods=["GET", "POST"])
@permission(Right.SKILL_CLAIM, own=True)
def claim() -> Response:
    """Find a skill from one's own words, then say by a sentence at which level one can do it."""
    words = " ".join(request.values.get("words", "").split())[:120]
    taxonomy = load_taxonomy(db())
    found = suggest_skills(db(), taxonomy, words) if words else []
    form = ClaimForm()
    if form.is_submitted() and _claimed(form, words, taxonomy):
        flash(_("Noted. Your manager can confirm it; until then it counts as your own word."), "good")
        return redirect(url_for("my_skills.index"), 303)
    surest = found[0].skill_id if found and (len(found) == 1 or found[0].sureness is Sureness.SURE) else None
    chosen = _in_use(taxonomy, form.skill_id.data or whole(request.values.get("skill"))) or surest
    return page(
        "my/claim.html",
        words=words,
        found=[(taxonomy.nodes[one.skill_id], one) for one in found if one.skill_id != chosen],
        chosen=None if chosen is None else taxonomy.nodes[chosen],
        form=form,
        sureness=SURENESS,
        levels=[] if chosen is None else _sentences(chosen),
        status=422 if form.is_submitted() else 200,
    )


def _claimed(form: ClaimForm, words: str, taxonomy: Taxonomy) -> bool:
    """Note the claim; say on the form what is wrong with it otherwise."""
    if not form.validate():
        return False
    if _in_use(taxonomy, form.skill_id.data) is None:
        form.refuse(Invalid(_("There is no such skill any more. Look for it by another word."), field="skill_id"))
        return False
    try:
        service.claim_skill(
            db(),
            technician_id=technician_id(),
            skill_id=form.skill_id.data or 0,
            level=form.level.data,
            words=words,
            actor=actor(),
            now=moment(),
        )
    except Invalid as error:
        form.refuse(error)
        return False
    return True


def _in_use(taxonomy: Taxonomy, skill_id: int | None) -> int | None:
    """Return the skill if people can have it now."""
    node = taxonomy.nodes.get(skill_id or 0)
    return node.id if node is not None and node.assignable and not node.retired else None


def _sentences(skill_id: int) -> list[tuple[int, str]]:
    """Return the levels with what somebody does at each, in the catalogue's words for this skill where it has some."""
    anchors = service.get_skill(db(), skill_id).level_anchors
    return [(number, str(anchors.get(str(number)) or meaning)) for number, meaning in LEVELS.items()]


def _unused(
    lines: Iterable[SkillLine], practice: Iterable[Practice], now: datetime
) -> list[tuple[SkillLine, date | None]]:
    """Return what dispatch relies on and no finished visit has asked for in half a year, with the last day it did."""
    last = {one.skill_id: one.last.date() for one in practice}
    used = {line.skill_id: last.get(line.skill_id, line.estimate.last_used) for line in lines}
    since = (now - UNUSED_AFTER).date()
    proven = [line for line in lines if line.relied_on_to]
    return [(line, day) for line in proven if (day := used[line.skill_id]) is None or day < since]


@blueprint.post("/<int:skill_id>/from-work")
@permission(Right.SKILL_CLAIM, own=True)
def from_work(skill_id: int) -> Response:
    """Add a skill that one's finished visits speak of, or say that they are no reason to."""
    me, now = technician_id(), moment()
    if request.form.get("answer") == "no":
        turn_down(db(), technician_id=me, skill_id=skill_id, actor=actor(), now=now)
        flash(_("All right. Only what you do from now on counts for asking again."), "good")
        return redirect(url_for("my_skills.index"), 303)
    one = next((each for each in practice_of(db(), me, now=now) if each.skill_id == skill_id and each.suggested), None)
    if one is None:
        raise Conflict(_("This is no suggestion any more: it is on your page, or the visits are too long ago."))
    words = _("%(n)s finished visits", n=one.visits)
    service.claim_skill(db(), technician_id=me, skill_id=skill_id, level=one.level, words=words, actor=actor(), now=now)
    flash(_("Added: %(skill)s, level %(level)s. Your manager can confirm it.", skill=one.name, level=one.level), "good")
    return redirect(url_for("my_skills.index", _anchor=f"skill-{skill_id}"), 303)


@blueprint.post("/<int:skill_id>/wish")
@permission(Right.SKILL_CLAIM, own=True)
def wish(skill_id: int) -> Response:
    """Say whether one would like more work in a skill, has enough, or would like less."""
    said = wish_for(
        db(),
        technician_id=technician_id(),
        skill_id=skill_id,
        wish=request.form.get("wish", ""),
        actor=actor(),
        now=moment(),
    )
    flash(
        {
            Wish.MORE: _("Noted: you would like more of it. Your manager and your dispatchers see it."),
            Wish.ENOUGH: _("Noted: you have enough of it. Your manager and your dispatchers see it."),
            Wish.LESS: _("Noted: you would like less of it. Your manager and your dispatchers see it."),
        }[said.wish or Wish.ENOUGH],
        "good",
    )
    return redirect(url_for("my_skills.index", _anchor=f"skill-{skill_id}"), 303)


@blueprint.post("/<int:skill_id>/still-true")
@permission(Right.SKILL_CLAIM, own=True)
def still_true(skill_id: int) -> Response:
    """Say that one's level is as it was."""
    service.still_true(db(), technician_id=technician_id(), skill_id=skill_id, actor=actor(), now=moment())
    flash(_("Thank you, noted with today's date."), "good")
    return redirect(url_for("my_skills.index", _anchor=f"skill-{skill_id}"), 303)


@blueprint.get("/<int:skill_id>/differently")
@permission(Right.SKILL_CONTEST, own=True)
def differently(skill_id: int) -> Response:
    """Lead from a level that somebody sees differently to the newest fact it rests on, or to a claim of their own."""
    profile = skill_profile(db(), technician_id(), actor=actor(), at=moment())
    line = next((line for line in profile.lines if line.skill_id == skill_id), None)
    said = [fact for fact in line.facts if not fact.left_out and fact.source != "self_claim"] if line else []
    if not said:
        flash(_("Nobody else has said anything about this skill yet. Say what you can do."), "good")
        return redirect(url_for("my_skills.claim", skill=skill_id), 303)
    newest = max(said, key=lambda fact: fact.last)
    return redirect(url_for("my_skills.contest", evidence_id=newest.keys[-1]), 303)


@blueprint.route("/facts/<int:evidence_id>/contest", methods=["GET", "POST"])
@permission(Right.SKILL_CONTEST, own=True)
def contest(evidence_id: int) -> Response:
    """See a fact about oneself differently; a named person answers."""
    line, fact = _own_fact(evidence_id)
    form = ContestForm()
    if form.is_submitted() and form.validate():
        try:
            opened = service.contest_evidence(
                db(), evidence_id=evidence_id, reason=str(form.reason.data), actor=actor(), now=moment()
            )
        except (Invalid, Conflict) as error:
            form.form_errors.append(error.message)
        else:
            until = f"{_local(opened.due_at):%d.%m.%Y}"
            flash(_("It is left out from now on. You get an answer by %(day)s.", day=until), "good")
            return redirect(url_for("my_skills.index", _anchor="contests"), 303)
    name, due_at = service.who_would_answer(db(), evidence_id, actor=actor(), now=moment())
    return page(
        "my/contest.html",
        form=form,
        line=line,
        fact=fact,
        paper=None,
        answers=name,
        by=_local(due_at),
        status=422 if form.is_submitted() else 200,
    )


@blueprint.route("/certificates/<int:certification_id>/contest", methods=["GET", "POST"])
@permission(Right.SKILL_CONTEST, own=True)
def contest_certificate(certification_id: int) -> Response:
    """See it differently that a certificate of one's own was given back; a named person answers."""
    mine = queries.documents_of(db(), technician_id(), on=_today())
    paper = next((one for one in mine if one.certification_id == certification_id), None)
    if paper is None:
        raise NotFound("There is no such document.")
    form = ContestForm()
    if form.is_submitted() and form.validate():
        try:
            opened = service.contest_certification(
                db(), certification_id=certification_id, reason=str(form.reason.data), actor=actor(), now=moment()
            )
        except (Invalid, Conflict) as error:
            form.form_errors.append(error.message)
        else:
            flash(_("Sent. You get an answer by %(day)s.", day=f"{_local(opened.due_at):%d.%m.%Y}"), "good")
            return redirect(url_for("my_skills.index", _anchor="contests"), 303)
    name, due_at = service.who_would_answer_paper(db(), certification_id, actor=actor(), now=moment())
    return page(
        "my/contest.html",
        form=form,
        paper=paper,
        answers=name,
        by=_local(due_at),
        status=422 if form.is_submitted() else 200,
    )


def _local(instant: datetime) -> date:
    return local_day(instant, zone_of(db(), technician_id(), moment().date()))


def _own_fact(evidence_id: int) -> tuple[SkillLine, FactLine]:
    """Return one's own fact as the profile words it; others' do not exist here."""
    profile = skill_profile(db(), technician_id(), actor=actor(), at=moment())
    for line in profile.lines:
        for fact in line.facts:
            if evidence_id in fact.keys:
                return line, fact
    raise NotFound("There is no such fact.")


def _today() -> date:
    return local_day(moment(), zone_of(db(), technician_id(), moment().date()))
