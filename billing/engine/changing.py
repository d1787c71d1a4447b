"""Changing a subscription now: what it would cost, doing it, and giving it up unpaid."""

from datetime import datetime

from django.db import transaction

from billing.drivers.base import DriverRejected, OutcomeUnknown
from billing.engine import change_plans, charging, cycles, outcomes, papers, terms
from billing.engine.charging import Charge
from billing.engine.cycle_rows import find_price, item_of
from billing.engine.discounting import Discount
from billing.engine.drafting import draft
from billing.engine.house import House, handled, is_handled, lock_subscription, now_of
from billing.engine.models import EngineInvoice, EngineSubscription
from billing.engine.models.invoices import BillingReason
from billing.engine.models.subscriptions import Collection
from billing.enums import FINAL_STATUSES, InvoiceStatus, SubscriptionStatus
from billing.types import ChangeSpec, InvoicePreview, SubscriptionSnapshot


def preview(house: House, spec: ChangeSpec) -> InvoicePreview:
    """Say what an invoice would be if this were done: by the very functions that would do it."""
    if not spec.external_subscription_id:
        return _preview_start(house, spec)
    row = house.subscription(spec.external_subscription_id)
    wanted = change_plans.from_spec(row, spec, now=now_of(row.organization_id))
    plan = change_plans.plan_change(row, wanted)
    if plan.draft is not None:
        return plan.draft.as_preview()
    return change_plans.plan_renewal(row, plan).draft.as_preview()


def _preview_start(house: House, spec: ChangeSpec) -> InvoicePreview:
    payer = house.payer(spec.external_customer_id)
    at = spec.starts_at or now_of(payer.organization_id)
    price = find_price(house.provider, spec.external_price_id)
    discounts = [_discount(house, spec, at)] if spec.discount else []
    first = cycles.start(
        item_of(price, spec.seats), at=at, zone=payer.zone, trial_end=spec.trial_end
    )
    conditions = terms.terms_of(payer, price.currency, discounts)
    return draft(first.lines, conditions, at=first.cycle.period.start).as_preview()


def _discount(house: House, spec: ChangeSpec, at: datetime) -> Discount:
    coupon_id = spec.discount.external_id if spec.discount else ""
    coupon = change_plans.find_coupon(house.provider, coupon_id)
    return change_plans.discount_of(coupon, starts_at=at)


def preview_renewal(house: House, external_id: str) -> InvoicePreview | None:
    """Say what the next regular invoice will be; None for a subscription that ends.

    One that ends with its period is charged for what waits until then, where anything does.
    """
    row = house.subscription(external_id)
    if row.status in FINAL_STATUSES:
        return None
    if row.cancel_at_period_end:
        return _last(row)
    return change_plans.plan_renewal(row).draft.as_preview()


def preview_ending(house: House, external_id: str) -> InvoicePreview | None:
    """Say what waits for an invoice that no renewal will bring; None where nothing does."""
    row = house.subscription(external_id)
    return None if row.status in FINAL_STATUSES else _last(row)


def _last(row: EngineSubscription) -> InvoicePreview | None:
    last = change_plans.plan_last(row)
    return last.draft.as_preview() if last else None


def change(house: House, spec: ChangeSpec, key: str) -> SubscriptionSnapshot:
    """Change price, seats or discount. What is charged at once changes nothing before it is paid.

    Raises:
        DriverRejected: it can't be changed; nothing was charged.
        DriverUnavailable: provably not charged; nothing has changed.
        OutcomeUnknown: sent, no usable answer.
    """
    done = handled(key, house.provider)
    if done is not None:
        charging.resolve_all(house.rail, done, now=now_of(done.organization_id))
        return house.answer(done)
    row = house.subscription(spec.external_subscription_id)
    now = now_of(row.organization_id)
    with transaction.atomic(durable=True):
        row = lock_subscription(row)
        if is_handled(key, row):
            raise OutcomeUnknown("API_ERROR", detail="key_in_use")
        _refuse_unless_changeable(row)
        plan = change_plans.plan_change(row, change_plans.from_spec(row, spec, now=now))
        invoice = _invoice(row, plan, now)
        is_sent = _begin(invoice, row, key, now) if invoice else False
    if invoice is not None and is_sent:
        _send(house, invoice, now)
    return house.answer(row)


def _refuse_unless_changeable(row: EngineSubscription) -> None:
    if row.status not in (SubscriptionStatus.ACTIVE, SubscriptionStatus.TRIALING):
        raise DriverRejected("INVALID_REQUEST", detail="subscription_not_changeable")
    if row.pending_change is not None:
        raise DriverRejected("INVALID_REQUEST", detail="change_pending")


def _invoice(
    row: EngineSubscription, plan: change_plans.Plan, now: datetime
) -> EngineInvoice | None:
    """Do a change that is not charged at once; write the invoice of one that is.

    It is done as well where there is nothing to pay, or where the payer pays by invoice.
    """
    if plan.draft is None or plan.period is None:
        position = papers.next_position(row)
        change_plans.apply_change(row, plan, now=now)
        change_plans.keep_waiting(row, plan.waiting, position=position)
        outcomes.plan(row, now=now)
        return None
    paper = papers.Paper(
        row,
        row.payer,
        BillingReason.UPDATE,
        plan.draft,
        plan.period,
        issued_at=now,
        used=plan.step.discounts,
    )
    invoice = papers.issue(paper)
    if invoice.status == InvoiceStatus.PAID or row.collection == Collection.SEND_INVOICE:
        change_plans.apply_change(row, plan, now=now)
        outcomes.plan(row, now=now)
        return None
    row.pending_change = plan.wanted.as_json(invoice.external_id)
    outcomes.plan(row, now=now)
    return invoice


def _begin(invoice: EngineInvoice, row: EngineSubscription, key: str, now: datetime) -> bool:
    method = row.default_method_id or row.payer.default_method_id
    return charging.begin(
        charging.lock(invoice.pk), Charge(method, by_payer=True, key=key), now=now
    )


def _send(house: House, invoice: EngineInvoice, now: datetime) -> None:
    """Charge the invoice of a change; one that provably was not charged leaves nothing behind."""
    fresh = EngineInvoice.objects.select_related("attempt__obligation").get(pk=invoice.pk)
    try:
        charging.send(house.need_rail(), fresh, now=now)
    except OutcomeUnknown:
        raise
    except Exception:
        _drop(fresh, now)
        raise


def drop_unpaid(house: House, external_id: str) -> SubscriptionSnapshot:
    """Give up a change whose payment is open; one that was paid meanwhile stays.

    Raises:
        OutcomeUnknown: its charge is undecided.
    """
    row = house.subscription(external_id)
    now = now_of(row.organization_id)
    charging.resolve_all(house.rail, row, now=now)
    row.refresh_from_db(fields=["pending_change"])
    if row.pending_change is not None:
        _drop(EngineInvoice.objects.get(external_id=row.pending_change["invoice"]), now)
    return house.answer(row)


def _drop(invoice: EngineInvoice, now: datetime) -> None:
    with transaction.atomic(durable=True):
        row = charging.lock(invoice.pk).subscription
        if row is not None:
            give_up(row, now=now)
            outcomes.plan(row, now=now)


def give_up(row: EngineSubscription, *, now: datetime) -> None:
    """Void the invoice of a locked subscription's unpaid change, and forget the change.

    The caller saves the subscription.

    Raises:
        OutcomeUnknown: its charge is undecided.
    """
    if row.pending_change is None:
        return
    found = EngineInvoice.objects.get(external_id=row.pending_change["invoice"])
    invoice = charging.lock(found.pk)
    if invoice.is_undecided:
        raise OutcomeUnknown("API_ERROR", detail="charge_undecided")
    if invoice.status == InvoiceStatus.OPEN:
        papers.void(invoice, now=now)
    row.pending_change = None
