"""Whom a request means to pay through."""

from typing import Any

from rest_framework import serializers

from billing.enums import Provider
from billing.selectors import payment_methods
from orgs.models import Organization


def provider_of(data: dict[str, Any], organization: Organization) -> Provider:
    """Return the asked provider, else whoever charges the organization.

    Raises:
        ValidationError: it has no driver, or charges nobody: only staff start what is paid by hand.
    """
    name = data.get("provider")
    if not name:
        return payment_methods.paying_provider(organization)
    if not payment_methods.takes_payments(name):
        raise serializers.ValidationError({"provider": ["This provider is not available."]})
    return Provider(name)
