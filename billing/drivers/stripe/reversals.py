"""Money on its way back at Stripe: refunds, credit notes, disputes."""

from datetime import UTC, datetime
from typing import Any, cast

import stripe

from billing.drivers.stripe import calls
from billing.drivers.stripe.calls import Json
from billing.drivers.stripe.snapshots import id_of
from billing.enums import CreditNoteStatus, DisputeStatus, Provider, RefundStatus
from billing.types import ChargeSnapshot, CreditNoteSnapshot, DisputeSnapshot, RefundSnapshot

_PER_PAGE = 100
# The key of our reference in a refund's metadata.
REFERENCE_KEY = "till_reference"
# Stripe's closed list of reasons; any other is ours alone.
# Source: https://docs.stripe.com/api/refunds/create#create_refund-reason
_REASONS = frozenset({"duplicate", "fraudulent", "requested_by_customer"})


def retrieve_charge(external_id: str) -> ChargeSnapshot:
    """Ask for a charge with its refunds, which name neither payer nor invoice themselves.

    Source: https://docs.stripe.com/api/charges/object#charge_object-refunds
    """
    return _charge(calls.read_one("charges", external_id, expand=["refunds"]))


def retrieve_payment(external_id: str) -> ChargeSnapshot:
    """Ask for the charge of a payment intent, with its refunds.

    Source: https://docs.stripe.com/api/payment_intents/object#payment_intent_object-latest_charge
    """
    raw = calls.read_one("payment_intents", external_id, expand=["latest_charge.refunds"])
    charge = raw["latest_charge"]
    if isinstance(charge, dict) and charge["captured"] and charge["paid"]:
        return _charge(charge)
    return ChargeSnapshot(
        provider=Provider.STRIPE,
        external_id="",
        external_payment_id=raw["id"],
        external_customer_id=id_of(raw["customer"]),
        currency=raw["currency"].upper(),
    )


def refund(
    external_payment_id: str,
    *,
    amount_minor: int,
    reason: str,
    reference: str,
    idempotency_key: str,
) -> RefundSnapshot:
    """Give back a payment intent's charge, or a part of it.

    Source: https://docs.stripe.com/api/refunds/create
    """
    params: stripe.params.RefundCreateParams = {
        "payment_intent": external_payment_id,
        "amount": amount_minor,
        "metadata": {REFERENCE_KEY: reference},
    }
    if reason in _REASONS:
        params["reason"] = cast("Any", reason)
    options = calls.keyed(idempotency_key)
    return _refund(calls.write(lambda sdk: sdk.v1.refunds.create(params, options)))


def _charge(raw: Json) -> ChargeSnapshot:
    refunds, external_id = raw["refunds"], raw["id"]
    rows: list[Json] = refunds["data"]
    if refunds["has_more"]:
        rows = list(calls.pages(lambda sdk, after: _page_of_refunds(sdk, external_id, after)))
    return ChargeSnapshot(
        provider=Provider.STRIPE,
        external_id=external_id,
        external_payment_id=id_of(raw["payment_intent"]),
        external_customer_id=id_of(raw["customer"]),
        refunds=tuple(_refund(row) for row in rows),
        captured_minor=raw["amount_captured"],
        currency=raw["currency"].upper(),
    )


def charge_of_refund(raw: Json) -> ChargeSnapshot | None:
    """Return a listed refund, its charge expanded, as that charge; None where it has none."""
    charge = raw["charge"]
    if not isinstance(charge, dict):
        return None
    return ChargeSnapshot(
        provider=Provider.STRIPE,
        external_id=charge["id"],
        external_payment_id=id_of(charge["payment_intent"]),
        external_customer_id=id_of(charge["customer"]),
        refunds=(_refund(raw),),
        captured_minor=charge["amount_captured"],
        currency=charge["currency"].upper(),
    )


def _page_of_refunds(
    sdk: stripe.StripeClient, charge: str, after: str | None
) -> stripe.StripeObject:
    params: stripe.params.RefundListParams = {"charge": charge, "limit": _PER_PAGE}
    if after:
        params["starting_after"] = after
    return sdk.v1.refunds.list(params)


def _refund(raw: Json) -> RefundSnapshot:
    """Return a refund as ours. Source: https://docs.stripe.com/refunds#failed-refunds."""
    return RefundSnapshot(
        external_id=raw["id"],
        status=RefundStatus(raw["status"]),
        amount_minor=raw["amount"],
        currency=raw["currency"].upper(),
        created_at=_moment(raw["created"]),
        reason=raw["reason"] or "",
        failure_reason=raw.get("failure_reason") or "",
        reference=(raw["metadata"] or {}).get(REFERENCE_KEY, ""),
    )


def retrieve_credit_note(external_id: str) -> CreditNoteSnapshot:
    """Ask for a credit note. Source: https://docs.stripe.com/api/credit_notes/object."""
    raw = calls.read_one("credit_notes", external_id)
    return CreditNoteSnapshot(
        provider=Provider.STRIPE,
        external_id=raw["id"],
        external_invoice_id=id_of(raw["invoice"]),
        external_customer_id=id_of(raw["customer"]),
        status=CreditNoteStatus(raw["status"]),
        amount_minor=raw["total"],
        currency=raw["currency"].upper(),
        created_at=_moment(raw["created"]),
        number=raw["number"] or "",
        reason=raw["reason"] or "",
        memo=raw["memo"] or "",
        voided_at=_moment(raw["voided_at"]) if raw["voided_at"] else None,
    )


def retrieve_dispute(external_id: str) -> DisputeSnapshot:
    """Ask for a dispute with the charge it is about: only that one names the payer.

    Source: https://docs.stripe.com/api/disputes/object
    """
    raw = calls.read_one("disputes", external_id, expand=["charge"])
    charge = raw["charge"]
    due = (raw["evidence_details"] or {}).get("due_by")
    return DisputeSnapshot(
        provider=Provider.STRIPE,
        external_id=raw["id"],
        status=DisputeStatus(raw["status"]),
        amount_minor=raw["amount"],
        currency=raw["currency"].upper(),
        created_at=_moment(raw["created"]),
        reason=raw["reason"] or "",
        evidence_due_at=_moment(due) if due else None,
        external_charge_id=id_of(charge),
        external_payment_id=id_of(raw["payment_intent"]),
        external_customer_id=id_of(charge["customer"]) if isinstance(charge, dict) else "",
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
