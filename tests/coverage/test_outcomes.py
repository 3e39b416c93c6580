"""Promises and fixes of a month against SQL of their own, on the demo."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from dispatch.core.db import make_engine
from dispatch.coverage.outcomes import BANDS, Line, Month, month_of, report
from dispatch.demo.load import load_demo

NOW = datetime(2026, 6, 3, 9, 30, tzinfo=UTC)
MAY = {"first": date(2026, 5, 1), "until": date(2026, 6, 1)}


@pytest.fixture(scope="module")
def demo(module_database_url: str) -> Iterator[Session]:
    """Ten weeks of the demo's past."""
    engine = make_engine(module_database_url)
    with Session(engine) as session:
        load_demo(session, now=NOW, weeks_back=10)
        session.commit()
        yield session
    engine.dispose()


@pytest.fixture(scope="module")
def may(demo: Session) -> Month:
    found = month_of(demo, reach=None, today=NOW.date(), chosen=None)
    assert found is not None
    return found


def test_promises_equal_a_count_in_sql(demo: Session, may: Month) -> None:
    rows = demo.execute(
        text("""
            SELECT v.territory_id, count(*), count(*) FILTER (WHERE p.state = 'missed')
            FROM promise p JOIN visit v ON v.id = p.visit_id JOIN territory t ON t.id = v.territory_id
            WHERE p.state IN ('kept', 'missed')
                AND (lower(p.during) AT TIME ZONE t.zone)::date >= :first
                AND (lower(p.during) AT TIME ZONE t.zone)::date < :until
            GROUP BY v.territory_id ORDER BY 1
        """),
        MAY,
    ).all()
    assert sum(row[1] for row in rows) > 500
    told = [(key, group.visits, group.wrong) for key, group in may.promises.by_territory.rows if group]
    assert told == [tuple(row) for row in rows]
    assert (may.promises.visits, may.promises.wrong) == (sum(r[1] for r in rows), sum(r[2] for r in rows))


def test_fixes_of_a_time_of_day_equal_a_count_in_sql(demo: Session, may: Month) -> None:
    assert may.agreed == date(2026, 5, 1)
    for key, group in may.fixes.by_time.rows:
        start, end = BANDS[key]
        visits, wrong, people = demo.execute(
            text("""
                SELECT count(*), count(*) FILTER (WHERE NOT r.fixed_first_time), count(DISTINCT r.technician_id)
                FROM visit_report r JOIN visit v ON v.id = r.visit_id JOIN territory t ON t.id = v.territory_id
                WHERE r.kind = 'done' AND r.fixed_first_time IS NOT NULL
                    AND date_trunc('month', r.happened_at AT TIME ZONE t.zone) = '2026-05-01'
                    AND extract(hour FROM r.happened_at AT TIME ZONE t.zone) >= :start
                    AND extract(hour FROM r.happened_at AT TIME ZONE t.zone) < :end
            """),
            {"start": start, "end": end},
        ).one()
        assert people >= 5 or group is None, "few people are never shown"
        assert group is None or (group.visits, group.wrong, len(group.people)) == (visits, wrong, people)
    assert sum(group is not None for _key, group in may.fixes.by_time.rows) >= 4
    assert may.fixes.by_time.hidden != 1


def test_causes_equal_a_count_in_sql(demo: Session, may: Month) -> None:
    told = {key: group.visits for key, group in may.fixes.by_cause.rows if group}
    assert len(told) >= 2
    rows = demo.execute(
        text("""
            SELECT r.cause, count(*) FROM visit_report r JOIN visit v ON v.id = r.visit_id
            JOIN territory t ON t.id = v.territory_id
            WHERE r.kind = 'done' AND NOT r.fixed_first_time
                AND date_trunc('month', r.happened_at AT TIME ZONE t.zone) = '2026-05-01'
            GROUP BY r.cause
        """)
    )
    counted = dict(rows.all())
    assert told == {cause: counted[cause] for cause in told}
    assert sum(counted.values()) == may.fixes.wrong


def test_without_an_agreement_fixes_are_not_read(demo: Session) -> None:
    demo.execute(text("DELETE FROM agreement"))
    found = month_of(demo, reach=None, today=NOW.date(), chosen=None)
    demo.rollback()
    assert found is not None
    assert (found.agreed, found.fixes.visits, found.fixes.too_few) == (None, 0, True)
    assert found.promises.visits > 0


def test_only_complete_months_of_the_last_half_year_are_told(demo: Session) -> None:
    for chosen in (date(2026, 6, 1), date(2025, 11, 1), date(2026, 5, 2)):
        assert month_of(demo, reach=None, today=NOW.date(), chosen=chosen) is None
    earlier = month_of(demo, reach=None, today=NOW.date(), chosen=date(2025, 12, 1))
    assert earlier is not None
    assert (earlier.promises.visits, earlier.promises.too_few) == (0, True)


def test_out_of_reach_is_not_counted(demo: Session, may: Month) -> None:
    place = may.territories[0][0]
    mine = month_of(demo, reach={place}, today=NOW.date(), chosen=None)
    assert mine is not None
    assert [key for key, _group in mine.promises.by_territory.rows] == [place]
    assert mine.promises.visits == dict(may.promises.by_territory.rows)[place].visits  # type: ignore[union-attr]


def test_small_groups_hide_and_take_others_with_them() -> None:
    def line(territory: int, hour: int, person: int, visits: int, *, wrong: bool) -> Line:
        return Line(territory=territory, hour=hour, wrong=wrong, cause="parts", person=person, visits=visits)

    many = [line(1, 9, person, 3, wrong=person % 2 == 0) for person in range(8)]
    some = [line(2, 11, person, 2, wrong=person % 2 == 0) for person in range(20, 26)]
    few = [line(3, 13, person, 1, wrong=person % 2 == 0) for person in range(40, 43)]
    found = report([*many, *some, *few])
    assert [group is None for _key, group in found.by_territory.rows] == [False, True, True]
    assert [group is None for _key, group in found.by_time.rows] == [False, True, True]
    assert (found.visits, found.wrong, found.too_few) == (39, 20, False)
    alone = report(few)
    assert alone.too_few
    assert alone.by_territory.withheld
