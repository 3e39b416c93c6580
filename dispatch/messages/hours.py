"""When people may be written to (pure): not at night, unless it is about what they do next or they are at work."""

from datetime import datetime, time, timedelta

from dispatch.core.clock import in_zone, instant

CUSTOMER_HOURS = (time(7), time(21))
TECHNICIAN_HOURS = (time(6), time(20))
AHEAD = timedelta(hours=1)  # what begins sooner than this after the quiet hours does not wait for their end


def waits_until(
    moment: datetime, *, zone: str, to_customer: bool, at_work: bool = False, first_at: datetime | None = None
) -> datetime:
    """Return when a message may go that could go at ``moment``; ``first_at`` is when what it says begins."""
    opens, closes = CUSTOMER_HOURS if to_customer else TECHNICIAN_HOURS
    local = in_zone(moment, zone)
    if at_work or opens <= local.time() < closes:
        return moment
    day = local.date() if local.time() < opens else local.date() + timedelta(days=1)
    end = instant(day, opens, zone)
    return moment if first_at is not None and first_at < end + AHEAD else end
