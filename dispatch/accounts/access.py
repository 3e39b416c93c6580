"""One table: which role may do what, and where. Pure; every door and every service asks here.

A right is held for everything (``ORG``), for the territories of the grant (``SCOPE``) or for oneself (``OWN``).
Rights of several roles add up. What the table does not list is denied.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from dispatch.core.errors import Forbidden, NotFound


class Right(StrEnum):
    """What can be permitted; ``resource.action``."""

    JOB_READ = "job.read"
    JOB_EDIT = "job.edit"
    JOB_REPORT = "job.report"
    SITE_ACCESS = "site.access"
    ASSIGNMENT_READ = "assignment.read"
    ASSIGNMENT_EDIT = "assignment.edit"
    ASSIGNMENT_ANSWER = "assignment.answer"
    OVERRIDE_SOFT = "override.soft"
    OVERRIDE_HARD = "override.hard"
    BOARD_READ = "board.read"
    PLAN_READ = "plan.read"
    PLAN_RUN = "plan.run"
    PLAN_PUBLISH = "plan.publish"
    DAY_READ = "day.read"
    PERSON_READ = "person.read"
    PERSON_EDIT = "person.edit"
    HOME_ADDRESS = "person.home"
    SKILL_READ = "skill.read"
    SKILL_CLAIM = "skill.claim"
    SKILL_CONTEST = "skill.contest"
    SKILL_CONFIRM = "skill.confirm"
    EVIDENCE_READ = "evidence.read"
    CERTIFICATE_READ = "certificate.read"
    CERTIFICATE_ADD = "certificate.add"
    CERTIFICATE_CONFIRM = "certificate.confirm"
    ABSENCE_READ = "absence.read"
    ABSENCE_REPORT = "absence.report"
    ABSENCE_EDIT = "absence.edit"
    CUSTOMER_READ = "customer.read"
    CUSTOMER_EDIT = "customer.edit"
    COVERAGE_READ = "coverage.read"
    COVERAGE_SOLVE = "coverage.solve"
    LOOSE_END_READ = "loose_end.read"
    LOOSE_END_EDIT = "loose_end.edit"
    MESSAGE_READ = "message.read"
    MESSAGE_EDIT = "message.edit"
    SEARCH = "search"
    EXPORT = "export"
    IMPORT = "import"
    POLICY_READ = "policy.read"
    POLICY_EDIT = "policy.edit"
    CATALOGUE_EDIT = "catalogue.edit"
    TERRITORY_EDIT = "territory.edit"
    USER_READ = "user.read"
    USER_EDIT = "user.edit"
    AUDIT_READ = "audit.read"
    HEALTH_READ = "health.read"


class Reach(StrEnum):
    """How far a right reaches."""

    OWN = "own"
    SCOPE = "scope"
    ORG = "org"


_OWN, _SCOPE, _ORG = Reach.OWN, Reach.SCOPE, Reach.ORG
SYSTEM_ROLE = "system"

# role -> right -> reach. The row of the system holds everything and is given to no person.
TABLE: dict[str, dict[Right, Reach]] = {
    "technician": {
        Right.DAY_READ: _OWN,
        Right.JOB_READ: _OWN,
        Right.JOB_REPORT: _OWN,
        Right.SITE_ACCESS: _OWN,
        Right.ASSIGNMENT_READ: _OWN,
        Right.ASSIGNMENT_ANSWER: _OWN,
        Right.HOME_ADDRESS: _OWN,
        Right.SKILL_READ: _OWN,
        Right.SKILL_CLAIM: _OWN,
        Right.SKILL_CONTEST: _OWN,
        Right.EVIDENCE_READ: _OWN,
        Right.CERTIFICATE_READ: _OWN,
        Right.CERTIFICATE_ADD: _OWN,
        Right.ABSENCE_READ: _OWN,
        Right.ABSENCE_REPORT: _OWN,
        Right.CUSTOMER_READ: _OWN,
        Right.LOOSE_END_READ: _OWN,
        Right.LOOSE_END_EDIT: _OWN,
        Right.EXPORT: _OWN,
        Right.AUDIT_READ: _OWN,
    },
    "dispatcher": {
        Right.BOARD_READ: _SCOPE,
        Right.JOB_READ: _SCOPE,
        Right.JOB_EDIT: _SCOPE,
        Right.JOB_REPORT: _SCOPE,
        Right.SITE_ACCESS: _SCOPE,
        Right.ASSIGNMENT_READ: _SCOPE,
        Right.ASSIGNMENT_EDIT: _SCOPE,
        Right.OVERRIDE_SOFT: _SCOPE,
        Right.PLAN_READ: _SCOPE,
        Right.PLAN_RUN: _SCOPE,
        Right.PLAN_PUBLISH: _SCOPE,
        Right.PERSON_READ: _SCOPE,
        Right.PERSON_EDIT: _SCOPE,
        Right.SKILL_READ: _SCOPE,
        Right.CERTIFICATE_READ: _SCOPE,
        Right.ABSENCE_READ: _SCOPE,
        Right.ABSENCE_REPORT: _SCOPE,
        Right.CUSTOMER_READ: _SCOPE,
        Right.CUSTOMER_EDIT: _SCOPE,
        Right.LOOSE_END_READ: _SCOPE,
        Right.LOOSE_END_EDIT: _SCOPE,
        Right.MESSAGE_READ: _SCOPE,
        Right.MESSAGE_EDIT: _SCOPE,
        Right.SEARCH: _SCOPE,
        Right.EXPORT: _SCOPE,
        Right.AUDIT_READ: _SCOPE,
    },
    "manager": {
        Right.COVERAGE_READ: _SCOPE,
        Right.COVERAGE_SOLVE: _SCOPE,
        Right.JOB_READ: _SCOPE,
        Right.ASSIGNMENT_READ: _SCOPE,
        Right.OVERRIDE_HARD: _SCOPE,
        Right.PLAN_READ: _SCOPE,
        Right.PERSON_READ: _SCOPE,
        Right.PERSON_EDIT: _SCOPE,
        Right.SKILL_READ: _SCOPE,
        Right.SKILL_CONFIRM: _SCOPE,
        Right.EVIDENCE_READ: _SCOPE,
        Right.CERTIFICATE_READ: _SCOPE,
        Right.CERTIFICATE_CONFIRM: _SCOPE,
        Right.ABSENCE_READ: _SCOPE,
        Right.ABSENCE_REPORT: _SCOPE,
        Right.ABSENCE_EDIT: _SCOPE,
        Right.CUSTOMER_READ: _SCOPE,
        Right.LOOSE_END_READ: _SCOPE,
        Right.LOOSE_END_EDIT: _SCOPE,
        Right.MESSAGE_READ: _SCOPE,
        Right.SEARCH: _SCOPE,
        Right.EXPORT: _SCOPE,
        Right.POLICY_READ: _SCOPE,
        Right.AUDIT_READ: _SCOPE,
    },
    "administrator": {
        Right.JOB_READ: _ORG,
        Right.ASSIGNMENT_READ: _ORG,
        Right.PLAN_READ: _ORG,
        Right.PERSON_READ: _ORG,
        Right.PERSON_EDIT: _ORG,
        Right.HOME_ADDRESS: _ORG,
        Right.SKILL_READ: _ORG,
        Right.CERTIFICATE_READ: _ORG,
        Right.ABSENCE_READ: _ORG,
        Right.CUSTOMER_READ: _ORG,
        Right.COVERAGE_READ: _ORG,
        Right.LOOSE_END_READ: _ORG,
        Right.LOOSE_END_EDIT: _ORG,
        Right.MESSAGE_READ: _ORG,
        Right.SEARCH: _ORG,
        Right.EXPORT: _ORG,
        Right.IMPORT: _ORG,
        Right.POLICY_READ: _ORG,
        Right.POLICY_EDIT: _ORG,
        Right.CATALOGUE_EDIT: _ORG,
        Right.TERRITORY_EDIT: _ORG,
        Right.USER_READ: _ORG,
        Right.USER_EDIT: _ORG,
        Right.AUDIT_READ: _ORG,
        Right.HEALTH_READ: _ORG,
    },
    SYSTEM_ROLE: dict.fromkeys(Right, _ORG),
}
ROLES = ("technician", "dispatcher", "manager", "administrator")

_ACTIONS = {
    Right.BOARD_READ: "see the dispatch board",
    Right.PLAN_RUN: "start a planning run",
    Right.PLAN_PUBLISH: "publish a plan",
    Right.ASSIGNMENT_EDIT: "assign and move work",
    Right.JOB_EDIT: "change jobs",
    Right.CUSTOMER_EDIT: "change customers",
    Right.MESSAGE_EDIT: "recall messages or send them at once",
    Right.COVERAGE_READ: "see coverage",
    Right.DAY_READ: "have a day of your own as a technician",
    Right.USER_EDIT: "manage the people who sign in",
    Right.SKILL_CONFIRM: "confirm skills",
    Right.CERTIFICATE_CONFIRM: "confirm certificates",
    Right.ABSENCE_EDIT: "change absences",
    Right.OVERRIDE_SOFT: "override a wish",
    Right.OVERRIDE_HARD: "override a rule",
}


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A role for one territory or, without one, for all; first day included, last day excluded."""

    role: str
    territory_id: int | None = None
    starts_on: date | None = None
    ends_on: date | None = None

    def __post_init__(self) -> None:
        if self.role not in TABLE:
            raise ValueError(f"{self.role!r} is no role; there are {', '.join(ROLES)}")

    def stands(self, on: date) -> bool:
        """Say whether the grant holds on a day."""
        return (self.starts_on is None or self.starts_on <= on) and (self.ends_on is None or on < self.ends_on)


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who acts, with the grants that stand at that moment, and through which door."""

    user_id: int | None
    name: str
    grants: tuple[Grant, ...]
    technician_id: int | None = None
    channel: str = "web"

    @property
    def roles(self) -> frozenset[str]:
        """The roles held anywhere."""
        return frozenset(grant.role for grant in self.grants)

    def may(self, right: Right | str, territory_id: int | None = None, *, technician_id: int | None = None) -> bool:
        """Say whether the actor holds a right.

        Without territory and technician the question is "at all?", as menus and routes ask it. With them it is about
        one thing: the territory it lies in and the technician it belongs to.
        """
        right = Right(right)
        return any(self._reaches(grant, right, territory_id, technician_id) for grant in self.grants)

    def _reaches(self, grant: Grant, right: Right, territory_id: int | None, technician_id: int | None) -> bool:
        reach = TABLE[grant.role].get(right)
        if reach is None:
            return False
        if reach is Reach.ORG or (territory_id is None and technician_id is None):
            return True
        if reach is Reach.OWN:
            return technician_id is not None and technician_id == self.technician_id
        return grant.territory_id is None or grant.territory_id == territory_id

    def reaches_others(self, right: Right | str) -> bool:
        """Say whether a right reaches further than oneself; pages about everybody ask this."""
        right = Right(right)
        return any(TABLE[grant.role].get(right) in (Reach.SCOPE, Reach.ORG) for grant in self.grants)

    def territories(self, right: Right | str) -> frozenset[int] | None:
        """Return the territories a right reaches, None for all of them; rights over oneself reach no territory."""
        right = Right(right)
        found: set[int] = set()
        for grant in self.grants:
            reach = TABLE[grant.role].get(right)
            if reach is Reach.ORG or (reach is Reach.SCOPE and grant.territory_id is None):
                return None
            if reach is Reach.SCOPE and grant.territory_id is not None:
                found.add(grant.territory_id)
        return frozenset(found)

    def require(
        self,
        right: Right | str,
        territory_id: int | None = None,
        *,
        technician_id: int | None = None,
        what: str = "entry",
    ) -> None:
        """Refuse unless :meth:`may`: Forbidden for a function, NotFound for a thing out of reach.

        A thing out of reach is answered like one that does not exist, so that nobody learns what others have.
        """
        if not self.may(right):
            raise Forbidden(refusal(right))
        if not self.may(right, territory_id, technician_id=technician_id):
            raise NotFound(f"There is no such {what}.")


SYSTEM = Actor(user_id=None, name="Extramile", grants=(Grant(role=SYSTEM_ROLE),), channel="system")


def holders(right: Right | str, *, own: bool = True) -> tuple[str, ...]:
    """Return the roles of people that hold a right; without ``own`` those that hold it over others."""
    enough = tuple(Reach) if own else (Reach.SCOPE, Reach.ORG)
    return tuple(role for role in ROLES if TABLE[role].get(Right(right)) in enough)


def refusal(right: Right | str, *, own: bool = True) -> str:
    """Return the sentence for somebody who lacks a right: what is needed and who can give it."""
    right = Right(right)
    action = _ACTIONS.get(right, "open this page")
    roles = " or ".join(holders(right, own=own)) or "no role"
    return f"To {action} you need the role {roles}. An administrator can give it to you."


def standing(grants: Iterable[Grant], on: date) -> tuple[Grant, ...]:
    """Return the grants that hold on a day."""
    return tuple(grant for grant in grants if grant.stands(on))
