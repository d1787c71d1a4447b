"""Which secrets a webhook address is verified with."""

import time
from uuid import UUID

from django.conf import settings

from billing.enums import Provider
from billing.models import MerchantAccount

_CACHE_SECONDS = 30.0
_cache: dict[tuple[str, UUID], tuple[float, str]] = {}


def platform_webhook_secrets(provider: Provider) -> list[str]:
    """Return the secrets of the platform's own endpoint; several while one is being rotated."""
    if provider is not Provider.STRIPE:
        return []
    return [part.strip() for part in settings.STRIPE_WEBHOOK_SECRET.split(",") if part.strip()]


def endpoint_webhook_secrets(provider: Provider, endpoint_id: UUID) -> list[str] | None:
    """Return the secrets of one account's endpoint, None when there is no such endpoint.

    Answers are remembered for 30 s in this process: the intake stays at one statement an event.
    """
    key = (provider.value, endpoint_id)
    known = _cache.get(key)
    if known is None or known[0] < time.monotonic():
        account = MerchantAccount.objects.filter(
            pk=endpoint_id, provider=provider, is_active=True
        ).first()
        if account is None:
            return None
        known = (time.monotonic() + _CACHE_SECONDS, str(account.webhook_secret))
        _cache[key] = known
    return [part.strip() for part in known[1].split(",") if part.strip()]
