"""Holding the provider to what was promised."""

from datetime import datetime

from django.db import transaction

from billing.models import Quote
from billing.money import Money
from billing.services import cases
from billing.types import Cause, SubscriptionSnapshot
from orgs.models import Organization


def check_charge(
    *, quote: Quote, snapshot: SubscriptionSnapshot, cause: Cause, now: datetime
) -> bool:
    """Compare what was charged with what was quoted; a difference becomes a case.

    It says False then: somebody has to look, and nothing is undone in silence.
    """
    invoice = snapshot.latest_invoice
    if not quote.charged_at_once or invoice is None or quote.subscription is None:
        return True
    if invoice.billing_reason != "subscription_update":
        return True
    if (invoice.currency, invoice.total_minor) == (quote.currency, quote.total_minor):
        return True
    with transaction.atomic():
        organization = Organization.objects.select_for_update(no_key=True).get(
            pk=quote.organization_id
        )
        quote.subscription.organization = organization
        cases.open_other_amount(
            subscription=quote.subscription,
            external_id=invoice.external_id,
            quoted=Money(quote.total_minor, quote.currency),
            charged=Money(invoice.total_minor, invoice.currency),
            cause=cause,
            now=now,
        )
    return False
