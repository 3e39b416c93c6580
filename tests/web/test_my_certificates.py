"""Certificates as their holder hands them in: a photo, what it says, and what happens to bad files."""

import io
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from dispatch.accounts.models import RoleName
from dispatch.core import clock
from dispatch.core.attachments import FOLDER
from dispatch.core.models import Attachment
from dispatch.core.photos import MOST_BYTES
from dispatch.skills.models import Certification, CertificationKind, DocumentState
from dispatch.web.context import EXTENSION
from dispatch.web.security import MOST_PHOTO_BYTES
from dispatch.workforce.models import Technician, Territory
from tests.factories import (
    make_certification,
    make_certification_kind,
    make_job,
    make_site,
    make_technician,
    make_user,
    make_visit,
)
from tests.web.browser import Browser
from tests.web.conftest import PASSWORD, STORED, Site

NEW = "/my/skills/certificates/new"


class Holder:
    """A technician of their own for one test, and a kind of certificate."""

    def __init__(self, site: Site, name: str, *, territory_id: int | None = None) -> None:
        self.site = site
        with site.session() as session:
            place = session.get_one(Territory, territory_id or site.north_id)
            user = make_user(
                session, RoleName.TECHNICIAN, territory=place, name=name, email=f"{name}@example.test", password=STORED
            )
            self.email = user.email
            self.technician_id = make_technician(session, territory=place, name=name, user_id=user.id).id
            self.kind = f"Gas safety of {name}"
            self.kind_id = make_certification_kind(
                session, name=self.kind, issuer="Gas Board", usual_validity_months=24
            ).id

    def browser(self) -> Browser:
        browser = self.site.browser()
        browser.sign_in(self.email, PASSWORD)
        return browser

    def document(self) -> Certification:
        with self.site.session() as session:
            mine = select(Certification).where(Certification.technician_id == self.technician_id)
            return session.scalars(mine.order_by(Certification.id.desc())).first() or pytest.fail("no document")

    def photos(self) -> list[Attachment]:
        with self.site.session() as session:
            mine = select(Certification.id).where(Certification.technician_id == self.technician_id)
            ids = [str(number) for number in session.scalars(mine)]
            return list(session.scalars(select(Attachment).where(Attachment.entity_id.in_(ids))))


def photo(width: int = 2400, height: int = 1800, kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.effect_noise((width, height), 90).convert("RGB").save(out, kind)
    return out.getvalue()


def sent(data: bytes, name: str = "IMG_0001.jpg") -> FileStorage:
    return FileStorage(io.BytesIO(data), filename=name)


def upload(browser: Browser, values: dict[str, Any], *, address: str = NEW, token: str | None = None) -> int:
    """Send a large file from memory (the test client's own way leaves a file open), and return the status."""
    known = {"csrf_token": browser.token() if token is None else token}
    boundary, body = encode_multipart({**known, **values})
    kind = f"multipart/form-data; boundary={boundary}"
    return browser.client.post(address, data=body, content_type=kind).status_code


def test_a_certificate_waits_for_somebody_else(site: Site) -> None:
    own = Holder(site, "gil")
    browser = own.browser()
    browser.get(NEW)
    values = {"kind_id": str(own.kind_id), "number": "G-77", "valid_from": "2026-01-01", "valid_to": "2025-01-01"}
    unsaid = browser.post(NEW, values | {"kind_id": "0"}, status=422)
    assert not isinstance(unsaid, str)
    assert "Choose the certificate." in unsaid.text
    refused = browser.post(NEW, values, status=422)
    assert not isinstance(refused, str)
    assert "cannot end before it starts" in refused.text
    assert "G-77" in refused.html
    browser.post(NEW, values | {"valid_to": "2028-01-01"})
    assert "Waits for your manager" in browser.get("/my/skills").text
    assert own.document().state is DocumentState.CLAIMED


def test_photo_number_and_last_day_are_enough_and_the_photo_is_ours_afterwards(site: Site) -> None:
    own = Holder(site, "ida")
    browser = own.browser()
    page = browser.get(f"{NEW}?kind={own.kind_id}")
    assert "Empty for Gas Board." in page.text
    assert "Usually" in page.text
    last = clock.now().date() + timedelta(days=700)
    data = photo()
    assert len(data) > MOST_BYTES
    values = {"kind_id": str(own.kind_id), "number": "G-1", "valid_to": last.isoformat(), "photo": sent(data)}
    assert upload(browser, values) == 303
    document = own.document()
    assert (document.issuer, document.number) == ("Gas Board", "G-1")
    assert document.valid.upper == last + timedelta(days=1)
    assert abs((document.valid.lower - clock.now().date()).days) <= 1  # type: ignore[operator]  # there is one
    (kept,) = own.photos()
    assert (kept.media_type, kept.size_bytes <= MOST_BYTES) == ("image/jpeg", True)
    where = f"/my/skills/certificates/{document.id}/photo"
    assert where in browser.get("/my/skills").links
    answer = browser.client.get(where)
    assert (answer.status_code, answer.mimetype, len(answer.data)) == (200, "image/jpeg", kept.size_bytes)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", ""),
        (b"<svg onload='alert(1)'/>", "no picture we can read"),
        (b"%PDF-1.4", "no picture we can read"),
        (photo(40, 40, "GIF"), "no picture we can read"),
        (photo(400, 400)[:2000], "no picture we can read"),
    ],
)
def test_a_bad_file_is_refused_beside_its_field_and_nothing_is_kept(
    site: Site, data: bytes, words: str, request: pytest.FixtureRequest
) -> None:
    own = Holder(site, f"jo{abs(hash(request.node.name))}")
    browser = own.browser()
    browser.get(NEW)
    values = {"kind_id": str(own.kind_id), "number": "G-5", "photo": sent(data, "certificate.jpg" if data else "")}
    if not words:
        browser.post(NEW, values)
        assert own.photos() == []
        return
    page = browser.post(NEW, values, status=422)
    assert not isinstance(page, str)
    assert words in page.text
    assert "G-5" in page.html
    assert "Choose it again" in page.text
    with site.session() as session:
        mine = select(Certification).where(Certification.technician_id == own.technician_id)
        assert session.scalars(mine).all() == []


def test_a_phone_s_photo_is_taken_and_more_is_too_much_and_visitors_may_send_less(site: Site) -> None:
    own = Holder(site, "kit")
    browser = own.browser()
    browser.get(NEW)
    values = {"kind_id": str(own.kind_id), "number": "G-6"}
    large = photo(300, 300) + b"\0" * (8 * 1024 * 1024)
    assert upload(browser, values | {"photo": sent(large)}) == 303
    assert upload(browser, values | {"photo": sent(b"\0" * MOST_PHOTO_BYTES)}) == 413
    assert upload(browser, {"words": "x", "photo": sent(large)}, address="/my/skills/claim") == 413
    assert upload(site.browser(), {"photo": sent(large)}, token="none") == 413


def test_photos_are_seen_by_their_holder_and_by_whoever_confirms(site: Site) -> None:
    own, other = Holder(site, "lou"), Holder(site, "max")
    browser = own.browser()
    browser.get(NEW)
    browser.post(NEW, {"kind_id": str(own.kind_id), "number": "G-7", "photo": sent(photo(60, 40))})
    number = own.document().id
    theirs = f"/people/{own.technician_id}/certificates/{number}/photo"
    manager = site.sign_in("manager")
    assert theirs in manager.get(f"/people/{own.technician_id}").links
    assert manager.client.get(theirs).status_code == 200
    assert site.sign_in("dispatcher").client.get(theirs).status_code == 403
    assert site.sign_in("administrator").client.get(theirs).status_code == 403
    assert site.browser().client.get(theirs).status_code in (303, 302)
    stranger = other.browser()
    for address in (f"/my/skills/certificates/{number}/photo", "/my/skills/certificates/999999/photo"):
        assert stranger.client.get(address).status_code == 404
    assert manager.client.get(f"/people/{other.technician_id}/certificates/{number}/photo").status_code == 404
    folder = site.app.extensions[EXTENSION].settings.data_dir / FOLDER
    (folder / own.photos()[0].id.hex).unlink()
    assert manager.client.get(theirs).status_code == 404


def test_no_photo_of_another_territory(site: Site) -> None:
    far = Holder(site, "nia", territory_id=site.south_id)
    browser = far.browser()
    browser.get(NEW)
    browser.post(NEW, {"kind_id": str(far.kind_id), "number": "G-8", "photo": sent(photo(60, 40))})
    address = f"/people/{far.technician_id}/certificates/{far.document().id}/photo"
    assert site.sign_in("manager").client.get(address).status_code == 404


def test_a_renewal_begins_after_the_one_in_force(site: Site) -> None:
    own = Holder(site, "ove")
    ends = clock.now().date() + timedelta(days=20)
    with site.session() as session:
        kind = session.get_one(CertificationKind, own.kind_id)
        technician = session.get_one(Technician, own.technician_id)
        make_certification(session, technician=technician, kind=kind, valid=Range(ends - timedelta(days=300), ends))
    browser = own.browser()
    page = browser.get("/my/skills")
    (renew,) = [link for link in page.links if link.endswith(f"/new?kind={own.kind_id}")]
    browser.get(renew)
    browser.post(NEW, {"kind_id": str(own.kind_id), "number": "G-9", "valid_to": (ends + timedelta(9)).isoformat()})
    assert own.document().valid.lower == ends


def test_kinds_that_work_around_asks_for_are_one_tap_away(site: Site) -> None:
    own = Holder(site, "pia")
    with site.session() as session:
        kind = session.get_one(CertificationKind, own.kind_id)
        north = session.get_one(Territory, site.north_id)
        make_visit(session, job=make_job(session, site=make_site(session, territory=north)), certifications=(kind,))
    browser = own.browser()
    assert f"{NEW}?kind={own.kind_id}" in browser.get("/my/skills").links
    browser.post(NEW, {"kind_id": str(own.kind_id), "number": "G-10"})
    assert f"{NEW}?kind={own.kind_id}" not in browser.get("/my/skills").links
