"""Loose ends are tied by being handed to a named person, put off, or closed with a reason; none is without an owner."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Grant
from dispatch.accounts.models import RoleName
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.core.models import AuditEvent
from dispatch.jobs.lifecycle import JobState
from dispatch.jobs.models import Job
from dispatch.planning.loose_ends import get_loose_end, loose_ends, oldest_closed_today, orphans
from dispatch.planning.tying import Which, close_end, hand_over, put_off
from tests import factories as make
from tests.planning.world import World, actor_of, make_world

NOW = make.MORNING
SOON = NOW + timedelta(days=2)


class Ends:
    """A job and a certificate that ends, both open, seen by a dispatcher."""

    def __init__(self, world: World) -> None:
        self.session, self.world = world.session, world
        world.territory.owner_id = world.user.id
        self.job = make.make_job(self.session, site=world.site, owner=world.user, title="Door stuck")
        self.paper = make.make_certification(
            self.session,
            technician=world.ana,
            kind=make.make_certification_kind(self.session, name="Lift licence"),
            valid=Range(date(2020, 1, 1), NOW.date() + timedelta(days=20)),
        )
        self.other = make.make_user(self.session, RoleName.DISPATCHER, name="Cem Aydin")
        self.session.commit()
        self.ids = {"job": self.job.id, "certificate": self.paper.id}

    def which(self, kind: str, actor: Actor | None = None) -> Which:
        return Which(kind=kind, key_id=self.ids[kind], actor=actor or self.world.dispatcher, now=NOW)

    def read(self, kind: str, actor: Actor | None = None) -> tuple[str, object, int]:
        end = get_loose_end(
            self.session, kind=kind, key_id=self.ids[kind], actor=actor or self.world.dispatcher, now=NOW
        )
        return end.owner, end.due_at, end.put_off


@pytest.fixture
def ends(session: Session) -> Ends:
    return Ends(make_world(session))


@pytest.mark.parametrize("kind", ["job", "certificate"])
def test_handed_over_it_is_the_other_persons(ends: Ends, kind: str) -> None:
    hand_over(ends.session, ends.which(kind), owner_id=ends.other.id)
    ends.session.commit()
    assert ends.read(kind)[0] == "Cem Aydin"
    mine = loose_ends(ends.session, actor=ends.world.dispatcher, now=NOW, owner_id=ends.world.user.id)
    assert ends.ids[kind] not in [row.key_id for row in mine.rows if row.kind == kind]
    theirs = loose_ends(ends.session, actor=actor_of(ends.other, "dispatcher"), now=NOW, owner_id=ends.other.id)
    assert [(row.kind, row.key_id) for row in theirs.rows] == [(kind, ends.ids[kind])]
    ends.other.active = False
    ends.session.commit()
    with pytest.raises(Invalid, match="can sign in"):
        hand_over(ends.session, ends.which(kind), owner_id=ends.other.id)


@pytest.mark.parametrize("kind", ["job", "certificate"])
def test_the_second_time_it_is_put_off_somebody_says_why(ends: Ends, kind: str) -> None:
    put_off(ends.session, ends.which(kind), due_at=SOON, reason="")
    ends.session.commit()
    assert ends.read(kind)[1:] == (SOON, 1)
    with pytest.raises(Invalid, match="Say why it waits once more"):
        put_off(ends.session, ends.which(kind), due_at=SOON, reason=" ")
    with pytest.raises(Invalid, match="still to come"):
        put_off(ends.session, ends.which(kind), due_at=NOW, reason="x")
    put_off(ends.session, ends.which(kind), due_at=SOON + timedelta(days=1), reason="The part is late")
    ends.session.commit()
    assert ends.read(kind)[1:] == (SOON + timedelta(days=1), 2)


@pytest.mark.parametrize("kind", ["job", "certificate"])
def test_closed_with_a_reason_it_leaves_the_list_and_the_reason_stays(ends: Ends, kind: str) -> None:
    with pytest.raises(Invalid, match="Say why"):
        close_end(ends.session, ends.which(kind), reason="  ")
    close_end(ends.session, ends.which(kind), reason="They sold the house")
    ends.session.commit()
    with pytest.raises(NotFound, match="not open any more"):
        ends.read(kind)
    reasons = [event.reason for event in ends.session.query(AuditEvent) if event.reason]
    assert reasons == ["They sold the house"]
    if kind == "job":
        assert ends.session.get_one(Job, ends.job.id, populate_existing=True).state is JobState.CANCELLED


def test_what_waits_for_an_answer_is_not_closed(ends: Ends) -> None:
    ends.paper.state = "claimed"  # type: ignore[assignment]  # the column takes the text too
    ends.paper.claimed_at = NOW
    ends.session.commit()
    with pytest.raises(Conflict, match="Confirm the certificate or return it"):
        close_end(ends.session, ends.which("certificate"), reason="no")


def test_only_who_sees_it_ties_it(ends: Ends) -> None:
    elsewhere = make.make_territory(ends.session)
    far = Actor(user_id=ends.other.id, name="Far", grants=(Grant(role="dispatcher", territory_id=elsewhere.id),))
    for kind in ends.ids:
        with pytest.raises(NotFound):
            put_off(ends.session, ends.which(kind, far), due_at=SOON, reason="x")
    manager = actor_of(ends.other, "manager")
    with pytest.raises(Exception, match="need the role dispatcher"):
        close_end(ends.session, ends.which("job", manager), reason="no")


def test_nothing_is_open_without_owner_step_and_due_time(ends: Ends) -> None:
    assert orphans(ends.session, now=NOW) == 0
    ends.world.user.active = False
    ends.session.commit()
    assert orphans(ends.session, now=NOW) == 2, "somebody who can not sign in sees to nothing"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE job SET owner_id = NULL, version = version + 1",
        "UPDATE job SET next_step = NULL, version = version + 1",
        "UPDATE job SET next_step_due_at = NULL, version = version + 1",
        "INSERT INTO loose_end_care (kind, key_id, put_off) VALUES ('partner', 1, 2)",
        "INSERT INTO loose_end_care (kind, key_id, closed_at) VALUES ('partner', 1, now())",
    ],
)
def test_the_database_itself_refuses_what_has_no_ending(ends: Ends, statement: str) -> None:
    with pytest.raises(IntegrityError), ends.session.begin_nested():
        ends.session.execute(text(statement))


def test_the_oldest_that_was_closed_today(ends: Ends) -> None:
    since = NOW - timedelta(hours=5)
    mine = {"owner_id": ends.world.user.id, "since": since, "now": NOW}
    assert oldest_closed_today(ends.session, **mine) is None  # type: ignore[arg-type]  # test shorthand
    ends.job.created_at = NOW - timedelta(days=3)
    ends.session.commit()
    close_end(ends.session, ends.which("job"), reason="done elsewhere")
    ends.session.commit()
    assert oldest_closed_today(ends.session, **mine) == timedelta(days=3)  # type: ignore[arg-type]  # see above
