"""Invoices at Stripe that were paid outside of it, or are given up."""

from typing import TYPE_CHECKING

from billing.drivers.base import DriverRejected, ObjectMissing
from billing.drivers.stripe import calls, errors, invoices
from billing.enums import InvoiceStatus
from billing.types import InvoiceSnapshot

if TYPE_CHECKING:
    import stripe

_OPEN = (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)


def settle(external_id: str, *, amount_minor: int, idempotency_key: str) -> InvoiceSnapshot:
    """Mark an open invoice as paid, as a whole: Stripe knows no part paid outside of it.

    Source: https://docs.stripe.com/api/invoices/pay#pay_invoice-paid_out_of_band
    """
    found = invoices.retrieve(external_id)
    if found.status is InvoiceStatus.PAID and found.paid_elsewhere_minor:
        return found
    if found.status not in _OPEN:
        raise DriverRejected("INVALID_REQUEST", detail="invoice_not_open")
    _check(amount_minor, found.amount_remaining_minor)
    params: stripe.params.InvoicePayParams = {"paid_out_of_band": True}
    options = calls.keyed(idempotency_key)
    try:
        calls.write(lambda sdk: sdk.v1.invoices.pay(external_id, params, options))
    except DriverRejected as error:
        raise _refused(external_id, error) from error
    with errors.after_write():
        return invoices.retrieve(external_id)


def _refused(external_id: str, error: DriverRejected) -> DriverRejected:
    """Say in the contract's words when somebody else was faster."""
    if isinstance(error, ObjectMissing) or invoices.retrieve(external_id).status in _OPEN:
        return error
    return DriverRejected("INVALID_REQUEST", detail="invoice_not_open")


def _check(amount_minor: int, remaining_minor: int) -> None:
    if amount_minor <= 0:
        raise DriverRejected("INVALID_REQUEST", detail="amount_invalid")
    if amount_minor > remaining_minor:
        raise DriverRejected("INVALID_REQUEST", detail="amount_too_large")
    if amount_minor < remaining_minor:
        raise DriverRejected("INVALID_REQUEST", detail="partial_not_supported")


def write_off(external_id: str, *, idempotency_key: str) -> InvoiceSnapshot:
    """Give an open invoice up.

    Source: https://docs.stripe.com/api/invoices/mark_uncollectible
    """
    options = calls.keyed(idempotency_key)
    try:
        calls.write(lambda sdk: sdk.v1.invoices.mark_uncollectible(external_id, {}, options))
    except DriverRejected as error:
        raise _refused(external_id, error) from error
    with errors.after_write():
        return invoices.retrieve(external_id)
