"""What differs between one row of ours and one snapshot of a provider's. Asks nobody.

The values are chosen here, one by one: ids, words, amounts in minor units, times. Nothing else of
a provider's object is kept with a difference.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.enums import FINAL_STATUSES, LIVE_STATUSES, InvoiceStatus, SubscriptionStatus
from billing.models import Customer, Invoice, PaymentMethod, Refund, Subscription
from billing.types import ChargeSnapshot, InvoiceSnapshot, PayerSnapshot, SubscriptionSnapshot
from billing.types.differences import DifferenceKind, Found, Remedy, Shown

_K = DifferenceKind
_LONGEST_EMAIL = 254  # what our column takes: a longer one is not taken over


def subscription(
    row: Subscription, snapshot: SubscriptionSnapshot, *, prices: Mapping[str, UUID]
) -> tuple[Found, ...]:
    """Compare a subscription; `prices` are ours by the provider's ids."""
    if row.external_id != snapshot.external_id:
        return unknown_subscription(snapshot, row)
    if row.is_final and snapshot.status in FINAL_STATUSES:
        return ()  # both ended, whatever each calls it
    return tuple(_of_subscription(row, snapshot, prices))


def _of_subscription(
    row: Subscription, snapshot: SubscriptionSnapshot, prices: Mapping[str, UUID]
) -> Iterator[Found]:
    yield from _pair(_K.STATUS, {"status": row.status}, {"status": snapshot.status})
    yield from _pair(
        _K.PERIOD,
        _period(row.current_period_start, row.current_period_end),
        _period(snapshot.current_period_start, snapshot.current_period_end),
    )
    if snapshot.external_price_id and prices.get(snapshot.external_price_id) != row.price_id:
        ours = {"plan": row.plan_version.plan.code, "price": str(row.price_id)}
        yield Found(_K.PRICE, ours, {"price": snapshot.external_price_id})
    yield from _pair(_K.SEATS, {"seats": row.seats}, {"seats": snapshot.seats})
    yield from _pair(
        _K.DEFAULT_METHOD,
        {"payment_method": row.payment_method_external_id},
        {"payment_method": snapshot.default_method_id},
    )
    if row.status != SubscriptionStatus.INCOMPLETE:  # it keeps the coupon it was asked for with
        theirs = snapshot.discounts[0].as_json() if snapshot.discounts else None
        yield from _pair(_K.DISCOUNT, _discount(row.discount), _discount(theirs))
    if snapshot.status not in FINAL_STATUSES:
        yield from _pair(
            _K.CANCELLATION,
            _end(row.cancel_at, is_with_period=row.cancel_at_period_end),
            _end(snapshot.cancel_at, is_with_period=snapshot.cancel_at_period_end),
        )
        yield from _scheduled(row, snapshot, prices)


def _scheduled(
    row: Subscription, snapshot: SubscriptionSnapshot, prices: Mapping[str, UUID]
) -> Iterator[Found]:
    pending, there = row.pending_change or {}, snapshot.scheduled
    ours: Shown = {"change": None}
    if pending.get("kind") == "scheduled":
        ours = {
            "price": pending["price_id"],
            "seats": pending["seats"],
            "effective_at": pending["effective_at"],
        }
    theirs: Shown = {"change": None}
    if there is not None:
        known = prices.get(there.external_price_id)
        theirs = {
            "price": str(known) if known else there.external_price_id,
            "seats": there.seats,
            "effective_at": moment(there.effective_at),
        }
    yield from _pair(_K.SCHEDULED_CHANGE, ours, theirs)


def unknown_subscription(
    snapshot: SubscriptionSnapshot, row: Subscription | None = None
) -> tuple[Found, ...]:
    """Say that we do not know a subscription which runs at the provider.

    `row` carries its id in the provider's metadata, and belongs to another subscription there, or
    to none yet. What has ended, or was never paid, takes no money: no difference.
    """
    if snapshot.status not in LIVE_STATUSES:
        return ()
    theirs = {
        "status": snapshot.status,
        "customer": snapshot.external_customer_id,
        "price": snapshot.external_price_id,
        "seats": snapshot.seats,
    }
    ours = {"subscription": (row.external_id or None) if row else None}
    # Ours can be told of it only where a row of ours is meant.
    return (Found(_K.SUBSCRIPTION_UNKNOWN, ours, theirs, Remedy.ADOPT if row else Remedy.LOOK),)


def missing_subscription(row: Subscription) -> tuple[Found, ...]:
    """Say that the provider has no such subscription; one that has ended need not be there."""
    if row.is_final:
        return ()
    ours = {"status": row.status, "plan": row.plan_version.plan.code}
    return (Found(_K.SUBSCRIPTION_MISSING, ours, {}),)


def payer(
    row: Customer, snapshot: PayerSnapshot, methods: Iterable[PaymentMethod]
) -> tuple[Found, ...]:
    """Compare a payer; `methods` are those of ours that can still be charged."""
    if snapshot.is_deleted:
        return missing_payer(row)
    found = list(_of_payer(row, snapshot))
    if snapshot.has_methods and row.snapshot_at is not None:
        ours = sorted(method.external_id for method in methods)
        theirs = sorted(method.external_id for method in snapshot.methods)
        found += _pair(_K.PAYMENT_METHODS, {"methods": ours}, {"methods": theirs})
    return tuple(found)


def _of_payer(row: Customer, snapshot: PayerSnapshot) -> Iterator[Found]:
    is_kept = 0 < len(snapshot.email) <= _LONGEST_EMAIL
    if row.email and is_kept and row.email != snapshot.email:
        ours, theirs = {"email": row.email}, {"email": snapshot.email}
        yield Found(_K.CUSTOMER_EMAIL, ours, theirs)
    if row.snapshot_at is not None:  # else nobody has looked at how it pays yet
        ours = {"payment_method": row.default_method_external_id}
        theirs = {"payment_method": snapshot.default_method_id}
        if ours != theirs:
            # Where the provider charges nothing any more, ours is the better guess.
            remedy = Remedy.ADOPT if snapshot.default_method_id else Remedy.PUSH
            yield Found(_K.DEFAULT_METHOD, ours, theirs, remedy)


def missing_payer(row: Customer) -> tuple[Found, ...]:
    """Say that the provider does not have a payer any more, unless we know."""
    if row.deleted_at is not None:
        return ()
    return (Found(_K.CUSTOMER_MISSING, {"email": row.email}, {"deleted": True}),)


def invoice(row: Invoice, snapshot: InvoiceSnapshot) -> tuple[Found, ...]:
    """Compare an invoice."""
    return (
        *_pair(_K.INVOICE_STATUS, {"status": row.status}, {"status": snapshot.status}),
        *_pair(_K.INVOICE_AMOUNT, _amount(row), _amount(snapshot, row)),
        *_pair(_K.AMOUNT_PAID, _paid(row), _paid(snapshot)),
    )


def unknown_invoice(snapshot: InvoiceSnapshot) -> tuple[Found, ...]:
    """Say that we do not know an invoice; a draft may change and go again."""
    if snapshot.status == InvoiceStatus.DRAFT:
        return ()
    theirs = {"number": snapshot.number, "status": snapshot.status, **_amount(snapshot)}
    return (Found(_K.INVOICE_UNKNOWN, {}, theirs),)


def missing_invoice(row: Invoice) -> tuple[Found, ...]:
    """Say that the provider has no such invoice; only drafts can be deleted there."""
    ours = {"number": row.number, "status": row.status, **_amount(row)}
    remedy = Remedy.LOOK if row.is_finalized else Remedy.ADOPT
    return (Found(_K.INVOICE_MISSING, ours, {}, remedy),)


def refunds(rows: Mapping[str, Refund], snapshot: ChargeSnapshot) -> tuple[Found, ...]:
    """Compare what was given back of a charge; `rows` are ours by the provider's ids."""
    unknown: Shown = {}
    ours: Shown = {}
    theirs: Shown = {}
    for refund in snapshot.refunds:
        row, there = rows.get(refund.external_id), _money(refund)
        if row is None:
            unknown[refund.external_id] = there
        elif _money(row) != there:
            ours[refund.external_id], theirs[refund.external_id] = _money(row), there
    found = [Found(_K.REFUND_UNKNOWN, {}, unknown)] if unknown else []
    return (*found, *([Found(_K.REFUND, ours, theirs)] if theirs else []))


def _pair(kind: DifferenceKind, ours: Shown, theirs: Shown) -> Iterator[Found]:
    if ours != theirs:
        yield Found(kind, ours, theirs)


def _period(start: datetime | None, end: datetime | None) -> Shown:
    return {"start": moment(start), "end": moment(end)}


def _end(cancel_at: datetime | None, *, is_with_period: bool) -> Shown:
    return {"at_period_end": is_with_period, "at": moment(cancel_at)}


_OF_DISCOUNTS = ("coupon", "percent_off", "amount_off", "currency", "ends_at")


def _discount(kept: Mapping[str, Any] | None) -> Shown:
    return {name: kept[name] for name in _OF_DISCOUNTS} if kept else {"coupon": None}


def _amount(one: Invoice | InvoiceSnapshot, ours: Invoice | None = None) -> Shown:
    credited = one.credited_minor
    if credited is None:  # the refunds tell it, and are compared themselves
        credited = ours.credited_minor if ours else 0
    return {
        "total_minor": one.total_minor,
        "amount_due_minor": one.amount_due_minor,
        "credited_minor": credited,
        "currency": one.currency,
    }


def _paid(one: Invoice | InvoiceSnapshot) -> Shown:
    return {
        "amount_paid_minor": one.amount_paid_minor,
        "amount_remaining_minor": one.amount_remaining_minor,
        "currency": one.currency,
    }


def _money(one: Any) -> Shown:
    return {
        "status": str(one.status),
        "amount_minor": one.amount_minor,
        "currency": one.currency,
    }


def moment(value: datetime | None) -> str | None:
    """Return a time as it is stored with a difference."""
    return value.isoformat().replace("+00:00", "Z") if value else None
