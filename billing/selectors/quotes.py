"""Reads of quotes, and what they rest on."""

import hashlib
import json

from billing.models import Quote, Subscription
from orgs.errors import NotFound
from orgs.models import Organization
from orgs.selectors import parse_uuid


def get_quote(organization: Organization, quote_id: object) -> Quote:
    """Return one of the organization's quotes.

    Raises:
        NotFound: there is none with this id.
    """
    pk = parse_uuid(str(quote_id))
    if pk is None:
        raise NotFound
    rows = Quote.objects.for_org(organization).select_related(
        "organization", "price__plan_version__plan", "subscription__customer", "subscription__price"
    )
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def basis_of(subscription: Subscription | None) -> str:
    """Return a fingerprint of everything about a subscription that a price depends on."""
    if subscription is None:
        return "none"
    known = {
        "id": str(subscription.pk),
        "status": subscription.status,
        "price": str(subscription.price_id),
        "seats": subscription.seats,
        "period": [
            str(subscription.current_period_start),
            str(subscription.current_period_end),
        ],
        "ends": [subscription.cancel_at_period_end, str(subscription.cancel_at)],
        "trial_end": str(subscription.trial_end),
        "pending_change": subscription.pending_change,
        "discount": subscription.discount,
    }
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
