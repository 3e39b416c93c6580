"""The page of promises, as a manager reads it."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy.dialects.postgresql import Range

from dispatch.accounts.models import Agreement
from dispatch.core import clock
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import PromiseState
from dispatch.planning.models import AssignmentState, ReportKind, VisitReport
from dispatch.web.promises import BANDS, _band
from dispatch.workforce.models import Territory
from tests.factories import make_assignment, make_job, make_promise, make_site, make_technician, make_visit
from tests.web.browser import Browser
from tests.web.conftest import Site

SignIn = Callable[[str], Browser]


def test_without_history_the_page_says_what_is_missing(client_for: SignIn) -> None:
    text = client_for("manager").get("/promises").text
    assert "No promise of this month has come to its end. A promise is made when a window is agreed" in text
    assert "An administrator records one with the command" in text


@pytest.fixture(scope="module")
def month(site: Site) -> datetime:
    """Give a month in the North: six people kept two promises each by day, two missed one each in the evening."""
    last = clock.now().date().replace(day=1) - timedelta(days=10)
    noon = datetime.combine(last, time(10), tzinfo=UTC)
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        place = make_site(session, territory=north)
        valid = Range(last.replace(day=1), None)
        agreed = {"scope": "all", "reference": "p. 3", "recorded_at": clock.now()}
        session.add(Agreement(kind="outcome_evidence", valid=valid, **agreed))
        for number in range(8):
            who = make_technician(session, territory=north)
            late = number >= 6
            for turn in range(1 if late else 2):
                start_at = noon + timedelta(hours=9 if late else 0, days=turn)
                during = Range(start_at, start_at + timedelta(hours=1))
                visit = make_visit(session, job=make_job(session, site=place), state=VisitState.DONE)
                make_assignment(session, visit=visit, technician=who, during=during, state=AssignmentState.DONE)
                state = PromiseState.MISSED if late else PromiseState.KEPT
                make_promise(session, visit=visit, during=during, state=state, missed_by_s=600 if late else None)
                fixed = number != 0
                session.add(
                    VisitReport(
                        visit_id=visit.id,
                        technician_id=who.id,
                        kind=ReportKind.DONE,
                        happened_at=during.upper,
                        received_at=during.upper,
                        fixed_first_time=fixed,
                        cause=None if fixed else "parts",
                    )
                )
    return noon


def test_small_groups_are_hidden_with_what_would_give_them_away(
    client_for: SignIn, month: datetime, site: Site
) -> None:
    page = client_for("manager").get("/promises")
    assert "12 of 14 promises were kept: 85.7 %." in page.text
    assert "North 14 2 85.7 %" in page.text
    # The evening is two people's; the only other band would give it away, so no band is shown at all.
    assert page.text.count("hidden hidden hidden") == 4
    assert "The causes are not shown: there are too few people behind them." in page.text
    assert "fixed it at once" in page.text
    answer = client_for("manager").client.get("/promises/table.csv")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    told = {(row["measure"], row["table"], row["group"]): (row["visits"], row["not_kept_or_fixed"]) for row in rows}
    assert told["Promises", "By territory", "North"] == ("14", "2")
    assert all(told[key] == ("", "") for key in told if key[1] == "By time of day")


def test_only_managers_and_complete_months(client_for: SignIn, month: datetime) -> None:
    manager = client_for("manager").client
    for bad in ("2999-01", "x", "2026-13", f"{clock.now():%Y-%m}"):
        assert manager.get(f"/promises?month={bad}").status_code == 404, bad
    for role in ("dispatcher", "technician"):
        for path in ("/promises", "/promises/table.csv"):
            assert client_for(role).client.get(path).status_code == 403, (role, path)


def test_times_of_day_read_as_everywhere(site: Site) -> None:
    with site.app.test_request_context():
        told = [_band(number) for number in range(len(BANDS))]
    assert told[:3] == ["before 08:00", "08:00–10:00", "10:00–12:00"]
    assert re.fullmatch(r"from \d\d:00 on", told[-1])
