"""People who sign in: adding, granting, revoking, deactivating."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.accounts import passwords, service
from dispatch.accounts.access import SYSTEM, Actor, Grant, Right
from dispatch.accounts.models import RoleGrant, RoleName, User, UserSession
from dispatch.accounts.queries import accounts, actor_for, get_user
from dispatch.core.errors import Conflict, Forbidden, Invalid
from dispatch.jobs.models import Job
from tests.factories import MORNING, make_job, make_territory, make_user

ADMIN = Actor(user_id=None, name="Admin", grants=(Grant(role="administrator"),))


def signed_in(user: User) -> Actor:
    return replace(ADMIN, user_id=user.id)


def test_a_person_is_added_with_roles_and_can_sign_in(session: Session) -> None:
    north = make_territory(session)
    user = service.add_user(
        session,
        email="Ines@Example.org",
        name=" Ines ",
        roles=("dispatcher",),
        territory_id=north.id,
        password="a long walk in the rain",
        actor=SYSTEM,
        now=MORNING,
    )
    assert (user.name, passwords.verify(user.password, "a long walk in the rain")) == ("Ines", True)
    actor = actor_for(get_user(session, user.id), today=MORNING.date(), channel="web")
    assert actor.territories(Right.JOB_EDIT) == {north.id}
    with pytest.raises(Conflict, match="can sign in already"):
        service.add_user(session, email="ines@example.ORG", name="Other", actor=SYSTEM, now=MORNING)


@pytest.mark.parametrize(
    ("email", "name", "password", "field"),
    [
        ("nonsense", "A", None, "email"),
        ("a@example.org", " ", None, "name"),
        ("a@example.org", "A", "short", "password"),
        ("a@example.org", "A", "aaaaaaaaaaaa", "password"),
        ("a@example.org", "A", "x" * 300, "password"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    session: Session, email: str, name: str, password: str | None, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        service.add_user(session, email=email, name=name, password=password, actor=SYSTEM, now=MORNING)
    assert refused.value.field == field


def test_only_administrators_manage_people(session: Session) -> None:
    manager = Actor(user_id=None, name="M", grants=(Grant(role="manager"),))
    with pytest.raises(Forbidden, match="administrator"):
        service.add_user(session, email="a@example.org", name="A", actor=manager, now=MORNING)


def test_a_stand_in_has_the_role_for_two_weeks(session: Session) -> None:
    user = make_user(session)
    service.grant_role(
        session,
        user_id=user.id,
        role="manager",
        starts_on=date(2026, 3, 2),
        ends_on=date(2026, 3, 16),
        actor=ADMIN,
        now=MORNING,
    )
    for day, has in ((date(2026, 3, 1), False), (date(2026, 3, 2), True), (date(2026, 3, 16), False)):
        found = get_user(session, user.id)
        session.refresh(found, ["grants"])
        assert actor_for(get_user(session, user.id), today=day, channel="web").may(Right.COVERAGE_READ) is has


def test_nobody_changes_their_own_rights(session: Session) -> None:
    user = make_user(session, RoleName.ADMINISTRATOR)
    with pytest.raises(Forbidden, match="own rights"):
        service.grant_role(session, user_id=user.id, role="manager", actor=signed_in(user), now=MORNING)
    with pytest.raises(Forbidden, match="own rights"):
        service.deactivate_user(session, user_id=user.id, actor=signed_in(user), now=MORNING)


def test_the_last_administrator_stays(session: Session) -> None:
    last, other = make_user(session, RoleName.ADMINISTRATOR), make_user(session, RoleName.ADMINISTRATOR)
    service.deactivate_user(session, user_id=other.id, actor=signed_in(last), now=MORNING)
    with pytest.raises(Conflict, match="last administrator"):
        service.deactivate_user(session, user_id=last.id, actor=SYSTEM, now=MORNING)
    grant = session.scalars(select(RoleGrant).where(RoleGrant.user_id == last.id)).one()
    with pytest.raises(Conflict, match="last administrator"):
        service.revoke_role(session, grant_id=grant.id, actor=SYSTEM, now=MORNING)


def test_who_leaves_hands_over_what_is_open(session: Session) -> None:
    leaver, heir = make_user(session, RoleName.DISPATCHER), make_user(session, RoleName.DISPATCHER)
    job = make_job(session, owner=leaver)
    session.add(
        UserSession(
            token_hash="x", user_id=leaver.id, data={}, created_at=MORNING, seen_at=MORNING,
            expires_at=MORNING + timedelta(days=1),
        )
    )  # fmt: skip
    session.flush()
    with pytest.raises(Conflict, match="owns 1 open items"):
        service.deactivate_user(session, user_id=leaver.id, actor=SYSTEM, now=MORNING)
    assert service.deactivate_user(session, user_id=leaver.id, successor_id=heir.id, actor=SYSTEM, now=MORNING) == 1
    session.expire_all()
    assert session.get_one(Job, job.id).owner_id == heir.id
    assert session.scalars(select(UserSession).where(UserSession.user_id == leaver.id)).all() == []
    assert [each.active for each in accounts(session, today=MORNING.date()) if each.id == leaver.id] == [False]


def test_passwords_compare_whatever_keyboard_they_came_from() -> None:
    stored = passwords.hash_password("café au lait du matin")
    assert passwords.verify(stored, "cafe\u0301 au lait du matin")
    assert not passwords.verify(stored, "cafe au lait du matin")
    assert not passwords.verify(None, "nobody has this password")
    assert not passwords.verify("no hash at all", "whatever it is")
