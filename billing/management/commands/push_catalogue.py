"""Give every paid price on sale, and every coupon, a counterpart at a provider."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from billing.drivers.base import DriverError
from billing.enums import Provider
from billing.services import coupon_links, price_links
from orgs import clock


class Command(BaseCommand):
    """Create what is missing; running it again creates nothing."""

    help = "Create the provider's products, prices and coupons that are not there yet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Offer --provider."""
        parser.add_argument(
            "--provider", default=Provider.STRIPE.value, choices=sorted(settings.PAYMENT_DRIVERS)
        )

    def handle(self, *_: Any, provider: str, verbosity: int, **__: Any) -> None:
        """Say what was made as it is made: each price and each coupon stands by itself."""
        self._push_prices(Provider(provider), verbosity)
        self._push_coupons(Provider(provider), verbosity)

    def _push_prices(self, provider: Provider, verbosity: int) -> None:
        count = 0
        try:
            for link in price_links.push_prices(provider=provider):
                count += 1
                if verbosity:
                    self.stdout.write(f"{link.price}: {link.external_id}")
        except DriverError as error:
            raise CommandError(
                f"{provider} did not take a price ({error}); {count} were made before. "
                "Run it again: what exists is found."
            ) from error
        except price_links.LinkRefused as error:
            raise CommandError(str(error)) from error
        if verbosity:
            self.stdout.write(f"{count} prices linked." if count else "Every price has its name.")

    def _push_coupons(self, provider: Provider, verbosity: int) -> None:
        try:
            for coupon in coupon_links.push_coupons(provider=provider, now=clock.now()):
                if verbosity:
                    self.stdout.write(f"Coupon {coupon}: known to {provider}.")
        except coupon_links.CouponNotPushed as error:
            raise CommandError(
                f"{error} If another one stands in its place there, take this one out of use here; "
                "then run it again: what exists is found."
            ) from error
