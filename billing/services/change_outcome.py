"""What a subscription's snapshot says about the debts that are open on it."""

from datetime import datetime

from billing.enums import (
    AttemptState,
    Effective,
    InvoiceStatus,
    ObligationKind,
    SubscriptionStatus,
)
from billing.models import CouponRedemption, Obligation, Quote, Subscription
from billing.services import locking, settlement
from billing.types import SubscriptionSnapshot


def settle_others(row: locking.Locked, snapshot: SubscriptionSnapshot, *, now: datetime) -> None:
    """Carry a snapshot that was just applied over to locked changes and renewals that are open."""
    for debt in row.others:
        if debt.obligation.kind == ObligationKind.CHANGE:
            _settle_change(debt, row.subscription, snapshot, now)
        elif debt.obligation.kind == ObligationKind.RENEWAL:
            _settle_renewal(debt, snapshot, now)


def _settle_change(
    debt: settlement.Debt,
    subscription: Subscription,
    snapshot: SubscriptionSnapshot,
    now: datetime,
) -> None:
    quote, attempt = debt.obligation.quote, debt.attempt
    if quote is None or attempt is None or attempt.state == AttemptState.CREATED:
        return  # nothing was asked of the provider yet
    if is_done(quote, subscription, snapshot):
        _leave_to_invoice(debt, snapshot)
        # Where nothing was charged, the latest payment is that of something else.
        payment = snapshot.latest_payment if debt.obligation.amount_minor else None
        settlement.settle(debt=debt, now=now, external_id=payment.external_id if payment else "")
    elif snapshot.awaits_payment_of_change:
        _follow_payment(debt, snapshot, now)
    elif attempt.state == AttemptState.REQUIRES_ACTION:
        # It waited for its payer, and waits no more: given up, or expired at the provider.
        settlement.void(debt=debt, now=now)
        release_promises(debt.obligation, now=now)


def _leave_to_invoice(debt: settlement.Debt, snapshot: SubscriptionSnapshot) -> None:
    """Let a change whose invoice is paid later owe nothing: that invoice is a debt of its own."""
    invoice = snapshot.latest_invoice
    is_its_invoice = invoice is not None and invoice.billing_reason == "subscription_update"
    if is_its_invoice and settlement.is_on_account(invoice) and debt.obligation.amount_minor:
        debt.obligation.amount_minor = 0
        debt.obligation.save(update_fields=["amount_minor", "updated_at"])


def release_promises(obligation: Obligation, *, now: datetime) -> None:
    """Give back what a change that did not happen had taken: its quote and its use of a coupon."""
    quote = obligation.quote
    if quote is None:
        return
    Quote.objects.filter(pk=quote.pk).update(used_at=None, updated_at=now)
    if quote.coupon_external_id:
        CouponRedemption.objects.filter(
            subscription=obligation.subscription_id, external_coupon_id=quote.coupon_external_id
        ).delete()


def is_done(quote: Quote, subscription: Subscription, snapshot: SubscriptionSnapshot) -> bool:
    """Say whether a subscription, to which a snapshot was applied, is what a quote was for."""
    if snapshot.awaits_payment_of_change:
        return False
    if quote.effective == Effective.PERIOD_END and not _is_like(quote, subscription):
        next_one = subscription.pending_change or {}
        return (next_one.get("price_id"), next_one.get("seats")) == (
            str(quote.price_id),
            quote.seats,
        )
    return _is_like(quote, subscription) and _has_coupon(quote, snapshot)


def _is_like(quote: Quote, subscription: Subscription) -> bool:
    return (subscription.price_id, subscription.seats) == (quote.price_id, quote.seats)


def _has_coupon(quote: Quote, snapshot: SubscriptionSnapshot) -> bool:
    if not quote.coupon or quote.effective == Effective.PERIOD_END:
        return True
    names = {quote.coupon.upper(), quote.coupon, quote.coupon_external_id}
    return any(discount.coupon in names for discount in snapshot.discounts)


def _follow_payment(debt: settlement.Debt, snapshot: SubscriptionSnapshot, now: datetime) -> None:
    """Note that the payer has to confirm; a decline is dealt with by whoever asked for it."""
    payment, attempt = snapshot.latest_payment, debt.attempt
    if payment is None or attempt is None or attempt.state == AttemptState.REQUIRES_ACTION:
        return
    if payment.state is AttemptState.REQUIRES_ACTION:
        settlement.end_attempt(
            attempt=attempt, state=payment.state, now=now, external_id=payment.external_id
        )


def _settle_renewal(debt: settlement.Debt, snapshot: SubscriptionSnapshot, now: datetime) -> None:
    invoice = snapshot.latest_invoice
    if snapshot.latest_invoice_id != debt.obligation.invoice_external_id:
        return
    # An engine of ours keeps a subscription active while the outcome of its renewal is unknown.
    is_paid = (
        snapshot.status is SubscriptionStatus.ACTIVE
        if invoice is None
        else invoice.status is InvoiceStatus.PAID
    )
    if is_paid:
        payment = snapshot.latest_payment
        settlement.settle(debt=debt, now=now, external_id=payment.external_id if payment else "")
    elif invoice is not None and invoice.status in (
        InvoiceStatus.VOID,
        InvoiceStatus.UNCOLLECTIBLE,
    ):
        settlement.void(debt=debt, now=now)
