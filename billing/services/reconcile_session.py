"""One comparison while it runs: whom it asks, how fast, and how much at most."""

import dataclasses
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models.functions import Now

from billing.drivers.base import DriverUnavailable, PaymentDriver
from billing.models import Reconciliation
from billing.types.differences import Scope
from orgs.models import Organization

Answer = TypeVar("Answer")

_SIGN_OF_LIFE_S = 10.0
_LONGEST_WAIT_S = 60


class EnoughAsked(Exception):
    """The comparison has asked as much as it may; the next one goes on."""


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """How much a comparison may ask, and what it leaves alone.

    `per_second` stays far below what providers allow (Stripe: 100 a second, 25 in test mode), so
    that payments never wait for it. Source: https://docs.stripe.com/rate-limits
    `quiet_s`: what changed within this time, here or there, is not compared.
    `history_days`: invoices and refunds that are older are not compared.
    """

    calls: int
    per_second: float = 10
    quiet_s: int = 300
    history_days: int = 35


LIMITS = {Scope.RECENT: Limits(calls=5_000), Scope.FULL: Limits(calls=20_000)}


@dataclasses.dataclass(slots=True)
class Session:
    """One comparison under way. `tell` hears of its progress; `run` is its row.

    `failures` counts the objects in a row of which the provider could not tell.
    """

    driver: PaymentDriver
    run: Reconciliation
    organization: Organization | None
    now: datetime
    limits: Limits
    tell: Callable[[str], None]
    failures: int = 0
    _last_call: float = 0.0
    _alive: float = 0.0

    @property
    def provider(self) -> str:
        """Return whom it asks."""
        return self.driver.name.value

    @property
    def quiet_since(self) -> datetime:
        """Return the moment after which nothing may have changed."""
        return self.now - timedelta(seconds=self.limits.quiet_s)

    @property
    def history_since(self) -> datetime:
        """Return how far back invoices and refunds are compared."""
        return self.now - timedelta(days=self.limits.history_days)

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Ask the provider, no faster than allowed. Never from within a transaction.

        Raises:
            EnoughAsked: the number of questions is used up.
        """
        if self.run.calls >= self.limits.calls:
            raise EnoughAsked
        wait = self._last_call + 1 / self.limits.per_second - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._last_call = time.monotonic()
        self.run.calls += 1
        self.give_sign_of_life()
        try:
            return question()
        except DriverUnavailable as error:
            if error.code != "RATE_LIMIT" or not 0 < (error.retry_after or 0) <= _LONGEST_WAIT_S:
                raise
            # Others are served first: whoever only compares waits as long as it is told to.
            time.sleep(error.retry_after or 0)
        self.run.calls += 1
        return question()

    def give_sign_of_life(self) -> None:
        """Write down how far it has come, every few seconds."""
        if time.monotonic() - self._alive < _SIGN_OF_LIFE_S:
            return
        self._alive = time.monotonic()
        Reconciliation.objects.filter(pk=self.run.pk).update(
            alive_at=Now(),
            calls=self.run.calls,
            compared=self.run.compared,
            found=self.run.found,
            postponed=self.run.postponed,
        )
