"""Proposes what a file's columns and words stand for; what is not certain is left for a person to choose."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from dispatch.imports.matrix.levels import keys_in, propose_scale
from dispatch.imports.matrix.match import LEFT_OUT, Layout, Match
from dispatch.imports.matrix.table import LONG_WORDS, OTHER_WORDS, PERSON_WORDS, folded, role_of
from dispatch.imports.reader import Table
from dispatch.skills.reading import Sureness, Vocabulary, read_text, words_in
from dispatch.skills.stems import stems_of
from dispatch.skills.taxonomy import Taxonomy

SUGGESTED = 5


@dataclass(frozen=True, kw_only=True)
class SkillGuess:
    """What a word may stand for: ``skill`` where it is certain, else those that it may be, the most likely first."""

    words: str
    skill: int | None
    may_be: tuple[int, ...]
    exact: bool


def propose(session: Session, table: Table, taxonomy: Taxonomy) -> Match:
    """Return what a file most likely says."""
    roles = {column: role_of(column, LONG_WORDS) for column in table.columns}
    skill = next((column for column, role in roles.items() if role == "skill"), "")
    level = next((column for column, role in roles.items() if role == "level"), "")
    day = next((column for column, role in roles.items() if role == "day"), "")
    layout = Layout.LONG if skill and level else Layout.WIDE
    match = Match(
        layout=layout,
        person=_person(table, known={skill, level} if layout is Layout.LONG else ()),
        skill_column=skill if layout is Layout.LONG else "",
        level_column=level if layout is Layout.LONG else "",
        day_column=day,
    )
    return complete(session, table, match, taxonomy)


def complete(session: Session, table: Table, match: Match, taxonomy: Taxonomy) -> Match:
    """Decide what is certain of what was not decided: skills by their exact name, levels by their usual meaning."""
    words = words_for_skills(table, match)
    skills = {word: match.skills[word] for word in words if word in match.skills}
    for guess in guess_skills(session, taxonomy, [word for word in words if word not in skills]):
        if guess.skill is not None:
            skills[guess.words] = guess.skill
        elif match.layout is Layout.WIDE and folded(guess.words) in OTHER_WORDS:
            skills[guess.words] = LEFT_OUT
    match = replace(match, skills=skills)
    keys, shares = keys_in(match.level_cells(table))
    usual = propose_scale(keys)
    scale = {key: match.scale.get(key, usual.get(key, -1)) for key in keys}
    return replace(match, shares=shares, scale={key: level for key, level in scale.items() if level >= 0})


def words_for_skills(table: Table, match: Match) -> list[str]:
    """Return what stands for skills in a file, each once: columns, or what is in the skill column."""
    if match.layout is Layout.WIDE:
        return list(match.skill_columns(table))
    if not match.skill_column:
        return []
    return list(dict.fromkeys(word for row in table.rows if (word := row.cells[match.skill_column])))


def guess_skills(session: Session, taxonomy: Taxonomy, texts: Sequence[str]) -> list[SkillGuess]:
    """Return which skill each text is: by code, name or other name, else those it sounds like; one statement."""
    if not texts:
        return []
    stems = stems_of(session, Vocabulary.words(taxonomy) | {word for text in texts for word in words_in(text)})
    vocabulary = Vocabulary(taxonomy, stems)
    found = []
    for text in texts:
        exact = _named(taxonomy, text)
        readings = [] if len(exact) == 1 else read_text(text, vocabulary, stems, limit=SUGGESTED)
        may_be = (*exact, *(one.skill_id for one in readings if one.skill_id not in exact))
        sure = len(exact) == 0 and bool(readings) and readings[0].sureness is Sureness.SURE
        certain = exact[0] if len(exact) == 1 else readings[0].skill_id if sure else None
        found.append(
            SkillGuess(words=text, skill=certain, may_be=may_be[:SUGGESTED], exact=len(exact) == 1),
        )
    return found


def _named(taxonomy: Taxonomy, text: str) -> tuple[int, ...]:
    """Return the skills in use that are called so; a name below its group counts by its last part too."""
    tries = (text, text.rpartition(" / ")[2])
    for words in tries:
        current = dict.fromkeys(taxonomy.current(skill) for skill in taxonomy.named(words))
        usable = tuple(s for s in current if taxonomy.nodes[s].assignable and not taxonomy.nodes[s].retired)
        if usable:
            return usable
    return ()


def _person(table: Table, known: Collection[str]) -> Mapping[str, str]:
    """Return which columns name the person: one of a role, the first one of its kind."""
    found: dict[str, str] = {}
    for column in table.columns:
        role = role_of(column, PERSON_WORDS)
        if role and column not in known:
            found.setdefault(role, column)
    if not found:
        found = _only_texts(table, known)
    return found


def _only_texts(table: Table, known: Iterable[str]) -> dict[str, str]:
    """Take the first column as names where no column is called like one."""
    first = next((column for column in table.columns if column not in known), None)
    return {} if first is None else {"name": first}
