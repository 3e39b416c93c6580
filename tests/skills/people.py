"""Actors and a small organisation for the database tests of skills."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM, Actor, Grant
from dispatch.accounts.models import Agreement, AgreementKind, RoleName, User
from dispatch.skills.models import Skill
from dispatch.workforce.models import ReportingLine, Technician, Territory
from tests.factories import ALWAYS, MORNING, make_skill, make_technician, make_territory, make_user

NOW = MORNING
ADMIN = Actor(user_id=None, name="Admin", grants=(Grant(role="administrator"),))


@dataclass(frozen=True, kw_only=True)
class Crew:
    """A territory with a manager, a technician who reports to the manager, a colleague, and two skills of a trade."""

    territory: Territory
    technician: Technician
    colleague: Technician
    manager: Actor
    dispatcher: Actor
    holder: Actor
    mate: Actor
    boiler: Skill
    meter: Skill
    trade: Skill


def actor_of(user: User, role: str, territory: Territory | None = None, technician: Technician | None = None) -> Actor:
    """Return the actor a request of this user would have."""
    return Actor(
        user_id=user.id,
        name=user.name,
        grants=(Grant(role=role, territory_id=territory.id if territory else None),),
        technician_id=technician.id if technician else None,
    )


def make_crew(session: Session) -> Crew:
    """Add the organisation."""
    territory = make_territory(session)
    boss, desk = make_user(session, RoleName.MANAGER), make_user(session, RoleName.DISPATCHER)
    people = []
    for _ in range(2):
        user = make_user(session, RoleName.TECHNICIAN)
        people.append((make_technician(session, territory=territory, user_id=user.id), user))
    (technician, own), (colleague, other) = people
    session.add(ReportingLine(technician_id=technician.id, manager_id=boss.id, during=ALWAYS))
    trade = make_skill(session, assignable=False)
    session.flush()
    return Crew(
        territory=territory,
        technician=technician,
        colleague=colleague,
        manager=actor_of(boss, "manager", territory),
        dispatcher=actor_of(desk, "dispatcher", territory),
        holder=actor_of(own, "technician", technician=technician),
        mate=actor_of(other, "technician", technician=colleague),
        boiler=make_skill(session, parent_id=trade.id, critical=True),
        meter=make_skill(session, parent_id=trade.id),
        trade=trade,
    )


def agree_to_outcomes(session: Session) -> None:
    """Record the agreement that lets outcomes count."""
    session.add(
        Agreement(
            kind=AgreementKind.OUTCOME_EVIDENCE,
            valid=ALWAYS,
            scope="all technicians",
            reference="works agreement 7",
            recorded_at=MORNING - timedelta(days=500),
        )
    )
    session.flush()


__all__ = ["ADMIN", "NOW", "SYSTEM", "Crew", "actor_of", "agree_to_outcomes", "make_crew"]
