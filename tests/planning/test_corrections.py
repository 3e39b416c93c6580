"""A field that is not free is proposed: its owner accepts or returns it, both see what came of it, nothing is lost."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Grant
from dispatch.accounts.models import RoleName
from dispatch.core.clock import working_days_later
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.core.models import AuditEvent
from dispatch.jobs.models import Customer, Site
from dispatch.planning import fixing
from dispatch.planning.corrections import (
    accept_correction,
    get_correction,
    mark_seen,
    propose_fix,
    return_correction,
    withdraw_correction,
)
from dispatch.planning.fixing import Overtaken, field_of, fix_field
from dispatch.planning.loose_ends import get_loose_end, loose_ends, orphans
from dispatch.planning.models import Correction
from dispatch.planning.service import undo_last
from dispatch.planning.tying import Which, hand_over
from dispatch.skills.queries import proficiencies
from tests import factories as make
from tests.planning.world import World, actor_of, make_world

NOW = make.MORNING


class Proposals:
    """Ana is at a customer's whose name is wrong; Ines answers for the place."""

    def __init__(self, world: World) -> None:
        self.world, self.session = world, world.session
        world.territory.owner_id = world.user.id
        ana = make.make_user(self.session, RoleName.TECHNICIAN, name="Ana Ruiz")
        self.ana = actor_of(ana, "technician", technician=world.ana)
        self.ines = world.dispatcher
        visit = world.visit()
        make.make_assignment(self.session, visit=visit, technician=world.ana, during=make.hours(1, 2))
        self.customer = world.site.customer_id
        self.session.commit()

    def propose(self, value: str = "Hale & Daughters", was: str = "Hale Dental", **changes: str) -> Correction:
        made = propose_fix(
            self.session,
            entity="customer",
            row_id=self.customer,
            name="name",
            value=value,
            was=was,
            why=changes.get("why", "It stands so on the door"),
            actor=self.ana,
            now=NOW,
        )
        self.session.commit()
        return made

    def name(self) -> str:
        self.session.expire_all()
        return self.session.get_one(Customer, self.customer).name

    def kinds_of(self, actor: Actor) -> list[tuple[str, str]]:
        listing = loose_ends(self.session, actor=actor, now=NOW, owner_id=actor.user_id)
        return [(row.kind, row.title) for row in listing.rows if row.kind in ("correction", "answer")]


@pytest.fixture
def made(session: Session) -> Proposals:
    return Proposals(make_world(session))


def test_a_proposal_has_an_owner_and_a_time_and_changes_nothing(made: Proposals) -> None:
    row = made.propose()
    assert made.name() == "Hale Dental"
    assert (row.owner_id, row.due_at) == (made.ines.user_id, working_days_later(NOW, 2))
    assert made.kinds_of(made.ines) == [("correction", "Proposed by Ana Ruiz: name")]
    assert made.kinds_of(made.ana) == []
    assert orphans(made.session, now=NOW) == 0


def test_accepted_it_is_written_and_both_see_it(made: Proposals) -> None:
    row = made.propose()
    accept_correction(made.session, correction_id=row.id, actor=made.ines, now=NOW)
    made.session.commit()
    assert made.name() == "Hale & Daughters"
    assert made.kinds_of(made.ines) == []
    assert made.kinds_of(made.ana) == [("answer", "Answered: name")]
    shown = get_correction(made.session, correction_id=row.id, actor=made.ana, now=NOW)
    assert (shown.settler, shown.correction.state.value, shown.settles) == ("Ines Weber", "accepted", False)
    mark_seen(made.session, correction_id=row.id, actor=made.ana, now=NOW)
    made.session.commit()
    assert made.kinds_of(made.ana) == []
    undo_last(made.session, actor=made.ines, now=NOW)
    made.session.commit()
    assert made.name() == "Hale Dental"


def test_returned_it_says_why(made: Proposals) -> None:
    row = made.propose()
    with pytest.raises(Invalid, match="Say why"):
        return_correction(made.session, correction_id=row.id, reason=" ", actor=made.ines, now=NOW)
    made.session.rollback()
    return_correction(made.session, correction_id=row.id, reason="That is the shop next door", actor=made.ines, now=NOW)
    made.session.commit()
    assert made.name() == "Hale Dental"
    shown = get_correction(made.session, correction_id=row.id, actor=made.ana, now=NOW)
    assert shown.correction.answer == "That is the shop next door"
    with pytest.raises(Conflict, match="Ines Weber answered this already: it was returned"):
        accept_correction(made.session, correction_id=row.id, actor=made.ines, now=NOW)


def test_what_changed_meanwhile_is_never_written_over_unseen(made: Proposals) -> None:
    row = made.propose()
    other = actor_of(make.make_user(made.session, RoleName.DISPATCHER, name="Cem Aydin"), "dispatcher")
    values = {"entity": "customer", "row_id": made.customer, "name": "name", "now": NOW}
    fix_field(made.session, **values, value="Hale Surgery", was="Hale Dental", actor=other)
    made.session.commit()
    with pytest.raises(Overtaken, match="Cem Aydin changed this first"):
        accept_correction(made.session, correction_id=row.id, actor=made.ines, now=NOW)
    made.session.rollback()
    with pytest.raises(Overtaken):
        propose_fix(made.session, **values, value="Hale 2", was="Hale Dental", why="", actor=made.ana)
    made.session.rollback()
    accept_correction(made.session, correction_id=row.id, actor=made.ines, now=NOW, was="Hale Surgery")
    made.session.commit()
    assert made.name() == "Hale & Daughters"


def test_a_second_proposal_of_the_same_person_replaces_the_first(made: Proposals) -> None:
    first, second = made.propose(), made.propose("Hale Practice")
    assert first.id == second.id
    assert [one.value for one in made.session.query(Correction)] == ["Hale Practice"]
    made.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    made.session.add(
        Correction(
            **{
                column.key: getattr(second, column.key)
                for column in Correction.__table__.columns
                if column.key not in ("id", "version")
            }
        )
    )
    with pytest.raises(IntegrityError, match="uq_correction_open"):
        made.session.flush()


def test_taken_back_by_its_author_alone(made: Proposals) -> None:
    row = made.propose()
    with pytest.raises(NotFound):
        withdraw_correction(made.session, correction_id=row.id, actor=made.ines, now=NOW)
    withdraw_correction(made.session, correction_id=row.id, actor=made.ana, now=NOW)
    made.session.commit()
    assert (made.kinds_of(made.ines), made.kinds_of(made.ana)) == ([], [])


def test_handed_over_the_other_answers(made: Proposals) -> None:
    row = made.propose()
    cem = make.make_user(made.session, RoleName.DISPATCHER, name="Cem Aydin")
    hand_over(made.session, Which(kind="correction", key_id=row.id, actor=made.ines, now=NOW), owner_id=cem.id)
    made.session.commit()
    found = get_loose_end(made.session, kind="correction", key_id=row.id, actor=made.ines, now=NOW)
    assert found.owner == "Cem Aydin"


def test_nobody_else_reads_or_settles_it(made: Proposals) -> None:
    row = made.propose()
    elsewhere = make.make_territory(made.session)
    user = make.make_user(made.session)
    far = Actor(user_id=user.id, name="Far", grants=(Grant(role="dispatcher", territory_id=elsewhere.id),))
    colleague = actor_of(user, "technician", technician=made.world.ben)
    for who in (far, colleague):
        with pytest.raises(NotFound):
            get_correction(made.session, correction_id=row.id, actor=who, now=NOW)
    for who in (far, colleague, made.ana):
        with pytest.raises(NotFound):
            accept_correction(made.session, correction_id=row.id, actor=who, now=NOW)
        made.session.rollback()
    assert made.name() == "Hale Dental"


def test_the_level_of_somebody_else_is_proposed_to_their_manager(made: Proposals) -> None:
    boss = make.make_user(made.session, RoleName.MANAGER, name="Mia Boss")
    skill, ben = made.world.skill.id, made.world.ben.id
    asked = {"entity": "technician", "row_id": ben, "name": f"level:{skill}", "now": NOW}
    assert field_of(made.session, **asked, actor=made.ines).value == "4"
    row = propose_fix(made.session, **asked, value="2", was="4", why="Needed help twice", actor=made.ines)
    made.session.commit()
    assert row.owner_id == boss.id
    manager = actor_of(boss, "manager")
    accept_correction(made.session, correction_id=row.id, actor=manager, now=NOW)
    made.session.commit()
    estimate = proficiencies(made.session, [ben], [skill])[ben][skill]
    assert estimate.mean < 4
    assert estimate.confirmed


def test_beyond_the_allowance_of_a_day_fixes_are_proposed(made: Proposals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixing, "AT_ONCE", 2)
    site = made.world.site.id
    for number in (1, 2):
        field = field_of(made.session, entity="site", row_id=site, name="parking", actor=made.ana, now=NOW)
        assert field.at_once
        values = {"entity": "site", "row_id": site, "name": "parking", "actor": made.ana, "now": NOW}
        fix_field(made.session, **values, value=f"Yard {number}", was=field.value)
        made.session.commit()
    values = {"entity": "site", "row_id": site, "name": "parking", "was": "Yard 2", "actor": made.ana}
    with pytest.raises(Conflict, match="Propose what is right"):
        fix_field(made.session, **values, value="Yard 3", now=NOW)
    made.session.rollback()
    row = propose_fix(made.session, **values, value="Yard 3", why="", now=NOW)
    made.session.commit()
    accept_correction(made.session, correction_id=row.id, actor=made.ines, now=NOW)
    made.session.commit()
    assert made.session.get_one(Site, site).parking == "Yard 3"
    later = field_of(
        made.session, entity="site", row_id=site, name="parking", actor=made.ana, now=NOW + timedelta(hours=25)
    )
    assert later.at_once, "the allowance is of a day"
    for number in range(3):
        values = {"entity": "site", "row_id": site, "name": "hazards", "actor": made.ines, "now": NOW}
        now_is = field_of(made.session, entity="site", row_id=site, name="hazards", actor=made.ines, now=NOW)
        fix_field(made.session, **values, value=f"Dog {number}", was=now_is.value)
        made.session.commit()
    assert made.session.get_one(Site, site).hazards == "Dog 2", "who answers for the place has none"


def test_the_log_tells_of_proposal_and_answer(made: Proposals) -> None:
    row = made.propose()
    return_correction(made.session, correction_id=row.id, reason="No", actor=made.ines, now=NOW)
    made.session.commit()
    lines = made.session.query(AuditEvent).where(AuditEvent.entity == "customer").order_by(AuditEvent.seq)
    told = [(line.action, line.reason) for line in lines]
    assert told[-2:] == [("propose_fix", "It stands so on the door"), ("return_fix", "No")]
