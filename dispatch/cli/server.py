"""Commands that start, stop and prepare the processes of an installation."""

import contextlib
import os
import subprocess
import sys

import click

from dispatch.cli import children
from dispatch.cli.progress import Progress
from dispatch.cli.refusals import plain_errors
from dispatch.core import embedded
from dispatch.core.config import Settings, settings


@click.command()
@click.option("--demo/--no-demo", default=True, help="Load the demo organisation if the database has no people yet.")
@plain_errors
def run(*, demo: bool) -> None:
    """Set up and start everything: database, web, worker. Ctrl-C stops it all; the data stays."""
    from dispatch.cli import startup

    startup.run(settings(), demo=demo)


@click.command()
@plain_errors
def stop() -> None:
    """Stop what a killed `run` left behind, and the embedded database."""
    data = settings().data_dir
    with children.only_run(data):
        ended = children.end_leftovers(data)
        stopped = embedded.stop(data / "postgres")
    click.echo(f"{ended} processes ended, database {'stopped' if stopped else 'was not running'}.")


@click.command()
@click.option("--warm/--no-warm", default=True, help="Compile kernels in the background if nobody has yet.")
@plain_errors
def serve(*, warm: bool) -> None:
    """Start the web server; without DATABASE_URL on the embedded database, which then stays up."""
    use_database(settings())
    from dispatch import matching

    if warm and not matching.is_warm(bounds=True):
        # It goes on as a child of the web server and ends by itself.
        subprocess.Popen([sys.executable, "-m", "dispatch", "warm"])
    arguments = ["-m", "gunicorn", "-c", "python:dispatch.core.serving", "dispatch.app:serve()"]
    os.execv(sys.executable, [sys.executable, *arguments])


@click.command()
@plain_errors
def work() -> None:
    """Start a worker for background tasks; any number of them may run, on any host with the same DATABASE_URL."""
    use_database(settings())
    from dispatch.tasks import run_worker

    run_worker()


@click.command()
@plain_errors
def migrate() -> None:
    """Bring the database to the schema of this version; safe to run twice and from two hosts at once."""
    from dispatch.core import migrate as migrations

    progress = Progress()
    current = settings()
    with embedded.database(current.database_url, current.data_dir) as url:
        before = migrations.current(url)
        with progress.step("schema") as details:
            migrations.upgrade(url)
            details.append(f"{before or 'empty'} -> {migrations.current(url)}")


@click.command()
def warm() -> None:
    """Compile the solver's kernels into the cache, so that no plan waits for the compiler."""
    from dispatch import matching

    with contextlib.suppress(OSError):
        os.nice(5)  # pages stay quick meanwhile
    matching.warm(bounds=True)


def use_database(current: Settings) -> str:
    """Return the address of the database and leave it in the environment for every process started from here."""
    if current.database_url is not None:
        embedded.wait_until_ready(current.database_url)
        url = current.database_url
    else:
        server = embedded.start(current.data_dir / "postgres")
        embedded.create_database(server.url(embedded.OWNER), embedded.DATABASE)
        url = server.url()
    os.environ["DATABASE_URL"] = url
    settings.cache_clear()
    return url
