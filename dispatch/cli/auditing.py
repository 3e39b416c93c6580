"""The command that reads the whole change log again and says whether anybody tampered with it."""

import click

from dispatch.cli.database import transaction
from dispatch.cli.refusals import plain_errors
from dispatch.core.audit import position, verify_chain
from dispatch.core.clock import now
from dispatch.core.config import settings
from dispatch.core.witness import FILE, check_copies, keep_copy


@click.command()
@click.option("--keep", is_flag=True, help="Add what the log ends with to the copies, as happens every night.")
@plain_errors
def audit(keep: bool) -> None:
    """Read the change log again: every line must be there, unchanged, chained, and as the copies outside say."""
    folder = settings().data_dir
    with transaction() as session:
        broken, last, copies = verify_chain(session), position(session), check_copies(session, folder)
        if broken is not None:
            raise click.ClickException(
                f"The change log is not whole: line {broken} of {last} is missing or was changed."
            )
        if copies.broken is not None:
            raise click.ClickException(
                f"The change log is not what it was: line {copies.broken} differs from its copy in {folder / FILE}."
            )
        click.echo(f"The change log is whole: {last} lines, none missing, none changed.")
        click.echo(f"It agrees with {copies.copies} copies of its hash in {folder / FILE}.")
        if copies.unreadable:
            click.echo(f"{copies.unreadable} lines of that file cannot be read.", err=True)
        if keep:
            made = keep_copy(session, folder, now=now())
            click.echo(f"Copied: line {made.seq}.")
