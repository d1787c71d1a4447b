"""Rules of the product broken on purpose: what finds nothing then proves nothing."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from django.db import transaction

from billing.drivers.base import OutcomeUnknown
from billing.drivers.cardconnect import finding, voiding
from billing.drivers.cardconnect.rail import CardConnectRail
from billing.engine import charging, renewing
from billing.services import renewals


@contextlib.contextmanager
def _resends() -> Iterator[None]:
    """Send a charge once more when it had no answer."""
    charge = CardConnectRail.charge

    def twice(rail: CardConnectRail, order: Any) -> Any:
        try:
            return charge(rail, order)
        except OutcomeUnknown:
            return charge(rail, order)

    with mock.patch.object(CardConnectRail, "charge", twice):
        yield


@contextlib.contextmanager
def _writes_late() -> Iterator[None]:
    """Call the gateway in the transaction that writes the try down: a death forgets both."""
    collect = charging.collect

    def at_once(*given: Any, **more: Any) -> Any:
        with (
            mock.patch.object(transaction.Atomic, "__enter__", _lenient),
            transaction.atomic(),
        ):
            return collect(*given, **more)

    with mock.patch.object(charging, "collect", at_once):
        yield


_enter = transaction.Atomic.__enter__


def _lenient(atomic: transaction.Atomic) -> None:
    durable = atomic.durable  # type: ignore[attr-defined]  # not in its stubs
    atomic.durable = False  # type: ignore[attr-defined]  # same
    try:
        _enter(atomic)
    finally:
        atomic.durable = durable  # type: ignore[attr-defined]  # same


@contextlib.contextmanager
def _takes_absence_for_final() -> Iterator[None]:
    """Believe "there is none" at once, while a charge may still be on its way."""
    with (
        mock.patch.object(finding, "ABSENT_AFTER", finding.ABSENT_AFTER * 0),
        mock.patch.object(voiding, "void_all", return_value=None),
    ):
        yield


@contextlib.contextmanager
def _asks_nobody() -> Iterator[None]:
    """Go on with a subscription without asking what became of its last charge."""
    with (
        mock.patch.object(renewing, "_ask", return_value=None),
        mock.patch.object(charging, "resolve_all", return_value=None),
        # What is never decided is due again at once, until a run has had enough.
        mock.patch.dict(renewals.run_due.__kwdefaults__ or {}, limit=20),
    ):
        yield


RULES: dict[str, Callable[[], contextlib.AbstractContextManager[None]]] = {
    "resend": _resends,
    "write-late": _writes_late,
    "believe-absence": _takes_absence_for_final,
    "ask-nobody": _asks_nobody,
}


@contextlib.contextmanager
def rule(name: str) -> Iterator[None]:
    """Break a rule, or none."""
    with RULES[name]() if name else contextlib.nullcontext():
        yield
