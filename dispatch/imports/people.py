"""Territories, users and technicians from a file."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError

from dispatch.accounts.models import Role, RoleGrant, RoleName, User
from dispatch.accounts.service import add_user, clean_email, grant_role
from dispatch.core.clock import local_day
from dispatch.core.errors import ServiceError
from dispatch.imports.cells import Cells, day, nearest, number, one_of, point, zone
from dispatch.imports.engine import Fate, Ledger, Run
from dispatch.imports.mapping import read_levels
from dispatch.skills.models import Evidence, Skill
from dispatch.skills.recompute import recompute_all
from dispatch.skills.service import record_evidence
from dispatch.units import Point
from dispatch.workforce.models import Partner, ReportingLine, Team, Technician, Territory, TerritoryMembership
from dispatch.workforce.service import add_technician

TERRITORY_COLUMNS: dict[str, tuple[str, ...]] = {
    "name": ("territory",),
    "zone": ("time_zone",),
    "owner": ("owner_email",),
}
USER_COLUMNS: dict[str, tuple[str, ...]] = {
    "email": ("mail",),
    "name": (),
    "roles": ("role",),
    "territory": (),
    "phone": (),
}
TECHNICIAN_COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("technician", "number", "personnel_number"),
    "name": (),
    "email": ("mail",),
    "phone": (),
    "home_lat": ("lat",),
    "home_lon": ("lon",),
    "territory": (),
    "partner": ("company",),
    "team": (),
    "pace": (),
    "hired": ("from", "since"),
    "reports_to": ("manager", "supervisor"),
    "skills": ("levels",),
}


def import_territories(run: Run) -> None:
    """Add or change territories by their name."""
    names = run.columns(TERRITORY_COLUMNS, ("name", "zone"))
    known = {each.name: each for each in run.session.scalars(select(Territory))}
    users = _users(run)

    def write(cells: Cells, values: Mapping[str, Any], here: int | None) -> int:
        name = cells.text("name")
        territory = known.get(name)
        if territory is None:
            territory = known[name] = Territory(name=name, zone=values["zone"])
            run.session.add(territory)
        territory.zone = values["zone"]
        territory.owner_id = values["owner"] or territory.owner_id
        run.session.flush()
        return territory.id

    def read(cells: Cells) -> Mapping[str, Any]:
        cells.read("name", str, needed=True)
        return {"zone": cells.read("zone", zone, needed=True), "owner": cells.read("owner", one_of(users, "user"))}

    each_row(run, names, "territory", ("name",), read, write)


def import_users(run: Run) -> None:
    """Add people who sign in, by e-mail; they choose a password through "forgotten". Roles are added, never taken."""
    names = run.columns(USER_COLUMNS, ("email", "name", "roles"))
    known = _users(run)
    territories = _territories(run)
    roles = {role.value: role.value for role in RoleName}

    def read(cells: Cells) -> Mapping[str, Any]:
        cells.read("name", str, needed=True)
        cells.read("email", _email, needed=True)
        wanted = [part.strip() for part in cells.text("roles").split(";") if part.strip()]
        for wrong in (part for part in wanted if part.casefold() not in roles):
            cells.refuse("roles", f"There is no role {wrong}; the roles are {', '.join(roles)}.{nearest(wrong, roles)}")
        if not wanted:
            cells.refuse("roles", f"Give at least one role: {', '.join(roles)}.")
        return {
            "roles": [part.casefold() for part in wanted],
            "territory": cells.read("territory", one_of(territories, "territory")),
        }

    def write(cells: Cells, values: Mapping[str, Any], here: int | None) -> int:
        email = _email(cells.text("email"))
        territory = values["territory"]
        territory_id = territory.id if territory else None
        if email in known:
            user = run.session.get_one(User, known[email])
            user.name, user.phone = cells.text("name"), cells.text("phone") or user.phone
            for role in values["roles"]:
                _grant(run, user.id, role, territory_id)
            return user.id
        added = add_user(
            run.session,
            email=email,
            name=cells.text("name"),
            roles=values["roles"],
            territory_id=territory_id,
            phone=cells.text("phone") or None,
            actor=run.actor,
            now=run.now,
        )
        known[email] = added.id
        return added.id

    each_row(run, names, "user_account", ("email",), read, write)


def import_technicians(run: Run) -> None:
    """Add or change technicians by their number; levels in the file count as imported ratings."""
    names = run.columns(TECHNICIAN_COLUMNS, ("id", "name", "territory"))
    users, territories = _users(run), _territories(run)
    partners: dict[str, int] = dict(run.session.execute(select(Partner.name, Partner.id)).all())
    skills: dict[str, int] = dict(run.session.execute(select(Skill.code, Skill.id)).all())
    teams: dict[str, int] = dict(run.session.execute(select(Team.name, Team.id)).all())
    touched: list[int] = []

    def read(cells: Cells) -> Mapping[str, Any]:
        for needed in ("id", "name"):
            cells.read(needed, str, needed=True)
        levels = cells.read("skills", read_levels) or ()
        for code in (code for code, _ in levels if code not in skills):
            cells.refuse("skills", f"There is no skill {code}.{nearest(code, skills)}")
        return {
            "home": point(cells, "home_lat", "home_lon", needed=False),
            "territory": cells.read("territory", one_of(territories, "territory"), needed=True),
            "partner": cells.read("partner", one_of(partners, "partner")),
            "pace": cells.read("pace", number(0.2, 5)),
            "hired": cells.read("hired", day),
            "reports_to": cells.read("reports_to", one_of(users, "user")),
            "email": cells.read("email", _email),
            "levels": levels,
        }

    def write(cells: Cells, values: Mapping[str, Any], here: int | None) -> int:
        team = cells.text("team")
        if team and team not in teams:
            row = Team(name=team)
            run.session.add(row)
            run.session.flush()
            teams[team] = row.id
        details = {
            "email": values["email"],
            "phone": cells.text("phone") or None,
            "pace": values["pace"] or 1.0,
            "team_id": teams[team] if team else None,
        }
        number_here = _write_technician(run, cells, values, details, users, here)
        if _write_levels(run, number_here, values["levels"], skills):
            touched.append(number_here)
        return number_here

    each_row(run, names, "technician", ("id",), read, write)
    if touched:
        recompute_all(run.session, now=run.now, technician_ids=touched)


def each_row(
    run: Run,
    names: Mapping[str, str],
    entity: str,
    keys: tuple[str, ...],
    read: Callable[[Cells], Mapping[str, Any]],
    write: Callable[[Cells, Mapping[str, Any], int | None], int],
) -> None:
    """Read every row, refuse the faulty ones with all their faults, write what is new or changed.

    ``keys`` are the cells that tell rows apart; ``write`` gets the number of our row where the source gave one before.
    """
    ledger = Ledger(run.session, run.source, entity)
    seen: dict[str, int] = {}
    for row in run.table.rows:
        cells = Cells(row, names)
        values = read(cells)
        outside_id = "|".join(cells.text(key).casefold() for key in keys)
        if outside_id in seen:
            cells.refuse(keys[0], f"Line {seen[outside_id]} has the same {' and '.join(keys)}; keep one line.")
        if not cells.faults:
            seen[outside_id] = row.line
            fate = ledger.fate(outside_id, row.cells)
            try:
                if fate is not Fate.SAME:
                    with run.session.begin_nested():
                        ledger.note(outside_id, write(cells, values, ledger.find(outside_id)), row.cells)
                run.tally.count(fate)
            except ServiceError as error:
                cells.refuse(keys[0], error.message)
            except IntegrityError as error:
                cells.refuse(keys[0], f"The database refuses this row: {_first_line(error)}")
        run.tally.faults += cells.faults


def _first_line(error: IntegrityError) -> str:
    return str(error.orig).partition("\n")[0]


def _write_technician(
    run: Run,
    cells: Cells,
    values: Mapping[str, Any],
    details: Mapping[str, Any],
    users: Mapping[str, int],
    known: int | None,
) -> int:
    territory: Territory = values["territory"]
    home: Point | None = values["home"]
    since: date = values["hired"] or local_day(run.now, territory.zone)
    if known is None:
        technician = add_technician(
            run.session,
            name=cells.text("name"),
            territory_id=territory.id,
            home=home,
            from_day=since,
            partner_id=values["partner"],
            user_id=_free_user(run, users.get(values["email"] or "")),
            details=details,
            actor=run.actor,
            now=run.now,
        )
    else:
        technician = run.session.get_one(Technician, known)
        changes = dict(details) | {"name": cells.text("name"), "partner_id": values["partner"]}
        if home is not None:
            changes |= {"home_lat": home.lat, "home_lon": home.lon}
        for field, value in changes.items():
            setattr(technician, field, value)
        _move(run, technician.id, territory)
    if values["reports_to"] is not None:
        _report_to(run, technician.id, values["reports_to"], since)
    run.session.flush()
    return technician.id


def _report_to(run: Run, technician_id: int, manager_id: int, since: date) -> None:
    """Let somebody report to a manager from a day on; whoever it was before did so until then."""
    lines = select(ReportingLine).where(ReportingLine.technician_id == technician_id)
    for line in run.session.scalars(lines).all():
        lower, upper = line.during.lower, line.during.upper
        if lower is not None and lower >= since:
            run.session.delete(line)
        elif upper is None or upper > since:
            line.during = Range(lower, since)
    run.session.flush()
    run.session.add(ReportingLine(technician_id=technician_id, manager_id=manager_id, during=Range(since)))


def _move(run: Run, technician_id: int, territory: Territory) -> None:
    """Let somebody work in another territory from today on, where the file names another than they have."""
    today = local_day(run.now, territory.zone)
    standing = run.session.scalars(
        select(TerritoryMembership).where(
            TerritoryMembership.technician_id == technician_id, TerritoryMembership.during.contains(today)
        )
    ).all()
    if any(each.territory_id == territory.id for each in standing):
        return
    for each in standing:
        if each.during.lower == today:
            run.session.delete(each)
        else:
            each.during = Range(each.during.lower, today)
    run.session.add(TerritoryMembership(technician_id=technician_id, territory_id=territory.id, during=Range(today)))


def _write_levels(run: Run, technician_id: int, levels: tuple[tuple[str, int], ...], skills: Mapping[str, int]) -> bool:
    """Put the file's levels on record, each once; a changed level is a new fact."""
    for code, level in levels:
        key = f"import:{run.source}:{technician_id}:{code}:{level}"
        if run.session.scalar(select(Evidence.id).where(Evidence.outside_key == key)) is None:
            record_evidence(
                run.session,
                technician_id=technician_id,
                skill_id=skills[code],
                source="imported_rating",
                facts={"level": level, "system": run.source},
                outside_key=key,
                actor=run.actor,
                now=run.now,
                recompute=False,
            )
    return bool(levels)


def _users(run: Run) -> dict[str, int]:
    return dict(run.session.execute(select(func.lower(User.email), User.id)).all())


def _territories(run: Run) -> dict[str, Territory]:
    return {each.name: each for each in run.session.scalars(select(Territory).where(Territory.retired_at.is_(None)))}


def _email(text: str) -> str:
    try:
        return clean_email(text).casefold()
    except ServiceError as error:
        raise ValueError(error.message) from error


def _free_user(run: Run, user_id: int | None) -> int | None:
    """Return the sign-in with the same address unless it belongs to another technician."""
    if user_id is None:
        return None
    taken = run.session.scalar(select(Technician.id).where(Technician.user_id == user_id))
    return None if taken else user_id


def _grant(run: Run, user_id: int, role: str, territory_id: int | None) -> None:
    there = run.session.scalar(
        select(RoleGrant.id)
        .join(Role)
        .where(
            RoleGrant.user_id == user_id, Role.name == role, RoleGrant.territory_id.is_not_distinct_from(territory_id)
        )
        .limit(1)
    )
    if there is None:
        grant_role(run.session, user_id=user_id, role=role, territory_id=territory_id, actor=run.actor, now=run.now)
