"""Amounts as the gateway writes them: the one place where cents become text and back.

A request without a decimal point is read as cents, one with two decimals as whole units. Only the
second form is ever sent, so that "100" can't be taken for a dollar.
"""

import re
from decimal import Decimal

from billing.money import exponent

_DECIMALS = 2
_LONGEST = 14
_AMOUNT = re.compile(r"-?[0-9]{1,11}(\.[0-9]{1,2})?")


class CurrencyNotSupported(ValueError):
    """The gateway only knows currencies with two decimals."""


def to_wire(amount_minor: int, currency: str) -> str:
    """Return an amount as the gateway takes it: `49.00`.

    Raises:
        CurrencyNotSupported: the currency does not have two decimals.
        ValueError: negative (which would be a forced credit), or longer than its field.
    """
    if exponent(currency) != _DECIMALS:
        raise CurrencyNotSupported(currency)
    if amount_minor < 0:
        raise ValueError("a negative amount is a forced credit")
    text = f"{amount_minor // 100}.{amount_minor % 100:02d}"
    if len(text) > _LONGEST:
        raise ValueError("the amount is longer than its field")
    return text


def from_wire(value: object) -> int | None:
    """Return the cents of an answer's decimal string; None when it can't be read exactly.

    Only texts are read: a number went through a float on its way, and is no amount.
    """
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value.strip()):
        return None
    return int(Decimal(value.strip()).scaleb(_DECIMALS))
