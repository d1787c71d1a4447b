"""Where a payer can pay without our pages: the provider's own page of an invoice."""

from billing.enums import InvoiceStatus
from billing.models import Invoice, Subscription


def latest_open_invoice(subscription: Subscription | None) -> str:
    """Return the address of the page where a subscription's latest invoice is paid.

    Empty where it is paid, or where the provider has none; asks the database only.
    """
    if subscription is None or not subscription.latest_invoice_external_id:
        return ""
    found = Invoice.objects.filter(
        organization_id=subscription.organization_id,
        provider=subscription.provider,
        external_id=subscription.latest_invoice_external_id,
        status__in=[InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE],
    ).first()
    return found.hosted_url if found else ""
