"""That a till asked for a payment to be stopped: beside the session, for whoever waits for it."""

import logging

import redis
from django.core.cache import cache

# As long as anybody may ask what became of it; the payment's own row knows for good.
_LASTS_S = 24 * 3600

logger = logging.getLogger(__name__)


def ask(reference: str) -> None:
    """Note that a try is not wanted any more, whatever its reader says."""
    try:
        cache.set(_name(reference), 1, timeout=_LASTS_S)
    except (redis.RedisError, OSError):
        logger.warning("cardconnect.stop_not_noted", extra={"reference": reference})


def is_asked(reference: str) -> bool:
    """Say whether it is not wanted any more, as far as can be told."""
    try:
        return cache.get(_name(reference)) is not None
    except (redis.RedisError, OSError):
        return False


def _name(reference: str) -> str:
    return f"cardconnect:stop:{reference}"
