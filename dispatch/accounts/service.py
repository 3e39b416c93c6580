"""Use cases around the people who sign in: add, grant, revoke, deactivate, set a password."""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import ColumnElement, Table, and_, func, select, update
from sqlalchemy.orm import Session

from dispatch.accounts import passwords, sessions
from dispatch.accounts.access import Actor, Right
from dispatch.accounts.models import Density, Role, RoleGrant, RoleName, User
from dispatch.accounts.queries import administrators, find_user_by_email, get_user
from dispatch.accounts.shortcuts import checked
from dispatch.core.audit import Change, record
from dispatch.core.db import Base
from dispatch.core.errors import Conflict, Forbidden, Invalid, NotFound


def clean_email(text: str) -> str:
    """Return an address in the form we keep, or refuse it with the reason."""
    try:
        # Whether the host exists is not asked: an installation may have no name service, and mails tell.
        return validate_email(text.strip(), check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        # A name such as `ines@localhost` is right on a single machine.
        local, at, host = text.strip().partition("@")
        if at and local and host == "localhost" and not any(c.isspace() for c in local):
            return text.strip()
        raise Invalid(f"This is no e-mail address: {error}", field="email") from error


def add_user(
    session: Session,
    *,
    email: str,
    name: str,
    roles: Iterable[str] = (),
    territory_id: int | None = None,
    password: str | None = None,
    password_hash: str | None = None,
    phone: str | None = None,
    actor: Actor,
    now: datetime,
) -> User:
    """Add somebody who can sign in; without a password they choose one through "forgotten".

    ``password_hash`` takes one made before, for many people at once.
    """
    actor.require(Right.USER_EDIT)
    address = clean_email(email)
    if not name.strip():
        raise Invalid("Enter a name, so that colleagues know who did what.", field="name")
    if find_user_by_email(session, address) is not None:
        raise Conflict(f"{address} can sign in already. Change that account instead of adding a second one.")
    if password is not None:
        problem = passwords.fault(password)
        if problem:
            raise Invalid(problem, field="password")
        password_hash = passwords.hash_password(password)
    user = User(
        email=address,
        name=name.strip(),
        password=password_hash,
        active=True,
        fs_uniquifier=secrets.token_hex(16),
        phone=(phone or "").strip() or None,
        created_at=now,
    )
    session.add(user)
    session.flush()
    _note(session, "add", user, actor=actor, now=now, after={"email": user.email, "name": user.name})
    for role in roles:
        grant_role(session, user_id=user.id, role=role, territory_id=territory_id, actor=actor, now=now)
    return user


def grant_role(
    session: Session,
    *,
    user_id: int,
    role: str,
    territory_id: int | None = None,
    starts_on: date | None = None,
    ends_on: date | None = None,
    actor: Actor,
    now: datetime,
) -> RoleGrant:
    """Give somebody a role, for one territory or all, for a while or for good; nobody gives one to themselves."""
    actor.require(Right.USER_EDIT)
    _not_oneself(actor, user_id)
    if role not in tuple(RoleName):
        raise Invalid(f"{role!r} is no role; there are {', '.join(RoleName)}.", field="role")
    if role == RoleName.ADMINISTRATOR and territory_id is not None:
        raise Invalid("An administrator looks after everything; leave the territory out.", field="territory_id")
    user = get_user(session, user_id)
    kind = session.scalars(select(Role).where(Role.name == role)).one()
    first = starts_on or now.date()
    if ends_on is not None and ends_on <= first:
        raise Invalid("The last day lies before the first.", field="ends_on")
    same = session.scalar(
        select(RoleGrant).where(
            RoleGrant.user_id == user.id,
            RoleGrant.role_id == kind.id,
            RoleGrant.territory_id.is_not_distinct_from(territory_id),
            RoleGrant.starts_on == first,
        )
    )
    if same is not None:
        return same
    grant = RoleGrant(
        user_id=user.id,
        role_id=kind.id,
        territory_id=territory_id,
        starts_on=first,
        ends_on=ends_on,
        given_by_id=actor.user_id,
    )
    session.add(grant)
    session.flush()
    session.expire(user, ["grants"])
    _note(session, "grant", user, actor=actor, now=now, after={"role": role, "territory_id": territory_id})
    return grant


def revoke_role(session: Session, *, grant_id: int, actor: Actor, now: datetime) -> None:
    """Take a role away; it counts from the next click on. The last administrator stays."""
    actor.require(Right.USER_EDIT)
    grant = session.get(RoleGrant, grant_id)
    if grant is None:
        raise NotFound("There is no such grant.")
    _not_oneself(actor, grant.user_id)
    user = get_user(session, grant.user_id)
    role = session.get_one(Role, grant.role_id)
    before = {"role": role.name, "territory_id": grant.territory_id}
    if role.name == RoleName.ADMINISTRATOR:
        _not_the_last(session, user, now=now)
    session.delete(grant)
    session.flush()
    session.expire(user, ["grants"])
    _note(session, "revoke", user, actor=actor, now=now, before=before)


def deactivate_user(
    session: Session, *, user_id: int, successor_id: int | None = None, actor: Actor, now: datetime
) -> int:
    """End somebody's access at once; what they own passes to the successor. Returns how many open items passed on.

    Refused while something open would be left without an owner.
    """
    actor.require(Right.USER_EDIT)
    _not_oneself(actor, user_id)
    user = get_user(session, user_id)
    if any(grant.role.name == RoleName.ADMINISTRATOR for grant in user.grants):
        _not_the_last(session, user, now=now)
    open_items = sum(_count(session, table, condition) for table, condition in _owned(user.id))
    if open_items and successor_id is None:
        raise Conflict(f"{user.name} owns {open_items} open items. Name a colleague who takes them over.")
    if successor_id is not None:
        successor = get_user(session, successor_id)
        if not successor.active or successor.id == user.id:
            raise Invalid("Choose a colleague who can sign in.", field="successor_id")
        for table, condition in _owned(user.id):
            values: dict[str, object] = {"owner_id": successor.id}
            if "version" in table.c:
                values["version"] = table.c.version + 1
            session.execute(update(table).where(condition).values(values))
    user.active = False
    sessions.revoke_all(session, user.id)
    session.flush()
    _note(session, "deactivate", user, actor=actor, now=now, after={"successor_id": successor_id, "items": open_items})
    return open_items


def set_password(session: Session, *, user_id: int, password: str, actor: Actor, now: datetime) -> None:
    """Set a password; every session of the person ends."""
    if actor.user_id != user_id:
        actor.require(Right.USER_EDIT)
    problem = passwords.fault(password)
    if problem:
        raise Invalid(problem, field="password")
    user = get_user(session, user_id)
    user.password = passwords.hash_password(password)
    user.fs_uniquifier = secrets.token_hex(16)
    sessions.revoke_all(session, user.id)
    session.flush()
    _note(session, "password", user, actor=actor, now=now)


def mark_looked(session: Session, *, user_id: int, now: datetime) -> None:
    """Note when somebody last read what changed; nobody else is told."""
    user = session.get(User, user_id)
    if user is not None:
        user.last_looked_at = now
        session.flush()


def change_contact(
    session: Session, *, user_id: int, name: str, phone: str | None, version: int, actor: Actor, now: datetime
) -> User:
    """Change somebody's name and telephone number; one's own, or anybody's with the right."""
    if actor.user_id != user_id:
        actor.require(Right.USER_EDIT)
    user = get_user(session, user_id)
    if user.version != version:
        raise Conflict("These details were changed a moment ago. Look at them again before you save.")
    if not name.strip():
        raise Invalid("Enter a name, so that colleagues know who did what.", field="name")
    before = {"name": user.name, "phone": user.phone}
    user.name, user.phone = name.strip(), (phone or "").strip() or None
    session.flush()
    _note(session, "change", user, actor=actor, now=now, before=before, after={"name": user.name, "phone": user.phone})
    return user


def choose_keys(session: Session, *, single_keys: bool, keys: Mapping[str, str], actor: Actor) -> None:
    """Keep which keys somebody uses for what; those like everybody else's are not kept. Refuses a key given twice."""
    user = _oneself(session, actor)
    user.single_keys, user.keys = single_keys, checked(keys)
    session.flush()


def choose_density(session: Session, *, density: Density, actor: Actor) -> None:
    """Keep how close somebody likes rows to stand."""
    _oneself(session, actor).density = density
    session.flush()


def _oneself(session: Session, actor: Actor) -> User:
    if actor.user_id is None:
        raise Forbidden("Please sign in first.")
    return get_user(session, actor.user_id)


def _not_oneself(actor: Actor, user_id: int) -> None:
    if actor.user_id is not None and actor.user_id == user_id:
        raise Forbidden("Nobody changes their own rights. Ask another administrator.")


def _not_the_last(session: Session, user: User, *, now: datetime) -> None:
    # Two administrators removing each other at the same moment would leave none: they queue here.
    session.execute(select(Role.id).where(Role.name == RoleName.ADMINISTRATOR.value).with_for_update())
    if administrators(session, today=now.date()) <= {user.id}:
        raise Conflict(f"{user.name} is the last administrator. Name another one first.")


def _owned(user_id: int) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Give every table that knows an owner, and which of its rows are this person's open ones."""
    for table in Base.metadata.sorted_tables:
        owner = table.c.get("owner_id")
        if owner is None or not any(key.column.table.name == User.__tablename__ for key in owner.foreign_keys):
            continue
        conditions: list[ColumnElement[bool]] = [owner == user_id]
        for column in ("settled_at", "retired_at", "closed_at"):
            if column in table.c:
                conditions.append(table.c[column].is_(None))
        if "next_step" in table.c and "state" in table.c:
            conditions.append(table.c.state.not_in(("done", "cancelled")))
        yield table, and_(*conditions)


def _count(session: Session, table: Table, condition: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(table).where(condition)) or 0


def _note(
    session: Session,
    action: str,
    user: User,
    *,
    actor: Actor,
    now: datetime,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action=action,
            entity="user",
            entity_id=str(user.id),
            before=before,
            after=after,
            channel=actor.channel,
        ),
    )
