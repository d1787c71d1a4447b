"""From the engine's rows to the frozen facts that every driver answers with."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.core import signing
from django.db.models import Prefetch, QuerySet

from billing.drivers.base import ObjectMissing
from billing.engine import terms
from billing.engine.models import (
    DunningState,
    EngineDiscount,
    EngineInvoice,
    EngineInvoiceLine,
    EngineSubscription,
)
from billing.engine.models.invoices import ChargeState
from billing.engine.models.subscriptions import Collection as Collecting
from billing.enums import AttemptState, InvoiceStatus, Provider, SubscriptionStatus
from billing.money import percent_text
from billing.types import (
    DiscountSnapshot,
    InvoiceLineSnapshot,
    InvoiceSnapshot,
    PaymentOutcome,
    ScheduledChange,
    SubscriptionSnapshot,
)

_SALT = "billing.engine.invoice"


def find_subscription(provider: str, external_id: str) -> EngineSubscription:
    """Return one of a provider's subscriptions.

    Raises:
        ObjectMissing: there is none with this id.
    """
    row = _joined().filter(provider=provider, external_id=external_id).first()
    if row is None:
        raise ObjectMissing("INVALID_REQUEST", detail="resource_missing")
    return row


def of_rows(ids: Collection[UUID], *, now: datetime) -> dict[UUID, SubscriptionSnapshot]:
    """Return subscriptions as they are, read together, by the ids of their rows."""
    lying = EngineDiscount.objects.filter(removed_at=None)
    rows = _joined().filter(pk__in=ids)
    found = rows.prefetch_related(
        Prefetch("latest_invoice__lines"),
        Prefetch("discounts", lying.select_related("coupon").order_by("created_at")),
    )
    return {row.pk: _subscription(row, list(row.discounts.all()), now) for row in found}


def _joined() -> QuerySet[EngineSubscription]:
    return EngineSubscription.objects.select_related(
        "payer__seller", "price", "next_price", "debit_price", "latest_invoice__attempt"
    )


def find_invoice(provider: str, external_id: str) -> EngineInvoice:
    """Return one of a provider's invoices.

    Raises:
        ObjectMissing: there is none with this id.
    """
    rows = EngineInvoice.objects.select_related(
        "payer", "subscription", "attempt__obligation", "seller"
    )
    row = rows.filter(provider=provider, external_id=external_id).first()
    if row is None:
        raise ObjectMissing("INVALID_REQUEST", detail="resource_missing")
    return row


def subscription(row: EngineSubscription, *, now: datetime) -> SubscriptionSnapshot:
    """Return a subscription as it is."""
    return _subscription(row, terms.discount_rows(row), now)


def _subscription(
    row: EngineSubscription, discounts: Iterable[EngineDiscount], now: datetime
) -> SubscriptionSnapshot:
    latest = row.latest_invoice
    if latest is not None:
        latest.payer, latest.subscription = row.payer, row  # they are at hand already
    return SubscriptionSnapshot(
        provider=Provider(row.provider),
        external_id=row.external_id,
        external_customer_id=row.payer.external_id,
        status=SubscriptionStatus(row.status),
        our_id=row.our_id,
        organization_id=str(row.organization_id),
        external_price_id=row.price.external_id,
        seats=row.seats,
        current_period_start=row.current_period_start,
        current_period_end=row.current_period_end,
        cancel_at_period_end=row.cancel_at_period_end,
        canceled_at=row.canceled_at,
        ended_at=row.ended_at,
        trial_end=row.trial_end,
        latest_invoice_id=latest.external_id if latest else "",
        latest_payment=outcome(latest) if latest else None,
        latest_invoice=invoice(latest) if latest else None,
        default_method_id=row.default_method_id,
        scheduled=_scheduled(row),
        discounts=tuple(_discount(found, row) for found in discounts if _lies(found, row, now)),
        resumes_at=row.resumes_at if row.status == SubscriptionStatus.PAUSED else None,
        awaits_payment_of_change=row.pending_change is not None,
    )


def outcome(row: EngineInvoice) -> PaymentOutcome:
    """Return how the payment behind an invoice is doing."""
    if row.status == InvoiceStatus.PAID:
        return PaymentOutcome(AttemptState.SUCCEEDED, external_id=row.payment_id)
    if row.collection == Collecting.SEND_INVOICE or row.is_undecided:
        return PaymentOutcome(None, external_id=row.payment_id)
    is_open = row.status == InvoiceStatus.OPEN
    if row.charge_state == ChargeState.FAILED:
        return PaymentOutcome(
            AttemptState.FAILED,
            external_id=row.payment_id,
            client_secret=secret(row) if is_open else "",
            error_code="card_declined",
            decline_code=row.decline_code,
        )
    if row.charge_state == ChargeState.NONE and is_open:
        return PaymentOutcome(None, client_secret=secret(row))
    return PaymentOutcome(None, external_id=row.payment_id)


def secret(row: EngineInvoice) -> str:
    """Return what a payer's browser shows to pay an invoice that waits for a card."""
    return sign(row.external_id)


def sign(external_id: str) -> str:
    """Return a name with our signature: whoever shows it got it from us."""
    return signing.Signer(salt=_SALT).sign(external_id)


def invoice(row: EngineInvoice) -> InvoiceSnapshot:
    """Return an invoice as it is, with every line."""
    return InvoiceSnapshot(
        provider=Provider(row.provider),
        external_id=row.external_id,
        status=InvoiceStatus(row.status),
        currency=row.currency,
        subtotal_minor=row.subtotal_minor,
        total_minor=row.total_minor,
        amount_due_minor=row.amount_due_minor,
        amount_paid_minor=row.amount_paid_minor - row.paid_by_hand_minor,
        amount_remaining_minor=row.remaining_minor,
        discount_minor=row.discount_minor,
        tax_minor=row.tax_minor,
        number=row.number,
        billing_reason=row.billing_reason,
        external_customer_id=row.payer.external_id,
        external_subscription_id=row.subscription.external_id if row.subscription else "",
        external_payment_id=row.payment_id if row.charge_state == ChargeState.SUCCEEDED else "",
        organization_id=str(row.organization_id),
        created_at=row.issued_at,
        finalized_at=row.issued_at,
        due_at=row.due_at,
        paid_at=row.paid_at,
        voided_at=row.voided_at,
        written_off_at=row.written_off_at,
        period_start=row.period_start,
        period_end=row.period_end,
        next_attempt_at=_next_try(row),
        attempt_count=row.attempt_count,
        paid_elsewhere_minor=row.paid_by_hand_minor,
        credited_minor=None,
        payer_name=row.payer_name,
        payer_email=row.payer_email,
        payer_address=tuple(row.payer_address),
        payer_tax_ids=tuple(row.payer_tax_ids),
        lines=tuple(_line(row, line) for line in row.lines.all()),
    )


def _next_try(row: EngineInvoice) -> datetime | None:
    """Return when it is charged again: the runner also looks at it for other reasons."""
    if row.next_attempt_at is None or row.first_failed_at is None:
        return row.next_attempt_at
    state = DunningState.objects.filter(invoice=row).first()
    return state.retry_at if state else row.next_attempt_at


def _line(row: EngineInvoice, line: EngineInvoiceLine) -> InvoiceLineSnapshot:
    return InvoiceLineSnapshot(
        external_id=f"{row.external_id}_{line.position}",
        description=line.description,
        quantity=line.quantity,
        amount_minor=line.amount_minor,
        discount_minor=line.discount_minor,
        period_start=line.period_start,
        period_end=line.period_end,
        external_price_id=line.external_price_id,
        is_proration=line.is_proration,
    )


def _scheduled(row: EngineSubscription) -> ScheduledChange | None:
    if row.next_price is None:
        return None
    return ScheduledChange(
        external_id=row.schedule_id,
        external_price_id=row.next_price.external_id,
        seats=row.next_seats,
        effective_at=row.current_period_end,
    )


def _lies(found: EngineDiscount, row: EngineSubscription, now: datetime) -> bool:
    """Say whether a coupon is shown: one that holds once, until its invoice is not the latest."""
    if found.used_by_id is not None:
        return found.used_by_id == row.latest_invoice_id
    return found.ends_at is None or now < found.ends_at


def _discount(found: EngineDiscount, row: EngineSubscription) -> DiscountSnapshot:
    coupon = found.coupon
    ends_at = row.current_period_end if found.used_by_id else found.ends_at
    percent = percent_text(coupon.percent_off) if coupon.percent_off is not None else ""
    return DiscountSnapshot(
        coupon=coupon.code,
        name=coupon.name,
        percent_off=percent,
        amount_off_minor=coupon.amount_off_minor,
        currency=coupon.currency,
        ends_at=ends_at,
    )
