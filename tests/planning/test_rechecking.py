"""What a visit needs is mended where it is seen; who is booked and no longer fits is named, and somebody sees to it."""

import pytest
from sqlalchemy.orm import Session

from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs.models import Job, NeedOrigin, SkillNeed
from dispatch.planning.fixing import Field, field_of, fix_field, need_choices
from dispatch.planning.rechecking import unfit
from dispatch.planning.service import undo_last
from tests import factories as make
from tests.planning.world import World, actor_of, make_world

NOW = make.MORNING


class Needs:
    """A job with two visits to come; Ana, at level 4, is booked for the first."""

    def __init__(self, world: World) -> None:
        self.world, self.session = world, world.session
        self.first = world.visit()
        self.second = make.make_visit(
            self.session, job=self.session.get_one(Job, self.first.job_id), needs={world.skill: 3}, sequence=2
        )
        make.make_policy(self.session)
        make.make_assignment(self.session, visit=self.first, technician=world.ana, during=make.hours(1, 2))
        self.ana = actor_of(world.user, "technician", technician=world.ana)
        self.session.commit()

    def say(self, value: str, name: str | None = None, *, who: str = "dispatcher", was: str | None = None) -> Field:
        actor = self.ana if who == "technician" else self.world.dispatcher
        name = name or f"need:{self.world.skill.id}"
        asked = {"entity": "visit", "row_id": self.first.id, "name": name, "actor": actor, "now": NOW}
        was = field_of(self.session, **asked).value if was is None else was
        made = fix_field(self.session, **asked, value=value, was=was)
        self.session.commit()
        return made

    def levels(self) -> list[tuple[int | None, int | None, NeedOrigin]]:
        rows = self.session.query(SkillNeed).order_by(SkillNeed.crew_slot_id, SkillNeed.skill_id)
        return [(row.must_level, row.preferred_level, row.origin) for row in rows]

    def next_step(self) -> str:
        self.session.expire_all()
        return self.session.get_one(Job, self.first.job_id).next_step or ""


@pytest.fixture
def needs(session: Session) -> Needs:
    return Needs(make_world(session))


@pytest.mark.parametrize("who", ["dispatcher", "technician"])
def test_every_visit_to_come_is_touched_and_it_can_be_taken_back(needs: Needs, who: str) -> None:
    before = needs.levels()
    assert needs.say("must 4", who=who).value == "must 4"
    assert [row[:2] for row in needs.levels()] == [(4, None), (4, None)]
    assert {row[2] for row in needs.levels()} == {NeedOrigin.PERSON}
    actor = needs.ana if who == "technician" else needs.world.dispatcher
    undo_last(needs.session, actor=actor, now=NOW)
    needs.session.commit()
    assert needs.levels() == before


def test_who_no_longer_fits_is_named_and_seen_to(needs: Needs) -> None:
    assert unfit(needs.session, [needs.first.id], now=NOW) == []
    needs.say("must 5")
    (found,) = unfit(needs.session, [needs.first.id, needs.second.id], now=NOW)
    assert (found.technician, found.visit_id) == ("Ana Ruiz", needs.first.id)
    assert "level 5" in found.reasons[0]
    assert needs.next_step().startswith("Find somebody else, or say why Ana Ruiz can go:")
    job = needs.session.get_one(Job, needs.first.job_id)
    assert job.next_step_due_at is not None
    assert job.next_step_due_at <= make.hours(1, 2).lower, "before they set out"
    undo_last(needs.session, actor=needs.world.dispatcher, now=NOW)
    needs.session.commit()
    assert "Find somebody else" not in needs.next_step()
    assert unfit(needs.session, [needs.first.id], now=NOW) == []


def test_a_technician_who_mends_it_can_take_it_back_too(needs: Needs) -> None:
    needs.say("must 5", who="technician")
    assert needs.next_step().startswith("Find somebody else")
    undo_last(needs.session, actor=needs.ana, now=NOW)
    needs.session.commit()
    assert unfit(needs.session, [needs.first.id], now=NOW) == []


def test_a_skill_is_added_by_its_name_and_left_out_again(needs: Needs) -> None:
    gas = make.make_skill(needs.session, name="Gas boilers")
    make.make_skill(needs.session, name="Gas pipes")
    needs.session.commit()
    needs.say("gas boilers 2", "new_need")
    assert [row[:2] for row in needs.levels()] == [(3, None), (2, None), (3, None), (2, None)]
    assert needs.say("", f"need:{gas.id}").value == ""
    assert [row[:2] for row in needs.levels()] == [(3, None), (3, None)]
    for words, answer in (("gas", "Which one do you mean"), ("xylophone", "No skill")):
        with pytest.raises(Invalid, match=answer):
            needs.say(words, "new_need")
        needs.session.rollback()


def test_what_is_no_level_is_refused_and_what_stands_can_stay(needs: Needs) -> None:
    with pytest.raises(Invalid, match="from the list"):
        needs.say("must 9")
    needs.session.rollback()
    assert "must 3 better 5" in need_choices("must 3 better 5")
    needs.say("better 4")
    assert [row[:2] for row in needs.levels()] == [(None, 4), (None, 4)]


def test_what_has_begun_keeps_what_it_needed(needs: Needs) -> None:
    needs.first.state = "under_way"
    needs.session.commit()
    with pytest.raises(Conflict, match="begun or is over"):
        needs.say("must 4")
