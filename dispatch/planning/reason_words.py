"""Why a visit is left out or a person cannot go: the matcher's reasons in words, with this organisation's names."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.jobs.models import Job, Visit
from dispatch.skills.models import CertificationKind, Skill
from dispatch.workforce.models import Technician, Territory

Params = Mapping[str, Any]

# What a code means for one person, as a part of a sentence about several: "12 are off shift".
GROUPS: Mapping[str, str] = {
    "not_qualified": "lack the skill",
    "not_confirmed": "have only their own word for the skill",
    "not_certified": "lack a certificate",
    "not_equipped": "lack a tool or parts",
    "excluded": "are not wanted by the customer",
    "not_required": "are not who the customer insists on",
    "other_territory": "work elsewhere",
    "no_shift": "are off shift",
    "without_papers": "work for a partner whose papers have lapsed",
    "nobody_then": "have no time then",
    "not_then": "have no time then",
    "route_broken": "have a day that does not work out as booked",
    "too_far": "are too far away",
    "unreachable": "have no way there",
    "same_crew": "are in the crew already",
    "pinned_elsewhere": "are not who it is pinned to",
    "displaced": "are full",
    "linked": "may not come because of who serves another visit",
    "partner_full": "work for a partner that takes no more visits that day",
    "most_visits": "have as many visits as a day may have",
    "most_driving": "would drive too much",
    "longest_day": "would be away for too long",
    "parts_used_up": "use up the parts elsewhere",
}


_FOR_ONE = {"lack": "lacks", "have": "has", "are": "is", "work": "works", "use": "uses"}


def group_words(words: str, number: int) -> str:
    """Return what keeps several people away as it reads after a number: 12 are off shift, 1 is off shift."""
    verb, space, rest = words.partition(" ")
    return f"{_FOR_ONE.get(verb, verb)}{space}{rest}" if number == 1 else words


# What a deciding reason means for all visits that a plan leaves out for it.
LEFT_OUT: Mapping[str, str] = {
    "displaced": "Somebody could do it, but their day is full",
    "nobody_qualified": "Nobody of that day can do it",
    "nobody_then": "Nobody who can do it has time when it has to start",
    "no_location": "The site has no place on the map",
    "no_capacity": "Nobody works on that day",
    "crew_too_small": "Too few people could come together",
    "window_past": "Its time has passed",
    "window_too_short": "The site is open for less time than the work takes",
    "predecessor_unserved": "Another visit must be done first",
    "pin_conflict": "It is pinned to a person or time that does not work out",
    "not_worth_it": "It may be left out, and it would cost more than it is worth",
    "linked": "Who serves another visit stands in its way",
    "parts_used_up": "The parts on the van are used up",
    "not_equipped": "A tool or part is on no van of that day",
}


@dataclass(frozen=True, kw_only=True)
class Names:
    """Names of what reasons mention, by id as text."""

    skills: Mapping[str, str]
    certificates: Mapping[str, str]
    people: Mapping[str, str]
    visits: Mapping[str, str]
    territories: Mapping[str, str]

    def skill(self, params: Params) -> str:
        """Return the skill a reason is about."""
        return self.skills.get(str(params.get("skill")), "the skill")

    def certificate(self, params: Params) -> str:
        """Return the certificate a reason is about."""
        return self.certificates.get(str(params.get("certification")), "the certificate")

    def person(self, params: Params, otherwise: str = "This person") -> str:
        """Return the person a reason is about."""
        return self.people.get(str(params.get("technician")), otherwise)

    def visit(self, params: Params) -> str:
        """Return the other visit a reason names."""
        return self.visits.get(str(params.get("visit")), "another visit")


def names_for(session: Session, reasons: Iterable[Mapping[str, Any]]) -> Names:
    """Read the names that reasons mention; one statement for each kind that occurs."""
    params = [reason["params"] for reason in reasons]

    def read(key: str, model: Any, name: Any) -> dict[str, str]:
        ids = {int(each[key]) for each in params if str(each.get(key, "")).isdigit()}
        if not ids:
            return {}
        return {str(row[0]): row[1] for row in session.execute(select(model.id, name).where(model.id.in_(ids)))}

    visit_ids = {int(each["visit"]) for each in params if str(each.get("visit", "")).isdigit()}
    titles = select(Visit.id, Job.title).join(Job, Job.id == Visit.job_id).where(Visit.id.in_(visit_ids))
    return Names(
        skills=read("skill", Skill, Skill.name),
        certificates=read("certification", CertificationKind, CertificationKind.name),
        people=read("technician", Technician, Technician.name),
        visits={str(row.id): row.title for row in session.execute(titles)} if visit_ids else {},
        territories=read("territory", Territory, Territory.name),
    )


def sentence(reason: Mapping[str, Any], names: Names) -> str:
    """Return one reason as a sentence; ``reason`` is stored as ``{"code": ..., "params": {...}}``."""
    words = _SENTENCES.get(str(reason["code"]))
    return words(names, reason["params"]) if words else f"It cannot be done: {str(reason['code']).replace('_', ' ')}."


def left_out_words(code: str) -> str:
    """Say why visits are left out whose deciding reason this is."""
    if code in LEFT_OUT:
        return LEFT_OUT[code]
    return f"Those who could do it {GROUPS[code]}" if code in GROUPS else "Another reason"


def sentences(session: Session, reasons: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return several reasons as sentences."""
    names = names_for(session, reasons)
    return [sentence(reason, names) for reason in reasons]


def _nobody_then(params: Params) -> str:
    able = params.get("qualified", 0)
    if able == 1:
        return "One person can do the work, but not at the time it has to start."
    return f"{able} people can do the work, but none of them at the time it has to start."


def _nobody(params: Params) -> str:
    groups = [
        f"{params[code]} {group_words(words, params[code])}" for code, words in GROUPS.items() if params.get(code)
    ]
    told = f": {', '.join(groups)}" if groups else ""
    return f"None of the {params.get('people', 0)} people of that day can do it{told}."


def _displaced(names: Names, params: Params) -> str:
    able = params.get("people", 0)
    who = f"{able} {'person' if able == 1 else 'people'} could do it, but their day is full"
    if "visit" not in params:
        return f"{who}."
    return f"{who}. Nearest: {names.person(params)}, if “{names.visit(params)}” went to somebody else."


def _lacks_skill(names: Names, params: Params) -> str:
    if params.get("nothing_known"):
        needed = f"; level {params['level']} is needed" if "level" in params else ""
        return f"Nothing is known about {names.person(params)} in {names.skill(params)}{needed}."
    sure = f": we are {round(params['confidence'] * 100)} % sure" if "confidence" in params else ""
    return f"{names.person(params)} is not known well enough at {names.skill(params)}{_level(params)}{sure}."


def _lacks_equipment(names: Names, params: Params) -> str:
    who = names.person(params)
    if "tool" in params:
        return f"{who} does not have “{params['tool']}” on the van and passes no depot."
    if "part" in params:
        held, needed = params.get("held", 0), params.get("needed", "more")
        return f"{who} has {held} of the {needed} pieces of “{params['part']}” on the van and passes no depot."
    return f"{who} does not have everything on the van and passes no depot."


def _level(params: Params) -> str:
    return f" level {params['level']}" if "level" in params else ""


def _limit(params: Params, kind: str) -> str:
    if "limit" in params:
        return f" ({params['limit']})"
    if kind and "limit_s" in params:
        return f" ({round(int(params['limit_s']) / 60)} minutes)"
    return ""


def _linked(names: Names, params: Params) -> str:
    who, other = names.person(params), names.visit(params)
    if params.get("same"):
        return f"{who} does not serve “{other}”, and both visits must have the same person."
    return f"{who} serves “{other}”, and this visit must have somebody else."


def _crew_too_small(params: Params) -> str:
    return f"It needs {params.get('crew_size', 'more')} people, and {params.get('people', 0)} could come."


_SENTENCES: Mapping[str, Callable[[Names, Params], str]] = {
    "no_location": lambda n, p: "The site has no place on the map yet. Set the pin, then it can be planned.",
    "no_capacity": lambda n, p: "Nobody works on that day.",
    "nobody_qualified": lambda n, p: _nobody(p),
    "not_qualified": _lacks_skill,
    "not_confirmed": lambda n, p: f"Nobody but {n.person(p, 'the person')} has confirmed {n.skill(p)}{_level(p)} yet.",
    "not_certified": lambda n, p: f"{n.person(p)} holds no {n.certificate(p)} that is valid on that day.",
    "not_equipped": _lacks_equipment,
    "excluded": lambda n, p: f"The customer asked not to be served by {n.person(p)}.",
    "not_required": lambda n, p: f"The customer insists on somebody else than {n.person(p)}.",
    "other_territory": lambda n, p: f"{n.person(p)} does not work in this territory.",
    "no_shift": lambda n, p: f"{n.person(p)} has no shift on that day.",
    "crew_too_small": lambda n, p: _crew_too_small(p),
    "window_past": lambda n, p: "Its time has passed. Agree on a new one with the customer.",
    "window_too_short": lambda n, p: "The time the site is open is shorter than the work takes.",
    "nobody_then": lambda n, p: _nobody_then(p),
    "too_far": lambda n, p: f"The way is too long for {n.person(p)}.",
    "unreachable": lambda n, p: f"There is no way there for {n.person(p)}.",
    "displaced": _displaced,
    "predecessor_unserved": lambda n, p: f"“{n.visit(p)}” must be done first, and it is not planned either.",
    "pin_conflict": lambda n, p: "It is pinned to a person or time that does not work out.",
    "pinned_elsewhere": lambda n, p: f"It is pinned to somebody else than {n.person(p)}.",
    "same_crew": lambda n, p: f"{n.person(p)} is in this crew already.",
    "not_then": lambda n, p: f"{n.person(p)} has no time for it when it has to start.",
    "route_broken": lambda n, p: f"The day of {n.person(p, 'this person')} does not work out as it is booked now.",
    "not_worth_it": lambda n, p: "It may be left out, and serving it would cost more than it is worth.",
    "linked": _linked,
    "partner_full": lambda n, p: (
        f"The partner of {n.person(p, 'this person')} takes no more than {p.get('limit', 'the agreed number of')}"
        " visits that day."
    ),
    "most_visits": lambda n, p: f"{n.person(p)} already has as many visits as this day may have{_limit(p, '')}.",
    "most_driving": lambda n, p: f"{n.person(p)} would drive more than this day allows{_limit(p, 'time')}.",
    "longest_day": lambda n, p: f"{n.person(p)} would be away for longer than this day allows{_limit(p, 'time')}.",
    "parts_used_up": lambda n, p: (
        f"The parts on the van of {n.person(p, 'this person')} are used up by other visits, and it passes no depot."
    ),
}
