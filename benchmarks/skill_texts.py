"""How well free text leads to skills: rows of one city predicted from the catalogue and the other two cities.

Run ``python -m benchmarks.skill_texts``. Reads ``request_type_mapping.csv``, the table that says which skills each type
of city request needs, from the folder of shared data, and stems from a PostgreSQL of its own. Figures per city, for the
built-in catalogue and for bare names (``skills_catalogue.csv``): any and all needed skills among the first three, and
how often *sure*, *likely* and *check* are right.
"""

import argparse
import csv
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from dispatch.core import embedded
from dispatch.core.db import make_engine
from dispatch.skills.reading import PastText, Reading, Sureness, Vocabulary, needed_words, read_text
from dispatch.skills.starter import SKILLS, TRADES
from dispatch.skills.stems import stems_of
from dispatch.skills.taxonomy import Node, Taxonomy

FIRST = 3


@dataclass(frozen=True, kw_only=True)
class Case:
    """One type of request of a city with the skills it needs."""

    city: str
    text: str
    skills: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Score:
    """How well the rows of a city were read; ``right`` counts (right, all) of each sureness."""

    city: str
    rows: int
    any_of_first: float
    all_of_first: float
    right: Mapping[Sureness, tuple[int, int]]
    ms_a_text: float


def cases(mapping: Path) -> list[Case]:
    """Read the mapping."""
    with mapping.open(newline="", encoding="utf-8") as file:
        return [
            Case(
                city=row["city"],
                text=" / ".join(dict.fromkeys(part for part in (row["request_type"], row["descriptor"]) if part)),
                skills=tuple(part.split(":")[0] for part in row["required_skills"].split(";")),
            )
            for row in csv.DictReader(file)
        ]


def built_in() -> Taxonomy:
    """Return the built-in catalogue."""
    return _tree({one.code: (one.name, one.aliases) for one in SKILLS})


def bare_names(catalogue: Path) -> Taxonomy:
    """Return the skills of a table, each with its name and its name in ESCO alone."""
    with catalogue.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return _tree({row["skill"]: (row["name"], (row["esco_label"],) if row["esco_label"] else ()) for row in rows})


def _tree(named: Mapping[str, tuple[str, tuple[str, ...]]]) -> Taxonomy:
    names = [*((code, name, None, ()) for code, name in TRADES)]
    above = {code: number for number, (code, *_rest) in enumerate(names)}
    names += [(code, name, above[code.partition(".")[0]], words) for code, (name, words) in named.items()]
    return Taxonomy(
        nodes={
            number: Node(
                id=number, code=code, name=name, parent_id=parent, assignable=parent is not None, critical=False,
                half_life_days=198, retired=False, aliases=tuple(words),
            )
            for number, (code, name, parent, words) in enumerate(names)
        }
    )  # fmt: skip


def read_city(
    session: Session, city: str, known: Sequence[Case], taxonomy: Taxonomy
) -> list[tuple[Case, list[Reading]]]:
    """Read the rows of a city from the catalogue and the rows of the others."""
    number = {node.code: node.id for node in taxonomy.nodes.values()}
    past = [
        PastText(text=one.text, skills=tuple(number[code] for code in one.skills if code in number))
        for one in known
        if one.city != city
    ]
    asked = [one for one in known if one.city == city]
    words = {word for one in asked for word in needed_words(one.text, taxonomy, past)}
    stems = stems_of(session, words)
    vocabulary = Vocabulary(taxonomy, stems)
    return [(one, read_text(one.text, vocabulary, stems, past=past, limit=FIRST)) for one in asked]


def score(city: str, read: Sequence[tuple[Case, Sequence[Reading]]], taxonomy: Taxonomy, seconds: float) -> Score:
    """Count what was right."""
    right = dict.fromkeys(Sureness, (0, 0))
    some = every = 0
    for case, readings in read:
        found = [taxonomy.nodes[one.skill_id].code for one in readings]
        some += any(code in found for code in case.skills)
        every += all(code in found for code in case.skills)
        for code, one in zip(found, readings, strict=True):
            good, total = right[one.sureness]
            right[one.sureness] = (good + (code in case.skills), total + 1)
    return Score(
        city=city,
        rows=len(read),
        any_of_first=some / len(read),
        all_of_first=every / len(read),
        right=right,
        ms_a_text=1000 * seconds / len(read),
    )


def measure(session: Session, known: Sequence[Case], taxonomy: Taxonomy) -> list[Score]:
    """Measure every city."""
    scores = []
    for city in dict.fromkeys(one.city for one in known):
        before = time.process_time()
        read = read_city(session, city, known, taxonomy)
        scores.append(score(city, read, taxonomy, time.process_time() - before))
    return scores


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.skill_texts", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/mapping"), help="folder of the two tables")
    chosen = parser.parse_args(arguments)
    known = cases(chosen.data / "request_type_mapping.csv")
    with tempfile.TemporaryDirectory(prefix="skill-texts-") as folder:
        server = embedded.start(Path(folder) / "postgres")
        engine = make_engine(server.url(embedded.OWNER))
        try:
            with Session(engine) as session:
                for name, taxonomy in (
                    ("built-in catalogue", built_in()),
                    ("bare names", bare_names(chosen.data / "skills_catalogue.csv")),
                ):
                    print(name)
                    for one in measure(session, known, taxonomy):
                        bands = "  ".join(f"{band} {good}/{total}" for band, (good, total) in one.right.items())
                        print(
                            f"  {one.city:<10} {one.rows:>4} rows  any {one.any_of_first:.3f}  all"
                            f" {one.all_of_first:.3f}  {bands}  {one.ms_a_text:.1f} ms a text"
                        )
        finally:
            engine.dispose()
            server.stop()


if __name__ == "__main__":
    main()
