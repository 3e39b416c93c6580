"""Commands around the agreement that lets measured outcomes of jobs count as evidence of skill."""

from datetime import datetime, timedelta

import click

from dispatch.cli.database import transaction
from dispatch.cli.refusals import plain_errors
from dispatch.cli.users import OPERATOR
from dispatch.core import clock
from dispatch.skills import agreements

DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def agreement() -> None:
    """Record, end and list agreements that outcomes of jobs count as evidence."""


@agreement.command()
@click.option("--scope", required=True, help="Whom it covers, for example: all technicians.")
@click.option("--reference", required=True, help="Where it is written down.")
@click.option("--from", "first_day", type=DAY, help="The first day; today without it.")
@plain_errors
def add(*, scope: str, reference: str, first_day: datetime | None) -> None:
    """Let outcomes of jobs count; levels are estimated again at once."""
    with transaction() as session:
        now = clock.now()
        first = now.date() if first_day is None else first_day.date()
        made = agreements.record_agreement(
            session, scope=scope, reference=reference, first_day=first, actor=OPERATOR, now=now
        )
        line = f"Agreement {made.id}: outcomes count from {first} on."
    click.echo(line)


@agreement.command()
@click.argument("number", type=int)
@click.option("--last-day", type=DAY, help="The last day on which outcomes count; yesterday without it.")
@plain_errors
def end(*, number: int, last_day: datetime | None) -> None:
    """End agreement NUMBER; levels are estimated again without outcomes."""
    with transaction() as session:
        now = clock.now()
        last = now.date() - timedelta(days=1) if last_day is None else last_day.date()
        agreements.end_agreement(session, agreement_id=number, last_day=last, actor=OPERATOR, now=now)
    click.echo(f"Agreement {number}: outcomes counted up to {last}.")


@agreement.command("list")
@plain_errors
def list_agreements() -> None:
    """List the agreements, the newest first."""
    with transaction() as session:
        lines = [
            f"{each.id}  from {each.valid.lower}"
            + ("" if each.valid.upper is None else f" to {each.valid.upper - timedelta(days=1)}")
            + f"  {each.scope}  ({each.reference})"
            for each in agreements.agreements(session)
        ]
    click.echo("\n".join(lines) or "No agreement: outcomes of jobs do not count as evidence.")
