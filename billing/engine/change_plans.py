"""What a change would do and cost: reckoned once, for its preview and for the change itself."""

import dataclasses
from datetime import datetime
from typing import Any

from billing.drivers.base import DriverRejected, DriverUnavailable
from billing.engine import cycles, terms
from billing.engine.cycle_rows import cycle_of, find_price, item_of, next_item, put_cycle
from billing.engine.cycles import Step
from billing.engine.discounting import Discount, end_of
from billing.engine.drafting import Draft, draft
from billing.engine.holdings import Held
from billing.engine.lines import DraftLine
from billing.engine.models import EngineCoupon, EngineDiscount, EngineSubscription, PendingLine
from billing.engine.periods import Period, whole_second
from billing.enums import CouponDuration, Proration, SubscriptionStatus
from billing.types import ChangeSpec


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """A change as it is kept while it waits for its payment. `at` is what it is reckoned from."""

    external_price_id: str
    seats: int
    proration: Proration
    at: datetime
    asked_at: datetime
    external_coupon_id: str = ""

    def as_json(self, invoice: str) -> dict[str, Any]:
        """Return the change as it is stored, with the invoice it waits for."""
        return {
            "price": self.external_price_id,
            "seats": self.seats,
            "proration": self.proration.value,
            "at": self.at.isoformat(),
            "asked_at": self.asked_at.isoformat(),
            "coupon": self.external_coupon_id,
            "invoice": invoice,
        }


def from_json(stored: dict[str, Any]) -> Wanted:
    """Return a change that waited."""
    return Wanted(
        external_price_id=stored["price"],
        seats=stored["seats"],
        proration=Proration(stored["proration"]),
        at=datetime.fromisoformat(stored["at"]),
        asked_at=datetime.fromisoformat(stored["asked_at"]),
        external_coupon_id=stored["coupon"],
    )


def from_spec(row: EngineSubscription, spec: ChangeSpec, *, now: datetime) -> Wanted:
    """Return what a driver is asked for, reckoned from the moment of its quote, or from now.

    Raises:
        DriverUnavailable: the running period is over, and the next one not begun yet.
    """
    at = whole_second(spec.proration_date or now)
    if max(at, whole_second(now)) >= row.current_period_end:
        raise DriverUnavailable("API_ERROR", detail="renewal_due")
    return Wanted(
        external_price_id=spec.external_price_id,
        seats=spec.seats,
        proration=spec.proration,
        at=max(at, row.current_period_start),
        asked_at=now,
        external_coupon_id=spec.discount.external_id if spec.discount else "",
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What a change does. `draft` None: nothing is invoiced for it by itself."""

    wanted: Wanted
    step: Step
    discounts: tuple[Discount, ...]
    draft: Draft | None = None
    waiting: tuple[DraftLine, ...] = ()
    period: Period | None = None


def plan_change(row: EngineSubscription, wanted: Wanted) -> Plan:
    """Reckon a change of a subscription.

    Another rhythm begins a period of its own, which is always invoiced at once; within a trial, or
    where nothing but a discount changes, nothing is.

    Raises:
        DriverRejected: no such price or coupon, or a price in another currency.
    """
    price = find_price(row.provider, wanted.external_price_id)
    if price.currency != row.price.currency:
        raise DriverRejected("INVALID_REQUEST", detail="other_currency")
    discounts = _discounts(row, wanted)
    cycle = cycle_of(row)
    item = item_of(price, wanted.seats)
    if item == cycle.item:
        return Plan(wanted, Step(cycle), discounts)
    is_new_rhythm = item.rhythm != cycle.item.rhythm and not cycle.is_trial
    at_once = wanted.proration is Proration.INVOICE or is_new_rhythm
    # A coupon that holds once is kept for an invoice, where it is seen to be used.
    usable = discounts if at_once else tuple(row for row in discounts if not _is_once(row))
    step = cycles.change(
        cycle,
        item,
        at=wanted.at,
        prorates=wanted.proration is not Proration.NONE,
        discounts=usable,
    )
    if not at_once or not step.lines:
        return Plan(wanted, step, discounts, waiting=step.lines)
    conditions = terms.terms_of(row.payer, price.currency, discounts)
    reckoned = draft(step.lines, conditions, at=wanted.at)
    period = Period(wanted.at, step.cycle.period.end)
    return Plan(wanted, step, discounts, reckoned, period=period)


@dataclasses.dataclass(frozen=True, slots=True)
class Renewal:
    """The next regular invoice, and how the subscription goes on with it."""

    step: Step
    draft: Draft
    waiting: tuple[PendingLine, ...] = ()


def plan_renewal(row: EngineSubscription, change: Plan | None = None) -> Renewal:
    """Reckon the next regular invoice, as things are or as a change would have them."""
    cycle = change.step.cycle if change else cycle_of(row)
    discounts = change.discounts if change else tuple(terms.usable(terms.discount_rows(row)))
    waiting = _waiting(row)
    step = cycles.renew(cycle, next_item=next_item(row), discounts=discounts)
    lines = (*step.lines, *map(_line, waiting), *(change.waiting if change else ()))
    has_credit = Held.CREDIT not in row.lacks
    currency = step.cycle.item.currency
    conditions = terms.terms_of(row.payer, currency, discounts, has_credit=has_credit)
    return Renewal(step, draft(lines, conditions, at=step.cycle.period.start), waiting)


@dataclasses.dataclass(frozen=True, slots=True)
class Last:
    """The invoice of what still waits for one when a subscription ends with its period."""

    draft: Draft
    waiting: tuple[PendingLine, ...]


def plan_last(row: EngineSubscription) -> Last | None:
    """Reckon what waits for an invoice that no renewal will bring; None where nothing does.

    A pause charges nothing, but takes no credit from its payer either.
    """
    waiting = _waiting(row)
    if not waiting:
        return None
    conditions = terms.terms_of(row.payer, row.price.currency)
    reckoned = draft([*map(_line, waiting)], conditions, at=row.current_period_end)
    is_waived = row.status == SubscriptionStatus.PAUSED and reckoned.total_minor > 0
    return None if is_waived else Last(reckoned, waiting)


def apply_change(row: EngineSubscription, plan: Plan, *, now: datetime) -> None:
    """Let a subscription be what a change makes of it; the caller has it locked and saves it."""
    put_cycle(row, plan.step.cycle)
    row.pending_change = None
    if not plan.wanted.external_coupon_id:
        return
    EngineDiscount.objects.filter(subscription=row, removed_at=None).update(
        removed_at=now, updated_at=now
    )
    coupon = find_coupon(row.provider, plan.wanted.external_coupon_id)
    new = put_discount(row, coupon, starts_at=plan.wanted.at)
    counted = plan.step.discounts | (plan.draft.counted_discounts if plan.draft else frozenset())
    if terms.NEW_DISCOUNT in counted and coupon.duration == CouponDuration.ONCE:
        new.used_by = row.latest_invoice
        new.save(update_fields=["used_by", "updated_at"])


def put_discount(
    row: EngineSubscription, coupon: EngineCoupon, *, starts_at: datetime
) -> EngineDiscount:
    """Put a coupon on a subscription from a moment on."""
    starts_at = whole_second(starts_at)
    return EngineDiscount.objects.create(
        organization_id=row.organization_id,
        subscription=row,
        coupon=coupon,
        starts_at=starts_at,
        ends_at=_ends_at(coupon, starts_at),
    )


def find_coupon(provider: str, external_id: str) -> EngineCoupon:
    """Return one of a provider's coupons.

    Raises:
        DriverRejected: there is none with this id (`coupon_missing`).
    """
    row = EngineCoupon.objects.filter(provider=provider, external_id=external_id).first()
    if row is None:
        raise DriverRejected("INVALID_REQUEST", detail="coupon_missing")
    return row


def discount_of(coupon: EngineCoupon, *, starts_at: datetime) -> Discount:
    """Return what a coupon takes off from a moment on, before it lies on anything."""
    starts_at = whole_second(starts_at)
    return terms.new_discount(coupon, starts_at, _ends_at(coupon, starts_at))


def _ends_at(coupon: EngineCoupon, starts_at: datetime) -> datetime | None:
    return end_of(CouponDuration(coupon.duration), coupon.duration_months, starts_at)


def _discounts(row: EngineSubscription, wanted: Wanted) -> tuple[Discount, ...]:
    if not wanted.external_coupon_id:
        return tuple(terms.usable(terms.discount_rows(row)))
    coupon = find_coupon(row.provider, wanted.external_coupon_id)
    return (discount_of(coupon, starts_at=wanted.at),)


def _is_once(discount: Discount) -> bool:
    return discount.duration is CouponDuration.ONCE


def _waiting(row: EngineSubscription) -> tuple[PendingLine, ...]:
    if Held.WAITING_LINES in row.lacks:
        return ()
    return tuple(PendingLine.objects.filter(subscription=row, invoice=None))


def _line(row: PendingLine) -> DraftLine:
    return DraftLine(
        description=row.description,
        quantity=row.quantity,
        amount_minor=row.amount_minor,
        period=_period(row),
        external_price_id=row.external_price_id,
        product=row.product,
        is_proration=True,
        is_discountable=False,
    )


def _period(row: PendingLine) -> Period | None:
    if row.period_start is None or row.period_end is None:
        return None
    return Period(row.period_start, row.period_end)


def keep_waiting(row: EngineSubscription, lines: tuple[DraftLine, ...], *, position: int) -> None:
    """Put lines aside for the next invoice."""
    PendingLine.objects.bulk_create(
        PendingLine(
            organization_id=row.organization_id,
            subscription=row,
            position=position + index,
            description=line.description,
            quantity=line.quantity,
            amount_minor=line.amount_minor,
            period_start=line.period.start if line.period else None,
            period_end=line.period.end if line.period else None,
            external_price_id=line.external_price_id,
            product=line.product,
        )
        for index, line in enumerate(lines)
    )
