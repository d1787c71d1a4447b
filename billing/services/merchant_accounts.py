"""The provider accounts that the platform's own money goes to."""

import json
from collections.abc import Mapping

from billing.enums import Provider
from billing.models import MerchantAccount
from orgs.models import KeyMode


def ensure_platform_account(
    *, provider: Provider, mode: KeyMode, label: str, credentials: Mapping[str, str]
) -> MerchantAccount:
    """Return the platform's account at a provider; one that is there keeps its credentials."""
    found = MerchantAccount.objects.filter(organization=None, provider=provider, mode=mode)
    return found.order_by("created_at").first() or MerchantAccount.objects.create(
        provider=provider, mode=mode, label=label, credentials=json.dumps(dict(credentials))
    )
