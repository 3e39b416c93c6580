"""Explanations in plain words and as JSON, for the ``explain`` command."""

import re
from dataclasses import fields
from datetime import timedelta
from typing import Any

from dispatch.matching import Problem, changes, waivers
from dispatch.matching.codec import encode
from dispatch.matching.explain import Candidate, Comparison, Effect, Fact, Part, Remedy, WhyUnassigned

PARTS = {Part.WHO: "nobody can", Part.WHEN: "nobody then", Part.OTHERS: "others have the time"}
EFFECTS = {
    Effect.CAN_SERVE: "then can serve it",
    Effect.CHEAPEST: "is then the cheapest",
    Effect.SERVED: "is served then",
}


class Teller:
    """Says things about one problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def instant(self, seconds: int) -> str:
        """Give a moment as weekday and time in the zone of the problem's start."""
        return (self.problem.start + timedelta(seconds=seconds)).strftime("%a %H:%M")

    def candidate(self, item: Candidate) -> str:
        """Say what sending somebody means."""
        place = f"after visit {item.after_visit}" if item.after_visit else "first of the day"
        return (
            f"  {item.technician} ({item.shift}), {place}: start {self.instant(item.start_s)},"
            f" {minutes(item.travel_s)} of travel, {item.p_fix:.0%} fixed at the first visit,"
            f" {len(item.knock_on)} others moved; costs {item.cost.total} ({_terms(item.cost.terms())})"
        )

    def comparison(self, found: Comparison) -> list[str]:
        """Say what one person costs more than the one who has the visit."""
        if found.difference is None or found.holder is None or found.holder.technician == found.technician:
            return []
        total = found.difference.total
        more = f"{total} more than" if total > 0 else f"{-total} less than" if total < 0 else "the same as"
        return [f"  {found.technician} costs {more} {found.holder.technician} ({_terms(found.difference.terms())})"]

    def remedy(self, found: Remedy) -> str:
        """Say what would change it."""
        words = " and ".join(self.change(one) for one in found.changes) or "nothing has to change: it has a place"
        people = ", ".join(
            f"{one.technician} at {self.instant(one.start_s)} for {one.cost.total}" for one in found.candidates
        )
        return (
            f"  if {words}: {EFFECTS[found.effect]} ({people})" if people else f"  if {words}: {EFFECTS[found.effect]}"
        )

    def fact(self, found: Fact) -> str:
        """Say one of the facts that keep a visit out."""
        params = dict(found.params)
        for name in [name for name in params if name.endswith("_s") and name != "duration_s"]:
            params[name] = self.instant(int(params[name]))
        facts = ", ".join(f"{name.removesuffix('_s').replace('_', ' ')} {value}" for name, value in params.items())
        return f"  {PARTS[found.part]}: {found.name.replace('_', ' ')}" + (f" ({facts})" if facts else "")

    def change(self, one: changes.Change) -> str:
        """Say one change as the end of a sentence that begins with "if"."""
        match one:
            case changes.RaiseLevel():
                return f"{one.technician} is shown to have {one.skill} level {one.level}"
            case changes.ConfirmEvidence():
                return f"somebody else confirms {one.skill} of {one.technician}"
            case changes.ExtendCertification():
                return f"{one.technician} holds certificate {one.certification} until {self.instant(one.until_s)}"
            case changes.OpenTerritory():
                return f"{one.technician} may work in {one.territory}"
            case changes.LiftExclusion():
                return f"the customer takes {one.technician} after all"
            case changes.AlsoAccept():
                return f"the customer also accepts {one.technician}"
            case changes.Unpin():
                return f"the pin of visit {one.visit} goes"
            case changes.WidenWindow():
                sides = ((one.earlier_s, "opens", "earlier"), (one.later_s, "closes", "later"))
                moved = [f"{verb} {minutes(by)} {way}" for by, verb, way in sides if by]
                return f"window {one.window + 1} of visit {one.visit} " + " and ".join(moved)
            case changes.ReleaseEarlier():
                return f"visit {one.visit} is released {minutes(one.earlier_s)} earlier"
            case changes.StartEarlier():
                return f"shift {one.shift} starts {minutes(one.earlier_s)} earlier"
            case changes.AllowOvertime():
                return f"shift {one.shift} may run {minutes(one.more_s)} longer"
            case changes.AllowLeg():
                return f"shift {one.shift} may drive {minutes(one.limit_s)} at once"
            case changes.GiveAway():
                return f"visit {one.visit} " + (f"goes to {one.technician}" if one.technician else "is left out")
            case changes.Prefer():
                return f"{one.technician} is worth {one.credit} more to the customer"
            case changes.NamePreferred():
                return f"the customer names {one.technician} as preferred"
            case waivers.WaiveNeed():
                skills = " or ".join(f"{skill.skill} {skill.level}" for skill in one.skills)
                return f"visit {one.visit} does without {skills}"
            case waivers.WaiveCertification():
                return f"visit {one.visit} does without certificate {one.certification}"
            case waivers.AcceptAnybody():
                return "the customer insists on nobody"
            case waivers.IgnoreTerritory():
                return f"anybody may come to visit {one.visit}, whatever their territory"
            case waivers.AnyTime():
                return f"visit {one.visit} may be at any time"
            case waivers.SmallerCrew():
                return f"one person does visit {one.visit}"
            case waivers.DoNotWait():
                return f"visit {one.visit} does not wait for visit {one.before}"
            case changes.Locate():
                return f"visit {one.visit} is somewhere else"
            case changes.Raise():
                return f"leaving visit {one.visit} out costs {one.penalty}"
            case changes.AddShift():
                hours = f"from {self.instant(one.shift.start_s)} to {self.instant(one.shift.end_s)}"
                return f"{one.shift.technician} works {hours}"
        return _kind(one).replace("_", " ")


def minutes(seconds: int) -> str:
    """Give seconds as whole minutes, rounded up."""
    return f"{-(-seconds // 60)} min"


def change_json(one: changes.Change) -> dict[str, Any]:
    """Give a change as JSON values: its kind and all its fields."""
    return {"kind": _kind(one)} | {item.name: encode(getattr(one, item.name)) for item in fields(one)}  # type: ignore[arg-type]  # every change is a dataclass


def remedy_json(found: Remedy) -> dict[str, Any]:
    """Give a remedy as JSON values."""
    return {
        "effect": found.effect.value,
        "effort": found.effort,
        "changes": [change_json(one) for one in found.changes],
        "candidates": [encode(one) for one in found.candidates],
    }


def unassigned_json(found: WhyUnassigned) -> dict[str, Any]:
    """Give why a visit is left out as JSON values."""
    facts = [
        {"part": one.part.value, "name": one.name, "params": encode(one.params), "lift": [*map(change_json, one.lift)]}
        for one in found.facts
    ]
    return {
        "visit": found.visit,
        "kind": found.kind.value,
        "reasons": [encode(one) for one in found.reasons],
        "facts": facts,
        "relaxation": None if found.relaxation is None else remedy_json(found.relaxation),
    }


def _kind(one: changes.Change) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(one).__name__).lower()


def _terms(terms: dict[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in terms.items() if value) or "nothing"
