"""Where a merchant's gateway is: built from its site, never taken from input."""

import re
from urllib.parse import urlsplit

from django.conf import settings

from orgs.models import KeyMode

_SITE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_TEST = "-uat"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class HostRefused(ValueError):
    """There is no host that these credentials may be sent to."""


def site_of(value: str, mode: str) -> str:
    """Return a site's name without the mark of test hosts.

    Raises:
        HostRefused: it is no name of a site; or a live account names a test site.
    """
    if not _SITE.fullmatch(value):
        raise HostRefused("site")
    if not value.endswith(_TEST):
        return value
    if mode != KeyMode.TEST:
        raise HostRefused("site")
    return value.removesuffix(_TEST)


def origin_of(site: str, mode: str) -> str:
    """Return what stands before `/cardconnect/rest` and `/itoke` for a site.

    Raises:
        HostRefused: these credentials may be sent to no host.
    """
    return _origin(site, mode, domain="cardconnect.com", stand_in="gw")


def terminal_origin_of(site: str, mode: str) -> str:
    """Return what stands before `/api` for a site: where its readers are driven.

    Raises:
        HostRefused: these credentials may be sent to no host.
    """
    return _origin(site, mode, domain="cardpointe.com", stand_in="bolt")


def _origin(site: str, mode: str, *, domain: str, stand_in: str) -> str:
    """Return the host of a site in a domain, or where `CARDCONNECT_API_BASE` has it.

    A test account only ever gets the test host, a live one only in production and only the
    gateway's own; a simulator's address never gets the credentials of a live account.

    Raises:
        HostRefused: none of these applies.
    """
    name = site_of(site, mode)
    base: str = settings.CARDCONNECT_API_BASE
    if mode == KeyMode.TEST:
        if not base:
            return f"https://{name}{_TEST}.{domain}"
        if settings.IS_PRODUCTION:
            raise HostRefused("base")
        return f"{base.rstrip('/')}/{stand_in}/{name}{_TEST}"
    if mode != KeyMode.LIVE or base or not settings.IS_PRODUCTION:
        raise HostRefused("mode")
    return f"https://{name}.{domain}"


def is_loopback(origin: str) -> bool:
    """Say whether an address is on this machine."""
    return (urlsplit(origin).hostname or "") in _LOOPBACK
