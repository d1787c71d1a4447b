"""Where somebody who pays already goes to have another plan."""

from urllib.parse import urlencode

from django.conf import settings

from billing.models import Price
from billing.selectors import subscriptions
from orgs.models import Organization

_PATH = "/settings/billing/plan"


def url_for(*, organization: Organization, price: Price | None) -> str:
    """Return the address of our page that changes the plan, with this one chosen.

    Empty when nothing is live, so that a checkout is what is needed, or when no plan is named. The
    page asks its visitor to sign in: a change is charged to the card on file.
    """
    running = subscriptions.live(organization)
    if running is None or price is None or price.is_free or price.pk == running.price_id:
        return ""
    query = urlencode({"plan": price.plan_version.plan.code, "interval": price.interval})
    return f"{settings.PUBLIC_URL}{_PATH}?{query}"
