"""All rules of the matcher, one file each; the order is the order in which a refusal is explained."""

from dispatch.matching.constraints import (
    breaks,
    certifications,
    changes,
    continuity,
    pace,
    people,
    pins,
    proficiency_fit,
    promise_windows,
    scarcity,
    shifts,
    skills,
    territory,
)

FORBIDDING = (people, skills, certifications, territory)
"""Rules that forbid pairs of crew slot and shift, unless the slot is pinned to that person."""

EXPLAINING = (pins, *FORBIDDING)
"""Rules that can say why a pair is forbidden."""

PRICING = (proficiency_fit, pace, continuity, scarcity, changes)
"""Rules that price pairs of crew slot and technician."""

LIMITING = (pace, pins, promise_windows, shifts, breaks, changes)
"""Rules that bound the timetable of a route."""
