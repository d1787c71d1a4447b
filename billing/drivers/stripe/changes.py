"""Changing a subscription at Stripe now, and previewing it."""

from datetime import datetime
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from billing.drivers.base import DriverRejected
from billing.drivers.stripe import calls, discounts, errors, previews, subscriptions
from billing.drivers.stripe.calls import Json
from billing.enums import Proration
from billing.types import ChangeSpec, InvoicePreview, SubscriptionSnapshot

if TYPE_CHECKING:
    import stripe

_Behavior = Literal["always_invoice", "create_prorations", "none"]

# Source: https://docs.stripe.com/billing/subscriptions/prorations#control-proration
_BEHAVIORS: dict[Proration, _Behavior] = {
    Proration.INVOICE: "always_invoice",
    Proration.NEXT_INVOICE: "create_prorations",
    Proration.NONE: "none",
}
# Stripe's word for "there will be no further invoice".
# Source: https://docs.stripe.com/error-codes#invoice-upcoming-none
_NONE_UPCOMING = "invoice_upcoming_none"


def preview(spec: ChangeSpec) -> InvoicePreview:
    """Say what an invoice would be if this were done.

    Source: https://docs.stripe.com/api/invoices/create_preview
    """
    details: stripe.params.InvoiceCreatePreviewParamsSubscriptionDetails = {}
    params: stripe.params.InvoiceCreatePreviewParams = {
        "customer": spec.external_customer_id,
        "subscription_details": details,
    }
    if spec.external_subscription_id:
        params["subscription"] = spec.external_subscription_id
        item_id = _item_of(subscriptions.raw(spec.external_subscription_id))["id"]
        details["items"] = [
            {"id": item_id, "price": spec.external_price_id, "quantity": spec.seats}
        ]
        details["proration_behavior"] = _BEHAVIORS[spec.proration]
        if spec.proration_date and spec.proration is not Proration.NONE:
            details["proration_date"] = _seconds(spec.proration_date)
    else:
        details["items"] = [{"price": spec.external_price_id, "quantity": spec.seats}]
        if spec.starts_at:
            details["start_date"] = _seconds(spec.starts_at)
        if spec.trial_end:
            details["trial_end"] = _seconds(spec.trial_end)
    if spec.discount:
        params["discounts"] = [discounts.as_param(spec.discount)]
    return previews.preview(_preview(params))


def preview_renewal(external_id: str) -> InvoicePreview | None:
    """Say what the next regular invoice will be; None for a subscription that ends."""
    return _upcoming({"subscription": external_id})


def preview_ending(external_id: str) -> InvoicePreview | None:
    """Say what is invoiced last if it ended with its period; None when nothing waits.

    Items that wait for an invoice are charged at the end of the period all the same.
    Source: https://docs.stripe.com/billing/subscriptions/cancel#cancel-at-end-of-cycle
    """
    ending: stripe.params.InvoiceCreatePreviewParams = {
        "subscription": external_id,
        "subscription_details": {"cancel_at_period_end": True},
    }
    return _upcoming(ending)


def _upcoming(params: "stripe.params.InvoiceCreatePreviewParams") -> InvoicePreview | None:
    try:
        raw = _preview(params)
    except DriverRejected as error:
        if error.detail == _NONE_UPCOMING:
            return None
        raise
    return previews.preview(raw)


def _preview(params: "stripe.params.InvoiceCreatePreviewParams") -> Json:
    """Ask, although it is a POST: nothing comes of it, so it is repeated like a question.

    Each time under a key of its own, or Stripe would repeat its answer to a failure, too.
    """
    return calls.read(
        lambda sdk: sdk.v1.invoices.create_preview(params, calls.keyed(f"preview:{uuid4()}"))
    )


def change(spec: ChangeSpec, *, idempotency_key: str) -> SubscriptionSnapshot:
    """Change price, seats or discount.

    What is charged at once changes nothing before it is paid ("pending update").
    Source: https://docs.stripe.com/billing/subscriptions/pending-updates
    """
    item_id = _item_of(subscriptions.raw(spec.external_subscription_id))["id"]
    params: stripe.params.SubscriptionModifyParams = {
        "items": [{"id": item_id, "price": spec.external_price_id, "quantity": spec.seats}],
        "proration_behavior": _BEHAVIORS[spec.proration],
    }
    if spec.proration is Proration.INVOICE:
        params["payment_behavior"] = "pending_if_incomplete"
    if spec.proration_date and spec.proration is not Proration.NONE:
        params["proration_date"] = _seconds(spec.proration_date)
    if spec.discount:
        params["discounts"] = [discounts.as_param(spec.discount)]
    return subscriptions.update(
        spec.external_subscription_id, params, idempotency_key=idempotency_key
    )


def drop_unpaid(external_id: str, *, idempotency_key: str) -> SubscriptionSnapshot:
    """Void the invoice that a pending update waits for: the update is then discarded.

    Source: https://docs.stripe.com/billing/subscriptions/pending-updates#handle-failed-payments
    """
    raw = subscriptions.raw(external_id)
    invoice = raw["latest_invoice"]
    if raw["pending_update"] and isinstance(invoice, dict) and invoice["status"] == "open":
        options = calls.keyed(idempotency_key, "void")
        calls.write(lambda sdk: sdk.v1.invoices.void_invoice(invoice["id"], {}, options))
    with errors.after_write():
        return subscriptions.retrieve(external_id)


def _item_of(raw: Json) -> Json:
    """Return the item that is sold by the seat (metered ones stand beside it)."""
    items: list[Json] = raw["items"]["data"]
    return next((item for item in items if item.get("quantity") is not None), items[0])


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
