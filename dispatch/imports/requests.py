"""City service requests (311 exports) become open jobs.

With a replay day only the requests of that day are taken; with a target day they are moved there and keep their local
time of day, their due time as many days later. What became of a request (status, closing, duplicate) is history, kept
with the job. The agency is the customer, block and coordinates are the site. In a crew the first person needs every
skill of the mapping, the others the first skill one level lower; certificates are needed by all.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from dispatch.accounts.models import User
from dispatch.core.errors import Invalid
from dispatch.imports.cells import Cells, local_moment, moved, nearest, point
from dispatch.imports.engine import Fate, Ledger, Run
from dispatch.imports.mapping import Key, Meaning
from dispatch.imports.reader import Row
from dispatch.jobs.models import (
    CertificationNeed,
    CrewSlot,
    Customer,
    Job,
    JobType,
    JobTypeCertification,
    JobTypeNeed,
    NeedOrigin,
    Site,
    SkillNeed,
    Visit,
)
from dispatch.skills.models import CertificationKind, Skill
from dispatch.units import Point
from dispatch.workforce.models import Territory

ZONES = {"New York": "America/New_York", "Baltimore": "America/New_York", "St. Louis": "America/Chicago"}
# A city whose file names only a few large parts gets a territory for each; else the whole city is one.
MOST_PARTS = 12
HISTORY = ("status", "channel", "created", "due", "closed", "lead_hours", "resolution", "location_type", "neighborhood")
NEEDED = ("request_id", "city", "request_type", "descriptor", "agency", "created", "lat", "lon")
COLUMNS: dict[str, tuple[str, ...]] = dict.fromkeys((*NEEDED, *HISTORY, "block", "zip"), ())
FIRST_STEP_WITHIN = timedelta(hours=4)
JOB_TITLE_CHARACTERS = 120


@dataclass(frozen=True, kw_only=True)
class Request:
    """One readable line of the file, its times moved to where they are wanted."""

    row: Row
    outside_id: str
    city: str
    agency: str
    part: str
    meaning: Meaning
    place: Point
    block: str
    zip: str
    created: datetime
    due: datetime | None
    history: Mapping[str, str]

    @property
    def content(self) -> dict[str, Any]:
        """Return what the fingerprint is made of."""
        return dict(self.row.cells)


@dataclass(kw_only=True)
class _Known:
    """What exists or was made during this import, by its name in the file."""

    owner_id: int
    territories: dict[str, Territory] = field(default_factory=dict)
    skills: dict[str, int] = field(default_factory=dict)
    papers: dict[str, int] = field(default_factory=dict)
    customers: dict[str, int] = field(default_factory=dict)
    sites: dict[str, int] = field(default_factory=dict)
    types: dict[str, JobType] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Replay:
    """Which requests are wanted and where they go; None keeps all, and the times as they are."""

    day: date | None = None
    shift_to: date | None = None
    owner_email: str | None = None


def import_requests(run: Run, meanings: Mapping[Key, Meaning], replay: Replay) -> None:
    """Turn the table into jobs; everything a job needs is made on the way."""
    names = run.columns(COLUMNS, NEEDED)
    wanted: list[Request] = []
    other_days = 0
    seen: dict[str, int] = {}
    for row in run.table.rows:
        cells = Cells(row, names)
        created = cells.read("created", local_moment, needed=True)
        if created is not None and replay.day is not None and created.date() != replay.day:
            other_days += 1
            continue
        request = _read(cells, row, created, meanings, replay, seen)
        run.tally.faults += cells.faults
        if request is not None:
            seen[request.outside_id] = row.line
            wanted.append(request)
    if other_days:
        run.tally.notes.append(f"{other_days} requests of other days were left alone.")
    _write(run, wanted, replay)


def _read(
    cells: Cells,
    row: Row,
    created: datetime | None,
    meanings: Mapping[Key, Meaning],
    replay: Replay,
    seen: Mapping[str, int],
) -> Request | None:
    """Check a line; None when it has a fault (noted in the cells)."""
    number, city = cells.text("request_id"), cells.text("city")
    if not number:
        cells.refuse("request_id", "A number of its own is needed here, else the request would come twice.")
    meaning = meanings.get((city, cells.text("request_type"), cells.text("descriptor")))
    if city not in ZONES:
        cells.refuse("city", f"The time zone of this city is not known.{nearest(city, ZONES)}")
    elif meaning is None:
        what = " / ".join((city, cells.text("request_type"), cells.text("descriptor") or "(empty)"))
        cells.refuse("request_type", f"The mapping has no line for {what}; add one that says which skills this needs.")
    place = point(cells, "lat", "lon", needed=True)
    due = cells.read("due", local_moment)
    if created is not None and due is not None and due <= created:
        cells.refuse("due", "The due time must lie after the time of the request.")
    if cells.faults or created is None or meaning is None or place is None:
        return None
    days = (replay.shift_to - created.date()).days if replay.shift_to else 0
    outside_id = f"{number}@{replay.shift_to}" if replay.shift_to else number
    if outside_id in seen:
        cells.refuse("request_id", f"Line {seen[outside_id]} has the same number; each request needs its own.")
        return None
    return Request(
        row=row,
        outside_id=outside_id,
        city=city,
        agency=cells.text("agency") or "agency not stated",
        part=cells.text("neighborhood"),
        meaning=meaning,
        place=place,
        block=cells.text("block"),
        zip=cells.text("zip"),
        created=moved(created, days, ZONES[city]),
        due=moved(due, days, ZONES[city]) if due else None,
        history={name: text for name in HISTORY if (text := cells.text(name))},
    )


def _write(run: Run, requests: list[Request], replay: Replay) -> None:
    session = run.session
    ledger = Ledger(session, run.source, "job")
    fates = {request.outside_id: ledger.fate(request.outside_id, request.content) for request in requests}
    fresh = [request for request in requests if fates[request.outside_id] is Fate.NEW]
    known = _Known(owner_id=_owner(run, replay.owner_email))
    known.skills = dict(session.execute(select(Skill.code, Skill.id)).all())
    known.papers = dict(session.execute(select(CertificationKind.code, CertificationKind.id)).all())
    fresh = _with_known_codes(run, fresh, known)
    if fresh:
        _make_territories(run, fresh, known)
        _make_customers(run, fresh, known)
        _make_sites(run, fresh, known)
        _make_types(run, fresh, known)
        jobs = [(request, _job(request, known, run.now)) for request in fresh]
        session.add_all(job for _, job in jobs)
        session.flush()
        for request, job in jobs:
            ledger.note(request.outside_id, job.id, request.content)
            run.tally.count(Fate.NEW)
    for request in requests:
        fate = fates[request.outside_id]
        if fate is Fate.CHANGED:
            # Whatever changed over there is history; what we made of the job here is not touched.
            job = session.get_one(Job, ledger.find(request.outside_id))
            job.history = _history(request)
            ledger.note(request.outside_id, job.id, request.content)
        if fate is not Fate.NEW:
            run.tally.count(fate)
    _note_history(run, requests)


def _with_known_codes(run: Run, requests: list[Request], known: _Known) -> list[Request]:
    """Leave out requests whose skills or certificates are in no catalogue, naming the mapping's line once each."""
    good = []
    for request in requests:
        unknown = [code for code, _ in request.meaning.skills if code not in known.skills]
        papers = [code for code in request.meaning.certificates if code not in known.papers]
        if not unknown and not papers:
            good.append(request)
            continue
        what = f"skill {unknown[0]}" if unknown else f"certificate {papers[0]}"
        names = known.skills if unknown else known.papers
        run.tally.faults.append(
            request.row.fault(
                "request_type",
                f"Line {request.meaning.line} of the mapping needs the {what}, which no catalogue here has."
                f"{nearest((unknown or papers)[0], names)} Import the catalogue first.",
            )
        )
    return good


def _owner(run: Run, email: str | None) -> int:
    """Return who answers for the new jobs: the person named, whoever imports, else the first active user."""
    users = select(User.id).where(User.active).order_by(User.id)
    if email:
        found = run.session.scalar(users.where(User.email == email))
        if found is None:
            raise Invalid(f"Nobody here signs in as {email}; name somebody who does as owner.", field="owner")
        return found
    found = run.actor.user_id or run.session.scalar(users.limit(1))
    if found is None:
        raise Invalid("Open jobs need somebody who answers for them; add a user first.", field="owner")
    return found


def _make_territories(run: Run, requests: list[Request], known: _Known) -> None:
    parts: dict[str, set[str]] = defaultdict(set)
    for request in requests:
        parts[request.city].add(request.part)
    known.territories = {each.name: each for each in run.session.scalars(select(Territory))}
    for city in sorted(parts):
        names = {_territory_name(city, part, parts[city]) for part in parts[city]}
        for name in sorted(names - set(known.territories)):
            known.territories[name] = Territory(name=name, zone=ZONES[city], owner_id=known.owner_id)
            run.session.add(known.territories[name])
            run.tally.notes.append(f"Made the territory {name} in the time zone {ZONES[city]}.")
    run.session.flush()
    known.territories = {
        f"{request.city}|{request.part}": known.territories[
            _territory_name(request.city, request.part, parts[request.city])
        ]
        for request in requests
    }


def _territory_name(city: str, part: str, parts: set[str]) -> str:
    return f"{city}: {part.title()}" if part and len(parts) <= MOST_PARTS else city


def _make_customers(run: Run, requests: list[Request], known: _Known) -> None:
    ledger = Ledger(run.session, run.source, "customer")
    keys = {f"{request.city}|{request.agency}": request for request in requests}
    made = {}
    for key, request in sorted(keys.items()):
        number = ledger.find(key)
        if number is None:
            made[key] = Customer(name=f"{request.agency} ({request.city})", preferred_channel="mail")
            run.session.add(made[key])
        else:
            known.customers[key] = number
    run.session.flush()
    for key, customer in made.items():
        ledger.note(key, customer.id, {"key": key})
        known.customers[key] = customer.id


def _make_sites(run: Run, requests: list[Request], known: _Known) -> None:
    ledger = Ledger(run.session, run.source, "site")
    made = {}
    for request in requests:
        key = _site_key(request)
        number = ledger.find(key)
        if number is not None:
            known.sites[key] = number
        elif key not in made:
            name = request.block.title() or f"Near {request.place.lat:.4f}, {request.place.lon:.4f}"
            made[key] = Site(
                customer_id=known.customers[f"{request.city}|{request.agency}"],
                territory_id=known.territories[f"{request.city}|{request.part}"].id,
                name=name,
                address=", ".join(filter(None, (name, request.zip, request.city))),
                lat=request.place.lat,
                lon=request.place.lon,
            )
            run.session.add(made[key])
    run.session.flush()
    for key, site in made.items():
        ledger.note(key, site.id, {"key": key})
        known.sites[key] = site.id


def _site_key(request: Request) -> str:
    where = f"{request.place.lat:.4f}|{request.place.lon:.4f}"
    return f"{request.city}|{request.agency}|{request.block}|{where}"


def _make_types(run: Run, requests: list[Request], known: _Known) -> None:
    known.types = {each.code: each for each in run.session.scalars(select(JobType))}
    for meaning in sorted({_type_code(each.meaning): each.meaning for each in requests}.items()):
        code, what = meaning
        if code not in known.types:
            known.types[code] = _type(code, what, known)
            run.session.add(known.types[code])
    run.session.flush()


def _type_code(meaning: Meaning) -> str:
    return f"{meaning.city}/{meaning.bundle}".casefold().replace(" ", "-").replace(".", "")


def _type(code: str, meaning: Meaning, known: _Known) -> JobType:
    low, usual, high = (round(minutes * 60) for minutes in meaning.minutes)
    made = JobType(
        code=code,
        name=f"{meaning.bundle.replace('_', ' ').capitalize()} ({meaning.city})",
        trade=meaning.trade,
        duration_s=usual,
        duration_low_s=low,
        duration_high_s=high,
        crew_size=meaning.crew,
        priority=meaning.priority,
        checklist=[],
    )
    made.needs = [
        JobTypeNeed(
            skill_id=known.skills[skill], must_level=level, crew_position=position if meaning.crew > 1 else None
        )
        for position in range(1, meaning.crew + 1)
        for skill, level in _slot_skills(meaning, position)
    ]
    made.certifications = [JobTypeCertification(kind_id=known.papers[paper]) for paper in meaning.certificates]
    return made


def _slot_skills(meaning: Meaning, position: int) -> tuple[tuple[str, int], ...]:
    if position == 1:
        return meaning.skills
    skill, level = meaning.skills[0]
    return ((skill, max(1, level - 1)),)


def _job(request: Request, known: _Known, now: datetime) -> Job:
    meaning = request.meaning
    step_due = max(now, request.created) + FIRST_STEP_WITHIN
    job = Job(
        customer_id=known.customers[f"{request.city}|{request.agency}"],
        site_id=known.sites[_site_key(request)],
        job_type_id=known.types[_type_code(meaning)].id,
        title=meaning.label[:JOB_TITLE_CHARACTERS].capitalize(),
        description=request.history.get("resolution", ""),
        priority=meaning.priority,
        owner_id=known.owner_id,
        next_step="Find a person and a time",
        next_step_due_at=min(step_due, request.due) if request.due and request.due > now else step_due,
        release_at=request.created,
        due_at=request.due,
        created_at=request.created,
        history=_history(request),
    )
    visit = Visit(
        territory_id=known.territories[f"{request.city}|{request.part}"].id,
        duration_s=round(meaning.minutes[1] * 60),
        release_at=request.created,
        due_at=request.due,
    )
    visit.slots = [_slot(meaning, position, known) for position in range(1, meaning.crew + 1)]
    job.visits = [visit]
    return job


def _slot(meaning: Meaning, position: int, known: _Known) -> CrewSlot:
    slot = CrewSlot(position=position)
    slot.needs = [
        SkillNeed(skill_id=known.skills[skill], must_level=level, origin=NeedOrigin.IMPORT)
        for skill, level in _slot_skills(meaning, position)
    ]
    slot.certifications = [
        CertificationNeed(kind_id=known.papers[paper], origin=NeedOrigin.IMPORT) for paper in meaning.certificates
    ]
    return slot


def _history(request: Request) -> dict[str, Any]:
    """Return what the other system says became of it; a duplicate is a mark here and not a closed job."""
    status = request.history.get("status", "").casefold()
    return {**request.history, "request_id": request.row.cells.get("request_id"), "duplicate": "duplicate" in status}


def _note_history(run: Run, requests: list[Request]) -> None:
    closed = sum(1 for request in requests if "closed" in request.history)
    twice = sum(1 for request in requests if "duplicate" in request.history.get("status", "").casefold())
    if closed:
        run.tally.notes.append(f"{closed} had been closed over there; they are open here and keep that as history.")
    if twice:
        run.tally.notes.append(f"{twice} had been marked as duplicates over there; the mark is kept as history.")
