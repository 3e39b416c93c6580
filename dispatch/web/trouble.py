"""Something happened to a visit: one page of reasons, each a tile, and what follows from it is the repair."""

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import DateField, HiddenField, StringField
from wtforms.validators import InputRequired, Length, Optional

from dispatch.accounts.access import Right
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.jobs.models import Job, Visit
from dispatch.jobs.queries import job_details, job_of_visit
from dispatch.planning.job_page import commitments
from dispatch.planning.models import Disruption, DisruptionKind
from dispatch.planning.visit_trouble import (
    WAITS,
    report_cancelled,
    report_longer,
    report_no_access,
    report_part_missing,
)
from dispatch.web.context import actor, db, moment
from dispatch.web.forms import Form, whole
from dispatch.web.pages import form_page
from dispatch.web.security import may_open, permission
from dispatch.web.words import _, _l

blueprint = Blueprint("trouble", __name__, url_prefix="/disruptions/visits")
LONGER = (15, 30, 60)


class TroubleForm(Form):
    """What happened; the tile that was pressed says which fields count."""

    kind = HiddenField(validators=[InputRequired()])
    ready_on = DateField(_l("When does it come?"), description=_l("Empty: somebody asks"), validators=[Optional()])
    reason = StringField(_l("Why"), description=_l("The team reads it"), validators=[Optional(), Length(max=300)])


@blueprint.route("/<int:visit_id>", methods=["GET", "POST"])
@permission(Right.ASSIGNMENT_EDIT)
def index(visit_id: int) -> Response:
    """Ask what happened to a visit, note it, and lead to its repair."""
    job, visit = _visit(visit_id)
    form = TroubleForm()
    if form.is_submitted() and form.validate():
        try:
            with db().begin_nested():
                made = _report(form, job, visit)
        except Invalid as refused:
            form.refuse(refused)
        except Conflict as refused:
            form.refuse(Invalid(refused.message))
        else:
            if made is not None:
                return redirect(url_for("disruptions.show", disruption_id=made.id), 303)
            flash(_("Noted. Nobody else is concerned."), "good")
            return redirect(url_for("jobs.show", job_id=job.id), 303)
        job, visit = _visit(visit_id)  # what was taken back is read anew
    crew = commitments(db(), [visit_id])
    return form_page(
        "disruptions/visit.html",
        form,
        job=job,
        visit=visit,
        crew=crew,
        waits=visit.state in WAITS,
        longer=LONGER,
        may_cancel=may_open("jobs.cancel") and visit.state is not WAITS[-1],
        where={name: request.args[name] for name in ("date", "territory") if request.args.get(name)},
    )


def _report(form: TroubleForm, job: Job, visit: Visit) -> Disruption | None:
    about: dict[str, Any] = {"actor": actor(), "now": moment()}
    match form.kind.data:
        case DisruptionKind.NO_ACCESS.value:
            return report_no_access(db(), visit_id=visit.id, **about)
        case DisruptionKind.PART_MISSING.value:
            return report_part_missing(db(), visit_id=visit.id, ready_on=form.ready_on.data, **about)
        case DisruptionKind.LONGER.value:
            return report_longer(db(), visit_id=visit.id, minutes=whole(request.form.get("minutes")) or 0, **about)
        case DisruptionKind.CANCELLATION.value if may_open("jobs.cancel"):
            return report_cancelled(db(), job_id=job.id, reason=form.reason.data or "", customer_knows=True, **about)
    raise Invalid(_("Choose what happened."))


def _visit(visit_id: int) -> tuple[Job, Visit]:
    job = job_details(db(), job_of_visit(db(), visit_id), territories=actor().territories(Right.ASSIGNMENT_EDIT))
    found = next((each for each in job.visits if each.id == visit_id), None)
    if found is None:
        raise NotFound(_("There is no such visit."))
    return job, found
