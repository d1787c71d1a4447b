"""What our prices are called at a provider."""

import logging

from billing.enums import Interval, Provider
from billing.errors import ProviderFailed
from billing.models import ExternalPrice, Price
from billing.selectors import plans, subscriptions
from orgs.errors import InvalidRequest
from orgs.models import Organization

logger = logging.getLogger(__name__)


class PriceNotLinked(ProviderFailed):
    """This plan can't be bought online right now. Please contact support."""


def external_price_id(price: Price, provider: Provider) -> str:
    """Return the provider's id of a price.

    Raises:
        PriceNotLinked: it has none there; `manage.py push_catalogue` or the price map gives one.
    """
    link = ExternalPrice.objects.filter(price=price, provider=provider).first()
    if link is None:
        # A mistake of ours, which the system checks report too.
        logger.error("price.not_linked", extra={"price": str(price.pk), "provider": provider})
        raise PriceNotLinked
    return link.external_id


def wanted_price(organization: Organization, *, plan: str, interval: str) -> Price | None:
    """Return the price somebody means, None where neither plan nor interval is named.

    A subscription that runs keeps its interval unless another is named, and its version of a plan
    unless another plan is.

    Raises:
        InvalidRequest: there is no such plan, or no such price.
        ContactSales: its price is agreed individually.
    """
    if not plan and not interval:
        return None
    running = subscriptions.live(organization)
    if running is None:
        if not plan:
            raise InvalidRequest(fields={"plan": ["This field is required."]})
        return plans.get_price(plans.get_plan(plan), interval or Interval.MONTH)
    interval = interval or running.price.interval
    wanted = plans.get_plan(plan) if plan else running.plan_version.plan
    if wanted.pk == running.plan_version.plan_id:
        if interval == running.price.interval:
            return running.price
        kept = running.plan_version.prices.filter(
            interval=interval, currency=running.price.currency, is_active=True
        ).first()
        if kept is not None:
            return kept
    return plans.get_price(wanted, interval, running.price.currency)
