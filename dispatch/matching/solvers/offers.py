"""Which of many possible starts are worth offering to a customer."""

from dataclasses import replace

from dispatch.matching.explain import Merit, Option


def _measures(option: Option) -> tuple[int, ...]:
    """Everything in which an option can be worse than another; less is better."""
    item = option.candidate
    return (item.cost.total, item.start_s, option.spread_s, item.detour_s, -option.margin_s, -int(option.known))


def worth_offering(found: list[Option], count: int) -> tuple[Option, ...]:
    """Choose the best in each merit among those that are dominated by none."""
    found = sorted(found, key=lambda option: (_measures(option), option.candidate.shift))
    kept: list[Option] = []
    seen: set[tuple[int, ...]] = set()
    for option in found:
        mine = _measures(option)
        # Sorted by cost first, so nobody later in the list can dominate; of equals the first one stays.
        if mine in seen or any(all(a <= b for a, b in zip(_measures(one), mine, strict=True)) for one in kept):
            continue
        seen.add(mine)
        kept.append(option)
    if not kept or count < 1:
        return ()
    known = [option for option in kept if option.known]
    winners: list[tuple[Merit, Option]] = [
        (Merit.CHEAPEST, kept[0]),
        (Merit.SOONEST, min(kept, key=lambda option: option.candidate.start_s)),
        *([(Merit.KNOWN_FACE, known[0])] if known else []),
        (Merit.NARROW, min(kept, key=lambda option: option.spread_s)),
        (Merit.NEARBY, min(kept, key=lambda option: option.candidate.detour_s)),
    ]
    chosen: dict[int, list[Merit]] = {}
    for merit, option in winners:
        if id(option) in chosen or len(chosen) < count:
            chosen.setdefault(id(option), []).append(merit)
    offered = [replace(option, merits=tuple(chosen[id(option)])) for option in kept if id(option) in chosen]
    return tuple(sorted(offered, key=lambda option: (option.candidate.start_s, option.candidate.cost.total)))
