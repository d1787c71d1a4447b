"""Amounts on the wire: "12.34" is major units, "1234" is minor units."""

import re

_AMOUNT = re.compile(r"-?(\d{1,12})(?:\.(\d{1,2}))?")
_MAX_LENGTH = 14


def parse(text: str) -> int | None:
    """Return minor units, or nothing when it is no amount."""
    matched = _AMOUNT.fullmatch(text)
    if matched is None or len(text) > _MAX_LENGTH:
        return None
    whole, fraction = matched.groups()
    minor = int(whole) if fraction is None else int(whole) * 100 + int(fraction.ljust(2, "0"))
    return -minor if text.startswith("-") else minor


def shown(minor: int) -> str:
    """Return minor units as the gateway shows them."""
    sign, rest = ("-", -minor) if minor < 0 else ("", minor)
    return f"{sign}{rest // 100}.{rest % 100:02d}"
