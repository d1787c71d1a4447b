"""Billing periods: whole months keep the anchor's day, or the last day of a shorter month."""

import calendar
import time

DAY = 86_400
_SECONDS = {"day": DAY, "week": 7 * DAY}
_MONTHS = {"month": 1, "year": 12}


def _shifted(anchor: int, months: int) -> int:
    moment = time.gmtime(anchor)
    index = moment.tm_year * 12 + (moment.tm_mon - 1) + months
    year, month = divmod(index, 12)
    day = min(moment.tm_mday, calendar.monthrange(year, month + 1)[1])
    return calendar.timegm((year, month + 1, day, moment.tm_hour, moment.tm_min, moment.tm_sec))


def after(anchor: int, interval: str, count: int, steps: int) -> int:
    """Return the moment `steps` periods after the anchor."""
    if interval in _SECONDS:
        return anchor + _SECONDS[interval] * count * steps
    return _shifted(anchor, _MONTHS[interval] * count * steps)


def next_end(anchor: int, interval: str, count: int, start: int) -> int:
    """Return the first period boundary after `start`, counted from the anchor."""
    length = _SECONDS.get(interval) or _MONTHS[interval] * 28 * DAY
    steps = max(0, (start - anchor) // ((length + 3 * DAY) * count) - 1)
    while after(anchor, interval, count, steps) <= start:
        steps += 1
    return after(anchor, interval, count, steps)


def start_before(anchor: int, interval: str, count: int, end: int) -> int:
    """Return the beginning of the whole period that ends at a boundary counted from the anchor."""
    length = _SECONDS.get(interval) or _MONTHS[interval] * 28 * DAY
    steps = (end - anchor) // (length * count) + 2
    while after(anchor, interval, count, steps) >= end:
        steps -= 1
    return after(anchor, interval, count, steps)
