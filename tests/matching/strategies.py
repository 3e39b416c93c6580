"""Random problems for property tests: small, in one town, with a bit of everything."""

from dataclasses import replace

from hypothesis import strategies as st

from dispatch.matching import Problem
from dispatch.matching.problem import CrewSlot, Pin, Predecessor, Published, Shift, Technician, Visit
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
    draw: st.DrawFn, *, most_visits: int = 7, crews: bool = True, breaks: bool = True, links: bool = True
) -> Problem:
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
                breaks=(lunch_at(start + 3, start + 3.5),) if draw(st.booleans()) else (),
            )
        )
    found = [draw(visits(f"v{number}", crews=crews)) for number in range(draw(st.integers(0, most_visits)))]
    if links:
        found = [draw(linked(item, found[:number], people)) for number, item in enumerate(found)]
    return problem(*people, *shifts, *found, policy=problem().policy)


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
