"""Who answers for a thing is told what others mended of it: a list, and one mail in the morning, never one a fix."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from dispatch.jobs.models import Job
from dispatch.planning.fix_digest import Letter, mended_for, send_digests
from dispatch.planning.fixing import field_of, fix_field
from tests import factories as make
from tests.planning.world import World, actor_of, make_world

NOW = make.MORNING
URL = "http://127.0.0.1:8000"


class Day:
    """Ines answers for the North; Cem mends things there."""

    def __init__(self, world: World) -> None:
        self.world, self.session = world, world.session
        world.territory.owner_id = world.user.id
        self.cem = actor_of(make.make_user(self.session, name="Cem Aydin"), "dispatcher")
        self.job = self.session.get_one(Job, world.visit().job_id)
        self.letters: list[Letter] = []
        self.session.commit()

    def mend(self, entity: str, row_id: int, name: str, value: str, *, who: str = "cem") -> None:
        actor = self.cem if who == "cem" else self.world.dispatcher
        asked = {"entity": entity, "row_id": row_id, "name": name, "actor": actor, "now": NOW}
        fix_field(self.session, **asked, value=value, was=field_of(self.session, **asked).value)
        self.session.commit()

    def morning(self, hours: float) -> int:
        sent = send_digests(self.session, self.letters.append, public_url=URL, now=NOW + timedelta(hours=hours))
        self.session.commit()
        return sent


@pytest.fixture
def day(session: Session) -> Day:
    return Day(make_world(session))


def test_one_mail_for_all_that_others_mended(day: Day) -> None:
    site = day.world.site
    day.mend("site", site.id, "parking", "Behind the house")
    day.mend("site", site.id, "gate_code", "4711")
    day.mend("site", site.id, "place", "52.5, 13.4")
    day.mend("job", day.job.id, "title", "Boiler leaks")
    day.mend("customer", site.customer_id, "phone", "+49 30 1", who="ines")
    assert day.morning(1) == 1
    (letter,) = day.letters
    assert letter.to == day.world.user.email
    assert letter.title == "Mended by others: 4"
    for words in (
        "Cem Aydin",
        "parking “nothing” → “Behind the house”",
        "gate code changed",
        "moved",
        "“Boiler leaks”",
    ):
        assert words in letter.body
    assert "4711" not in letter.body, "a mail is no place for a code"
    assert "+49 30 1" not in letter.body, "nobody is told what they did themselves"


def test_once_a_day_and_only_what_is_new(day: Day) -> None:
    day.mend("site", day.world.site.id, "parking", "Yard")
    assert day.morning(1) == 1
    day.mend("site", day.world.site.id, "hazards", "Dog")
    assert day.morning(2) == 0, "told already today"
    assert day.morning(25) == 1
    assert "Dog" in day.letters[-1].body
    assert "Yard" not in day.letters[-1].body
    assert day.morning(50) == 0, "nothing new, no mail"
    assert len({letter.key for letter in day.letters}) == 2


def test_not_at_night(day: Day) -> None:
    day.mend("site", day.world.site.id, "parking", "Yard")
    assert day.morning(-5) == 0


def test_the_list_shows_the_same(day: Day) -> None:
    day.mend("site", day.world.site.id, "parking", "Yard")
    (line,) = mended_for(day.session, day.world.user.id, now=NOW, since=NOW - timedelta(hours=24))
    assert (line.who, line.entity, line.what) == ("Cem Aydin", "site", "parking “nothing” → “Yard”")
    assert mended_for(day.session, day.cem.user_id or 0, now=NOW) == []
