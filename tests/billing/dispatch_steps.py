"""Stored events, for the tests that dispatch them."""

from typing import Any

from billing.enums import Provider
from billing.models import (
    InboxEvent,
    Price,
    Subscription,
)
from billing.services import dispatch, subscribe
from billing.types import Cause
from orgs import clock
from tests.billing.builders import make_organization

NOBODY = "sub_of_somebody_else"


def store(event_id: str, type_: str, obj: dict[str, Any], **fields: Any) -> InboxEvent:
    return InboxEvent.objects.create(
        provider=Provider.STRIPE,
        external_id=event_id,
        type=type_,
        payload={
            "id": event_id,
            "object": "event",
            "type": type_,
            "created": 1_780_000_000,
            "data": {"object": obj},
        },
        **fields,
    )


def about_subscription(event_id: str, external_id: str, **fields: Any) -> InboxEvent:
    obj = {"id": external_id, "object": "subscription", "customer": "cus_1", "metadata": {}}
    return store(event_id, "customer.subscription.updated", obj, **fields)


def drain() -> int:
    return dispatch.drain_inbox(now=clock.now())


def waiting_start(price: Price) -> Subscription:
    """A start whose card has still to be entered, so that the provider knows it."""
    return subscribe.start_subscription(
        organization=make_organization(),
        request=subscribe.StartRequest(price=price),
        cause=Cause("request"),
        now=clock.now(),
    ).subscription
