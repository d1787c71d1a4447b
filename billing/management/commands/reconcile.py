"""Compare providers with our rows, now."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from billing.drivers import registry
from billing.models import Reconciliation
from billing.selectors import reconciliation
from billing.services import reconcile
from billing.services.reconcile_session import LIMITS, Limits
from billing.types.differences import RunState, Scope
from orgs import clock, selectors
from orgs.models import Organization


class Command(BaseCommand):
    """What beat does every hour and every night, by hand, for all or for one organization."""

    help = "Compare what providers have with our rows; write down what differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Offer what to compare, whose, and how much to ask for it."""
        listing = [
            name
            for name in sorted(settings.PAYMENT_DRIVERS)
            if registry.get_driver(name).capabilities.listing
        ]
        parser.add_argument("--full", action="store_true", help="Everything, not only lately.")
        parser.add_argument("--organization", metavar="SLUG", help="Only this one's.")
        parser.add_argument("--provider", choices=listing, help="Only this one; else all.")
        parser.add_argument("--calls", type=int, help="At most so many questions.")
        parser.add_argument("--per-second", type=float, help="At most so many in a second.")
        parser.add_argument("--history-days", type=int, help="Invoices and refunds so far back.")
        parser.set_defaults(listing=listing)

    def handle(
        self,
        *_: Any,
        full: bool,
        organization: str | None,
        provider: str | None,
        listing: list[str],
        verbosity: int,
        **wanted: Any,
    ) -> None:
        """Say how far it is as it goes, and what it came to."""
        scope = Scope.FULL if full else Scope.RECENT
        whose = self._organization(organization)
        failed = False
        for name in [provider] if provider else listing:
            try:
                run = reconcile.reconcile_provider(
                    provider=name,
                    scope=scope,
                    now=clock.now(),  # what is quiet is a matter of wall time
                    organization=whose,
                    limits=_limits(scope, wanted),
                    tell=self.stdout.write if verbosity else _hush,
                )
            except reconcile.AlreadyRunning:
                raise CommandError(f"A comparison with {name} is under way already.") from None
            failed = failed or run.state != RunState.DONE
            if verbosity:
                self._sum_up(run)
        if failed:
            raise CommandError("A provider did not answer; what was compared until then is kept.")

    def _organization(self, slug: str | None) -> Organization | None:
        if not slug:
            return None
        found = selectors.organization_by_slug(slug)
        if found is None:
            raise CommandError(f"There is no organization {slug}.")
        return found

    def _sum_up(self, run: Reconciliation) -> None:
        self.stdout.write(
            f"{run.provider}: {run.compared} compared with {run.calls} questions, "
            f"{run.found} differ, {run.postponed} left for the next time."
        )
        if run.error == "LIMIT":
            self.stdout.write("Not everything was compared: --calls allows more questions.")
        for kind, count in reconciliation.standing_by_kind(run.provider, run.organization):
            self.stdout.write(f"  {kind}: {count}")


def _limits(scope: Scope, wanted: dict[str, Any]) -> Limits:
    usual = LIMITS[scope]
    return Limits(
        calls=wanted["calls"] or usual.calls,
        per_second=wanted["per_second"] or usual.per_second,
        history_days=wanted["history_days"] or usual.history_days,
    )


def _hush(_words: str) -> None:
    """Tell nobody."""
