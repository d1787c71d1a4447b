"""Where a runner works at the subscriptions it has claimed: looked up once for all of them.

What an account's circuit says is asked once while it is closed, and again whenever it may have
changed by what we did; the other workers' failures are seen with the next claim.
"""

from collections.abc import Sequence
from datetime import datetime

from billing.drivers import registry
from billing.engine.driver import EngineDriver
from billing.engine.house import House
from billing.engine.models import EngineInvoice, EngineSubscription
from billing.engine.models.invoices import UNDECIDED
from billing.engine.renewing import Move
from billing.services import circuits
from billing.services.circuits import Account, Gate
from billing.services.dunning import Desk

_CLOSED = Gate(is_open=False, may_call=True)


class Desks:
    """The desks of one claim."""

    def __init__(self, rows: Sequence[EngineSubscription], *, now: datetime) -> None:
        """Ask which of these subscriptions have a charge whose outcome is not known."""
        self._now = now
        self._houses: dict[str, House] = {}
        self._closed: set[Account] = set()
        self._answering: set[Account] = set()
        found = EngineInvoice.objects.filter(subscription__in=rows, charge_state__in=UNDECIDED)
        pairs = found.order_by("issued_at").values_list("subscription_id", "charge_sent_at")
        self._sent_at = dict(pairs)

    def undecided_since(self, row: EngineSubscription) -> datetime | None:
        """Return since when the outcome of a subscription's charge is not known."""
        return self._sent_at.get(row.pk)

    def of(self, row: EngineSubscription) -> Desk:
        """Return where a subscription is worked at. Asking about a charge is always allowed.

        Raises:
            TypeError: its provider is none of the engine's.
        """
        house = self._house(row.provider)
        account = Account(row.provider, row.payer.seller_id)
        is_always_open = house.rail is None or self.undecided_since(row) is not None
        if is_always_open or account in self._closed:
            return Desk(house, account, _CLOSED)
        gate = circuits.look(account, now=self._now)
        if not gate.is_open:
            self._closed.add(account)
        return Desk(house, account, gate)

    def note(self, desk: Desk, move: Move, *, sent_at: datetime | None) -> None:
        """Tell the circuit what a step says of its account; one good answer says it for all."""
        if desk.has_answered(move) and desk.account in self._answering:
            return
        desk.note(move, sent_at=sent_at, now=self._now)
        if desk.has_answered(move):
            self._answering.add(desk.account)
        elif move.error is not None:
            self.forget(desk)

    def forget(self, desk: Desk) -> None:
        """Ask the account's circuit anew: something was tried that may have failed."""
        self._closed.discard(desk.account)
        self._answering.discard(desk.account)

    def _house(self, provider: str) -> House:
        if provider not in self._houses:
            driver = registry.get_driver(provider)
            if not isinstance(driver, EngineDriver):
                raise TypeError(f"{provider} is no provider of the engine's")
            self._houses[provider] = driver.house()
        return self._houses[provider]
