"""The use cases of planning, in one place for the doors."""

from dispatch.planning.absences import AbsenceReported, report_absence
from dispatch.planning.assigning import (
    CannotPlace,
    Placed,
    Taken,
    assign_visit,
    move_assignment,
    pin_visit,
    place_visit,
    unassign_visit,
    unpin_visit,
)
from dispatch.planning.cancelling import call_off_job, open_again
from dispatch.planning.judging import Verdict, judge
from dispatch.planning.nightly import plan_due_territories
from dispatch.planning.publishing import PublishReport, publish_plan
from dispatch.planning.reporting import Reported, report_visit
from dispatch.planning.requesting import cancel_plan, request_plan, stop_plan
from dispatch.planning.retries import with_retries
from dispatch.planning.undo import Undone, redo_last, undo_last, undo_step

__all__ = [
    "AbsenceReported",
    "CannotPlace",
    "Placed",
    "PublishReport",
    "Reported",
    "Taken",
    "Undone",
    "Verdict",
    "assign_visit",
    "call_off_job",
    "cancel_plan",
    "judge",
    "move_assignment",
    "open_again",
    "pin_visit",
    "place_visit",
    "plan_due_territories",
    "publish_plan",
    "redo_last",
    "report_absence",
    "report_visit",
    "request_plan",
    "stop_plan",
    "unassign_visit",
    "undo_last",
    "undo_step",
    "unpin_visit",
    "with_retries",
]
