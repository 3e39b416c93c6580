"""Taking up what would help in a cell: it becomes a loose end of whoever takes it up, due before the week begins."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor
from dispatch.core import clock
from dispatch.core.errors import Forbidden, NotFound
from dispatch.coverage.queries import CellPage, NamedRemedy
from dispatch.coverage.remedies import RemedyKind
from dispatch.planning.cover_models import CoverKind
from dispatch.planning.cover_tasks import Step, open_steps, take_steps


def subject_of(page: CellPage, remedy: NamedRemedy) -> str:
    """Name a remedy of a cell, so that it is taken up once."""
    cell = page.named.cell
    where = f"{cell.row.kind.value}-{cell.row.id}-{cell.territory}-{cell.week.isoformat()}"
    return f"cell-{where}-{remedy.remedy.kind.value}"


def taken(session: Session, page: CellPage) -> dict[tuple[str, int], datetime]:
    """Return which remedies of a cell are under way, by kind and person, and since when."""
    subjects = {subject_of(page, each): each.remedy.kind.value for each in page.remedies}
    found = open_steps(session, subjects.keys())
    return {(subjects[subject], who): at for (_kind, who, subject), at in found.items()}


def find_remedy(page: CellPage, kind: str, person: int) -> NamedRemedy:
    """Return a remedy of the cell; raises NotFound when a newer count has it no more."""
    for each in page.remedies:
        if (each.remedy.kind.value, each.remedy.person) == (kind, person):
            return each
    raise NotFound("This would not help any more: the cell was counted anew meanwhile. Look at it again.")


def take_remedy(
    session: Session, page: CellPage, remedy: NamedRemedy, *, what: str, actor: Actor, now: datetime
) -> bool:
    """Take up one remedy; False when it is under way already. ``what`` says it in words, with its effect."""
    if actor.user_id is None:
        raise Forbidden("Only a person can take this upon themselves.")
    cell = page.named.cell
    begins = clock.instant(cell.week - timedelta(days=3), time(12), page.zone)
    step = Step(
        kind=CoverKind.LEARN if remedy.remedy.kind is RemedyKind.TRAIN else CoverKind.COVER,
        technician_id=remedy.remedy.person,
        subject=subject_of(page, remedy),
        title=f"{page.named.name}, {page.named.territory}, week of {cell.week:%d %b}",
        next_step=f"{_ASK[remedy.remedy.kind]} {remedy.person} {what}",
        territory_id=cell.territory,
        owner_id=actor.user_id,
        due_at=max(now + timedelta(days=1), begins),
    )
    return take_steps(session, [step], actor=actor, now=now) > 0


_ASK = {
    RemedyKind.TRAIN: "Agree the training:",
    RemedyKind.MOVE: "Agree it with both territories, then change the shifts:",
    RemedyKind.PARTNER: "Ask the partner for a day:",
    RemedyKind.OVERTIME: "Ask first, then change the shift:",
}
