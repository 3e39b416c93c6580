"""Commands around the people who can sign in; how an installation gets its first administrator."""

import sys

import click
from sqlalchemy.orm import Session

from dispatch.accounts import queries, service
from dispatch.accounts.access import Actor, Grant
from dispatch.accounts.models import RoleName, User
from dispatch.cli.database import transaction
from dispatch.cli.refusals import plain_errors
from dispatch.core import clock
from dispatch.core.errors import NotFound

# Whoever may run commands on the host may do what an administrator may; the change log names the door.
OPERATOR = Actor(
    user_id=None, name="command line", grants=(Grant(role=RoleName.ADMINISTRATOR.value),), channel="command line"
)
ROLES = click.Choice([role.value for role in RoleName])


@click.group()
def user() -> None:
    """Add and list the people who can sign in."""


@user.command()
@click.argument("email")
@click.option("--name", help="As colleagues know them; without it the part before the @.")
@click.option("--role", "roles", type=ROLES, multiple=True, required=True, help="May be given more than once.")
@click.option("--territory", type=int, help="The number of the one territory the roles are for; all without it.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")
@click.option("--no-password", is_flag=True, help='They choose one through "forgotten password".')
@plain_errors
def add(
    *,
    email: str,
    name: str | None,
    roles: tuple[str, ...],
    territory: int | None,
    password_stdin: bool,
    no_password: bool,
) -> None:
    """Add somebody who can sign in with EMAIL."""
    if password_stdin and no_password:
        raise click.UsageError("--password-stdin and --no-password exclude each other.")
    password = None
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    elif not no_password:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    with transaction() as session:
        added = service.add_user(
            session,
            email=email,
            name=name or email.partition("@")[0],
            roles=roles,
            territory_id=territory,
            password=password,
            actor=OPERATOR,
            now=clock.now(),
        )
        line = f"{added.name} can sign in as {added.email} ({', '.join(roles)})."
    click.echo(line)


@user.command("password")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")
@plain_errors
def set_password(*, email: str, password_stdin: bool) -> None:
    """Set a new password for EMAIL and end all their sessions."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    with transaction() as session:
        found = _user(session, email)
        service.set_password(session, user_id=found.id, password=password, actor=OPERATOR, now=clock.now())
    click.echo(f"{email} signs in with the new password from now on.")


@user.command()
@click.argument("email")
@click.option("--role", type=ROLES, required=True, help="The role to take away, in every territory it was given for.")
@plain_errors
def revoke(*, email: str, role: str) -> None:
    """Take a role away from EMAIL; it counts from their next click on."""
    with transaction() as session:
        found = _user(session, email)
        grants = [grant.id for grant in found.grants if grant.role.name == role]
        if not grants:
            raise NotFound(f"{found.name} does not have the role {role}.")
        for grant_id in grants:
            service.revoke_role(session, grant_id=grant_id, actor=OPERATOR, now=clock.now())
    click.echo(f"{email} is no longer {role}.")


@user.command()
@click.argument("email")
@click.option("--successor", help="The address of the colleague who takes over what they own.")
@plain_errors
def deactivate(*, email: str, successor: str | None) -> None:
    """End the access of EMAIL at once; refused while something open would be left without an owner."""
    with transaction() as session:
        passed_on = service.deactivate_user(
            session,
            user_id=_user(session, email).id,
            successor_id=None if successor is None else _user(session, successor).id,
            actor=OPERATOR,
            now=clock.now(),
        )
    to_whom = "" if successor is None else f" {passed_on} open items went to {successor}."
    click.echo(f"{email} can not sign in any more.{to_whom}")


def _user(session: Session, email: str) -> User:
    found = queries.find_user_by_email(session, email)
    if found is None:
        raise NotFound(f"Nobody signs in as {email}.")
    return found


@user.command("list")
@plain_errors
def list_people() -> None:
    """List who can sign in, with the roles that stand today."""
    with transaction() as session:
        people = queries.accounts(session, today=clock.now().date())
    for person in people:
        state = "" if person.active else "  (cannot sign in any more)"
        click.echo(f"{person.email}  {person.name}  {', '.join(person.roles) or 'no role'}{state}")
