"""Several people who could take what cannot wait: what each of them means for everybody, kept until one is taken.

The lines of one of them, the gentlest, are the proposal itself; taking another one puts its lines in their place.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from dispatch.core.errors import NotFound
from dispatch.core.queue import defer
from dispatch.matching.plan import Plan as Answer
from dispatch.planning.models import Disruption, DisruptionKind, DisruptionState, RepairItem, RepairPart
from dispatch.planning.proposals import items_of, lines_of, together_with
from dispatch.planning.snapshot import Snapshot

CHOICES = "choices"
RESTS = "choices_rest_on"
TASK = "planning.repair"


def choice_of(
    snapshot: Snapshot, standing: Answer, answer: Answer, disruption: Disruption, now: datetime
) -> dict[str, Any]:
    """Return what one person means in plain values; without lines where the visit found no place after all."""
    lines = lines_of(snapshot, standing, answer)
    own = next((line for line in lines if line.visit_id == disruption.visit_id and line.after), None)
    if own is None:
        return {"items": [], "people": []}
    lines = together_with([own], lines)
    items = items_of(snapshot, lines, disruption, now, whole=True)
    return {
        "technician_id": own.after[0]["technician_id"],
        "items": [item | {"part": item["part"].value} for item in items],
        "people": sorted({person for line in lines for person in line.people}),
    }


def keep_choices(disruption: Disruption, choices: Sequence[Mapping[str, Any]], rests_on: Mapping[str, Any]) -> None:
    """Keep what each person means, and which bookings all of it rests on; with none what was kept before goes."""
    facts = {name: value for name, value in disruption.facts.items() if name not in (CHOICES, RESTS)}
    disruption.facts = facts | ({CHOICES: [dict(each) for each in choices], RESTS: dict(rests_on)} if choices else {})


def choices_of(disruption: Disruption) -> list[dict[str, Any]]:
    """Return what each person means, whoever arrives first in front."""
    return list(disruption.facts.get(CHOICES, ()))


def gentlest(choices: Sequence[Mapping[str, Any]]) -> int:
    """Return the number of the one that fewest customers have to be asked about; of equals who arrives first."""
    return min(range(len(choices)), key=lambda number: (_asked(choices[number]), number))


def _asked(choice: Mapping[str, Any]) -> int:
    return sum(item["part"] != RepairPart.KEPT for item in choice["items"])


def put_choice(session: Session, disruption: Disruption, number: int) -> None:
    """Make what one person means the proposal; raises NotFound where there is no such number."""
    choices = choices_of(disruption)
    if not 0 <= number < len(choices):
        raise NotFound("There is no such choice.")
    chosen, rests_on = choices[number], disruption.facts[RESTS]
    disruption.rests_on = {str(person): rests_on[str(person)] for person in chosen["people"]}
    put_items(session, disruption, [item | {"part": RepairPart(item["part"])} for item in chosen["items"]])


def put_items(session: Session, disruption: Disruption, items: Sequence[Mapping[str, Any]]) -> None:
    """Replace the lines of a proposal."""
    session.execute(delete(RepairItem).where(RepairItem.disruption_id == disruption.id))
    if items:
        session.execute(insert(RepairItem), [{**item, "disruption_id": disruption.id} for item in items])
    session.expire(disruption, ["items"])


def look_for_times(session: Session, disruption: Disruption) -> None:
    """Have other times looked for in the background for everybody who lost theirs."""
    disruption.offered_at = None
    session.flush()
    defer(session, TASK, disruption_id=disruption.id)


def waits_for_times(disruption: Disruption) -> bool:
    """Tell whether somebody was taken for what cannot wait, and others have no times to choose from yet."""
    return (
        disruption.kind is DisruptionKind.EMERGENCY
        and disruption.state is DisruptionState.ACCEPTED
        and disruption.offered_at is None
        and bool(choices_of(disruption))
    )
