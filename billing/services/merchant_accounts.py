"""The provider accounts that the platform's own money goes to."""

import json
from collections.abc import Mapping

from billing.enums import Provider
from billing.models import MerchantAccount
from orgs.models import KeyMode


def ensure_platform_account(
    *, provider: Provider, mode: KeyMode, label: str, credentials: Mapping[str, str]
) -> MerchantAccount:
    """Return the platform's account at a provider; one that is there keeps its credentials.

    What an earlier version has not known is added to credentials that are these otherwise.
    """
    wanted = json.dumps(dict(credentials))
    rows = MerchantAccount.objects.filter(organization=None, provider=provider, mode=mode)
    found = rows.order_by("created_at").first()
    if found is None:
        return MerchantAccount.objects.create(
            provider=provider, mode=mode, label=label, credentials=wanted
        )
    stored: dict[str, str] = json.loads(str(found.credentials) or "{}")
    if stored.items() < credentials.items():
        found.credentials = wanted
        found.save(update_fields=["credentials", "updated_at"])
    return found
