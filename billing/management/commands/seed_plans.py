"""Publish the four tiers, and apply STRIPE_PRODUCT_PRICE_MAP to their prices."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from billing.enums import Provider
from billing.services import catalogue, price_links, price_map, tiers
from orgs import clock


class Command(BaseCommand):
    """Bring the catalogue up to this release; running it again changes nothing."""

    help = "Publish the plans of this release and apply STRIPE_PRODUCT_PRICE_MAP. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Offer --restore."""
        parser.add_argument(
            "--restore",
            action="store_true",
            help="Publish this release's content again where staff has since published other.",
        )

    def handle(self, *_: Any, restore: bool, verbosity: int, **__: Any) -> None:
        """Do both, or neither."""
        self.is_quiet = verbosity == 0
        try:
            entries = price_map.parse(settings.STRIPE_PRODUCT_PRICE_MAP)
            with transaction.atomic():
                changes = self._publish(clock.now(), restore=restore) + self._link(entries)
        except (price_map.PriceMapInvalid, price_links.LinkRefused) as error:
            raise CommandError(f"STRIPE_PRODUCT_PRICE_MAP: {error}") from error
        self._say(f"{changes} changes." if changes else "Nothing to change.")

    def _say(self, line: str) -> None:
        if not self.is_quiet:
            self.stdout.write(line)

    def _publish(self, now: datetime, *, restore: bool) -> int:
        seeded = [
            catalogue.seed_tier(tier=tier, rank=rank, now=now, restore=restore)
            for rank, tier in enumerate(tiers.TIERS)
        ]
        for row in seeded:
            if row.was_published:
                self._say(f"{row.code}: published version {row.version}.")
            elif row.version != row.in_force:
                self._say(
                    f"{row.code}: version {row.in_force} is in force and stays so "
                    f"(version {row.version} is this release's; --restore publishes it again)."
                )
            else:
                self._say(f"{row.code}: version {row.version}, unchanged.")
        return sum(row.was_published for row in seeded)

    def _link(self, entries: list[price_map.Entry]) -> int:
        linked = price_links.apply_price_map(entries=entries, provider=Provider.STRIPE)
        for row in linked:
            if row.problem:
                self.stderr.write(self.style.WARNING(f"{row.key}: {row.problem}"))
            else:
                state = "linked to" if row.changed else "already"
                self._say(f"{row.key}: {state} {row.external_id}.")
        return sum(row.changed for row in linked)
