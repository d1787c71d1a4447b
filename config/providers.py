"""Who moves money for us: the applications and drivers of payment providers."""

# In the order in which they depend on each other; part of the settings' INSTALLED_APPS.
APPS = [
    "billing",
    "billing.engine",
    "billing.drivers.cardconnect",
]
PAYMENT_DRIVERS = {
    "stripe": "billing.drivers.stripe.driver.StripeDriver",
    "custom": "billing.drivers.custom.driver.CustomDriver",
}
