"""How often the test gateway may be asked: it counts four kinds of calls by our address."""

import time

from django.core.cache import cache

from billing.drivers.base import DriverUnavailable
from billing.drivers.cardconnect.accounts import Merchant
from orgs.models import KeyMode

# Source: the gateway's guide to its test environment: 20 a minute for funding, inquire, profile and
# settlestat. Whether each or together is not said: we stay below for all of them together.
_PER_MINUTE = 15
_WINDOW_S = 60
_OFFICIAL = ".cardconnect.com"


def take(merchant: Merchant) -> None:
    """Count one of the limited calls; live hosts and simulators are not limited by us.

    Raises:
        DriverUnavailable: the minute is used up; nothing was sent.
    """
    if merchant.mode == KeyMode.TEST and merchant.origin.endswith(_OFFICIAL):
        spend("test-hosts", limit=_PER_MINUTE)


def spend(name: str, *, limit: int) -> None:
    """Count one call of this minute.

    Raises:
        DriverUnavailable: there were `limit` already.
    """
    minute, seconds = divmod(int(time.time()), _WINDOW_S)
    key = f"cardconnect:budget:{name}:{minute}"
    cache.add(key, 0, timeout=2 * _WINDOW_S)
    if cache.incr(key) > limit:
        raise DriverUnavailable("RATE_LIMIT", detail="own_limit", retry_after=_WINDOW_S - seconds)
