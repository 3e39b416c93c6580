"""Commands that bring data in: the demo organisation, files of other systems, a workforce for a set of jobs."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dispatch.cli.progress import Progress
from dispatch.cli.refusals import plain_errors

if TYPE_CHECKING:
    from dispatch.imports.engine import Report
    from dispatch.imports.reader import Fault

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
DAY = click.DateTime(formats=["%Y-%m-%d"])
FAULTS_SHOWN = 200
SIMPLE_KINDS = ("territories", "users", "skills", "certifications", "technicians", "shifts", "absences")
SOME_FAULTY = 3


@click.command()
@click.option("--seed", default=1, show_default=True, help="Another number gives another organisation.")
@plain_errors
def demo(*, seed: int) -> None:
    """Load the demo organisation into an empty database and print how to sign in."""
    from sqlalchemy import text

    from dispatch.cli.database import transaction
    from dispatch.core.audit import CHANNEL
    from dispatch.core.clock import now
    from dispatch.demo.load import load_demo

    CHANNEL.set("cli")
    progress = Progress()
    with progress.step("demo loaded") as details, transaction() as session:
        session.execute(text("RESET ROLE"))  # the planner's statistics are refreshed, which only the owner may do
        loaded = load_demo(session, now=now(), seed=seed)
        details.append(f"{sum(loaded.counts.values()):,} rows around {loaded.day}")
    _print_counts(loaded.counts)
    click.echo(f"Sign in with the password {loaded.password} as")
    for role, email in loaded.sign_ins.items():
        click.echo(f"  {role:<14} {email}")


@click.group("import")
def import_group() -> None:
    """Import files of other systems (CSV or XLSX).

    Encoding and separator are found. Each row that cannot be used is listed with line, column, value and what would
    be right; the others go in. Importing a file twice changes nothing. Exit code 3 says that some rows were refused.
    """


def _simple(kind: str) -> click.Command:
    @click.command(kind, help=f"Import {kind} from a file.")
    @click.argument("file", type=FILE)
    @click.option("--source", help="Name of the system the file comes from; its rows are kept apart from others.")
    @click.option("--dry-run", is_flag=True, help="Say what would happen and change nothing.")
    @click.option("--confirm", is_flag=True, help="Change more than a tenth of what this source gave before.")
    @plain_errors
    def command(*, file: Path, source: str | None, dry_run: bool, confirm: bool) -> None:
        from dispatch.cli.database import transaction
        from dispatch.cli.users import OPERATOR
        from dispatch.core.audit import CHANNEL
        from dispatch.core.clock import now
        from dispatch.imports.kinds import import_file

        CHANNEL.set("import")
        with transaction() as session:
            report = import_file(
                session,
                kind=kind,
                file_name=file.name,
                data=file.read_bytes(),
                source=source,
                dry_run=dry_run,
                confirmed=confirm,
                actor=OPERATOR,
                now=now(),
            )
        _finish([report])

    return command


for _kind in SIMPLE_KINDS:
    import_group.add_command(_simple(_kind))


@import_group.command("skill-matrix")
@click.argument("file", type=FILE)
@click.option("--source", default="skill_matrix", show_default=True, help="Name of the system the file comes from.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and change nothing.")
@click.option("--confirm", is_flag=True, help="Change more than a tenth of what this source gave before.")
@plain_errors
def skill_matrix(*, file: Path, source: str, dry_run: bool, confirm: bool) -> None:
    """Import who can do what: a row a person and a column a skill, or rows of person, skill and level.

    Columns and words are matched where that is certain; the rest is listed, and can be matched by hand on the page
    Import skills. Empty cells say nothing.
    """
    from dispatch.cli.database import transaction
    from dispatch.cli.users import OPERATOR
    from dispatch.core.audit import CHANNEL
    from dispatch.core.clock import now
    from dispatch.imports.matrix.service import import_matrix

    CHANNEL.set("import")
    with transaction() as session:
        report = import_matrix(
            session,
            file_name=file.name,
            data=file.read_bytes(),
            source=source,
            dry_run=dry_run,
            confirmed=confirm,
            actor=OPERATOR,
            now=now(),
        )
    if not dry_run:
        click.echo(f"This is import {report.batch_id}; for 24 hours `import undo {report.batch_id}` takes it back.")
    _finish([report], what="cells")


@import_group.command("undo")
@click.argument("number", type=int)
@plain_errors
def undo(*, number: int) -> None:
    """Take the skill matrix with this import number back, within 24 hours."""
    from dispatch.cli.database import transaction
    from dispatch.cli.users import OPERATOR
    from dispatch.core.audit import CHANNEL
    from dispatch.core.clock import now
    from dispatch.imports.matrix.service import undo_matrix

    CHANNEL.set("import")
    with transaction() as session:
        taken = undo_matrix(session, batch_id=number, actor=OPERATOR, now=now())
    click.echo(f"Import {number} is taken back: {taken:,} levels count no more.")


@import_group.command("built-in")
@plain_errors
def built_in() -> None:
    """Add what is missing of the built-in catalogue of skills and certificates; what is there stays as it is."""
    from dispatch.cli.database import transaction
    from dispatch.cli.users import OPERATOR
    from dispatch.core.audit import CHANNEL
    from dispatch.core.clock import now
    from dispatch.skills.starting import load_starter_catalogue

    CHANNEL.set("import")
    with transaction() as session:
        skills, kinds = load_starter_catalogue(session, actor=OPERATOR, now=now())
    click.echo(f"{skills} skills and {kinds} kinds of certificates added.")


def _reference(scheme: str, name: str, files: str) -> click.Command:
    @click.command(scheme, help=f"Import a release of {name} from its official files: {files}.")
    @click.argument("paths", type=FILE, nargs=-1, required=True, metavar="FILE...")
    @click.option("--release", required=True, help="Which release this is; it is part of the attribution.")
    @click.option("--dry-run", is_flag=True, help="Say what would happen and change nothing.")
    @click.option("--confirm", is_flag=True, help="Retire more than a tenth of what came before.")
    @plain_errors
    def command(*, paths: tuple[Path, ...], release: str, dry_run: bool, confirm: bool) -> None:
        from dispatch.cli.database import transaction
        from dispatch.cli.users import OPERATOR
        from dispatch.core.audit import CHANNEL
        from dispatch.core.clock import now
        from dispatch.imports.reference import import_reference
        from dispatch.skills.models import Scheme

        CHANNEL.set("import")
        with transaction() as session:
            report = import_reference(
                session,
                scheme=Scheme(scheme),
                release=release,
                paths=paths,
                dry_run=dry_run,
                confirmed=confirm,
                actor=OPERATOR,
                now=now(),
            )
        for file, kind, rows in report.files:
            click.echo(f"{file}: {rows:,} rows of the kind {kind.value}")
        for path in paths:
            if path.name not in {file for file, _kind, _rows in report.files}:
                click.echo(f"{path.name}: left aside, not a file we take from")
        click.echo(
            f"{name} {report.release}: {report.new:,} new, {report.changed:,} changed, {report.same:,} as before,"
            f" {report.retired:,} not in it any more" + (" (dry run: nothing was changed)" if dry_run else "")
        )
        _tell(report.notes, report.faults, report.faults_total)
        if report.faults_total:
            sys.exit(SOME_FAULTY)

    return command


import_group.add_command(
    _reference("onet", "O*NET", "Occupation Data, Alternate Titles, Skills, Knowledge, Task Statements, Tools Used,"
               " Technology Skills (.txt)")
)  # fmt: skip
import_group.add_command(_reference("esco", "ESCO", "occupations and skills (.csv)"))


@import_group.command()
@click.argument("file", type=FILE)
@click.option("--mapping", type=FILE, required=True, help="Table that says what each type of request needs.")
@click.option("--replay-day", type=DAY, help="Take only the requests of this day.")
@click.option("--shift-to", type=DAY, help="Move them to this day; the local time of day stays.")
@click.option("--catalogue", type=FILE, help="Import these skills first.")
@click.option("--certifications", type=FILE, help="Import these kinds of certification first.")
@click.option("--owner", help="E-mail of whoever answers for the new jobs; else the first user.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and change nothing.")
@click.option("--confirm", is_flag=True, help="Change more than a tenth of what came before.")
@plain_errors
def requests(
    *,
    file: Path,
    mapping: Path,
    replay_day: datetime | None,
    shift_to: datetime | None,
    catalogue: Path | None,
    certifications: Path | None,
    owner: str | None,
    dry_run: bool,
    confirm: bool,
) -> None:
    """Import city service requests as open jobs."""
    from dispatch.cli.database import transaction
    from dispatch.cli.users import OPERATOR
    from dispatch.core.audit import CHANNEL
    from dispatch.core.clock import now
    from dispatch.imports.kinds import import_file, import_request_file
    from dispatch.imports.requests import Replay

    CHANNEL.set("import")
    reports = []
    with transaction() as session:
        outer = session.begin_nested()
        for kind, first in (("skills", catalogue), ("certifications", certifications)):
            if first is not None:
                # Taken back below in a dry run; until then the requests must find what they need.
                reports.append(
                    import_file(
                        session,
                        kind=kind,
                        file_name=first.name,
                        data=first.read_bytes(),
                        dry_run=False,
                        confirmed=confirm,
                        actor=OPERATOR,
                        now=now(),
                    )
                )
        reports.append(
            import_request_file(
                session,
                file_name=file.name,
                data=file.read_bytes(),
                mapping=mapping.read_bytes(),
                replay=Replay(day=_day(replay_day), shift_to=_day(shift_to), owner_email=owner),
                dry_run=dry_run,
                confirmed=confirm,
                actor=OPERATOR,
                now=now(),
            )
        )
        if dry_run and len(reports) > 1:
            outer.rollback()
        else:
            outer.commit()
    _finish(reports)


@click.group()
def generate() -> None:
    """Make plausible data."""


@generate.command()
@click.option("--for-date", type=DAY, required=True, help="The day whose open jobs are to be served.")
@click.option("--count", default=120, show_default=True, type=click.IntRange(1, 5000), help="How many people.")
@click.option("--seed", default=1, show_default=True, help="Another number gives other people.")
@plain_errors
def workforce(*, for_date: datetime, count: int, seed: int) -> None:
    """Make people who can do most, not all, of the open jobs of a day: homes, shifts, evidence, papers, partners."""
    from dispatch.cli.database import transaction
    from dispatch.core.audit import CHANNEL
    from dispatch.core.clock import now
    from dispatch.demo.workforce import generate_workforce

    CHANNEL.set("cli")
    progress = Progress()
    with progress.step("workforce made") as details, transaction() as session:
        counts = generate_workforce(session, for_date=for_date.date(), count=count, seed=seed, now=now())
        details.append(f"{counts['technician']} people for {for_date:%Y-%m-%d}")
    _print_counts(counts)


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


def _print_counts(counts: Mapping[str, int]) -> None:
    for table, count in sorted(counts.items(), key=lambda item: -item[1]):
        click.echo(f"  {count:>8,} {table}")


def _tell(notes: Sequence[str], faults: "Sequence[Fault]", total: int) -> None:
    for note in notes:
        click.echo(f"  {note}")
    for fault in faults[:FAULTS_SHOWN]:
        where = f"line {fault.line}" + (f", column {fault.column}" if fault.column else "")
        value = f" {fault.value!r}:" if fault.value else ""
        click.echo(f"  {where}:{value} {fault.remedy}")
    if total > FAULTS_SHOWN:
        click.echo(f"  ... and {total - FAULTS_SHOWN:,} more")


def _finish(reports: "Iterable[Report]", what: str = "rows") -> None:
    """Print each report; leave with code 3 when some rows were refused, so that a script notices."""
    refused = 0
    for report in reports:
        click.echo(
            f"{report.kind}: {report.read:,} {what} read, {report.new:,} new, {report.changed:,} changed,"
            f" {report.same:,} as before, {len(report.faults):,} refused"
            + (" (dry run: nothing was changed)" if report.dry_run else "")
        )
        _tell(report.notes, report.faults, len(report.faults))
        refused += len(report.faults)
    if refused:
        sys.exit(SOME_FAULTY)
