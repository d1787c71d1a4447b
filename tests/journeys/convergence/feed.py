"""What a simulated provider has to tell since the last time."""

from typing import Any

from tests.simulators.stripe.client import StripeSimulator

Json = dict[str, Any]


class Feed:
    """Reads events as they come; begins with the next one."""

    def __init__(self, stripe: StripeSimulator) -> None:
        self._stripe = stripe
        page = stripe.api("GET", "/v1/events?limit=1").json()
        self._newest = str(page["data"][0]["id"])

    def news(self) -> list[Json]:
        """Return the events since the last time, oldest first."""
        found: list[Json] = []
        while True:
            path = f"/v1/events?limit=100&ending_before={self._newest}"
            page = self._stripe.api("GET", path).json()
            found += reversed(page["data"])
            if page["data"]:
                self._newest = page["data"][0]["id"]
            if not page["has_more"]:
                return found
