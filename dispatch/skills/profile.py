"""One person's inventory as they and their manager see it: every level with its certainty and the facts behind it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.models import User
from dispatch.skills.catalogue import Catalogue
from dispatch.skills.common import may_over, require_over
from dispatch.skills.estimate import (
    DEFAULT_RULES,
    Estimate,
    QualificationRules,
    certainty,
    likely_level,
    qualified_level,
)
from dispatch.skills.evidence import Fact
from dispatch.skills.proficiency import Heard, contributions, estimate, heard
from dispatch.skills.recompute import facts_of, outcomes_agreed
from dispatch.skills.sources import source_named
from dispatch.skills.taxonomy import Taxonomy, catalogue_of, load_taxonomy

SOON_DAYS = 60


class SkillState(StrEnum):
    """What a level rests on, and whether dispatch may rely on it."""

    CONFIRMED = "confirmed"
    EXPIRING = "expiring"  # still relied on, but not in 60 days unless something new is heard
    DOUBTFUL = "doubtful"  # others have spoken, and it is not enough for any level
    CLAIMED = "claimed"  # only the person's own word


@dataclass(frozen=True, kw_only=True)
class FactLine:
    """One fact, or a month of like outcomes, behind a level.

    `moved` is by how many levels the estimate is higher because of it (lower when negative), `None` where it was not
    asked for. `left_out` says in words why it does not count.
    """

    keys: tuple[int, ...]
    first: date
    last: date
    source: str
    label: str
    sentence: str
    given_by: str | None
    left_out: str | None = None
    moved: float | None = None
    confidence_without: float | None = None

    @property
    def count(self) -> int:
        """Return how many facts the line stands for."""
        return len(self.keys)


@dataclass(frozen=True, kw_only=True)
class SkillLine:
    """One skill of a person. `facts` is empty for whoever may not see evidence."""

    skill_id: int
    code: str
    name: str
    trade: str
    estimate: Estimate
    level: int
    relied_on_to: int
    certainty: str
    state: SkillState
    claimed_level: float | None
    facts: tuple[FactLine, ...]


@dataclass(frozen=True, kw_only=True)
class SkillProfile:
    """A person's skills by trade and name."""

    technician_id: int
    on: date
    outcomes_count: bool
    lines: tuple[SkillLine, ...]
    evidence_shown: bool


def skill_profile(
    session: Session,
    technician_id: int,
    *,
    actor: Actor,
    at: datetime,
    explain: Collection[int] = (),
    rules: QualificationRules = DEFAULT_RULES,
) -> SkillProfile:
    """Return the skills with facts of their own; those in `explain` also say what each fact moves.

    Estimated from the facts at that moment, not read from the cache. Facts are for the person and whoever may read
    evidence about them; others see levels and certainty.
    """
    require_over(session, actor, Right.SKILL_READ, technician_id, at)
    with_facts = may_over(session, actor, Right.EVIDENCE_READ, technician_id, at)
    taxonomy = load_taxonomy(session)
    catalogue = catalogue_of(taxonomy)
    outcomes = outcomes_agreed(session, at)
    known = facts_of(session, technician_id, taxonomy)
    facts = tuple(one for one in known if outcomes or not source_named(one.source).outcome)
    counted = heard(facts, at, outcomes=outcomes)
    about = _by_skill(facts, counted, at)
    skills = sorted(skill for skill in about if taxonomy.nodes[skill].assignable)
    if not skills:
        lines: tuple[SkillLine, ...] = ()
    else:
        now = estimate(facts, catalogue, skills, at, outcomes=outcomes)
        soon = estimate(facts, catalogue, skills, at + timedelta(days=SOON_DAYS), outcomes=outcomes)
        names = _names(session, facts) if with_facts else {}
        lines = tuple(
            SkillLine(
                skill_id=skill,
                code=taxonomy.nodes[skill].code,
                name=taxonomy.nodes[skill].name,
                trade=taxonomy.nodes[taxonomy.trade(skill)].name,
                estimate=now[skill],
                level=likely_level(now[skill]),
                relied_on_to=qualified_level(now[skill], rules),
                certainty=certainty(now[skill]),
                state=_state(now[skill], soon[skill], rules),
                claimed_level=_claimed_level(counted, skill),
                facts=_fact_lines(about[skill], counted, names, _Question(
                    facts=facts, catalogue=catalogue, skill=skill, at=at, outcomes=outcomes, explain=skill in explain,
                )) if with_facts else (),
            )
            for skill in _in_reading_order(skills, taxonomy)
        )  # fmt: skip
    return SkillProfile(
        technician_id=technician_id,
        on=at.astimezone(UTC).date(),
        outcomes_count=outcomes,
        lines=lines,
        evidence_shown=with_facts,
    )


@dataclass(frozen=True, kw_only=True)
class _Question:
    """What has to be known to say by how much a fact moves one skill."""

    facts: tuple[Fact, ...]
    catalogue: Catalogue
    skill: int
    at: datetime
    outcomes: bool
    explain: bool


def _state(now: Estimate, soon: Estimate, rules: QualificationRules) -> SkillState:
    relied_on = qualified_level(now, rules)
    if not now.confirmed and now.claimed:
        return SkillState.CLAIMED
    if not relied_on:
        return SkillState.DOUBTFUL
    return SkillState.EXPIRING if qualified_level(soon, rules) < relied_on else SkillState.CONFIRMED


def _by_skill(facts: Iterable[Fact], counted: Sequence[Heard], at: datetime) -> dict[int, list[Fact]]:
    """Return the facts to show under each skill: those it was heard in, and those stored under it that do not count."""
    speaks: dict[int, set[int]] = {}
    for item in counted:
        speaks.setdefault(item.fact.key, set()).update(item.skills)
    about: dict[int, list[Fact]] = {}
    for fact in sorted(facts, key=lambda one: (one.at, one.key)):
        if fact.at <= at:
            for skill in speaks.get(fact.key, {fact.skill}):
                about.setdefault(skill, []).append(fact)
    return about


def _fact_lines(
    facts: Sequence[Fact], counted: Sequence[Heard], names: Mapping[str, str], question: _Question
) -> tuple[FactLine, ...]:
    """Put like outcomes of one month into one line and, where asked, weigh every line that counts."""
    sentences = {item.fact.key: item.observation.sentence for item in counted}
    groups: dict[tuple[object, ...], list[Fact]] = {}
    for fact in facts:
        alone: tuple[object, ...] = (fact.key,)
        if source_named(fact.source).outcome and fact.key in sentences:
            alone = (fact.source, fact.at.astimezone(UTC).strftime("%Y-%m"), sentences[fact.key])
        groups.setdefault(alone, []).append(fact)
    heard_groups = [group for group in groups.values() if group[0].key in sentences]
    weighed: dict[int, tuple[float, float]] = {}
    if question.explain:
        parts = contributions(
            question.facts,
            question.catalogue,
            question.skill,
            question.at,
            outcomes=question.outcomes,
            groups=[[fact.key for fact in group] for group in heard_groups],
        )
        level = likely_level(parts[0].with_facts) if parts else 0
        weighed = {part.facts[0]: (part.moved, part.without.confidence(level)) for part in parts}
    lines = []
    for group in groups.values():
        first = group[0]
        moved, without = weighed.get(first.key, (None, None))
        lines.append(
            FactLine(
                keys=tuple(fact.key for fact in group),
                first=first.at.astimezone(UTC).date(),
                last=group[-1].at.astimezone(UTC).date(),
                source=first.source,
                label=source_named(first.source).label,
                sentence=sentences.get(first.key) or _plain_sentence(first),
                given_by=names.get(first.rater or ""),
                left_out=_left_out(first, sentences),
                moved=moved,
                confidence_without=without,
            )
        )
    return tuple(lines)


def _left_out(fact: Fact, sentences: Mapping[int, str]) -> str | None:
    if fact.contested and fact.source in ("self_claim", "certificate"):
        return "given back or contested, so it does not count"
    if fact.contested:
        return "contested, so it does not count"
    if fact.key in sentences:
        return None
    source = source_named(fact.source)
    if not source.observe(fact, source.trust):
        return "the cause lay elsewhere, so it says nothing about skill"
    return "replaced by something newer from the same voice"


def _plain_sentence(fact: Fact) -> str:
    source = source_named(fact.source)
    return next((seen.sentence for seen in source.observe(fact, source.trust)), source.label)


def _claimed_level(counted: Iterable[Heard], skill: int) -> float | None:
    """Return what the person says of themselves."""
    said = [item.fact.detail["level"] for item in counted if item.fact.source == "self_claim" and skill in item.skills]
    return float(said[-1]) if said else None


def _names(session: Session, facts: Iterable[Fact]) -> dict[str, str]:
    raters = sorted({int(fact.rater) for fact in facts if fact.rater is not None})
    rows = session.execute(select(User.id, User.name).where(User.id.in_(raters)))
    return {str(row.id): row.name for row in rows}


def _in_reading_order(skills: Iterable[int], taxonomy: Taxonomy) -> list[int]:
    def words(skill: int) -> tuple[str, str, int]:
        return taxonomy.nodes[taxonomy.trade(skill)].name.casefold(), taxonomy.nodes[skill].name.casefold(), skill

    return sorted(skills, key=words)
