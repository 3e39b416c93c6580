"""The kinds of files that can be imported, by name, and the two that need more than one file."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor
from dispatch.core.errors import Invalid
from dispatch.imports.catalogue import import_certifications, import_skills
from dispatch.imports.engine import Report, Run, run_import
from dispatch.imports.mapping import read_mapping
from dispatch.imports.people import import_technicians, import_territories, import_users
from dispatch.imports.reader import read_table
from dispatch.imports.requests import Replay, import_requests
from dispatch.imports.times import import_absences, import_shifts

KINDS: Mapping[str, Callable[[Run], None]] = {
    "territories": import_territories,
    "users": import_users,
    "skills": import_skills,
    "certifications": import_certifications,
    "technicians": import_technicians,
    "shifts": import_shifts,
    "absences": import_absences,
}


def import_file(
    session: Session,
    *,
    kind: str,
    file_name: str,
    data: bytes,
    source: str | None = None,
    dry_run: bool,
    confirmed: bool = False,
    actor: Actor,
    now: datetime,
) -> Report:
    """Import one file of a kind; ``source`` tells files of different systems apart."""
    if kind not in KINDS:
        raise Invalid(f"{kind} is nothing we import; there are {', '.join(KINDS)} and requests.", field="kind")
    return run_import(
        session,
        kind=kind,
        source=source or kind,
        file_name=file_name,
        data=data,
        work=KINDS[kind],
        dry_run=dry_run,
        confirmed=confirmed,
        actor=actor,
        now=now,
    )


def import_request_file(
    session: Session,
    *,
    file_name: str,
    data: bytes,
    mapping: bytes,
    replay: Replay,
    dry_run: bool,
    confirmed: bool = False,
    actor: Actor,
    now: datetime,
) -> Report:
    """Import city service requests with the table that says what each type means; its faults stop everything."""
    meanings, faults = read_mapping(read_table(mapping, "mapping"))
    if faults:
        first = faults[0]
        where = f"line {first.line}" + (f", {first.column}" if first.column else "")
        more = f" There are {len(faults) - 1} more faults." if len(faults) > 1 else ""
        raise Invalid(f"The mapping cannot be used; {where}: {first.remedy}{more}", field="mapping")
    return run_import(
        session,
        kind="requests",
        source="requests",
        file_name=file_name,
        data=data,
        work=partial(import_requests, meanings=meanings, replay=replay),
        dry_run=dry_run,
        confirmed=confirmed,
        actor=actor,
        now=now,
    )
