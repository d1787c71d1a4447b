"""What our prices are called at a provider."""

import logging

from billing.enums import Provider
from billing.errors import ProviderFailed
from billing.models import ExternalPrice, Price

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
