"""Random problems for property tests: small, in one town, with a bit of everything."""

from dataclasses import replace

from hypothesis import strategies as st

from dispatch.matching import Problem
from dispatch.matching.problem import (
    Break,
    CrewSlot,
    Partner,
    Pin,
    Predecessor,
    Published,
    Shift,
    Technician,
    Travel,
    Visit,
)
from tests.matching.build import HOUR, at, need, problem, technician, window
from tests.matching.build import lunch as lunch_at

SKILLS = ("gas", "lift")
places = st.builds(at, st.integers(-8, 8), st.integers(-8, 8))


@st.composite
def windows(draw: st.DrawFn) -> tuple[object, ...]:
    found = []
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(7, 15))
        hard = draw(st.booleans())
        whole = hard and draw(st.booleans())
        found.append(window(start, start + draw(st.integers(1, 4)), hard=hard, whole_visit=whole))
    return tuple(found)


@st.composite
def visits(draw: st.DrawFn, name: str, *, crews: bool) -> Visit:
    size = draw(st.sampled_from((1, 1, 1, 2))) if crews else 1
    slots = tuple(
        CrewSlot(
            needs=tuple(
                need(skill, draw(st.integers(2, 4))) for skill in draw(st.sets(st.sampled_from(SKILLS), max_size=1))
            )
        )
        for _ in range(size)
    )
    return Visit(
        id=name,
        point=draw(places),
        duration_s=draw(st.integers(0, 8)) * 900,
        windows=draw(windows()),  # type: ignore[arg-type]  # drawn as objects
        due_s=draw(st.one_of(st.none(), st.integers(8, 16).map(lambda hour: hour * HOUR))),
        priority=draw(st.integers(1, 5)),
        crew=slots,
    )


@st.composite
def problems(
    draw: st.DrawFn,
    *,
    most_visits: int = 7,
    crews: bool = True,
    breaks: bool = True,
    links: bool = True,
    extras: bool = False,
) -> Problem:
    """Small problems; ``extras`` adds everything that ties visits, days and people to each other beside time."""
    people: list[Technician] = []
    shifts: list[Shift] = []
    for number in range(draw(st.integers(1, 3))):
        name = f"t{number}"
        levels = {skill: draw(st.floats(1.0, 5.0)) for skill in sorted(draw(st.sets(st.sampled_from(SKILLS))))}
        people.append(technician(name, skills=levels, pace_percent=draw(st.sampled_from((100, 100, 80, 125)))))
        start = draw(st.integers(6, 10))
        shifts.append(
            Shift(
                id=f"{name}-day",
                technician=name,
                start_s=start * HOUR,
                end_s=(start + draw(st.integers(4, 9))) * HOUR,
                start=draw(places),
                end=draw(st.one_of(st.none(), places)),
                overtime_limit_s=draw(st.sampled_from((0, HOUR))),
                breaks=(lunch_at(start + 3, start + 3.5),) if draw(st.booleans()) and breaks else (),
            )
        )
    found = [draw(visits(f"v{number}", crews=crews)) for number in range(draw(st.integers(0, most_visits)))]
    if links:
        found = [draw(linked(item, found[:number], people)) for number, item in enumerate(found)]
    asked = problem(*people, *shifts, *found, policy=problem().policy)
    return draw(enriched(asked, crews=crews, breaks=breaks, links=links)) if extras else asked


@st.composite
def linked(draw: st.DrawFn, item: Visit, earlier: list[Visit], people: list[Technician]) -> Visit:
    """The visit with now and then a predecessor among the earlier ones, an earlier publication, or people named."""
    changes: dict[str, object] = {}
    kind = draw(st.integers(0, 7))
    if kind == 0 and earlier:
        before = draw(st.sampled_from(earlier))
        changes["predecessors"] = (Predecessor(visit=before.id, gap_s=draw(st.sampled_from((0, 1_800)))),)
    elif kind == 1:
        told = draw(st.sampled_from(people)).id
        changes["published"] = (Published(technician=told, start_s=draw(st.integers(7, 16)) * HOUR),)
    elif kind == 2:
        changes["excluded"] = (draw(st.sampled_from(people)).id,)
        changes["optional"] = draw(st.booleans())
    elif kind == 3:
        changes["known_faces"] = (draw(st.sampled_from(people)).id,)
        changes["preferred"] = (draw(st.sampled_from(people)).id,)
    return replace(item, **changes)  # type: ignore[arg-type]  # each value has the type of its field


@st.composite
def pinned(draw: st.DrawFn) -> Problem:
    """A problem in which a dispatcher pinned some visits to people or times, sensible or not."""
    asked = draw(problems())
    pins = []
    for item in asked.visits[:3]:
        person = draw(st.one_of(st.none(), st.sampled_from([one.id for one in asked.technicians])))
        start = draw(st.one_of(st.none(), st.integers(6, 18).map(lambda hour: hour * HOUR)))
        if person is not None or start is not None:
            pins.append(Pin(visit=item.id, technician=person, start_s=start))
    return replace(asked, pins=tuple(pins))


KINDS = ("valve", "hose")
TOOLS = ("pump", "ladder")
rarely = st.integers(0, 3).map(lambda number: number == 0)


@st.composite
def enriched(draw: st.DrawFn, asked: Problem, *, crews: bool, breaks: bool, links: bool) -> Problem:
    """The problem with rest, limits of days, partners, set-up, parts, links, prices, fairness and a cap on changes."""
    people = tuple(
        replace(
            person,
            partner=draw(st.sampled_from((None, "north"))),
            min_rest_s=draw(st.sampled_from((0, 10, 14))) * HOUR,
            cost_percent=draw(st.sampled_from((100, 100, 150))),
        )
        for person in asked.technicians
    )
    shifts = tuple(draw(enriched_shift(item, breaks=breaks)) for item in asked.shifts)
    if draw(rarely):
        first, day_s = shifts[0], 24 * HOUR
        times = {"start_s": first.start_s + day_s, "end_s": first.end_s + day_s}
        shifts += (replace(first, id=f"{first.id}-next", breaks=(), **times),)
    visits = tuple(
        draw(enriched_visit(item, asked.visits[:number] if links else (), people))
        for number, item in enumerate(asked.visits)
    )
    policy = replace(
        asked.policy,
        uneven_load_percent=draw(st.sampled_from((0, 0, 50))),
        long_overtime_percent=draw(st.sampled_from((0, 0, 100))),
        max_changes=draw(st.sampled_from((None, None, 1))),
    )
    partners = (Partner(id="north", visits_a_day=draw(st.one_of(st.none(), st.integers(0, 4)))),)
    travel = draw(st.sampled_from((asked.travel, Travel(plane=True))))
    return replace(
        asked, technicians=people, shifts=shifts, visits=visits, policy=policy, partners=partners, travel=travel
    )


@st.composite
def enriched_shift(draw: st.DrawFn, item: Shift, *, breaks: bool) -> Shift:
    """The shift with limits of its day, a van and perhaps a depot, and its break counted from departure."""
    owed = item.breaks
    if breaks and draw(rarely):
        owed = (Break(id="rest", earliest_s=HOUR, latest_s=3 * HOUR, duration_s=1_200, from_departure=True),)
    return replace(
        item,
        breaks=owed,
        max_leg_s=draw(st.one_of(st.none(), st.integers(500, 2_000))),
        max_drive_s=draw(st.one_of(st.none(), st.integers(1_000, 8_000))),
        max_length_s=draw(st.one_of(st.none(), st.integers(2, 8).map(lambda hours: hours * HOUR))),
        max_visits=draw(st.one_of(st.none(), st.integers(0, 4))),
        parts={kind: draw(st.integers(0, 3)) for kind in sorted(draw(st.sets(st.sampled_from(KINDS))))},
        tools=tuple(sorted(draw(st.sets(st.sampled_from(TOOLS))))),
        depot=draw(st.one_of(st.none(), places)),
        depot_s=draw(st.sampled_from((0, 300))),
    )


@st.composite
def enriched_visit(draw: st.DrawFn, item: Visit, earlier: tuple[Visit, ...], people: tuple[Technician, ...]) -> Visit:
    """The visit with a site and its set-up, parts and tools, prices of people, and links to earlier visits."""
    site = draw(st.sampled_from((None, "mall", "port")))
    changes: dict[str, object] = {
        "site": site,
        "setup_s": 0 if site is None else draw(st.sampled_from((0, item.duration_s // 3))),
        "parts": {kind: draw(st.integers(0, 2)) for kind in draw(st.sets(st.sampled_from(KINDS), max_size=1))},
        "tools": tuple(draw(st.sets(st.sampled_from(TOOLS), max_size=1))) if draw(rarely) else (),
        "person_cost": {draw(st.sampled_from(people)).id: draw(st.integers(-900, 900))} if draw(rarely) else {},
    }
    before = draw(st.sampled_from(earlier)).id if earlier else None
    if before is not None and draw(rarely):
        changes[draw(st.sampled_from(("same_person_as", "other_person_than")))] = (before,)
    if item.predecessors and draw(st.booleans()):
        first = item.predecessors[0]
        changes["predecessors"] = (replace(first, max_gap_s=first.gap_s + draw(st.integers(0, 3)) * HOUR),)
    return replace(item, **changes)  # type: ignore[arg-type]  # each value has the type of its field
