"""From a refusal to what dunning may do next.

The card brand's own advice comes first, then Visa's category, then the processor's code; a refusal
that nobody explains is soft.
"""

import dataclasses
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from billing.drivers.cardconnect.decline_table import GROUP_OF, WORD_OF, Group
from billing.drivers.cardconnect.outcome import code_of, text
from billing.engine.rails import DeclineKind

Brand = Literal["visa", "mastercard", "amex", "discover", "diners", "jcb", ""]

_WAITS = {
    "02": timedelta(days=3),
    "24": timedelta(hours=1),
    "25": timedelta(hours=24),
    "26": timedelta(days=2),
    "27": timedelta(days=4),
    "28": timedelta(days=6),
    "29": timedelta(days=8),
    "30": timedelta(days=10),
}
_NO_WAIT = timedelta()
# The same numbers mean other things at other brands.
_ADVICE: dict[Brand, dict[str, tuple[Group, timedelta]]] = {
    "mastercard": {
        "01": (Group.FIX_DATA, _NO_WAIT),
        **{code: (Group.SOFT, wait) for code, wait in _WAITS.items()},
        **dict.fromkeys(("03", "04", "05", "22", "40", "41"), (Group.HARD, _NO_WAIT)),
        **dict.fromkeys(("06", "07", "21"), (Group.STOP, _NO_WAIT)),
    },
    "visa": dict.fromkeys(("02", "03", "21", "R0", "R1", "R3"), (Group.STOP, _NO_WAIT)),
}
_CATEGORIES = {"1": Group.HARD, "2": Group.SOFT, "3": Group.FIX_DATA}

_KINDS = {
    Group.HARD: DeclineKind.HARD,
    Group.SOFT: DeclineKind.SOFT,
    Group.CALL_BANK: DeclineKind.SOFT,
    Group.FIX_DATA: DeclineKind.FIX_DATA,
    Group.STOP: DeclineKind.STOP,
    # "Not this one again, but the next period": for this debt another card is needed.
    Group.SKIP: DeclineKind.HARD,
    Group.TRANSIENT: DeclineKind.TRANSIENT,
    Group.STATE: DeclineKind.TRANSIENT,
}
_WORDS = {
    Group.TRANSIENT: "processing_error",
    Group.STATE: "processing_error",
    Group.CALL_BANK: "call_issuer",
    Group.STOP: "stop_payment_order",
}
_UNEXPLAINED = "generic_decline"


@dataclasses.dataclass(frozen=True, slots=True)
class Decline:
    """Why a payment was refused.

    `group` CONFIG is nobody's decline: our request or our account is wrong.
    """

    group: Group
    word: str
    wait: timedelta = _NO_WAIT

    @property
    def is_ours(self) -> bool:
        """Say whether it is ours to repair, and nothing the payer may hear of."""
        return self.group is Group.CONFIG

    @property
    def kind(self) -> DeclineKind:
        """Return what dunning goes by."""
        return _KINDS[self.group]


def explain(body: Mapping[str, Any], brand: Brand) -> Decline:
    """Say why a payment was refused."""
    key = code_of(body)
    group, wait = _group(body, brand, key)
    word = _WORDS.get(group) or _UNEXPLAINED
    return Decline(group, WORD_OF.get(key, word), wait)


def _group(body: Mapping[str, Any], brand: Brand, key: tuple[str, str]) -> tuple[Group, timedelta]:
    advice = _ADVICE.get(brand, {}).get(text(body, "merchAdviceCode"))
    if advice is not None:
        return advice
    category = _CATEGORIES.get(text(body, "declineCategory"))
    return category or GROUP_OF.get(key, Group.SOFT), _NO_WAIT


_BRANDS: dict[str, Brand] = {
    "3": "amex",
    "4": "visa",
    "5": "mastercard",
    "2": "mastercard",
    "6": "discover",
}
_DINERS = ("30", "36", "38", "39")
_JCB = "35"


def brand_of(token: str) -> Brand:
    """Return the brand a token tells by its second and third digits, those of the card."""
    if token[1:3] in _DINERS:
        return "diners"
    return "jcb" if token[1:3] == _JCB else _BRANDS.get(token[1:2], "")
