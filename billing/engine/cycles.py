"""What a subscription has been charged for, and the lines of its start, renewal, change and end.

A cycle is what the lines follow from: the anchor, the running period, the item, and the last
charge. Each function returns the cycle as it goes on, and the lines; the cycle is only stored with
the invoice of those lines (a change that is to be paid first: once it is paid). So no time is
charged twice and none is skipped: what is charged next always begins where the last charge ended,
or credits what it takes back.
"""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from billing.engine.discounting import Discount, net_of, taken_off
from billing.engine.drafting import Draft
from billing.engine.lines import DraftLine, Item, line_of_period, line_of_trial
from billing.engine.periods import Anchor, Period, is_boundary, period, period_at, whole_second
from billing.engine.proration import Debit, charge_for_remaining, credit_for_unused


@dataclasses.dataclass(frozen=True, slots=True)
class Cycle:
    """A subscription's rhythm and what was last charged; `debit` None: nothing is to be credited.

    `is_trial`: the running period is free, and the first one that is paid begins at its end.
    """

    anchor: Anchor
    item: Item
    period: Period
    debit: Debit | None = None
    is_trial: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """A cycle as it goes on, the lines that are charged for it, and the discounts within those.

    `discounts` are those that are in the amounts of prorations, which no draft takes off again.
    Once the lines are drafted, `as_charged` has the cycle to store.
    """

    cycle: Cycle
    lines: tuple[DraftLine, ...] = ()
    discounts: frozenset[str] = frozenset()


def start(
    item: Item,
    *,
    at: datetime,
    zone: str = "UTC",
    trial_end: datetime | None = None,
    discounts: Sequence[Discount] = (),
) -> Step:
    """Begin a subscription: with its first period, or with a trial until a later moment.

    Paid periods are counted from the start, after a trial from the trial's end.
    """
    begins = whole_second(at)
    if trial_end is not None and trial_end > at:
        anchor = Anchor(trial_end, zone)
        trial = Period(begins, anchor.at)
        cycle = Cycle(anchor, item, trial, is_trial=True)
        return Step(cycle, (line_of_trial(item, trial),))
    anchor = Anchor(begins, zone)
    return _whole_period(anchor, item, period(anchor, item.rhythm, 0), discounts)


def renew(
    cycle: Cycle,
    *,
    next_item: Item | None = None,
    discounts: Sequence[Discount] = (),
) -> Step:
    """Begin the period after the running one, with what was chosen for it (None: as before).

    How late this is done changes nothing: the period begins where the last one ended, and is
    charged as of then. Another rhythm counts from there.
    """
    item = next_item or cycle.item
    anchor = _anchor_of_next(cycle, item)
    return _whole_period(anchor, item, period_at(anchor, item.rhythm, cycle.period.end), discounts)


def skip(cycle: Cycle, *, next_item: Item | None = None) -> Step:
    """Begin the period after the running one without charging it, as while a payer pauses."""
    begun = renew(cycle, next_item=next_item)
    return Step(dataclasses.replace(begun.cycle, debit=None))


def change(
    cycle: Cycle,
    item: Item,
    *,
    at: datetime,
    prorates: bool = True,
    discounts: Sequence[Discount] = (),
) -> Step:
    """Change to another item within the running period.

    What was charged for the rest of the period is credited, and the rest charged anew; another
    rhythm begins a whole period now. Without proration nothing is credited, and the rest of the
    period not charged again. A change costs nothing within a trial or a period that is not charged.

    Raises:
        ValueError: not within the running period, or in another currency.
    """
    if at not in cycle.period:
        raise ValueError(f"not within the running period: {at}")
    if item.currency != cycle.item.currency:
        raise ValueError(f"{item.currency} is not the subscription's {cycle.item.currency}")
    if cycle.is_trial:
        return Step(dataclasses.replace(cycle, item=item))
    credit = credit_for_unused(cycle.debit, at) if prorates and cycle.debit else None
    credits_ = (credit,) if credit else ()
    if item.rhythm != cycle.item.rhythm:
        anchor = Anchor(at, cycle.anchor.zone)
        begun = _whole_period(anchor, item, period(anchor, item.rhythm, 0), discounts)
        return dataclasses.replace(begun, lines=(*credits_, *begun.lines))
    if not prorates or cycle.debit is None:
        return Step(dataclasses.replace(cycle, item=item))
    return _rest_of_period(cycle, item, at, credits_, discounts)


def as_charged(step: Step, invoice: Draft) -> Cycle:
    """Return the cycle with what its invoice charges: other lines share discounts by amount."""
    debit = step.cycle.debit
    if debit is None or not step.lines:
        return step.cycle
    net = next((row.net_minor for row in invoice.lines if row.line == step.lines[-1]), None)
    if net is None or net < 0:
        return step.cycle
    return dataclasses.replace(step.cycle, debit=dataclasses.replace(debit, amount_minor=net))


def end(cycle: Cycle, *, at: datetime, credits_unused: bool) -> tuple[DraftLine, ...]:
    """Return the lines of an end within the running period: a credit, or nothing at all."""
    if not credits_unused or cycle.debit is None:
        return ()
    credit = credit_for_unused(cycle.debit, at)
    return (credit,) if credit else ()


def end_trial(cycle: Cycle, *, at: datetime, discounts: Sequence[Discount] = ()) -> Step:
    """End a trial before its time: the first paid period begins now, and counts from now."""
    anchor = Anchor(at, cycle.anchor.zone)
    return _whole_period(anchor, cycle.item, period(anchor, cycle.item.rhythm, 0), discounts)


def _anchor_of_next(cycle: Cycle, item: Item) -> Anchor:
    """Return the anchor of the next period: a new one where the old one has no boundary."""
    ends = cycle.period.end
    keeps = item.rhythm == cycle.item.rhythm and is_boundary(cycle.anchor, item.rhythm, ends)
    return cycle.anchor if keeps else Anchor(ends, cycle.anchor.zone)


def _whole_period(anchor: Anchor, item: Item, begun: Period, discounts: Sequence[Discount]) -> Step:
    line = line_of_period(item, begun)
    off = taken_off([line], discounts, currency=item.currency, at=begun.start)[0]
    debit = Debit(item, line.amount_minor - sum(off.values()), begun)
    return Step(Cycle(anchor, item, begun, debit), (line,))


def _rest_of_period(
    cycle: Cycle,
    item: Item,
    at: datetime,
    credits_: tuple[DraftLine, ...],
    discounts: Sequence[Discount],
) -> Step:
    net, counted = net_of(item, cycle.period, discounts, at=at)
    charge = charge_for_remaining(item, net, cycle.period, at)
    rest = Period(whole_second(at), cycle.period.end)
    debit = Debit(item, charge.amount_minor if charge else 0, rest)
    lines = (*credits_, charge) if charge else credits_
    return Step(dataclasses.replace(cycle, item=item, debit=debit), lines, counted)
