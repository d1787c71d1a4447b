"""Mistakes in the settings that would send credentials, or money, to the wrong place."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error

from orgs.models import KeyMode


def check_cardconnect(**_: Any) -> list[CheckMessage]:
    """Compare the mode and the address with what this process is."""
    return [*_base(), *_mode()]


def _base() -> Iterator[CheckMessage]:
    base = settings.CARDCONNECT_API_BASE
    if not base:
        return
    if settings.IS_PRODUCTION:
        yield Error(
            "CARDCONNECT_API_BASE is set: credentials would be sent to another host than the "
            "gateway's.",
            hint="Remove it; the hosts follow from the site of each merchant account.",
            id="till.E030",
        )
    parts = urlsplit(base)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
        yield Error("CARDCONNECT_API_BASE is no address.", id="till.E031")


def _mode() -> Iterator[CheckMessage]:
    mode = settings.CARDCONNECT_MODE
    if mode not in KeyMode.values:
        yield Error("CARDCONNECT_MODE is neither test nor live.", id="till.E032")
    elif mode == KeyMode.LIVE and not settings.IS_PRODUCTION:
        yield Error(
            "CARDCONNECT_MODE is live, but this is not production: real cards would be charged.",
            id="till.E033",
        )
