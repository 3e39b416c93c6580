"""The demo as a whole: loaded once, asked many questions."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from dispatch.accounts.passwords import verify
from dispatch.core.audit import verify_chain
from dispatch.core.db import make_engine, make_sessions
from dispatch.core.errors import Conflict
from dispatch.demo.load import Loaded, load_demo
from dispatch.demo.world import ZONE

NOW = datetime(2026, 6, 3, 9, 30, tzinfo=UTC)  # a Wednesday, half past ten in the demo's city
TODAY = date(2026, 6, 3)


@pytest.fixture(scope="module")
def engine_with_demo(module_database_url: str) -> Iterator[tuple[Engine, Loaded]]:
    engine = make_engine(module_database_url)
    began = time.monotonic()
    with make_sessions(engine)() as session:
        loaded = load_demo(session, now=NOW)
        session.commit()
    print(f"demo loaded in {time.monotonic() - began:.1f} s: {dict(loaded.counts)}")  # noqa: T201 - a figure to report
    yield engine, loaded
    engine.dispose()


@pytest.fixture
def demo(engine_with_demo: tuple[Engine, Loaded]) -> Iterator[Session]:
    with Session(engine_with_demo[0]) as session:
        yield session


def number(session: Session, query: str, **values: Any) -> int:
    found = session.execute(text(query), {"now": NOW, "today": TODAY} | values).scalar_one()
    return int(found)


@pytest.mark.parametrize(
    ("table", "fewest", "most"),
    [
        ("technician", 60, 60),
        ("territory", 3, 3),
        ("partner", 2, 2),
        ("customer", 300, 600),
        ("job", 30_000, 80_000),
        ("evidence", 15_000, 80_000),
        ("promise", 25_000, 90_000),
        ("absence", 150, 400),
        ("shift", 14_000, 20_000),
        ("proficiency", 400, 2_000),
    ],
)
def test_there_is_as_much_of_each_as_was_promised(
    engine_with_demo: tuple[Engine, Loaded], table: str, fewest: int, most: int
) -> None:
    assert fewest <= engine_with_demo[1].counts[table] <= most


def test_every_week_of_the_year_behind_has_closed_work(demo: Session) -> None:
    weeks = demo.execute(
        text("SELECT count(*) FROM job WHERE state = 'done' GROUP BY (:today - closed_at::date) / 7"), {"today": TODAY}
    ).scalars()
    amounts = list(weeks)
    assert len(amounts) >= 52
    assert sorted(amounts)[2] > 400


def test_the_past_is_over_and_what_is_open_is_looked_after(demo: Session) -> None:
    left = """SELECT count(*) FROM assignment
              WHERE upper(during) < :now AND state NOT IN ('done', 'not_done', 'cancelled', 'declined')"""
    assert number(demo, left) == 0
    assert number(demo, "SELECT count(*) FROM job WHERE created_at > :now OR closed_at > :now") == 0
    assert number(demo, "SELECT count(*) FROM visit_report WHERE happened_at > :now") == 0
    assert (
        number(
            demo, "SELECT count(*) FROM promise WHERE state = 'standing' AND upper(during) < :now - interval '1 day'"
        )
        == 0
    )
    inconsistent = """SELECT count(*) FROM job JOIN visit ON visit.job_id = job.id
                      WHERE job.state = 'done' AND visit.state NOT IN ('done', 'not_done')"""
    assert number(demo, inconsistent) == 0


def test_promises_are_mostly_kept(demo: Session) -> None:
    kept = number(demo, "SELECT count(*) FROM promise WHERE state = 'kept'")
    missed = number(demo, "SELECT count(*) FROM promise WHERE state = 'missed'")
    assert 0.88 < kept / (kept + missed) < 0.985


def test_people_were_only_sent_where_they_may_go(demo: Session) -> None:
    unwanted = """SELECT count(*) FROM assignment a JOIN visit v ON v.id = a.visit_id JOIN job j ON j.id = v.job_id
                  JOIN customer_person p ON p.customer_id = j.customer_id AND p.technician_id = a.technician_id
                  WHERE p.kind = 'excluded'"""
    assert number(demo, unwanted) == 0
    without_paper = """SELECT count(*) FROM assignment a JOIN certification_need n ON n.crew_slot_id = a.crew_slot_id
                       WHERE NOT EXISTS (SELECT FROM certification c WHERE c.technician_id = a.technician_id
                           AND c.kind_id = n.kind_id AND c.state = 'confirmed' AND c.valid @> lower(a.during)::date)"""
    assert number(demo, without_paper) == 0
    away = """SELECT count(*) FROM assignment a JOIN absence b ON b.technician_id = a.technician_id
              WHERE b.during && a.during AND lower(a.during) >= lower(b.during)"""
    assert number(demo, away) == 0
    outside = """SELECT count(*) FROM assignment a JOIN shift s ON s.id = a.shift_id
                 WHERE s.technician_id <> a.technician_id OR lower(a.during) < lower(s.during)"""
    assert number(demo, outside) == 0
    crews = """SELECT count(*) FROM (SELECT visit_id FROM assignment GROUP BY visit_id
               HAVING count(DISTINCT technician_id) <> count(*) OR count(DISTINCT during) > 1) AS torn"""
    assert number(demo, crews) == 0
    assert number(demo, "SELECT count(*) FROM crew_slot WHERE position = 2") > 50


@pytest.mark.parametrize(("ahead", "fewest", "most"), [(0, 4.5, 7.0), (1, 4.0, 7.0), (20, 0.5, 2.5)])
def test_the_days_ahead_are_full_now_and_emptier_later(demo: Session, ahead: int, fewest: float, most: float) -> None:
    day = TODAY + timedelta(days=ahead)
    people = number(demo, "SELECT count(*) FROM shift WHERE on_date = :day AND NOT cancelled", day=day)
    wanted = """SELECT count(DISTINCT v.id) FROM visit v LEFT JOIN assignment a ON a.visit_id = v.id
                LEFT JOIN promise p ON p.visit_id = v.id AND p.state = 'standing'
                WHERE v.state <> 'cancelled' AND (coalesce(lower(a.during), lower(p.during), v.release_at)
                    AT TIME ZONE :zone)::date = :day"""
    assert fewest <= number(demo, wanted, day=day, zone=ZONE) / people <= most


def test_a_part_of_the_people_keeps_the_weekend_going(demo: Session) -> None:
    for day in (date(2026, 6, 6), date(2026, 6, 7)):
        assert 10 <= number(demo, "SELECT count(*) FROM shift WHERE on_date = :day", day=day) <= 20
        assert (
            number(
                demo, "SELECT count(*) FROM visit WHERE (release_at AT TIME ZONE 'Europe/London')::date = :day", day=day
            )
            > 5
        )


def test_today_is_under_way(demo: Session) -> None:
    today = """SELECT count(*) FROM assignment
               WHERE during && tstzrange(:now - interval '10 hours', :now + interval '10 hours')"""
    for states in ("'done'", "'on_site', 'on_the_way'", "'planned', 'accepted'"):
        assert number(demo, f"{today} AND state IN ({states})") > 5


def test_there_is_something_to_find(demo: Session) -> None:
    one_holder = """SELECT count(*) FROM (SELECT skill_id FROM proficiency JOIN skill ON skill.id = skill_id
                    WHERE confirmed AND mean > 2.8 AND fact_count > 0 GROUP BY skill_id HAVING count(*) = 1) AS thin"""
    assert number(demo, one_holder) >= 1
    soon = """SELECT count(*) FROM certification
              WHERE state = 'confirmed' AND upper(valid) > :today AND upper(valid) <= :today + 30"""
    assert number(demo, soon) >= 3
    assert number(demo, "SELECT count(*) FROM partner_document WHERE upper(valid) <= :today") == 1
    assert number(demo, "SELECT count(*) FROM evidence WHERE contested") == 1
    assert number(demo, "SELECT count(*) FROM evidence_contest WHERE settled_at IS NULL") == 1
    nobody = """SELECT count(*) FROM visit v JOIN crew_slot c ON c.visit_id = v.id
                JOIN certification_need n ON n.crew_slot_id = c.id WHERE v.state = 'open' AND NOT EXISTS
                (SELECT FROM certification h WHERE h.kind_id = n.kind_id AND h.valid @> :today)"""
    assert number(demo, nobody) >= 1
    declined = """SELECT count(*) FROM assignment a JOIN visit v ON v.id = a.visit_id
                  JOIN visit_report r ON r.assignment_id = a.id
                  WHERE a.state = 'declined' AND v.state = 'open' AND r.kind = 'declined' AND r.reason <> ''"""
    assert number(demo, declined) == 3
    assert number(demo, "SELECT count(*) FROM vehicle_use WHERE during @> CAST(:now AS timestamptz)") == 48
    assert number(demo, "SELECT count(*) FROM agreement WHERE kind = 'outcome_evidence' AND valid @> :today") == 1
    assert number(demo, "SELECT count(*) FROM policy WHERE active") == 1
    for kind in ("preferred", "excluded", "known"):
        assert number(demo, "SELECT count(*) FROM customer_person WHERE kind = :kind", kind=kind) >= 10
    for column in ("gate_code", "hazards", "parking"):
        assert number(demo, f"SELECT count({column}) FROM site") > 30


def test_one_person_of_each_role_can_sign_in(demo: Session, engine_with_demo: tuple[Engine, Loaded]) -> None:
    loaded = engine_with_demo[1]
    assert set(loaded.sign_ins) == {"technician", "dispatcher", "manager", "administrator"}
    for role, email in loaded.sign_ins.items():
        held = demo.execute(
            text(
                """SELECT u.password, r.name FROM user_account u JOIN role_grant g ON g.user_id = u.id
                   JOIN role r ON r.id = g.role_id WHERE u.email = :email AND g.territory_id IS NULL"""
            ),
            {"email": email},
        ).all()
        assert role in {row.name for row in held}
        assert verify(held[0].password, loaded.password)


def test_the_log_says_it_was_the_demo_and_new_rows_go_on_numbering(demo: Session) -> None:
    actions = demo.execute(text("SELECT action FROM audit_event")).scalars().all()
    assert sorted(actions) == ["coverage.solve", "load_demo"]
    assert verify_chain(demo) is None
    last = number(demo, "SELECT max(id) FROM job")
    assert number(demo, "SELECT nextval(pg_get_serial_sequence('job', 'id'))") == last + 1


def test_the_demo_does_not_load_over_people(demo: Session) -> None:
    with pytest.raises(Conflict, match="empty"):
        load_demo(demo, now=NOW, weeks_back=1)


def test_the_same_seed_gives_the_same_organisation(database_url: str) -> None:
    engine = make_engine(database_url)
    prints = []
    for seed in (5, 5, 6):
        with make_sessions(engine)() as session:
            load_demo(session, now=NOW, seed=seed, weeks_back=1)
            prints.append(_print_of(session))
            session.rollback()
    engine.dispose()
    assert prints[0] == prints[1]
    assert prints[0] != prints[2]


@pytest.mark.parametrize("hour", [2, 23])
def test_it_loads_at_any_hour_also_at_a_weekend(database_url: str, hour: int) -> None:
    engine = make_engine(database_url)
    with make_sessions(engine)() as session:
        loaded = load_demo(session, now=datetime(2026, 3, 29, hour, 10, tzinfo=UTC), weeks_back=1)
        session.rollback()
    engine.dispose()
    assert loaded.counts["job"] > 500


def _print_of(session: Session) -> tuple[Any, ...]:
    tables = ("technician", "customer", "site", "job", "visit", "assignment", "promise", "evidence", "visit_report")
    return tuple(
        session.execute(text(f"SELECT md5(string_agg(t::text, '' ORDER BY t.id)) FROM {table} t")).scalar_one()
        for table in tables
    )
