"""Rules of the product broken on purpose: what finds nothing then proves nothing."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from unittest import mock

from billing.drivers.base import OutcomeUnknown
from billing.drivers.cardconnect import voiding
from billing.drivers.cardconnect.terminals import finding
from billing.drivers.cardconnect.terminals.driver import InPerson
from billing.drivers.stripe.terminals import Terminals
from terminals.services import concluding, ending


@contextlib.contextmanager
def _declines_the_unknown() -> Iterator[None]:
    """Take a lost answer for a refusal: the reader is free, and the till may try again."""

    def give_up(*, attempt: Any, cause: Any, now: Any) -> None:
        concluding.give_up(attempt=attempt, cause=cause, now=now)

    with mock.patch.object(concluding, "lose", give_up):
        yield


@contextlib.contextmanager
def _believes_absence() -> Iterator[None]:
    """Believe "there is none" at once, while a card may still be at the reader."""
    with (
        mock.patch.object(finding, "ABSENT_AFTER", timedelta()),
        mock.patch.object(voiding, "void_all", return_value=None),
    ):
        yield


@contextlib.contextmanager
def _keeps_what_was_canceled() -> Iterator[None]:
    """Forget that a till has given its payment up."""
    with mock.patch.object(ending, "finish", return_value=False):
        yield


@contextlib.contextmanager
def _asks_nobody() -> Iterator[None]:
    """Never ask what became of a sale."""
    lost = OutcomeUnknown("API_ERROR", detail="not_asked")
    with (
        mock.patch.object(InPerson, "find_sale", side_effect=lost),
        mock.patch.object(Terminals, "find_sale", side_effect=lost),
    ):
        yield


RULES: dict[str, Callable[[], contextlib.AbstractContextManager[None]]] = {
    "decline-unknown": _declines_the_unknown,
    "believe-absence": _believes_absence,
    "keep-canceled": _keeps_what_was_canceled,
    "ask-nobody": _asks_nobody,
}


@contextlib.contextmanager
def rule(name: str) -> Iterator[None]:
    """Break a rule, or none."""
    with RULES[name]() if name else contextlib.nullcontext():
        yield
