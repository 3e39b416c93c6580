"""Why this person, in sentences (pure): the same ones for who decides and for who is sent.

What counts most stands first. A reason weighs what it saves, in seconds of paid driving, against somebody the customer
has never seen, who comes from half an hour away, arrives at the last moment and has to come a second time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dispatch.planning.terms import TERM_WORDS
from dispatch.planning.words import clock_words, minutes_words, span_words

SENTENCES = 3
FAR_S = 1_800
SPARE_COUNTS_TO_S = 900
DONE_BEFORE_S = 300
DONE_COUNTS_TO = 4
NOTICEABLE_S = 60


@dataclass(frozen=True, kw_only=True)
class SkillHeld:
    """One skill the work asks for, and what is known of a person in it; level 0 stands for none we are sure of."""

    skill: str
    needed: int | None
    wished: int | None
    level: int
    confirmed: bool
    known: bool
    met: bool

    @property
    def evidence(self) -> str:
        """Say what the level rests on."""
        if not self.known:
            return "nothing known"
        return "confirmed" if self.confirmed else "claimed"


@dataclass(frozen=True, kw_only=True)
class DoneBefore:
    """How often somebody did this kind of work, there and anywhere, and when last."""

    times: int = 0
    here: int = 0
    last_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Reasons:
    """What speaks for one person and one visit; ``second_visit_s`` is what coming again would cost."""

    skills: Sequence[SkillHeld]
    p_fix: float
    second_visit_s: int
    start_at: datetime
    promise: tuple[datetime, datetime] | None
    spare_s: int | None
    travel_s: int
    after: str | None
    customer: str
    known: bool
    preferred: bool
    credit_s: int
    done: DoneBefore
    zone: str


def why(reasons: Reasons, name: str | None) -> tuple[str, ...]:
    """Return up to three sentences about a person, or to them where ``name`` is None."""
    found = [*_skill(reasons, name), *_time_and_way(reasons, name), *_known(reasons, name), *_done(reasons, name)]
    return tuple(sentence for _, sentence in sorted(found, key=lambda each: -each[0])[:SENTENCES])


_Weighed = list[tuple[int, str]]


def _subject(name: str | None, verb: str, verb_you: str) -> str:
    return f"You {verb_you}" if name is None else f"{name} {verb}"


def _skill(reasons: Reasons, name: str | None) -> _Weighed:
    if not reasons.skills:
        return []
    words = []
    held = [each for each in reasons.skills if each.met and each.level]
    if held:
        best = max(held, key=lambda each: (each.needed or 0, each.level, each.skill))
        asked = f"; {best.needed} is needed" if best.needed else ""
        words.append(f"{_subject(name, 'holds', 'hold')} {best.skill} at level {best.level}, {best.evidence}{asked}.")
    if reasons.p_fix >= 0.5:
        words.append(f"It is {round(reasons.p_fix * 100)} % likely to be fixed at once.")
    return [(round(reasons.p_fix * reasons.second_visit_s), " ".join(words))] if words else []


def _time_and_way(reasons: Reasons, name: str | None) -> _Weighed:
    """Tell of a promise that is kept and of a way that is short; what is neither is no reason."""
    saved = max(0, FAR_S - reasons.travel_s)
    far = minutes_words(reasons.travel_s) if reasons.travel_s >= NOTICEABLE_S else "right"
    way = f"{far} from {reasons.after or 'where the day starts'}"
    if reasons.promise is None or reasons.spare_s is None or reasons.spare_s < 0:
        return [(saved, f"{_subject(name, 'comes', 'come')} {way}.")] if saved else []
    start = clock_words(reasons.start_at, reasons.zone)
    window = span_words(*reasons.promise, reasons.zone)
    near = f", coming {way}" if saved else ""
    words = f"{_subject(name, 'starts', 'start')} at {start} for the promised {window}{near}."
    return [(min(reasons.spare_s, SPARE_COUNTS_TO_S) + saved, words)]


def _known(reasons: Reasons, name: str | None) -> _Weighed:
    whom = "you" if name is None else name
    if reasons.preferred:
        return [(reasons.credit_s, f"{reasons.customer} asked for {whom}.")]
    return [(reasons.credit_s, f"{reasons.customer} knows {whom}.")] if reasons.known else []


def _done(reasons: Reasons, name: str | None) -> _Weighed:
    done = reasons.done
    if not done.times:
        return []
    never = "" if reasons.known else ", never here"  # who came for other work is known there
    here = never if not done.here else ", all of them here" if done.here == done.times else ""
    here = here or (f", {_times(done.here)} here" if done.here else "")
    last = "" if done.last_at is None else f", last in {done.last_at:%B %Y}"
    weight = DONE_BEFORE_S * (min(done.times, DONE_COUNTS_TO) + min(done.here, DONE_COUNTS_TO))
    return [(weight, f"{_subject(name, 'did', 'did')} this kind of work {_times(done.times)} before{last}{here}.")]


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def gap(name: str, first: str, terms: Mapping[str, int], best: Mapping[str, int]) -> str:
    """Say by how much somebody is behind the first place, and what makes most of it."""
    parts = {key: terms.get(key, 0) - best.get(key, 0) for key in {*terms, *best}}
    behind = sum(parts.values())
    if behind < NOTICEABLE_S:
        return f"{name} is as good as {first}: the difference is less than a minute."
    worse = sorted((key for key in parts if parts[key] >= NOTICEABLE_S), key=lambda key: -parts[key])[:2]
    most = " and ".join(f"“{TERM_WORDS[key].lower()}” (+{minutes_words(parts[key])})" for key in worse)
    return f"{name} is {minutes_words(behind)} behind {first}" + (f", most of it for {most}." if most else ".")


def knock_on(moved: Sequence[tuple[str, int, bool]]) -> str:
    """Say what a place does to the other visits of that day: title, seconds later, and whether it becomes late."""
    later = [each for each in moved if each[1] > 0]
    broken = [title for title, _, late in moved if late]
    if not later and not broken:
        return "Moves nothing else"
    jobs = "1 job" if len(later) == 1 else f"{len(later)} jobs"
    most = minutes_words(max((delay for _, delay, _ in later), default=0))
    by = f"Moves {jobs}, +{most}" if len(later) == 1 else f"Moves {jobs}, by up to {most}"
    return f"{by}, {'late then: ' + ', '.join(broken) if broken else 'nobody late for it'}"
