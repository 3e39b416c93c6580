import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from dispatch.core.errors import NotFound
from dispatch.jobs import queries
from dispatch.jobs.lifecycle import JobState
from tests.conftest import statements
from tests.factories import (
    MORNING,
    make_customer,
    make_job,
    make_promise,
    make_site,
    make_territory,
    make_visit,
)


def test_the_list_shows_what_lies_in_reach_with_the_true_total(session: Session, engine: Engine) -> None:
    here, there = make_territory(session), make_territory(session)
    for territory in (here, here, there):
        make_promise(
            session, visit=make_visit(session, job=make_job(session, site=make_site(session, territory=territory)))
        )
    with statements(engine) as sent:
        listing = queries.jobs(session, territories=[here.id])
    assert (listing.total, len(listing.rows), listing.first, listing.last) == (2, 2, 1, 2)
    assert all(row.territory == here.name and row.promise_start for row in listing.rows)
    assert sent.count == 2
    assert queries.jobs(session, territories=[]).total == 0


@pytest.mark.parametrize(
    ("text", "found"), [("boiler", 1), ("BOIL", 1), ("hale", 1), ("100%", 0), ("_oiler", 0), ("nothing", 0)]
)
def test_search_takes_words_literally(session: Session, text: str, found: int) -> None:
    site = make_site(session, customer=make_customer(session, name="Hale Dental"))
    make_job(session, site=site, title="Boiler leaks")
    assert queries.jobs(session, territories=[site.territory_id], text=text).total == found


def test_states_filter_and_order_by_what_is_due(session: Session) -> None:
    site = make_site(session)
    closed = make_job(session, site=site, state=JobState.DONE, closed_at=MORNING, next_step_due_at=None)
    open_job = make_job(session, site=site)
    everything = queries.jobs(session, territories=[site.territory_id])
    assert [row.id for row in everything.rows] == [open_job.id, closed.id]
    assert queries.jobs(session, territories=None, states=[JobState.DONE], customer_id=site.customer_id).total == 1


def test_out_of_reach_reads_like_unknown(session: Session) -> None:
    job = make_job(session)
    for territories, job_id in (([], job.id), (None, 10**8)):
        with pytest.raises(NotFound, match="There is no such job"):
            queries.job_details(session, job_id, territories=territories)


def test_customers_are_found_by_the_digits_of_their_phone(session: Session) -> None:
    customer = make_customer(session, name="Zoe's Bakery", phone="+49 30 123-456")
    make_site(session, customer=customer)
    assert [row.name for row in queries.customers(session, territories=None, text="30123456").rows] == ["Zoe's Bakery"]
    with pytest.raises(NotFound):
        queries.customer_details(session, customer.id, territories=[])
