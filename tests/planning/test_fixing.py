"""The 30-second fix: who sees a field mends it, nobody else; nothing is overwritten; the step can be taken back."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM, Actor, Grant
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.jobs.models import Asset
from dispatch.planning.assigning import place_visit
from dispatch.planning.draft_publishing import publish_due
from dispatch.planning.fixing import FIELDS, Field, Overtaken, field_of, fix_field
from dispatch.planning.service import undo_last
from tests import factories as make
from tests.planning.world import World, actor_of, make_world

NOW = make.MORNING
RIGHT = {
    "name": "Hale & Daughters",
    "contact_name": "Priya",
    "phone": "+49 30 5550123",
    "preferred_channel": "text",
    "care_note": "Second visit.\nPrefers a call.",
    "address": "2 Mill Lane",
    "place": "52.51630, 13.37770",
    "gate_code": "4711",
    "parking": "Yard",
    "hazards": "Dog",
    "model": "Nordfire 60",
    "title": "Boiler leaks",
    "purpose": "Keep three rooms open",
    "description": "Ask for Priya",
    "duration": "75",
    "level": "3",
    "next_step": "Ring them on Monday",
    "need": "better 4",
    "new_need": "",
}


class Fixes:
    """A job of a customer with everything that can be mended, and who comes near it."""

    def __init__(self, world: World) -> None:
        self.world, session = world, world.session
        asset = Asset(site_id=world.site.id, name="Boiler")
        session.add(asset)
        session.flush()
        job = make.make_job(session, site=world.site, owner=world.user, asset_id=asset.id)
        self.visit = make.make_visit(session, job=job, needs={world.skill: 3})
        self.ids = {
            "customer": world.site.customer_id,
            "site": world.site.id,
            "asset": asset.id,
            "job": job.id,
            "visit": self.visit.id,
            "technician": world.ben.id,
        }
        self.names = {"level": f"level:{world.skill.id}", "need": f"need:{world.skill.id}"}
        make.make_policy(session)
        session.commit()
        elsewhere = make.make_territory(session)
        user = make.make_user(session)
        self.actors = {
            "dispatcher": world.dispatcher,
            "manager": actor_of(world.user, "manager"),
            "technician": actor_of(world.user, "technician", technician=world.ana),
            "colleague": actor_of(user, "technician", technician=world.ben),
            "far": Actor(user_id=user.id, name="Far", grants=(Grant(role="dispatcher", territory_id=elsewhere.id),)),
        }

    def book(self, start: float, end: float) -> None:
        make.make_assignment(
            self.world.session, visit=self.visit, technician=self.world.ana, during=make.hours(start, end)
        )
        self.world.session.commit()

    def read(self, entity: str, name: str, who: str = "dispatcher") -> Field:
        return field_of(
            self.world.session,
            entity=entity,
            row_id=self.ids[entity],
            name=self.names.get(name, name),
            actor=self.actors[who],
            now=NOW,
        )

    def fix(self, entity: str, name: str, value: str, who: str = "dispatcher", **changes: Any) -> Field:
        was = changes.pop("was", None)
        made = fix_field(
            self.world.session,
            entity=entity,
            row_id=self.ids[entity],
            name=self.names.get(name, name),
            value=value,
            was=self.read(entity, name, who).value if was is None else was,
            actor=self.actors[who],
            now=NOW,
            **changes,
        )
        self.world.session.commit()
        return made


@pytest.fixture
def fixes(session: Session) -> Fixes:
    return Fixes(make_world(session))


@pytest.mark.parametrize("entity, name", FIELDS)
def test_each_field_is_mended_by_who_sees_it_and_taken_back(fixes: Fixes, entity: str, name: str) -> None:
    fixes.book(1, 2)
    for who in ("dispatcher", "manager", "technician"):
        fixable = FIELDS[entity, name]
        if not fixes.actors[who].may(fixable.sees):
            with pytest.raises(NotFound):
                fixes.read(entity, name, who)
            continue
        if entity == "technician" and who == "technician":
            with pytest.raises(NotFound):
                fixes.read(entity, name, who)
            continue
        before = fixes.read(entity, name, who)
        if not before.at_once:
            with pytest.raises(Conflict, match="Propose what is right"):
                fixes.fix(entity, name, RIGHT[name], who)
            continue
        assert fixes.fix(entity, name, RIGHT[name], who).value == RIGHT[name]
        if name in ("level", "new_need"):
            continue  # what somebody saw stays a fact; and a need that is added stands under its own name
        undo_last(fixes.world.session, actor=fixes.actors[who], now=NOW)
        fixes.world.session.commit()
        assert fixes.read(entity, name, who).value == before.value
    for who in ("colleague", "far"):
        with pytest.raises(NotFound):
            fixes.read(entity, name, who)


def test_technicians_mend_what_is_private_around_their_visit_only(fixes: Fixes) -> None:
    fixes.book(48, 49)
    for entity, name in FIELDS:
        if FIELDS[entity, name].private:
            with pytest.raises(NotFound):
                fixes.read(entity, name, "technician")
    assert fixes.fix("site", "parking", "Behind the house", "technician").value == "Behind the house"


def test_technicians_mend_at_the_visits_they_know_of(fixes: Fixes) -> None:
    world, before = fixes.world, NOW - timedelta(days=1)
    by: dict[str, Any] = {"visit_id": fixes.visit.id, "actor": world.dispatcher, "now": before, "draft": True}
    start = make.hours(1, 2).lower
    booked = place_visit(world.session, technician_id=world.ana.id, start=start, **by).assignment
    world.session.commit()
    with pytest.raises(NotFound):
        fixes.read("site", "parking", "technician")
    publish_due(world.session, actor=SYSTEM, now=NOW)
    assert fixes.read("site", "parking", "technician")
    place_visit(world.session, technician_id=world.ben.id, start=start, assignment_id=booked.id, **by)
    world.session.commit()
    assert fixes.read("site", "parking", "technician"), "it is theirs as far as they know"
    with pytest.raises(NotFound):
        fixes.read("site", "parking", "colleague")


@pytest.mark.parametrize(
    "entity, name, value, words",
    [
        ("job", "title", "  ", "cannot be empty"),
        ("visit", "duration", "an hour", "whole minutes"),
        ("visit", "duration", "0", "between 1 minute and 24 hours"),
        ("visit", "duration", "٣", "whole minutes"),
        ("site", "place", "52.5", "comma between"),
        ("site", "place", "0, 0", "Atlantic"),
        ("site", "place", "91, 13", "Latitude goes"),
        ("site", "place", "nan, nan", "Latitude goes"),
        ("customer", "phone", "ask Priya", "digits"),
        ("customer", "phone", "1" * 41, "at most 40"),
        ("customer", "preferred_channel", "pigeon", "Choose a call"),
        ("site", "parking", "x" * 201, "at most 200"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_would(
    fixes: Fixes, entity: str, name: str, value: str, words: str
) -> None:
    before = fixes.read(entity, name).value
    with pytest.raises(Invalid, match=words):
        fixes.fix(entity, name, value)
    fixes.world.session.rollback()
    assert fixes.read(entity, name).value == before


def test_who_was_first_is_named_with_what_they_wrote(fixes: Fixes) -> None:
    was = fixes.read("site", "gate_code").value
    fixes.actors["other"] = actor_of(make.make_user(fixes.world.session, name="Cem Aydin"), "dispatcher")
    fixes.fix("site", "gate_code", "1111", "other")
    with pytest.raises(Overtaken) as first:
        fixes.fix("site", "gate_code", "2222", was=was)
    assert (first.value.who, first.value.theirs, first.value.at) == ("Cem Aydin", "1111", NOW)
    fixes.world.session.rollback()
    assert fixes.read("site", "gate_code").value == "1111"
    assert fixes.fix("site", "gate_code", "1111", was=was).value == "1111", "two who write the same agree"
    assert fixes.fix("site", "gate_code", "2222", was="1111").value == "2222", "who has seen theirs may go on"


def test_other_fields_of_the_same_row_do_not_collide(fixes: Fixes) -> None:
    was = fixes.read("customer", "phone").value
    fixes.fix("customer", "care_note", "Prefers mornings")
    assert fixes.fix("customer", "phone", "+49 30 1", was=was).value == "+49 30 1"
    assert fixes.read("customer", "care_note").value == "Prefers mornings"


def test_only_what_the_table_lists_is_a_field(fixes: Fixes) -> None:
    for entity, name in (
        ("customer", "version"),
        ("job", "state"),
        ("user_account", "name"),
        ("site", "territory_id"),
        ("job", "title:1"),
    ):
        fixes.ids.setdefault(entity, 1)
        with pytest.raises(NotFound):
            fixes.read(entity, name)


def test_mending_a_duration_lets_planning_know(fixes: Fixes) -> None:
    fixes.fix("visit", "duration", "90")
    fixes.world.session.refresh(fixes.visit)
    assert fixes.visit.duration_s == timedelta(minutes=90).total_seconds()
