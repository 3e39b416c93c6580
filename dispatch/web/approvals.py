"""What waits for somebody who may confirm: claims, certificates and what people see differently, in one queue."""

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from dispatch.accounts.access import Right
from dispatch.core.attachments import with_files
from dispatch.core.errors import Invalid
from dispatch.skills import approving, documents
from dispatch.skills.models import Evidence
from dispatch.skills.queries import certifications_to_confirm, open_contests
from dispatch.web.context import actor, db, moment
from dispatch.web.pages import page
from dispatch.web.security import permission
from dispatch.web.unfit_words import with_visits
from dispatch.web.words import _

blueprint = Blueprint("approvals", __name__, url_prefix="/approvals")
LONGEST_REASON = 300


@blueprint.get("")
@permission(Right.SKILL_CONFIRM)
def index() -> Response:
    """Show what waits in reach, the oldest first; one's own things wait for somebody else."""
    return _queue()


def _queue(*, refused: tuple[str, str] | None = None) -> Response:
    """Show the queue; ``refused`` names the line that could not be done and says why."""
    me, on = actor(), moment().date()
    reach = me.territories(Right.SKILL_CONFIRM)
    papers = [
        one
        for one in certifications_to_confirm(db(), on=on, territory_ids=me.territories(Right.CERTIFICATE_CONFIRM))
        if one.technician_id != me.technician_id
    ]
    return page(
        "approvals/index.html",
        claims=approving.list_claims(db(), territory_ids=reach, on=on, besides=me.technician_id),
        papers=papers,
        photos=with_files(db(), documents.PHOTO_OF, [one.certification_id for one in papers]),
        contests=[
            one for one in open_contests(db(), territory_ids=reach, on=on) if one.technician_id != me.technician_id
        ],
        fresh=[] if me.user_id is None else approving.fresh_answers(db(), me.user_id, now=moment()),
        refused=refused,
        status=422 if refused else 200,
    )


@blueprint.post("/claims/<int:evidence_id>")
@permission(Right.SKILL_CONFIRM)
def claim(evidence_id: int) -> Response:
    """Approve a claim, or give it back with a reason."""
    try:
        approved = _approved()
        fact = db().get(Evidence, evidence_id)
        if approved:
            approving.approve_claim(db(), evidence_id=evidence_id, actor=actor(), now=moment())
            said = _("Approved. Planning relies on it from now on.")
        else:
            approving.return_claim(db(), evidence_id=evidence_id, reason=_reason(), actor=actor(), now=moment())
            said = _("Given back. The person sees why.")
    except Invalid as error:
        return _queue(refused=(f"claim-{evidence_id}", error.message))
    flash(with_visits(said, fact.technician_id) if fact else said, "good")
    return redirect(url_for("approvals.index"), 303)


@blueprint.post("/claims/<int:evidence_id>/take-back")
@permission(Right.SKILL_CONFIRM)
def take_back(evidence_id: int) -> Response:
    """Take back one's own answer of a moment ago."""
    approving.take_back_answer(db(), evidence_id=evidence_id, actor=actor(), now=moment())
    flash(_("Taken back. The claim waits again."), "good")
    return redirect(url_for("approvals.index"), 303)


@blueprint.post("/certificates/<int:certification_id>")
@permission(Right.CERTIFICATE_CONFIRM)
def certificate(certification_id: int) -> Response:
    """Confirm the dates of a certificate, or give it back with a reason."""
    version = request.form.get("version", 0, type=int)
    try:
        if _approved():
            document = documents.confirm_certification(
                db(), certification_id=certification_id, version=version, actor=actor(), now=moment()
            )
            said = _("Confirmed. It counts from now on.")
        else:
            document = documents.return_certification(
                db(),
                certification_id=certification_id,
                version=version,
                reason=_reason(),
                actor=actor(),
                now=moment(),
            )
            said = _("Given back. The person sees why.")
    except Invalid as error:
        return _queue(refused=(f"certificate-{certification_id}", error.message))
    flash(with_visits(said, document.technician_id), "good")
    return redirect(url_for("approvals.index"), 303)


def _approved() -> bool:
    """Say which of the two buttons was pressed."""
    answer = request.form.get("answer")
    if answer not in ("approve", "return"):
        raise Invalid(_("Approve it, or give it back with a reason."))
    return answer == "approve"


def _reason() -> str:
    return " ".join(request.form.get("reason", "").split())[:LONGEST_REASON]
