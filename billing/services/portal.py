"""The page where payers manage how they pay: the provider's, or ours where it has none."""

import uuid
from datetime import datetime

from django.conf import settings

from billing.drivers import registry
from billing.drivers.base import DriverError
from billing.selectors import payment_methods
from billing.services import customers, payers, refusals
from billing.types import Cause
from orgs.models import Organization

PAGE_PATH = "/settings/billing"


def portal_url(
    *, organization: Organization, return_url: str = "", cause: Cause, now: datetime
) -> str:
    """Return an address that opens the portal for an organization, for a few minutes.

    The payer is created at the provider if it is not known there yet. `return_url` must be one
    that `selectors.returns` allows; empty takes the configured one, else our own page.

    Raises:
        ProviderRefused, ProviderBusy, ProviderFailed: nothing was opened.
    """
    provider = payment_methods.paying_provider(organization)
    driver = registry.get_driver(provider)
    page = f"{settings.PUBLIC_URL}{PAGE_PATH}"
    if not driver.capabilities.portal:
        return page
    customer = customers.get_or_create_customer(organization=organization, provider=provider)
    key = f"portal:{uuid.uuid4()}"
    try:
        return payers.ask_for_payer(
            customer=customer,
            ask=lambda external_id: driver.create_portal_session(
                external_id,
                return_url=return_url or settings.STRIPE_PORTAL_RETURN_URL or page,
                idempotency_key=key,
            ),
            cause=cause,
            now=now,
        )
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
