"""All rules of the matcher, one file each; the order is the order in which a refusal is explained."""

from dispatch.matching.constraints import (
    breaks,
    certifications,
    changes,
    continuity,
    fairness,
    links,
    longest_day,
    pace,
    partners,
    parts,
    people,
    pins,
    proficiency_fit,
    promise_windows,
    rest,
    scarcity,
    setup,
    shifts,
    skills,
    territory,
)

FORBIDDING = (people, skills, certifications, parts, territory)
"""Rules that forbid pairs of crew slot and shift, unless the slot is pinned to that person."""

EXPLAINING = (pins, *FORBIDDING)
"""Rules that can say why a pair is forbidden."""

PRICING = (proficiency_fit, pace, continuity, scarcity, changes)
"""Rules that price pairs of crew slot and technician."""

LIMITING = (
    pace,
    pins,
    promise_windows,
    shifts,
    rest,
    longest_day,
    breaks,
    changes,
    setup,
    parts,
    partners,
    links,
    fairness,
)
"""Rules that bound the timetable of a route, or tie routes to each other."""
