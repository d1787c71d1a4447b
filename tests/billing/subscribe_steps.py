"""Starting a subscription, for the tests of how that can end."""

from typing import Any

from billing.models import (
    Price,
)
from billing.services import subscribe
from billing.types import Cause
from orgs import clock
from orgs.models import Organization
from tests.simulators.stripe.client import StripeSimulator

CAUSE = Cause("request", id="req_1")


def start(organization: Organization, price: Price, method: str = "", **more: Any) -> Any:
    request = subscribe.StartRequest(price=price, payment_method=method, **more)
    return subscribe.start_subscription(
        organization=organization, request=request, cause=CAUSE, now=clock.now()
    )


def writes(stripe: StripeSimulator, path: str) -> list[dict[str, Any]]:
    """Return the writes to a path that the simulator has seen since the last reset."""
    return [r for r in stripe.requests() if r["method"] == "POST" and r["path"] == path]
