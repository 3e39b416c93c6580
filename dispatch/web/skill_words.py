"""What a level and the facts behind it say, in words; the same for its person and for whoever may read evidence."""

from dispatch.skills.models import Wish
from dispatch.skills.profile import FactLine, SkillLine
from dispatch.web.words import _, _l

NOTICEABLE = 0.05
_WISHES = {
    Wish.MORE: _l("wants more of %(skill)s"),
    Wish.ENOUGH: _l("has enough of %(skill)s"),
    Wish.LESS: _l("wants less of %(skill)s"),
}


def wish_words(wish: Wish, skill: str) -> str:
    """Return what somebody wants of work in a skill."""
    return str(_WISHES[wish]) % {"skill": skill}


def sureness(line: SkillLine) -> str:
    """Return how sure it is that the person is at least at the level shown, in words and as a chance."""
    number = f"{round(100 * line.estimate.confidence(line.level))}"
    if line.certainty == "very sure":
        return _("Very sure that it is at least level %(level)s (%(n)s %%).", level=line.level, n=number)
    if line.certainty == "quite sure":
        return _("Quite sure that it is at least level %(level)s (%(n)s %%).", level=line.level, n=number)
    if line.certainty == "little known":
        return _("Little is known yet: level %(level)s or more with %(n)s %%.", level=line.level, n=number)
    return _("Not sure whether it is level %(level)s (%(n)s %%) or below.", level=line.level, n=number)


def effect(fact: FactLine) -> str:
    """Return what a fact moves, in words."""
    if fact.left_out:
        return _("does not count: %(why)s", why=fact.left_out)
    if fact.moved is None:
        return ""
    if abs(fact.moved) < NOTICEABLE:
        return _("changes the level hardly")
    size = f"{abs(fact.moved):.1f}"
    return _("lifts the level by %(n)s", n=size) if fact.moved > 0 else _("lowers the level by %(n)s", n=size)
