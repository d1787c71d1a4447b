"""Asking for a tip at a reader, before its card is."""

from decimal import Decimal, InvalidOperation
from typing import Any

from billing.drivers.base import DriverUnavailable
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.terminals import answers, commands
from billing.drivers.cardconnect.terminals.sessions import Session
from billing.types import SaleOrder

_PROMPT = "Add a tip?"
_PRESETS = (15, 18, 20)
# What `authCard` takes at most.
_MOST = 2_147_483_647
_CENTS = 100


def ask(merchant: Merchant, session: Session, order: SaleOrder) -> int | None:
    """Return the tip in cents that was chosen; None when the payment was canceled instead.

    Raises:
        ReaderBusy, ReaderOffline, DriverUnavailable, DriverRejected: there is no tip; nothing was
            started.
    """
    fields = {
        "amount": order.amount_minor,
        "prompt": _PROMPT,
        "tipPercentPresets": list(_PRESETS),
        "includeCustomTipAmount": True,
    }
    answer = commands.ask_for_tip(merchant, session, fields)
    if answers.error_code(answer) == answers.CANCELED:
        return None
    if not commands.is_done(answer):
        raise commands.error_of("tip", answer)
    tip = tip_of(order.amount_minor, answer.body)
    if tip is None:
        raise DriverUnavailable("API_ERROR", detail="tip_unreadable")
    return tip


def tip_of(amount_minor: int, body: Any) -> int | None:
    """Return the tip in cents in an answer; None when it can't be told.

    The terminal service's guide shows `{"amount":100,"tip":6,"total":106}` and elsewhere 0.06 and
    1.06 for the same: only the unit in which our amount and the tip make the total is the right
    one, and for amounts above zero there is at most one.
    """
    if not isinstance(body, dict):
        return None
    for unit in (1, _CENTS):
        tip, total = _cents(body.get("tip"), unit), _cents(body.get("total"), unit)
        if tip is None or total is None or tip < 0 or total > _MOST:
            continue
        if amount_minor + tip == total:
            return tip
    return None


def _cents(value: Any, unit: int) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        cents = Decimal(str(value)) * unit
    except InvalidOperation:
        return None
    return int(cents) if cents.is_finite() and cents == int(cents) else None
