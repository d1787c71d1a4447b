"""What a receipt says of a card, out of an answer that says more: listed fields, nothing else.

Names of the tags as the terminal service writes them into `emvTagData`. Never taken: the card
holder's name, the card's number, its token.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from billing.drivers.cardconnect import declines
from billing.drivers.cardconnect.outcome import text
from billing.types import CardPresent
from billing.types.terminals import EntryMode, Verification

_TAGS = ("TVR", "TSI", "ARC", "IAD", "CVM", "Mode", "Network Label")
_APPLICATION = ("Application Preferred Name", "Application Label")
_SAFE = re.compile(r"[A-Za-z0-9 .,/_:-]{1,64}")
_LAST4 = re.compile(r"[0-9]{4}")
_TOKEN = re.compile(r"9[0-9]{15}")
_NO = frozenset({"", "none", "false", "no", "n"})
# The first that fits: a contactless chip is "EMVContactless".
_ENTRY: tuple[tuple[str, EntryMode], ...] = (
    ("contactless", "contactless"),
    ("nfc", "contactless"),
    ("tap", "contactless"),
    ("emv", "chip"),
    ("chip", "chip"),
    ("contact", "chip"),
    ("swip", "swipe"),
    ("mag", "swipe"),
    ("msr", "swipe"),
    ("key", "manual"),
    ("manual", "manual"),
)


def card_of(body: Mapping[str, Any]) -> CardPresent:
    """Return what a receipt says of the card in an approval, a refusal or an inquiry."""
    tags = _tags(body)
    token = text(body, "token")
    token = token if _TOKEN.fullmatch(token) else ""
    last4 = text(body, "lastfour") or token[-4:]
    return CardPresent(
        brand=declines.brand_of(token) if token else "",
        last4=last4 if _LAST4.fullmatch(last4) else "",
        entry_mode=_entry_mode(text(body, "entrymode") or _tag(tags, "Entry method")),
        verification=_verification(tags),
        application=next(filter(None, (_tag(tags, name) for name in _APPLICATION)), ""),
        aid=_tag(tags, "AID"),
        auth_code=_safe(text(body, "authcode")),
        emv={name: value for name in _TAGS if (value := _tag(tags, name))},
    )


def _tags(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the chip's tags: JSON in a text, or what it already was read into."""
    written = body.get("emvTagData")
    if isinstance(written, str):
        try:
            written = json.loads(written)
        except (ValueError, RecursionError):
            return {}
    return written if isinstance(written, dict) else {}


def _tag(tags: Mapping[str, Any], name: str) -> str:
    return _safe(text(tags, name))


def _safe(value: str) -> str:
    """Return a value as it is printed; empty for one that can't be what it should."""
    return value if _SAFE.fullmatch(value) else ""


def _entry_mode(word: str) -> EntryMode:
    return next((mode for part, mode in _ENTRY if part in word.lower()), "")


def _verification(tags: Mapping[str, Any]) -> Verification:
    if "device" in _tag(tags, "CVM").lower():
        return "device"
    pin, signature = (text(tags, name).lower() for name in ("PIN", "Signature"))
    if pin not in _NO:
        return "pin"
    if signature not in _NO:
        return "signature"
    return "none" if pin or signature else ""
