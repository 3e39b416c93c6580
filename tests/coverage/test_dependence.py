"""What rests on one person: against plain loops on the demo, and against solving everything again without them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Grant
from dispatch.accounts.models import RoleName
from dispatch.core.db import make_engine
from dispatch.core.errors import Invalid, NotFound
from dispatch.coverage.counting import count
from dispatch.coverage.dependence import (
    Kind,
    find_dependence,
    helpers,
    places_of_one,
    plan_cover,
    skills_of_one,
)
from dispatch.coverage.outlook import Outlook
from dispatch.coverage.promised import Promised, PromisedPlace, promises_by_person
from dispatch.coverage.queries import CoveragePage, coverage_page
from dispatch.coverage.snapshot import Snapshot, read_snapshot
from dispatch.demo.load import load_demo
from dispatch.planning.loose_ends import loose_ends, orphans
from dispatch.workforce.models import Technician
from tests.coverage.build import GAS, NORTH, SOUTH, WIRING, need, person, week
from tests.coverage.naive import unmet_seconds_by_highs
from tests.factories import make_technician, make_user

NOW = datetime(2026, 6, 3, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def demo(module_database_url: str) -> Iterator[Session]:
    """Ten weeks of the demo's past; nothing is committed after it was loaded."""
    engine = make_engine(module_database_url)
    with Session(engine) as session:
        load_demo(session, now=NOW, weeks_back=10)
        session.commit()
        yield session
        session.rollback()
    engine.dispose()


@pytest.fixture(scope="module")
def snapshot(demo: Session) -> Snapshot:
    return read_snapshot(demo, now=NOW)


def near(snapshot: Snapshot, without: int | None = None) -> Outlook:
    weeks = snapshot.weeks[:4]
    return replace(
        snapshot.outlook,
        people=tuple(
            replace(p, hours_s={monday: s for monday, s in p.hours_s.items() if monday in weeks})
            for p in snapshot.outlook.people
            if p.id != without
        ),
        demand=tuple(work for work in snapshot.outlook.demand if work.week in weeks),
    )


def test_who_is_missed_equals_solving_the_demo_again_without_them(snapshot: Snapshot) -> None:
    counted = count(snapshot)
    lost = {risk.person: risk.lost_s for risk in counted.risks}
    base_s = unmet_seconds_by_highs(near(snapshot))
    assert sum(counted.missing_s.values()) == pytest.approx(base_s, abs=60)
    everybody = sorted(p.id for p in snapshot.outlook.people)
    asked = [*(risk.person for risk in counted.risks[:8]), *everybody[::10]]
    assert sum(lost.get(who, 0) > 0 for who in asked) >= 8
    for who in asked:
        again_s = unmet_seconds_by_highs(near(snapshot, without=who)) - base_s
        assert lost.get(who, 0) == pytest.approx(again_s, abs=60), who


def test_promises_that_break_are_those_nobody_else_could_keep(snapshot: Snapshot) -> None:
    found = promises_by_person(snapshot.outlook.people, snapshot.promised)
    assert sum(each.visits for each in found) > 50
    expected: dict[tuple[int, int], tuple[set[int], set[int]]] = {}
    for place in snapshot.promised:
        every, alone = expected.setdefault((place.person, place.territory), (set(), set()))
        every.add(place.visit_id)
        others = [
            p
            for p in snapshot.outlook.people
            if p.id != place.person and p.hours_s.get(place.week) and p.travel_s.get(place.territory, 9**9) <= 4 * 3600
        ]
        if not any(all(p.meets(one, place.week) for one in place.needs) for p in others):
            alone.add(place.visit_id)
    assert {(e.person, e.territory): (e.visits, e.alone) for e in found} == {
        key: (len(every), len(alone)) for key, (every, alone) in expected.items()
    }


@pytest.mark.parametrize(
    ("others", "alone"),
    [
        ([], 1),
        ([person(2, 8, {GAS: 3})], 0),
        ([person(2, 8, {GAS: 2})], 1),
        ([person(2, 0, {GAS: 3})], 1),
        ([person(2, 8, {GAS: 3}, travel={SOUTH: 0})], 1),
        ([person(2, 8, {WIRING: 5})], 1),
    ],
)
def test_who_else_could_keep_a_promise(others: list[object], alone: int) -> None:
    place = PromisedPlace(person=1, needs=(need(GAS),), territory=NORTH, week=week(), visit_id=7)
    people = [person(1, 8, {GAS: 3}), *others]
    found = promises_by_person(people, [place, place])  # type: ignore[arg-type]  # two places in the crew of a visit
    assert found == (Promised(person=1, territory=NORTH, visits=1, alone=alone),)


KNOWN = """
    SELECT j.{thing}_id, min(a.technician_id), count(DISTINCT a.visit_id)
    FROM assignment a JOIN visit v ON v.id = a.visit_id JOIN job j ON j.id = v.job_id
    JOIN technician t ON t.id = a.technician_id JOIN site s ON s.id = j.site_id
    WHERE a.state = 'done' AND lower(a.during) >= :since AND j.{thing}_id IS NOT NULL AND s.retired_at IS NULL
    GROUP BY j.{thing}_id
    HAVING count(DISTINCT a.technician_id) = 1 AND count(DISTINCT a.visit_id) >= :least
        AND bool_and(t.retired_at IS NULL)
"""


@pytest.fixture
def page(demo: Session) -> CoveragePage:
    found = coverage_page(demo, reach=None)
    assert found is not None
    return found


def test_sites_and_equipment_equal_a_count_in_sql(demo: Session, page: CoveragePage) -> None:
    found, total = places_of_one(demo, page, now=NOW, first=0, most=10_000)
    assert len(found) == total
    for kind, least in ((Kind.SITE, 3), (Kind.ASSET, 2)):
        rows = demo.execute(text(KNOWN.format(thing=kind.value)), {"since": NOW - timedelta(weeks=52), "least": least})
        expected = sorted(tuple(row) for row in rows)
        assert sorted((e.id, e.person, e.visits) for e in found if e.kind is kind) == expected
    open_first = [each.open_visits > 0 for each in found]
    assert open_first == sorted(open_first, reverse=True)
    second, _ = places_of_one(demo, page, now=NOW, first=20, most=20)
    assert second == found[20:40]


def test_skills_of_one_equal_a_count_in_sql(demo: Session, page: CoveragePage) -> None:
    found = skills_of_one(demo, page, now=NOW)
    for each in found:
        counted = demo.execute(
            text("""
                SELECT count(DISTINCT v.id) FROM visit v JOIN crew_slot c ON c.visit_id = v.id
                JOIN skill_need n ON n.crew_slot_id = c.id
                WHERE n.skill_id = :skill AND v.state IN ('open', 'planned')
            """),
            {"skill": each.id},
        ).scalar_one()
        assert each.kind is not Kind.SKILL or each.open_visits == counted
    assert [each.needed_s for each in found] == sorted((each.needed_s for each in found), reverse=True)


def test_of_other_territories_nothing_is_listed(demo: Session) -> None:
    place = demo.execute(text("SELECT min(id) FROM territory")).scalar_one()
    mine = coverage_page(demo, reach={place})
    assert mine is not None
    found, _ = places_of_one(demo, mine, now=NOW, first=0, most=1000)
    assert {each.territory for each in found} == {place}


def test_a_cover_plan_is_a_loose_end_with_owner_and_day(demo: Session, page: CoveragePage) -> None:
    (each, *_), _ = places_of_one(demo, page, now=NOW, first=0, most=5)
    owner = make_user(demo, RoleName.MANAGER)
    me = Actor(user_id=owner.id, name="Mara", grants=(Grant(role="manager"),))
    able = helpers(demo, each, now=NOW)
    assert each.person not in {one.id for one in able}
    assert [one.visits for one in able] == sorted((one.visits for one in able), reverse=True)
    with pytest.raises(Invalid, match="still to come"):
        plan_cover(demo, each, helper=able[0], owner_id=owner.id, due_on=date(2026, 6, 2), actor=me, now=NOW)
    due = date(2026, 6, 20)
    assert plan_cover(demo, each, helper=able[0], owner_id=owner.id, due_on=due, actor=me, now=NOW)
    assert not plan_cover(demo, each, helper=able[0], owner_id=owner.id, due_on=due, actor=me, now=NOW)
    (end,) = [end for end in loose_ends(demo, actor=me, now=NOW, owner_id=owner.id).rows if end.kind == "cover"]
    assert end.title == f"{able[0].name} gets to know {each.name}"
    assert end.due_at.date() == due
    assert find_dependence(demo, page, each.subject, each.person, now=NOW).under_way == NOW
    assert orphans(demo, now=NOW) == 0
    with pytest.raises(NotFound, match="does not rest"):
        find_dependence(demo, page, each.subject, each.person + 1, now=NOW)


def test_alone_in_a_territory_nobody_can_step_in(demo: Session, page: CoveragePage) -> None:
    (each, *_), _ = places_of_one(demo, page, now=NOW, first=0, most=1)
    alone: Technician = make_technician(demo)
    assert helpers(demo, replace(each, territory=10**6, person=alone.id), now=NOW) == ()
