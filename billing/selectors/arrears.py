"""What an overdue subscription owes, as far as it is known here."""

import dataclasses

from billing.enums import FactKind, InvoiceStatus, SubscriptionStatus
from billing.models import Invoice, PaymentFact, Subscription
from billing.money import Money

_OVERDUE = (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID)


@dataclasses.dataclass(frozen=True, slots=True)
class Arrears:
    """The payment that failed; no amount where the provider has not told it (yet)."""

    amount: Money | None = None
    invoice_number: str = ""

    def in_words(self) -> str:
        """Return what goes behind "the payment": ` of $29.00 (invoice F-12)`, or nothing."""
        amount = f" of {self.amount.display()}" if self.amount else ""
        number = f" (invoice {self.invoice_number})" if self.invoice_number else ""
        return f"{amount}{number}"


def of(subscription: Subscription | None) -> Arrears:
    """Return what is owed for a subscription; asks the database only when it is overdue."""
    if subscription is None or subscription.status not in _OVERDUE:
        return Arrears()
    return _by_invoices(subscription) or _by_last_failure(subscription)


def _by_invoices(subscription: Subscription) -> Arrears | None:
    """Add up the open invoices; None before the provider has told of one."""
    rows = Invoice.objects.filter(
        organization_id=subscription.organization_id,
        subscription=subscription,
        status=InvoiceStatus.OPEN,
        amount_remaining_minor__gt=0,
    ).values_list("number", "amount_remaining_minor", "currency")
    found = list(rows)
    if not found:
        return None
    if len({currency for _, _, currency in found}) > 1:
        return Arrears()
    total = sum(amount for _, amount, _ in found)
    number = found[0][0] if len(found) == 1 else ""
    return Arrears(Money(total, found[0][2].upper()), number)


def _by_last_failure(subscription: Subscription) -> Arrears:
    """Take the amount from the last payment that failed, of the invoice that is at stake."""
    fact = (
        PaymentFact.objects.filter(
            organization_id=subscription.organization_id,
            subscription=subscription,
            kind=FactKind.PAYMENT_FAILED,
            detail__invoice=subscription.latest_invoice_external_id or None,
        )
        .order_by("-occurred_at")
        .first()
    )
    if fact is None or fact.amount_minor is None or not fact.currency:
        return Arrears()
    return Arrears(Money(fact.amount_minor, fact.currency.upper()))
