"""Money through the CardPointe gateway (CardConnect)."""

from django.apps import AppConfig
from django.core import checks


class CardConnectConfig(AppConfig):
    name = "billing.drivers.cardconnect"
    label = "cardconnect"
    verbose_name = "CardConnect"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what has to be right in the settings."""
        from billing.drivers.cardconnect.checks import (  # noqa: PLC0415 - needs settings
            check_cardconnect,
        )

        checks.register(check_cardconnect)
