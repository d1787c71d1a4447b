"""Mails that wait to be sent."""

from typing import Any

import factory
from factory.django import DjangoModelFactory

from notifications.models import Message
from tests.factories import OrganizationFactory
from tests.factories_billing import NOW

CONFIRMATION: dict[str, Any] = {
    "organization": "Acme",
    "plan": "Starter",
    "amount": "$29.00",
    "interval": "month",
    "seats": 1,
    "discount": "",
    "is_free": False,
    "trial_end": "",
    "next_charge": "1 April 2026",
    "manage_url": "http://127.0.0.1:8000/settings/billing",
    "support_email": "support@till.example",
}


class MessageFactory(DjangoModelFactory[Message]):
    """A queued SubscriptionConfirmedEmail."""

    class Meta:
        model = Message

    organization = factory.SubFactory(OrganizationFactory)
    kind = "subscription_confirmed"
    key = factory.Sequence(str)
    to = factory.LazyAttribute(lambda row: row.organization.email)
    context: Any = factory.LazyFunction(lambda: dict(CONFIRMATION))
    next_attempt_at = NOW
