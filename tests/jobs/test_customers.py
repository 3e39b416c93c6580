from typing import Any

import pytest
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM
from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs import customers
from dispatch.jobs.customers import SiteDraft
from dispatch.jobs.models import PersonLinkKind
from tests.factories import MORNING, make_customer, make_job, make_site, make_technician, make_territory

DOER = {"actor": SYSTEM, "now": MORNING}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"address": ""}, "address"),
        ({"lat": 52.0}, "lat"),
        ({"lat": 91.0, "lon": 0.0}, "lat"),
        ({"lat": 0.0, "lon": 0.0}, "lat"),
        ({"lat": float("nan"), "lon": 1.0}, "lat"),
        ({"territory_id": 0}, "territory_id"),
    ],
)
def test_a_site_that_cannot_be_is_refused_at_its_field(session: Session, changes: dict[str, Any], field: str) -> None:
    good = {
        "customer_id": make_customer(session).id,
        "territory_id": make_territory(session).id,
        "name": "Yard",
        "address": "2 Long Street",
    }
    with pytest.raises(Invalid) as refused:
        customers.add_site(session, SiteDraft(**(good | changes)), **DOER)
    assert refused.value.field == field
    assert customers.add_site(session, SiteDraft(**good), **DOER).id


def test_a_gate_code_is_mended_at_once(session: Session) -> None:
    site = make_site(session)
    customers.change_site(session, site_id=site.id, version=site.version, changes={"gate_code": "4711"}, **DOER)
    assert (site.gate_code, site.version) == ("4711", 2)
    with pytest.raises(Invalid):
        customers.change_site(session, site_id=site.id, version=2, changes={"customer_id": 1}, **DOER)


def test_a_person_is_not_wanted_and_unwanted_at_once(session: Session) -> None:
    customer, person = make_customer(session), make_technician(session)
    link = {"customer_id": customer.id, "technician_id": person.id, **DOER}
    customers.link_person(session, kind=PersonLinkKind.PREFERRED, **link)
    customers.link_person(session, kind=PersonLinkKind.PREFERRED, note="again", **link)
    with pytest.raises(Conflict, match="preferred"):
        customers.link_person(session, kind=PersonLinkKind.EXCLUDED, **link)


def test_a_customer_with_open_work_stays(session: Session) -> None:
    job = make_job(session, title="Lift stuck")
    with pytest.raises(Conflict, match="Lift stuck"):
        customers.retire_customer(session, customer_id=job.customer_id, version=1, **DOER)
