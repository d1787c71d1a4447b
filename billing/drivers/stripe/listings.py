"""Everything at Stripe, page by page, for the comparison with our rows."""

import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from billing.drivers.listing_calls import ListingCalls
from billing.drivers.stripe import (
    calls,
    discounts,
    invoices,
    normalizer,
    payment_methods,
    reversals,
    snapshots,
)
from billing.drivers.stripe.calls import Json
from billing.types import (
    ChargeSnapshot,
    InvoiceSnapshot,
    NormalizedEvent,
    Page,
    PayerSnapshot,
    SubscriptionSnapshot,
    VerifiedWebhook,
)

_PER_PAGE = 100

logger = logging.getLogger(__name__)

RowT = TypeVar("RowT")


class Listing(ListingCalls):
    """The lists of Stripe's API, at the pinned version."""

    def list_subscriptions(
        self, *, after: str = "", external_customer_id: str = ""
    ) -> Page[SubscriptionSnapshot]:
        """List subscriptions, those that ended included.

        Source: https://docs.stripe.com/api/subscriptions/list (without a status, Stripe leaves out
        what is canceled).
        """
        params: Json = {
            "status": "all",
            "expand": [f"data.{discounts.EXPAND}", "data.schedule"],
            **({"customer": external_customer_id} if external_customer_id else {}),
        }
        return _page("subscriptions", params, after, snapshots.subscription)

    def list_payers(self, *, after: str = "") -> Page[PayerSnapshot]:
        """List customers. Source: https://docs.stripe.com/api/customers/list."""
        return _page("customers", {}, after, payment_methods.payer)

    def list_invoices(
        self, *, created_since: datetime, after: str = "", external_customer_id: str = ""
    ) -> Page[InvoiceSnapshot]:
        """List invoices. Source: https://docs.stripe.com/api/invoices/list."""
        params: Json = _since(created_since)
        if external_customer_id:
            params["customer"] = external_customer_id
        return _page("invoices", params, after, invoices.snapshot)

    def list_refunds(self, *, created_since: datetime, after: str = "") -> Page[ChargeSnapshot]:
        """List refunds with their charges, which name the payer.

        Source: https://docs.stripe.com/api/refunds/list
        """
        params = {**_since(created_since), "expand": ["data.charge"]}
        return _page("refunds", params, after, reversals.charge_of_refund)

    def list_events(
        self, *, created_since: datetime, after: str = "", only_undelivered: bool = False
    ) -> Page[NormalizedEvent]:
        """List events; Stripe keeps them for thirty days.

        Source: https://docs.stripe.com/api/events/list
        """
        params = _since(created_since)
        if only_undelivered:
            params["delivery_success"] = "false"
        return _page("events", params, after, normalizer.normalize)

    def retrieve_event(self, external_id: str) -> VerifiedWebhook:
        """Ask for an event, in the shape in which it was made."""
        raw = calls.read_one("events", external_id)
        return VerifiedWebhook(external_id=raw["id"], type=raw["type"], body=json.dumps(raw))


def _since(moment: datetime) -> Json:
    return {"created": {"gte": int(moment.timestamp())}}


def _page(
    collection: str, params: Json, after: str, read: Callable[[Json], RowT | None]
) -> Page[RowT]:
    """Ask for one page. A row that can't be read is left out, and said: the others count."""
    more = {"starting_after": after} if after else {}
    asked: Json = {"limit": _PER_PAGE, **params, **more}
    page = calls.read(lambda sdk: sdk.raw_request("get", f"/v1/{collection}", **asked))
    rows = [row for raw in page["data"] if (row := _readable(raw, read)) is not None]
    goes_on = page["has_more"] and page["data"]
    return Page(tuple(rows), page["data"][-1]["id"] if goes_on else "")


def _readable(raw: Json, read: Callable[[Json], RowT | None]) -> RowT | None:
    try:
        return read(raw)
    except (KeyError, TypeError, ValueError):  # of another API version, or a new word
        logger.exception("stripe.unreadable", extra={"object": raw.get("id")})
        return None
