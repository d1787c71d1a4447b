"""Money on its way back at Stripe: refunds, credit notes, disputes."""

from datetime import UTC, datetime

import stripe

from billing.drivers.stripe import calls
from billing.drivers.stripe.calls import Json
from billing.drivers.stripe.snapshots import id_of
from billing.enums import CreditNoteStatus, DisputeStatus, Provider, RefundStatus
from billing.types import ChargeSnapshot, CreditNoteSnapshot, DisputeSnapshot, RefundSnapshot

_PER_PAGE = 100


def retrieve_charge(external_id: str) -> ChargeSnapshot:
    """Ask for a charge with its refunds, which name neither payer nor invoice themselves.

    Source: https://docs.stripe.com/api/charges/object#charge_object-refunds
    """
    raw = calls.read_one("charges", external_id, expand=["refunds"])
    refunds = raw["refunds"]
    rows: list[Json] = refunds["data"]
    if refunds["has_more"]:
        rows = list(calls.pages(lambda sdk, after: _page_of_refunds(sdk, external_id, after)))
    return ChargeSnapshot(
        provider=Provider.STRIPE,
        external_id=raw["id"],
        external_payment_id=id_of(raw["payment_intent"]),
        external_customer_id=id_of(raw["customer"]),
        refunds=tuple(_refund(row) for row in rows),
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
