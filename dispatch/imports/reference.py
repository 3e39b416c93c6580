"""The official files of O*NET (text, tabs) and ESCO (CSV), read as a stream and written as sets.

Each row of a file becomes an entry with the id its catalogue gives it. What a release calls otherwise is changed, what
it does not have any more is retired; a dry run counts all of that and writes nothing. Nothing of the files is kept but
what a page shows or a text is compared with.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core.audit import Change, record
from dispatch.core.errors import Conflict, Invalid
from dispatch.imports.reader import Fault, shown
from dispatch.skills.models import EntryKind, ReferenceRelease, Scheme

MOST_FAULTS = 1_000
LONGEST_LABEL = 2_000
FREE_REMOVALS = 20
LARGEST_SHARE_REMOVED = 0.1
SHOWN_LINKS = 20

_SOC = ("o*net-soc code", "onet_soc")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What one official file holds: its names, and under which heads (official first) each part stands.

    ``key`` tells entries of one owner apart; where it is empty the label does. ``only`` keeps rows that say so.
    """

    scheme: Scheme
    kind: EntryKind
    names: tuple[str, ...]
    label: tuple[str, ...]
    key: tuple[str, ...] = ()
    owner: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    only: tuple[str, str] | None = None


SHAPES: tuple[Shape, ...] = (
    Shape(
        scheme=Scheme.ONET,
        kind=EntryKind.OCCUPATION,
        names=("occupation data", "occupations"),
        key=_SOC,
        label=("title",),
        about=("description",),
    ),
    Shape(
        scheme=Scheme.ONET,
        kind=EntryKind.TITLE,
        names=("alternate titles", "alternate_titles"),
        owner=_SOC,
        label=("alternate title", "alternate_title"),
    ),
    *(
        Shape(
            scheme=Scheme.ONET,
            kind=kind,
            names=(kind.value + "s" if kind is EntryKind.SKILL else kind.value,),
            owner=_SOC,
            key=("element id", "element_id"),
            label=("element name", "element_name"),
            only=("scale id", "IM"),
        )
        for kind in (EntryKind.SKILL, EntryKind.KNOWLEDGE)
    ),
    Shape(
        scheme=Scheme.ONET,
        kind=EntryKind.TASK,
        names=("task statements", "tasks"),
        owner=_SOC,
        key=("task id", "task_id"),
        label=("task",),
    ),
    Shape(
        scheme=Scheme.ONET,
        kind=EntryKind.TOOL,
        names=("tools used", "tools"),
        owner=_SOC,
        label=("example", "tool"),
        about=("commodity title", "unspsc_title"),
    ),
    Shape(
        scheme=Scheme.ONET,
        kind=EntryKind.TECHNOLOGY,
        names=("technology skills", "technology"),
        owner=_SOC,
        label=("example", "technology"),
        about=("commodity title", "unspsc_title"),
    ),
    Shape(
        scheme=Scheme.ESCO,
        kind=EntryKind.OCCUPATION,
        names=("occupations",),
        key=("concepturi", "uri"),
        label=("preferredlabel", "label"),
        words=("altlabels", "alt_labels"),
        about=("description",),
    ),
    Shape(
        scheme=Scheme.ESCO,
        kind=EntryKind.SKILL,
        names=("skills",),
        key=("concepturi", "uri"),
        label=("preferredlabel", "label"),
        words=("altlabels", "alt_labels"),
        about=("description",),
    ),
)


@dataclass(frozen=True, kw_only=True)
class ReferenceReport:
    """What an import of a release did, or would do; ``files`` says what was read, in the words of the files."""

    scheme: Scheme
    release: str
    dry_run: bool
    files: tuple[tuple[str, EntryKind, int], ...]
    new: int
    changed: int
    same: int
    retired: int
    faults: tuple[Fault, ...]
    faults_total: int
    notes: tuple[str, ...]


@dataclass
class _Reading:
    """Faults while files are read; beyond a number of them they are counted only."""

    faults: list[Fault] = field(default_factory=list)
    total: int = 0
    read: Counter[str] = field(default_factory=Counter)

    def refuse(self, file: str, line: int, column: str | None, value: str | None, remedy: str) -> None:
        self.total += 1
        if len(self.faults) < MOST_FAULTS:
            where = f"{file}: {column}" if column else file
            self.faults.append(Fault(line=line, column=where, value=shown(value), remedy=remedy))


def shape_of(scheme: Scheme, path: Path) -> Shape | None:
    """Return what a file holds by its name; a language at the end (``skills_en.csv``) is no part of it."""
    name = path.stem.casefold()
    if name[-3:-2] == "_" and name[-2:].isalpha():
        name = name[:-3]
    return next((each for each in SHAPES if each.scheme is scheme and name in each.names), None)


def import_reference(
    session: Session,
    *,
    scheme: Scheme,
    release: str,
    paths: Sequence[Path],
    dry_run: bool,
    confirmed: bool = False,
    actor: Actor,
    now: datetime,
) -> ReferenceReport:
    """Import the files of a release. Kinds of entries that no file is given for stay as they are."""
    actor.require(Right.IMPORT)
    release = " ".join(release.split())
    if not release:
        raise Invalid("Say which release this is, for example 29.3; it is part of the attribution.", field="release")
    shapes = [(path, shape) for path in paths if (shape := shape_of(scheme, path)) is not None]
    if not shapes:
        known = ", ".join(sorted({each.names[0] for each in SHAPES if each.scheme is scheme}))
        raise Invalid(f"None of these is a file of {scheme.value} that we know. There are: {known}.", field="file")
    reading = _Reading()
    _make_room(session)
    for path, shape in shapes:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            _take_in(session, _entries(file, path.name, shape, reading), shape)
    counts = _compare(session, scheme)
    notes = _linked(session, scheme)
    if not dry_run:
        _refuse_upheaval(counts, confirmed=confirmed)
        _write(session, scheme, release, now)
        _remember(session, scheme, release, counts, actor, now)
    return ReferenceReport(
        scheme=scheme,
        release=release,
        dry_run=dry_run,
        files=tuple((path.name, shape.kind, reading.read[path.name]) for path, shape in shapes),
        new=counts["new"],
        changed=counts["changed"],
        same=counts["same"],
        retired=counts["gone"],
        faults=tuple(reading.faults),
        faults_total=reading.total,
        notes=notes,
    )


def _entries(lines: IO[str], name: str, shape: Shape, reading: _Reading) -> Iterator[tuple[str, ...]]:
    """Give the rows of a file as (owner, key, label, words, about), each entry once."""
    delimiter = "\t" if name.casefold().endswith(".txt") else ","
    rows = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL)
    heads = next(rows, [])
    at = _columns(heads, name, shape)
    seen: set[tuple[str, str]] = set()
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            reading.refuse(name, line, None, None, f"The line cannot be read ({error}).")
            continue
        if not any(row):
            continue
        if len(row) < len(heads):
            remedy = f"This row has {len(row)} cells, the first line names {len(heads)} columns."
            reading.refuse(name, line, None, None, remedy)
            continue
        reading.read[name] += 1
        cells = {part: row[index].strip() for part, index in at.items()}
        if shape.only is not None and "only" in cells and cells["only"] != shape.only[1]:
            continue
        fault = _fault(cells, shape)
        if fault is not None:
            part, remedy = fault
            reading.refuse(name, line, heads[at[part]], cells[part], remedy)
            continue
        key = cells.get("key") or cells["label"].casefold()
        owner = cells.get("owner", "")
        if (owner, key) not in seen:
            seen.add((owner, key))
            yield owner, key, cells["label"], cells.get("words", ""), cells.get("about", "")


def _columns(heads: Sequence[str], name: str, shape: Shape) -> dict[str, int]:
    """Return where each part of an entry stands; raises Invalid with what is missing."""
    folded = {head.strip().casefold(): index for index, head in enumerate(heads)}
    wanted = {"key": shape.key, "owner": shape.owner, "label": shape.label, "words": shape.words, "about": shape.about}
    if shape.only is not None:
        wanted["only"] = (shape.only[0],)
    found = {
        part: folded[head] for part, names in wanted.items() if (head := next((n for n in names if n in folded), None))
    }
    missing = [wanted[part][0] for part in ("key", "owner", "label") if wanted[part] and part not in found]
    if missing:
        there = ", ".join(heads[:12])
        raise Invalid(f"{name} lacks the columns {', '.join(missing)}. It has: {there}.", field="file")
    return found


def _fault(cells: Mapping[str, str], shape: Shape) -> tuple[str, str] | None:
    for part in ("key", "owner", "label"):
        if part in cells and not cells[part]:
            return part, "A value is needed here."
        if "\x00" in cells.get(part, "") or "\ufffd" in cells.get(part, ""):
            return part, "The cell holds signs that are no text; save the file as UTF-8."
    if len(cells["label"]) > LONGEST_LABEL:
        return "label", f"A text has at most {LONGEST_LABEL:,} characters."
    if shape.scheme is Scheme.ONET and "owner" in cells and not cells["owner"][:2].isdigit():
        return "owner", "Write an O*NET-SOC code as in 49-9071.00."
    return None


def _make_room(session: Session) -> None:
    session.execute(text("DROP TABLE IF EXISTS incoming"))
    session.execute(
        text(
            "CREATE TEMPORARY TABLE incoming (kind text, owner text, outside_id text, label text, words text[],"
            " about text, PRIMARY KEY (kind, owner, outside_id)) ON COMMIT DROP"
        )
    )


def _take_in(session: Session, entries: Iterable[tuple[str, ...]], shape: Shape) -> None:
    """Copy entries as they are read, so that a file of any length needs little room."""
    connection = session.connection().connection.driver_connection
    assert connection is not None
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY incoming (kind, owner, outside_id, label, words, about) FROM STDIN") as copy,
    ):
        for owner, key, label, words, about in entries:
            others = [word for word in (each.strip() for each in words.replace("|", "\n").split("\n")) if word]
            copy.write_row((shape.kind.value, owner, key, label, others, about))


_DIFFERS = "(r.label, r.words, r.about) IS DISTINCT FROM (i.label, i.words, i.about) OR r.retired_at IS NOT NULL"
_SAME_ENTRY = "r.scheme = :scheme AND r.kind = i.kind AND r.owner = i.owner AND r.outside_id = i.outside_id"
_GONE = """
    r.scheme = :scheme AND r.retired_at IS NULL AND r.kind IN (SELECT kind FROM incoming)
    AND NOT EXISTS (
        SELECT FROM incoming i WHERE i.kind = r.kind AND i.owner = r.owner AND i.outside_id = r.outside_id
    )
"""


def _compare(session: Session, scheme: Scheme) -> Counter[str]:
    """Count what is new, changed, the same and gone, against what came before."""
    arrived = session.execute(
        text(
            "SELECT count(*) FILTER (WHERE r.id IS NULL) AS new,"  # noqa: S608 - constants
            f" count(*) FILTER (WHERE r.id IS NOT NULL AND ({_DIFFERS})) AS changed,"
            f" count(*) FILTER (WHERE r.id IS NOT NULL AND NOT ({_DIFFERS})) AS same"
            f" FROM incoming i LEFT JOIN reference_entry r ON {_SAME_ENTRY}"
        ),
        {"scheme": scheme.value},
    ).one()
    gone = session.scalar(text(f"SELECT count(*) FROM reference_entry r WHERE {_GONE}"), {"scheme": scheme.value})  # noqa: S608 - constants
    return Counter(new=arrived.new, changed=arrived.changed, same=arrived.same, gone=gone or 0)


def _linked(session: Session, scheme: Scheme) -> tuple[str, ...]:
    """Say which of our skills are linked to entries that get another name or are gone."""
    renamed = session.execute(
        text(
            "SELECT s.name, r.label AS was, i.label AS now FROM skill_link l JOIN skill s ON s.id = l.skill_id"  # noqa: S608 - constants
            " JOIN reference_entry r ON r.scheme = l.scheme AND r.outside_id = l.outside_id"
            f" JOIN incoming i ON {_SAME_ENTRY} WHERE r.scheme = :scheme AND r.label <> i.label"
            " ORDER BY s.name LIMIT :most"
        ),
        {"scheme": scheme.value, "most": SHOWN_LINKS},
    ).all()
    gone = session.execute(
        text(
            "SELECT s.name, r.label AS was FROM skill_link l JOIN skill s ON s.id = l.skill_id"  # noqa: S608 - constants
            " JOIN reference_entry r ON r.scheme = l.scheme AND r.outside_id = l.outside_id"
            f" WHERE {_GONE} ORDER BY s.name LIMIT :most"
        ),
        {"scheme": scheme.value, "most": SHOWN_LINKS},
    ).all()
    return (
        *(f"“{row.was}”, linked to our skill {row.name}, is called “{row.now}” now." for row in renamed),
        *(f"“{row.was}”, linked to our skill {row.name}, is not in this release any more." for row in gone),
    )


def _refuse_upheaval(counts: Counter[str], *, confirmed: bool) -> None:
    known = counts["changed"] + counts["same"] + counts["gone"]
    if not confirmed and counts["gone"] > max(FREE_REMOVALS, LARGEST_SHARE_REMOVED * known):
        raise Conflict(
            f"{counts['gone']:,} of {known:,} entries would be retired, since these files do not have them. Look at a"
            " dry run; if that is meant, import again and confirm it."
        )


def _write(session: Session, scheme: Scheme, release: str, now: datetime) -> None:
    values = {"scheme": scheme.value, "release": release, "now": now}
    session.execute(text(f"UPDATE reference_entry r SET retired_at = :now WHERE {_GONE}"), values)  # noqa: S608 - constants
    session.execute(
        text(
            "INSERT INTO reference_entry AS r (scheme, kind, owner, outside_id, label, words, about, release)"
            " SELECT :scheme, kind, owner, outside_id, label, words, about, :release FROM incoming"
            " ON CONFLICT (scheme, kind, owner, outside_id) DO UPDATE SET label = excluded.label,"
            " words = excluded.words, about = excluded.about, release = excluded.release, retired_at = NULL"
        ),
        values,
    )
    session.execute(
        text(
            "UPDATE skill_link l SET label = i.label FROM incoming i WHERE l.scheme = :scheme"
            " AND l.outside_id = i.outside_id AND i.kind IN ('occupation', 'skill')"
            " AND l.label IS DISTINCT FROM i.label"
        ),
        values,
    )


def _remember(
    session: Session, scheme: Scheme, release: str, counts: Counter[str], actor: Actor, now: datetime
) -> None:
    fresh = insert(ReferenceRelease).values(
        scheme=scheme, release=release, imported_at=now, imported_by_id=actor.user_id
    )
    session.execute(
        fresh.on_conflict_do_update(
            index_elements=["scheme", "release"], set_={"imported_at": fresh.excluded.imported_at}
        )
    )
    after = {"release": release, **{key: counts[key] for key in ("new", "changed", "same", "gone")}}
    record(
        session,
        Change(
            at=now, actor_id=actor.user_id, action="import", entity="catalogue", entity_id=scheme.value, after=after
        ),
    )
