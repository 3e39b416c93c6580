"""A small world for planning tests: one territory, two qualified technicians on shift, and who may do what."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Grant
from dispatch.accounts.models import RoleName, User
from dispatch.jobs.models import Visit
from dispatch.skills.models import Skill
from dispatch.workforce.models import Shift, Technician, Territory
from tests import factories as make

EIGHT = make.MORNING + timedelta(hours=1)


@dataclass(kw_only=True)
class World:
    """Rows the tests talk about."""

    session: Session
    territory: Territory
    skill: Skill
    ana: Technician
    ben: Technician
    shift: Shift
    ben_shift: Shift
    user: User
    site: Any

    @property
    def dispatcher(self) -> Actor:
        return actor_of(self.user, "dispatcher")

    @property
    def manager(self) -> Actor:
        return Actor(
            user_id=self.user.id, name=self.user.name, grants=(Grant(role="dispatcher"), Grant(role="manager"))
        )

    def visit(self, **changes: Any) -> Visit:
        priority = changes.pop("priority", 3)
        job = make.make_job(self.session, site=self.site, owner=self.user, priority=priority)
        return make.make_visit(self.session, job=job, needs={self.skill: 3}, **changes)


def actor_of(user: User, *roles: str, technician: Technician | None = None) -> Actor:
    """Return a user as an actor with these roles everywhere."""
    return Actor(
        user_id=user.id,
        name=user.name,
        grants=tuple(Grant(role=role) for role in roles),
        technician_id=None if technician is None else technician.id,
    )


def make_reachable_world(session: Session) -> World:
    """Build the world with people who can be written to."""
    made = make_world(session)
    made.ana.phone, made.ben.phone = "+49 1", "+49 2"
    session.flush()
    return made


def make_world(session: Session) -> World:
    """Build the world; both technicians hold the skill and work eight hours from `make.MORNING` on."""
    territory, skill = make.make_territory(session), make.make_skill(session)
    ana = make.make_technician(session, territory=territory, name="Ana Ruiz")
    ben = make.make_technician(session, territory=territory, name="Ben Oduya")
    shifts = []
    for person in (ana, ben):
        make.make_proficiency(session, technician=person, skill=skill, mean=4.0)
        shifts.append(make.make_shift(session, technician=person, territory=territory))
    user = make.make_user(session, RoleName.DISPATCHER, name="Ines Weber")
    site = make.make_site(session, territory=territory, customer=make.make_customer(session, name="Hale Dental"))
    return World(
        session=session,
        territory=territory,
        skill=skill,
        ana=ana,
        ben=ben,
        shift=shifts[0],
        ben_shift=shifts[1],
        user=user,
        site=site,
    )
