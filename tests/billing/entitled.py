"""An organization with a seeded plan, for the tests of what a plan gives."""

from datetime import datetime, timedelta
from typing import Any

from django.core.management import call_command
from django.db import transaction

from billing.enums import Provider
from billing.models import Price, Subscription
from billing.services import standing
from billing.types import Cause
from orgs.models import Organization
from tests.factories_billing import NOW, CustomerFactory, SubscriptionFactory

PERIOD_ENDS = NOW + timedelta(days=31)


def give(organization: Organization, plan: str = "starter", **fields: Any) -> Subscription:
    """Put an organization on a seeded plan and bring it in line."""
    call_command("seed_plans", verbosity=0)
    price = Price.objects.get(plan_version__plan__code=plan, interval="month")
    if price.is_free:
        fields = {
            "is_free": True,
            "external_id": "",
            "provider": Provider.CUSTOM,
            "current_period_end": None,
            **fields,
        }
    customer = CustomerFactory.create(organization=organization, external_id=f"cus_{plan}")
    row = SubscriptionFactory.create(
        organization=organization, customer=customer, price=price, **fields
    )
    tell(organization, NOW)
    return row


def tell(organization: Organization, now: datetime) -> None:
    """Bring an organization in line with its subscriptions."""
    with transaction.atomic():
        standing.refresh_organization(organization, cause=Cause("request", id="trace-1"), now=now)
