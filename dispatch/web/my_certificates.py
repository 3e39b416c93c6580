"""A technician's own certificates: handed in with a photo, counted once somebody else has confirmed the dates."""

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_wtf.file import FileField
from werkzeug.wrappers import Response as AnyResponse
from wtforms import DateField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from dispatch.accounts.access import Right
from dispatch.core.attachments import keep_file
from dispatch.core.clock import local_day
from dispatch.core.errors import Invalid, NotFound
from dispatch.core.photos import redraw
from dispatch.planning.technician_day import zone_of
from dispatch.skills import service
from dispatch.skills.choices import certification_choices
from dispatch.skills.documents import PHOTO_OF, first_day, kind_of, usual_end
from dispatch.skills.queries import documents_of
from dispatch.web.context import actor, db, moment, services, technician_id
from dispatch.web.forms import Form, options, whole
from dispatch.web.pages import page
from dispatch.web.pictures import picture_of
from dispatch.web.security import permission, takes_photos
from dispatch.web.words import _, _l

blueprint = Blueprint("my_certificates", __name__, url_prefix="/my/skills/certificates")


class CertificateForm(Form):
    """A document as it stands on paper."""

    photo = FileField(_l("Photo of it"), validators=[Optional()])
    kind_id = SelectField(
        _l("Certificate"), coerce=int, validators=[NumberRange(min=1, message=_l("Choose the certificate."))]
    )
    number = StringField(_l("Number"), validators=[InputRequired(_l("Enter the number.")), Length(max=80)])
    issuer = StringField(_l("Issued by"), validators=[Optional(), Length(max=120)])
    valid_to = DateField(_l("Last valid day"), validators=[Optional()])
    valid_from = DateField(_l("First valid day"), validators=[Optional()])


@blueprint.route("/new", methods=["GET", "POST"])
@permission(Right.CERTIFICATE_ADD, own=True)
@takes_photos
def add() -> AnyResponse:
    """Hand in a certificate; it counts when somebody else has confirmed its dates."""
    form = CertificateForm(kind_id=whole(request.args.get("kind")))
    form.kind_id.choices = options([(0, _("Choose")), *certification_choices(db())])
    today = local_day(moment(), zone_of(db(), technician_id(), moment().date()))
    if form.is_submitted() and form.validate() and _handed_in(form):
        flash(_("Handed in. It counts as soon as your manager has confirmed the dates."), "good")
        return redirect(url_for("my_skills.index", _anchor="certificates"), 303)
    chosen = kind_of(db(), form.kind_id.data or 0)
    begins = None if chosen is None else first_day(db(), technician_id(), chosen.id, today=today)
    return page(
        "my/certificate.html",
        form=form,
        chosen=chosen,
        begins=begins,
        usual_end=None if chosen is None or begins is None else usual_end(chosen, begins),
        status=422 if form.is_submitted() else 200,
    )


def _handed_in(form: CertificateForm) -> bool:
    """Keep the document with its photo; say on the form what is wrong with it otherwise."""
    today = local_day(moment(), zone_of(db(), technician_id(), moment().date()))
    kind_id = form.kind_id.data
    try:
        picture = _photo(form)
        document = service.record_certification(
            db(),
            technician_id=technician_id(),
            kind_id=kind_id,
            valid_from=form.valid_from.data or first_day(db(), technician_id(), kind_id, today=today),
            valid_to=form.valid_to.data,
            number=form.number.data or None,
            issuer=form.issuer.data or None,
            actor=actor(),
            now=moment(),
        )
        if picture is not None:
            keep_file(
                db(),
                services().settings.data_dir,
                entity=PHOTO_OF,
                entity_id=document.id,
                name=f"certificate-{document.id}.jpg",
                media_type="image/jpeg",
                data=picture,
                user_id=actor().user_id,
                now=moment(),
            )
    except Invalid as error:
        form.refuse(error)
        return False
    return True


def _photo(form: CertificateForm) -> bytes | None:
    """Return the photo drawn anew, None where none was sent."""
    sent = form.photo.data
    if not sent:
        return None
    try:
        return redraw(sent.read())
    except ValueError as error:
        raise Invalid(str(error), field="photo") from error


@blueprint.get("/<int:certification_id>/photo")
@permission(Right.CERTIFICATE_ADD, own=True)
def photo(certification_id: int) -> Response:
    """Show the photo of one's own certificate."""
    mine = documents_of(db(), technician_id(), on=moment().date())
    if certification_id not in {one.certification_id for one in mine}:
        raise NotFound("There is no such document.")
    return picture_of(PHOTO_OF, certification_id)
