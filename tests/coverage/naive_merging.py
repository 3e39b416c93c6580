"""The slow twin of merging: no index, every class of a territory looked at for each rare one."""

from collections.abc import Iterable
from datetime import date

from dispatch.coverage.outlook import CERTIFICATION, DemandClass, Need


def merge_rare(demand: Iterable[DemandClass], most: int) -> tuple[tuple[DemandClass, ...], int]:
    """Merge as the documented rule says, comparing each rare class with every other of its territory."""
    by_week: dict[date, list[DemandClass]] = {}
    for work in demand:
        by_week.setdefault(work.week, []).append(work)
    kept: list[DemandClass] = []
    moved_s = 0
    for _week, classes in sorted(by_week.items()):
        here: dict[int, list[DemandClass]] = {}
        for work in classes:
            here.setdefault(work.territory, []).append(work)
        over, merging = len(classes) - most, True
        while over > 0 and merging:
            merging = False
            for rare in sorted((work for group in here.values() for work in group), key=lambda w: (w.seconds, w.key)):
                # Two classes may be alike in everything, so they are told apart by what they are, not by what they say.
                others = [work for work in here[rare.territory] if work is not rare]
                if over <= 0 or not others or len(others) == len(here[rare.territory]):
                    continue
                target = _nearest(rare, others)
                joined = _joined(rare, target)
                twin = next((work for work in others if work is not target and work.needs == joined.needs), None)
                merged = joined if twin is None else _joined(joined, twin)
                rest = [work for work in others if work is not target and work is not twin]
                here[rare.territory] = [*rest, merged]
                over -= len(others) - len(rest)
                moved_s += rare.seconds
                merging = True
        kept += [work for group in here.values() for work in group]
    return tuple(sorted(kept, key=lambda work: work.key)), moved_s


def _nearest(rare: DemandClass, others: Iterable[DemandClass]) -> DemandClass:
    return min(others, key=lambda work: (_asked_beyond(work, rare), -work.seconds, work.key))


def _levels(work: DemandClass) -> int:
    return sum(option.level for need in work.needs for option in need.any_of[:1])


def _implies(strict: Need, mild: Need) -> bool:
    """Whether whoever meets the one meets the other."""
    return all(
        any(option.skill == o.skill and option.level >= o.level > CERTIFICATION for o in mild.any_of)
        if option.level != CERTIFICATION
        else option in mild.any_of
        for option in strict.any_of
    )


def _asked_beyond(work: DemandClass, rare: DemandClass) -> tuple[int, int, int]:
    """How much more than the rare work asks for: needs of its own to be added to the other, new needs, levels."""
    lacking = sum(not any(_implies(need, own) for need in work.needs) for own in rare.needs)
    beyond = sum(not any(_implies(own, need) for own in rare.needs) for need in work.needs)
    return lacking, beyond, _levels(work)


def _joined(one: DemandClass, other: DemandClass) -> DemandClass:
    """Both as one class that asks for what each of them does; its visits are as long as theirs on average."""
    needs = {*one.needs, *other.needs}
    strict = {need for need in needs if not any(other != need and _implies(other, need) for other in needs)}
    visits = one.seconds / one.visit_s + other.seconds / other.visit_s
    return DemandClass(
        needs=tuple(sorted(strict)),
        territory=one.territory,
        week=one.week,
        booked_s=one.booked_s + other.booked_s,
        expected_s=one.expected_s + other.expected_s,
        visit_s=max(60, round((one.seconds + other.seconds) / visits)) if visits else one.visit_s,
    )
