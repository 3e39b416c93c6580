"""Commands that bring data in: the demo organisation, files of other systems, a workforce for a set of jobs."""

import os

import click

from dispatch.cli.progress import Progress
from dispatch.cli.refusals import plain_errors


@click.command()
@click.option("--seed", default=1, show_default=True, help="Another number gives another organisation.")
@plain_errors
def demo(*, seed: int) -> None:
    """Load the demo organisation into an empty database and print how to sign in."""
    _one_thread_per_process()
    from sqlalchemy import text

    from dispatch.cli.database import transaction
    from dispatch.core.audit import CHANNEL
    from dispatch.core.clock import now
    from dispatch.core.errors import ServiceError
    from dispatch.demo.load import load_demo

    CHANNEL.set("cli")
    progress = Progress()
    try:
        with progress.step("demo loaded") as details, transaction() as session:
            session.execute(text("RESET ROLE"))  # the planner's statistics are refreshed, which only the owner may do
            loaded = load_demo(session, now=now(), seed=seed)
            details.append(f"{sum(loaded.counts.values()):,} rows around {loaded.day}")
    except ServiceError as error:
        raise click.ClickException(error.message) from error
    for table, count in sorted(loaded.counts.items(), key=lambda item: -item[1]):
        click.echo(f"  {count:>8,} {table}")
    click.echo(f"Sign in with the password {loaded.password} as")
    for role, email in loaded.sign_ins.items():
        click.echo(f"  {role:<14} {email}")


@click.group()
def import_group() -> None:
    """Import files of other systems; --dry-run shows what would happen."""


@click.group()
def generate() -> None:
    """Make plausible data."""


def _one_thread_per_process() -> None:
    """Keep linear algebra on one thread: its matrices are small here, and threads waiting for each other cost most."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
