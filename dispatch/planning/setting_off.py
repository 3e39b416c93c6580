"""From when on somebody may be on the way to a visit (pure): until then it may still be a draft."""

from datetime import datetime, timedelta

from dispatch.core.clock import local_day

SET_OFF_BEFORE = timedelta(hours=4)


def may_set_off(start: datetime, now: datetime, zone: str) -> bool:
    """Tell whether somebody may be on the way to a visit: on its day, or in the night before it, or later."""
    return start - SET_OFF_BEFORE <= now or local_day(start, zone) <= local_day(now, zone)
