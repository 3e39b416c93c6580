"""Commands around the level model: fit its constants to the organisation's own record."""

import click

from dispatch.cli.database import transaction
from dispatch.cli.refusals import plain_errors
from dispatch.cli.users import OPERATOR
from dispatch.core import clock
from dispatch.skills.fitting import Report


@click.group()
def skills() -> None:
    """Fit the constants of the level model, put them in force, take that back."""


@skills.command()
@click.option("--apply", is_flag=True, help="Put the constants in force and estimate everybody again.")
@plain_errors
def fit(*, apply: bool) -> None:
    """Fit the constants to the facts on record and say what that changes; without --apply nothing changes."""
    from dispatch.skills import refit  # loads NumPy

    with transaction() as session:
        now = clock.now()
        report = refit.propose_constants(session, actor=OPERATOR, now=now)
        lines = _told(report)
        if apply:
            row = refit.apply_constants(session, report, actor=OPERATOR, now=now)
            lines.append(f"In force as number {row.id}. `dispatch skills restore` takes it back.")
        else:
            lines.append("Nothing was changed. `dispatch skills fit --apply` puts these constants in force.")
    click.echo("\n".join(lines))


@skills.command()
@plain_errors
def restore() -> None:
    """Take the fitted constants in force back; levels are estimated again with those before."""
    from dispatch.skills import refit  # loads NumPy

    with transaction() as session:
        number = refit.restore_constants(session, actor=OPERATOR, now=clock.now())
    click.echo("The defaults are in force." if number is None else f"Number {number} is in force.")


def _told(report: Report) -> list[str]:
    """Write the report for a person: a line a constant, then what it is worth."""
    shown = [f"{name:24} {old:8.3f} -> {new:8.3f}" for name, old, new in report.moved]
    before, after = report.before, report.after
    return [
        f"{report.people} people with {report.facts} facts; {report.held_out} of them only to judge.",
        *shown,
        f"Log-likelihood: {report.gain:+.1f} on those learned from, {report.gain_held_out:+.1f} on the others.",
        f"Foretold outcomes of the others: {before.outcomes}, Brier {before.brier:.3f} -> {after.brier:.3f},"
        f" calibration error {before.calibration:.3f} -> {after.calibration:.3f}.",
    ]
