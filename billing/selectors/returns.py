"""Where a payer may be sent after a checkout."""

from urllib.parse import urlsplit

from django.conf import settings

from billing.models import BillingProfile
from orgs.models import Organization


def is_allowed(url: str, organization: Organization) -> bool:
    """Say whether a return address is on our host or on one the organization allowed."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return False
    if parts.netloc.lower() == urlsplit(settings.PUBLIC_URL).netloc.lower():
        return True
    profile = BillingProfile.objects.for_org(organization).first()
    return profile is not None and parts.netloc.lower() in {
        str(host).lower() for host in profile.allowed_return_hosts
    }
