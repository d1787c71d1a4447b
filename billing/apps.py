"""Plans, subscriptions, payments, and the providers behind them."""

from django.apps import AppConfig
from django.core import checks


class BillingConfig(AppConfig):
    name = "billing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what the drivers want checked before anything is charged."""
        from billing.drivers.stripe.checks import check_stripe  # noqa: PLC0415 - needs settings

        checks.register(check_stripe)
