"""What happens to an invoice that is not paid: retries, notices, restriction, end, on one timeline.

Day 0 is the first failed charge, or the due date of an invoice that is sent. Time in which the
provider did not answer is not counted (`paused`): nobody is restricted for an outage.

What a decline means decides before the schedule does:

    hard, stop    this card is never charged again: no retry, a new one is asked for
    fix_data      the card is looked up for new data, then its holder is asked; no blind retry
    transient     a host was down: again after 15 minutes, twice, not counted; then as soft
    soft          the schedule, at least 24 hours apart, and never before the issuer allows it
"""

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from billing.engine.rails import DeclineKind

DAY = timedelta(days=1)
MOST_RETRIES = 4
# Schemes count tries within 30 days of the first one.
LAST_RETRY_DAY = 30
MOST_DAYS = 365
TRANSIENT_PAUSE = timedelta(minutes=15)
MOST_TRANSIENT_RETRIES = 2


class MarkKind(StrEnum):
    """What happens on a day of the timeline."""

    FAILED = "failed"
    RETRY = "retry"
    NOTICE = "notice"
    RESTRICTED = "restricted"
    LAST_NOTICE = "last_notice"
    CANCELED = "canceled"


class Ask(StrEnum):
    """What only the payer can do about a decline."""

    NEW_CARD = "new_card"
    FIX_CARD = "fix_card"


@dataclasses.dataclass(frozen=True, slots=True)
class Policy:
    """Days are counted from day 0; `cancel_day` None: a person decides when it ends.

    `notice_days` announce the restriction on day `grace_days`, `last_notice_day` the end.
    """

    retry_days: tuple[int, ...] = (1, 3, 5, 7)
    notice_days: tuple[int, ...] = (3, 6)
    grace_days: int = 7
    last_notice_day: int | None = None
    cancel_day: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Mark:
    """One thing on the timeline."""

    day: int
    kind: MarkKind


@dataclasses.dataclass(frozen=True, slots=True)
class Overdue:
    """An invoice that is not paid, as far as it has come; `after_decline` carries it on.

    `declines` are the tries that count, the first one included; `transients` those since then for
    which a host was down. An invoice that is sent to be paid has neither. `kind` is what the last
    decline means.
    """

    since: datetime
    declines: int = 0
    transients: int = 0
    last_tried_at: datetime | None = None
    kind: DeclineKind | None = None
    not_before: datetime | None = None
    paused: timedelta = timedelta()

    def moment_of(self, day: int) -> datetime:
        """Return when a day of the timeline begins for this invoice."""
        return self.since + self.paused + day * DAY


def after_decline(
    overdue: Overdue, kind: DeclineKind, *, at: datetime, not_before: datetime | None = None
) -> Overdue:
    """Return an invoice after one more try that failed.

    The third in a row for which a host was down counts, as one that may be paid later.
    """
    known = dataclasses.replace(overdue, kind=kind, last_tried_at=at, not_before=not_before)
    if kind is not DeclineKind.TRANSIENT:
        return dataclasses.replace(known, declines=overdue.declines + 1, transients=0)
    if overdue.transients < MOST_TRANSIENT_RETRIES:
        return dataclasses.replace(known, transients=overdue.transients + 1)
    return dataclasses.replace(
        known, declines=overdue.declines + 1, transients=0, kind=DeclineKind.SOFT
    )


def contradictions(policy: Policy) -> dict[str, list[str]]:
    """Return what can't be meant, by field, in words for whoever enters it; empty if it can."""
    found: dict[str, list[str]] = {}
    for field, words in _complaints(policy):
        found.setdefault(field, []).append(words)
    return found


def timeline(policy: Policy) -> tuple[Mark, ...]:
    """Return everything that happens to an invoice nobody pays, in its order."""
    marks = [Mark(0, MarkKind.FAILED)]
    marks += [Mark(day, MarkKind.RETRY) for day in policy.retry_days]
    marks += [Mark(day, MarkKind.NOTICE) for day in policy.notice_days]
    marks.append(Mark(policy.grace_days, MarkKind.RESTRICTED))
    if policy.last_notice_day is not None:
        marks.append(Mark(policy.last_notice_day, MarkKind.LAST_NOTICE))
    if policy.cancel_day is not None:
        marks.append(Mark(policy.cancel_day, MarkKind.CANCELED))
    order = list(MarkKind)
    return tuple(sorted(marks, key=lambda mark: (mark.day, order.index(mark.kind))))


def next_retry(policy: Policy, overdue: Overdue) -> datetime | None:
    """Return when the next automatic try is; None when there is none (ever again by itself)."""
    if asks_for(overdue) is not None:
        return None
    if overdue.transients:
        return (overdue.last_tried_at or overdue.since) + TRANSIENT_PAUSE
    return _scheduled_retry(policy, overdue) if overdue.declines else None


def asks_for(overdue: Overdue) -> Ask | None:
    """Return what the payer is asked for at once; None: a retry may do."""
    if overdue.kind in (DeclineKind.HARD, DeclineKind.STOP):
        return Ask.NEW_CARD
    return Ask.FIX_CARD if overdue.kind is DeclineKind.FIX_DATA else None


def notice_due(policy: Policy, overdue: Overdue, now: datetime) -> Mark | None:
    """Return the last notice whose day has come: of several that were missed, one is sent."""
    due = [mark for mark in _notices(policy) if overdue.moment_of(mark.day) <= now]
    return due[-1] if due else None


def is_over(policy: Policy, overdue: Overdue, now: datetime) -> bool:
    """Say whether the subscription ends for want of payment."""
    return policy.cancel_day is not None and overdue.moment_of(policy.cancel_day) <= now


def next_look(policy: Policy, overdue: Overdue, *, after: datetime) -> datetime | None:
    """Return when something has to be done next; None when nothing will be, by itself."""
    days = [mark.day for mark in _notices(policy)]
    if policy.cancel_day is not None:
        days.append(policy.cancel_day)
    moments = [overdue.moment_of(day) for day in days]
    retry = next_retry(policy, overdue)
    if retry is not None:
        moments.append(max(retry, after + timedelta(microseconds=1)))
    return min((moment for moment in moments if moment > after), default=None)


def _scheduled_retry(policy: Policy, overdue: Overdue) -> datetime | None:
    """Return the next try of the schedule: one for each decline that counts, a day apart."""
    used = overdue.declines - 1
    if used >= len(policy.retry_days):
        return None
    moment = overdue.moment_of(policy.retry_days[used])
    if overdue.last_tried_at is not None:
        moment = max(moment, overdue.last_tried_at + DAY)
    if overdue.not_before is not None:
        moment = max(moment, overdue.not_before)
    if moment > overdue.moment_of(LAST_RETRY_DAY):
        return None
    ends = policy.cancel_day
    return moment if ends is None or moment < overdue.moment_of(ends) else None


def _notices(policy: Policy) -> list[Mark]:
    kinds = (MarkKind.NOTICE, MarkKind.LAST_NOTICE)
    return [mark for mark in timeline(policy) if mark.kind in kinds]


def _complaints(policy: Policy) -> Iterator[tuple[str, str]]:
    yield from _of_retries(policy)
    yield from _of_notices(policy)
    yield from _of_the_end(policy)


def _of_retries(policy: Policy) -> Iterator[tuple[str, str]]:
    days = policy.retry_days
    if len(days) > MOST_RETRIES:
        yield "retry_days", f"At most {MOST_RETRIES} automatic tries, these are {len(days)}."
    if any(day < 1 for day in days):
        yield "retry_days", "The first retry is at least 24 hours after the failure: day 1."
    for former, later in pairwise(days):
        if later <= former:
            yield (
                "retry_days",
                f"Days {former} and {later}: in order, and never two tries within 24 hours.",
            )
    if days and max(days) > LAST_RETRY_DAY:
        yield "retry_days", f"No try after day {LAST_RETRY_DAY}: card schemes forbid it."
    if days and policy.cancel_day is not None and max(days) >= policy.cancel_day:
        yield (
            "retry_days",
            f"A retry on day {max(days)} comes after the end on day {policy.cancel_day}.",
        )


def _of_notices(policy: Policy) -> Iterator[tuple[str, str]]:
    days = policy.notice_days
    if any(day < 0 for day in days):
        yield "notice_days", "A notice is on day 0 or later."
    for former, later in pairwise(days):
        if later <= former:
            yield "notice_days", f"Days {former} and {later}: in order, and one notice a day."
    if days and max(days) >= policy.grace_days:
        yield (
            "notice_days",
            f"A notice on day {max(days)} comes after the restriction on day {policy.grace_days}.",
        )


def _of_the_end(policy: Policy) -> Iterator[tuple[str, str]]:
    ends, last = policy.cancel_day, policy.last_notice_day
    if ends is not None and ends <= policy.grace_days:
        yield (
            "cancel_day",
            f"It ends on day {ends}, before access is restricted on day {policy.grace_days}.",
        )
    if ends is not None and ends > MOST_DAYS:
        yield "cancel_day", f"At most {MOST_DAYS} days."
    if last is None:
        return
    if ends is None:
        yield "last_notice_day", "It announces an end, and there is none."
    elif last >= ends:
        yield "last_notice_day", f"A notice on day {last} comes after the end on day {ends}."
    if last < policy.grace_days:
        yield (
            "last_notice_day",
            f"It comes before access is restricted on day {policy.grace_days}: make it a notice.",
        )
