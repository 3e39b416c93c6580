from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatch.accounts.models import RoleName
from dispatch.core.errors import Invalid
from dispatch.demo.workforce import generate_workforce
from dispatch.imports.requests import Replay
from dispatch.planning.models import Policy
from dispatch.planning.snapshot import active_policy, read_snapshot
from dispatch.skills.models import Certification, Evidence
from dispatch.workforce.models import Partner, PartnerDocument, Shift, Technician, Territory, TerritoryMembership
from tests.factories import make_user
from tests.imports.build import DATA, give, give_requests, needs_city_data

DAY = date(2026, 6, 2)
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def test_without_open_work_nobody_is_made(session: Session) -> None:
    with pytest.raises(Invalid, match="no open work"):
        generate_workforce(session, for_date=DAY, count=5, seed=1, now=NOW)


@needs_city_data
def test_the_new_york_day_gets_people_who_can_do_most_of_it(session: Session) -> None:
    make_user(session, RoleName.DISPATCHER)
    for kind, file in (("skills", "skills_catalogue.csv"), ("certifications", "certifications.csv")):
        give(session, kind, (DATA / "mapping" / file).read_bytes())
    mapping = (DATA / "mapping/request_type_mapping.csv").read_bytes()
    requests = (DATA / "requests/nyc_311_2012-11-20.csv").read_bytes()
    give_requests(session, requests, mapping, Replay(day=date(2012, 11, 20), shift_to=DAY))
    made = generate_workforce(session, for_date=DAY, count=120, seed=1, now=NOW)
    assert made["technician"] == 120
    assert session.scalar(select(func.count()).select_from(Shift).where(Shift.on_date == DAY)) == 120
    assert session.scalar(select(func.count()).select_from(Partner)) == 2
    assert session.scalar(select(func.count()).select_from(PartnerDocument)) == 2
    sources = set(session.scalars(select(Evidence.source)))
    assert {"supervisor", "practical_test", "self_claim", "job_outcome"} <= sources
    ends = [valid.upper for valid in session.scalars(select(Certification.valid))]
    assert min(ends) <= DAY < max(ends)
    assert any(DAY < end <= DAY + timedelta(days=30) for end in ends)
    shares = Counter(session.scalars(select(TerritoryMembership.territory_id)))
    assert len(shares) == 5
    assert able_share(session, active_policy(session)) > 0.85


def able_share(session: Session, policy: Policy) -> float:
    """Return the share of crew places that at least one person of the territory is qualified and certified for."""
    cells = [(territory, DAY) for territory in session.scalars(select(Territory.id))]
    problem = read_snapshot(session, scope=cells, policy=policy, now=NOW).problem
    places = able = 0
    for visit in problem.visits:
        for slot in visit.crew:
            places += 1
            able += any(
                all(
                    any(
                        (known := person.proficiencies.get(each.skill)) is not None
                        and known.confirmed
                        and known.mean - 0.5244 * known.sd >= each.level - 0.5
                        for each in need.any_of
                    )
                    for need in slot.needs
                    if need.must
                )
                for person in problem.technicians
                if visit.territory in person.territories
            )
    assert places > 628
    return able / places


@needs_city_data
def test_the_same_seed_gives_the_same_people(session: Session) -> None:
    make_user(session, RoleName.DISPATCHER)
    for kind, file in (("skills", "skills_catalogue.csv"), ("certifications", "certifications.csv")):
        give(session, kind, (DATA / "mapping" / file).read_bytes())
    mapping = (DATA / "mapping/request_type_mapping.csv").read_bytes()
    requests = (DATA / "requests/stlouis_csb_2018-01-01_04.csv").read_bytes()
    give_requests(session, requests, mapping, Replay(shift_to=DAY))
    found = []
    for seed in (3, 3, 4):
        savepoint = session.begin_nested()
        generate_workforce(session, for_date=DAY, count=10, seed=seed, now=NOW)
        rows = select(Technician.name, Technician.home_lat, Technician.home_lon).order_by(Technician.id)
        found.append([tuple(row) for row in session.execute(rows)])
        savepoint.rollback()
        session.expire_all()
    assert found[0] == found[1] != found[2]
