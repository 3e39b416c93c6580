"""The command that reads the whole change log again and says whether anybody tampered with it."""

import click

from dispatch.cli.database import transaction
from dispatch.cli.refusals import plain_errors
from dispatch.core.audit import position, verify_chain


@click.command()
@plain_errors
def audit() -> None:
    """Read the change log again: every line must be there, unchanged, and chained to the one before it."""
    with transaction() as session:
        broken, last = verify_chain(session), position(session)
    if broken is not None:
        raise click.ClickException(f"The change log is not whole: line {broken} of {last} is missing or was changed.")
    click.echo(f"The change log is whole: {last} lines, none missing, none changed.")
