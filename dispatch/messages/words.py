"""The texts people get (pure): by kind, in the clock of the site, and for customers never more exact than a window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dispatch.messages.models import Kind

ROUNDING = timedelta(minutes=5)
NARROWEST = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One part of a message with what its sentence needs; the visit's words are None where it is about no visit."""

    kind: Kind
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    zone: str
    job: str | None = None
    customer: str | None = None
    address: str | None = None


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who can be reached with questions."""

    name: str
    phone: str | None


def compose(
    name: str, lines: Sequence[Line], sender: Sender, *, to_customer: bool, again: bool = False
) -> tuple[str, str]:
    """Return title and text of one message; ``again`` when an earlier try may have reached the person."""
    said = _customer_lines(lines) if to_customer else _technician_lines(lines)
    title = _title(lines, to_customer=to_customer)
    note = ["You may have had this message before; this one counts."] if again else []
    reach = f" on {sender.phone}" if sender.phone else ""
    ending = (
        f"Does this not suit you, or is there a question? {sender.name} will help{reach}."
        if to_customer
        else f"Anything wrong with it? Call {sender.name}{reach}."
    )
    return title, "\n\n".join([f"Hello {name},", *note, "\n".join(said), ending])


def when_words(start: datetime, end: datetime, zone: str) -> str:
    """Return day and times in the clock of a place, the second day only where it is another."""
    here = ZoneInfo(zone)
    first, last = start.astimezone(here), end.astimezone(here)
    until = f"{last:%H:%M}" if first.date() == last.date() else f"{_day(last)} {last:%H:%M}"
    return f"{_day(first)} between {first:%H:%M} and {until}"


def widened(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Return a window around an expected arrival that promises no more than one can know."""
    low = start - timedelta(seconds=start.timestamp() % ROUNDING.total_seconds())
    rest = -end.timestamp() % ROUNDING.total_seconds()
    return low, max(end + timedelta(seconds=rest), low + NARROWEST)


def _day(local: datetime) -> str:
    return f"{local:%A} {local.day} {local:%B}"


def _at(values: Mapping[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(values[name])


def _title(lines: Sequence[Line], *, to_customer: bool) -> str:
    if not to_customer and lines and all(line.kind is Kind.CERTIFICATE_ENDS for line in lines):
        return "A certificate of yours ends"
    if not to_customer:
        return "Your work has changed" if lines else ""
    kinds = {line.kind for line in lines}
    if kinds == {Kind.PROMISED}:
        return "Your appointment"
    if kinds == {Kind.ON_THE_WAY}:
        return "We are on the way"
    return "A change of your appointment"


def _technician_lines(lines: Sequence[Line]) -> list[str]:
    away = any(line.kind is Kind.ABSENT for line in lines)
    taken = [line for line in lines if line.kind is Kind.CANCELLED]
    said = []
    if away:
        jobs = {0: "", 1: " Your job is looked after."}.get(len(taken), f" Your {len(taken)} jobs are looked after.")
        said.append(f"Get well.{jobs}")
    work = [line for line in lines if line.kind not in (Kind.ABSENT, Kind.CERTIFICATE_ENDS)]
    told = [line for line in work if not (away and line.kind is Kind.CANCELLED)]
    papers = [_paper_line(line) for line in lines if line.kind is Kind.CERTIFICATE_ENDS]
    return said + [_technician_line(line) for line in sorted(told, key=_starts)] + papers


def _paper_line(line: Line) -> str:
    """Say which certificate ends when, and which visits cannot be theirs after that."""
    paper = line.after or {}
    last = date.fromisoformat(paper["until"])
    number = f" ({paper['number']})" if paper.get("number") else ""
    ends, is_last = ("has ended", "was") if paper.get("over") else ("ends", "is")
    said = f"Your certificate {paper['name']}{number} {ends}: {last:%A} {last.day} {last:%B %Y} {is_last} its last day."
    if paper.get("asked_by"):
        said += f" {paper['asked_by']} asks you to renew it."
    here = ZoneInfo(line.zone)
    visits = [
        f"{job} at {customer} on {_day(datetime.fromisoformat(at).astimezone(here))}"
        for job, customer, at in paper["visits"]
    ]
    if visits:
        more = f"; and {paper['more']} more" if paper["more"] else ""
        said += f" Without a new one these go to somebody else: {'; '.join(visits)}{more}."
    return f"{said} Please hand in the new one on the page My skills."


def _starts(line: Line) -> datetime:
    values = line.after or line.before or {}
    return _at(values, "start")


def _technician_line(line: Line) -> str:
    what = f"{line.job} at {line.customer}"
    where = f", {line.address}" if line.address else ""
    if line.after is None:
        return f"Not yours any more: {what}, {_span(line.before or {}, line.zone)}."
    if line.before is None:
        return f"New: {what}, {_span(line.after, line.zone)}{where}."
    return f"Moved: {what}, now {_span(line.after, line.zone)}; it was {_span(line.before, line.zone)}."


def _span(values: Mapping[str, Any], zone: str) -> str:
    here = ZoneInfo(zone)
    start, end = _at(values, "start").astimezone(here), _at(values, "end").astimezone(here)
    return f"{_day(start)} {start:%H:%M} to {end:%H:%M}"


def _customer_lines(lines: Sequence[Line]) -> list[str]:
    return [_customer_line(line) for line in lines]


def _customer_line(line: Line) -> str:
    what = line.job or "your appointment"
    if line.kind is Kind.ON_THE_WAY:
        values = line.after or {}
        low, high = widened(_at(values, "start"), _at(values, "end"))
        return f"{values['name']} is on the way to you for {what} and should be there {_clock(low, high, line.zone)}."
    if line.after is None:
        return f"We will not come {_window(line.before or {}, line.zone)} for {what}, as we agreed."
    if line.before is None:
        return f"We will be with you {_window(line.after, line.zone)} for {what}."
    return (
        f"The new time for {what}: {_window(line.after, line.zone)}, instead of {_window(line.before, line.zone)}."
        " Thank you for making room for it."
    )


def _clock(start: datetime, end: datetime, zone: str) -> str:
    here = ZoneInfo(zone)
    return f"between {start.astimezone(here):%H:%M} and {end.astimezone(here):%H:%M}"


def _window(values: Mapping[str, Any], zone: str) -> str:
    return when_words(_at(values, "start"), _at(values, "end"), zone)
