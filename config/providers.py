"""Who moves money for us: the applications and drivers of payment providers."""

import environ
from django.core.exceptions import ImproperlyConfigured

# In the order in which they depend on each other; part of the settings' INSTALLED_APPS.
APPS = [
    "billing",
    "billing.engine",
    "billing.drivers.cardconnect",
]
PAYMENT_DRIVERS = {
    "stripe": "billing.drivers.stripe.driver.StripeDriver",
    "cardconnect": "billing.drivers.cardconnect.driver.CardConnectDriver",
    "custom": "billing.drivers.custom.driver.CustomDriver",
}
# Staff start what is paid by hand; nobody checks out with it.
_NOT_BY_DEFAULT = ("custom",)


def default(env: environ.Env) -> str:
    """Return who charges organizations that have no subscription yet."""
    name: str = env.str("PAYMENT_PROVIDER", default="stripe")
    if name not in PAYMENT_DRIVERS or name in _NOT_BY_DEFAULT:
        raise ImproperlyConfigured(f"PAYMENT_PROVIDER: {name} takes no payments on our pages.")
    return name
