"""The one database, as Django's settings have it."""

from typing import Any
from urllib.parse import unquote


def settings_of(address: dict[str, Any], *, pool_size: int) -> dict[str, Any]:
    """Return the settings for what DATABASE_URL says.

    With a pool, connections are given back after each use; else each thread keeps its own. Under
    ASGI each request has a thread of its own, and would spend most of its time on connecting.
    """
    options = dict(address.get("OPTIONS", {}))
    if pool_size > 0:
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 10}
    return {
        **address,
        "ENGINE": "django.db.backends.postgresql",
        # A Unix socket's directory arrives percent-encoded, as libpq's URLs have it.
        "HOST": unquote(str(address["HOST"])),
        "OPTIONS": options,
        "CONN_MAX_AGE": 0 if pool_size > 0 else None,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
    }
