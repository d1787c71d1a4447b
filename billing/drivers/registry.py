"""The one door to the drivers (the specification's PaymentDriverFactory)."""

import functools

from django.conf import settings
from django.utils.module_loading import import_string

from billing.drivers.base import PaymentDriver
from billing.enums import Provider


class ProviderUnknown(LookupError):
    """No driver is configured under this name."""


@functools.cache
def _driver(dotted_path: str) -> PaymentDriver:
    driver: PaymentDriver = import_string(dotted_path)()
    return driver


def get_driver(provider: Provider | str) -> PaymentDriver:
    """Return the driver that PAYMENT_DRIVERS names for a provider.

    Raises:
        ProviderUnknown: none is configured.
    """
    try:
        return _driver(settings.PAYMENT_DRIVERS[str(provider)])
    except KeyError:
        raise ProviderUnknown(str(provider)) from None


def is_configured(provider: Provider | str) -> bool:
    """Say whether there is a driver: invoices written by hand go to nobody."""
    return str(provider) in settings.PAYMENT_DRIVERS
