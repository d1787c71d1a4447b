"""Starting a subscription, and giving up one that was never paid."""

from datetime import datetime, timedelta

from django.db import transaction

from billing.drivers.base import DriverRejected, OutcomeUnknown
from billing.engine import (
    change_plans,
    charging,
    cycles,
    ids,
    outcomes,
    papers,
    snapshots,
    terms,
)
from billing.engine.charging import Charge
from billing.engine.cycle_rows import find_price, item_of, put_cycle
from billing.engine.drafting import draft
from billing.engine.house import House, handled, is_handled, lock_subscription, now_of
from billing.engine.models import EngineInvoice, EngineSubscription, Payer
from billing.engine.models.invoices import UNDECIDED, BillingReason, ChargeState
from billing.enums import FINAL_STATUSES, InvoiceStatus, SubscriptionStatus
from billing.types import SubscriptionSnapshot, SubscriptionSpec


def create(house: House, spec: SubscriptionSpec, key: str) -> SubscriptionSnapshot:
    """Start a subscription and charge its first invoice. The same key gets what came of it.

    Raises:
        DriverRejected: no such payer, price, coupon or method; nothing was charged.
        DriverUnavailable: provably not charged.
        OutcomeUnknown: sent, no usable answer.
    """
    done = handled(key, house.provider)
    if done is not None:
        return _again(house, done)
    payer = house.payer(spec.external_customer_id)
    check_method(house, payer, spec.payment_method)
    known = _find(house, payer, spec)
    if known is not None and not _is_untried(house, known):
        return house.answer(known)
    row, invoice, is_sent = _write(house, payer, spec, key)
    if is_sent:
        charging.send(house.need_rail(), invoice, now=now_of(payer.organization_id))
    return house.answer(row)


def _again(house: House, row: EngineSubscription) -> SubscriptionSnapshot:
    """Return what came of a start; a charge that is still unknown stays so."""
    now = now_of(row.organization_id)
    charging.resolve_all(house.rail, row, now=now)
    return house.answer(row)


def _find(house: House, payer: Payer, spec: SubscriptionSpec) -> EngineSubscription | None:
    """Return what was begun for the same subscription of ours.

    Raises:
        DriverRejected: it is another payer's (`our_id_taken`).
    """
    row = EngineSubscription.objects.filter(provider=house.provider, our_id=spec.our_id).first()
    if row is not None and row.payer_id != payer.pk:
        raise DriverRejected("INVALID_REQUEST", detail="our_id_taken")
    return row


def _is_untried(house: House, row: EngineSubscription) -> bool:
    """Say whether a start is still to be paid, and nothing is under way for it.

    Raises:
        OutcomeUnknown: an earlier charge is undecided.
    """
    charging.resolve_all(house.rail, row, now=now_of(row.organization_id))
    row.refresh_from_db(fields=["status"])
    return row.status == SubscriptionStatus.INCOMPLETE


def _write(
    house: House, payer: Payer, spec: SubscriptionSpec, key: str
) -> tuple[EngineSubscription, EngineInvoice, bool]:
    """Commit the subscription, its first invoice, and that it is being charged.

    Raises:
        DriverUnavailable: somebody else is charging it.
    """
    now = now_of(payer.organization_id)
    charge = Charge(spec.payment_method, by_payer=True, key=key)
    with transaction.atomic(durable=True):
        payer = Payer.objects.select_for_update(of=("self",), no_key=True).get(pk=payer.pk)
        # Somebody else may have begun it until we had the lock.
        row = lock_subscription(_find(house, payer, spec) or _new(house, payer, spec, now))
        is_handled(key, row)
        if row.latest_invoice is None:
            raise TypeError("A subscription begins with an invoice.")
        if spec.payment_method and row.status == SubscriptionStatus.INCOMPLETE:
            row.default_method_id = spec.payment_method
            row.save(update_fields=["default_method_id", "updated_at"])
        invoice = charging.lock(row.latest_invoice.pk)
        is_sent = bool(spec.payment_method) and charging.begin(invoice, charge, now=now)
        outcomes.plan(invoice.subscription, now=now)
    return row, invoice, is_sent


def _new(house: House, payer: Payer, spec: SubscriptionSpec, now: datetime) -> EngineSubscription:
    """Write down a subscription with its first invoice; the payer is locked."""
    price = find_price(house.provider, spec.external_price_id)
    item = item_of(price, spec.seats)
    trial_end = now + timedelta(days=spec.trial_days) if spec.trial_days else None
    cycle = cycles.start(item, at=now, zone=payer.zone, trial_end=trial_end).cycle
    row = EngineSubscription(
        organization_id=payer.organization_id,
        payer=payer,
        provider=house.provider,
        external_id=ids.new_id(house.provider, "sub"),
        our_id=spec.our_id,
        price=price,
        seats=spec.seats,
        collection=house.collection,
        days_until_due=_days_until_due(house, spec),
        default_method_id=spec.payment_method,
        trial_end=cycle.period.end if cycle.is_trial else None,
    )
    put_cycle(row, cycle)
    row.save()
    if spec.discount is not None:
        coupon = change_plans.find_coupon(house.provider, spec.discount.external_id)
        change_plans.put_discount(row, coupon, starts_at=now)
    discounts = terms.usable(terms.discount_rows(row))
    first = cycles.start(item, at=now, zone=payer.zone, trial_end=trial_end, discounts=discounts)
    put_cycle(row, first.cycle)
    period = first.cycle.period
    conditions = terms.terms_of(payer, price.currency, discounts)
    paper = papers.Paper(
        row,
        payer,
        BillingReason.CREATE,
        draft(first.lines, conditions, at=period.start),
        period,
        issued_at=now,
    )
    row.status = _first_status(row, papers.issue(paper))
    row.save()
    return row


def _days_until_due(house: House, spec: SubscriptionSpec) -> int:
    return house.days_until_due if spec.days_until_due is None else spec.days_until_due


def _first_status(row: EngineSubscription, invoice: EngineInvoice) -> SubscriptionStatus:
    """Return how a subscription begins; who pays by invoice is trusted until that is due."""
    if row.is_trial:
        return SubscriptionStatus.TRIALING
    is_paid = invoice.status == InvoiceStatus.PAID
    return SubscriptionStatus.ACTIVE if is_paid or invoice.due_at else SubscriptionStatus.INCOMPLETE


def check_method(house: House, payer: Payer, method_id: str) -> None:
    """Refuse a method that is not the payer's.

    Raises:
        DriverRejected: it is somebody else's, or nobody's (`payment_method_missing`).
    """
    if not method_id:
        return
    methods = house.need_rail().methods_of(
        organization_id=payer.organization_id, payer_id=payer.external_id
    )
    if method_id not in {method.external_id for method in methods}:
        raise DriverRejected("INVALID_REQUEST", detail="payment_method_missing")


def find(house: House, our_id: str, external_customer_id: str) -> SubscriptionSnapshot | None:
    """Look for the subscription that carries our id, once its charge is decided.

    One whose first charge provably never happened counts as absent: the same key may try again.

    Raises:
        DriverUnavailable: it can't be said yet.
    """
    row = EngineSubscription.objects.filter(
        provider=house.provider, our_id=our_id, payer__external_id=external_customer_id
    ).first()
    if row is None:
        return None
    snapshot = house.decided(row)
    if snapshot.status is SubscriptionStatus.INCOMPLETE:
        invoice = snapshots.find_invoice(house.provider, snapshot.latest_invoice_id)
        if invoice.charge_state == ChargeState.NOT_PROCESSED:
            return None
    return snapshot


def abandon(house: House, external_id: str) -> SubscriptionSnapshot:
    """Give up a start that was not paid, so that it can't be paid any more.

    Raises:
        DriverRejected: it was paid.
        OutcomeUnknown: a charge is undecided.
    """
    row = house.subscription(external_id)
    charging.resolve_all(house.rail, row, now=now_of(row.organization_id))
    with transaction.atomic(durable=True):
        row = lock_subscription(row)
        if row.status in FINAL_STATUSES:
            return house.answer(row)
        if row.status != SubscriptionStatus.INCOMPLETE:
            raise DriverRejected("INVALID_REQUEST", detail="subscription_not_incomplete")
        expire(row)
    return house.answer(row)


def expire(row: EngineSubscription) -> None:
    """End a locked start that was never paid.

    Raises:
        OutcomeUnknown: a charge is undecided.
    """
    now = now_of(row.organization_id)
    for invoice in row.invoices.filter(status=InvoiceStatus.OPEN):
        locked = charging.lock(invoice.pk)
        if locked.charge_state in UNDECIDED:
            raise OutcomeUnknown("API_ERROR", detail="charge_undecided")
        papers.void(locked, now=now)
    row.status = SubscriptionStatus.INCOMPLETE_EXPIRED
    row.canceled_at = row.ended_at = now
    outcomes.plan(row, now=now)
