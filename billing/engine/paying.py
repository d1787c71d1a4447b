"""Invoices: asking for one, paying it now, and what staff mark as paid."""

import dataclasses
from datetime import datetime
from typing import NoReturn

from django.db import transaction

from billing.drivers.base import DriverRejected, DriverUnavailable, OutcomeUnknown
from billing.engine import attempts, charging, outcomes, snapshots
from billing.engine.charging import PAYABLE, Charge
from billing.engine.house import House, now_of
from billing.engine.models import EngineInvoice
from billing.engine.models.invoices import ChargeState
from billing.engine.starting import check_method
from billing.enums import AttemptKind, AttemptState, InvoiceStatus
from billing.models import PaymentAttempt
from billing.types import InvoiceSnapshot


def retrieve(house: House, external_id: str) -> InvoiceSnapshot:
    """Ask for an invoice as it is now."""
    return snapshots.invoice(snapshots.find_invoice(house.provider, external_id))


def pay(house: House, external_id: str, *, method: str, key: str) -> InvoiceSnapshot:
    """Charge an open invoice now, its payer at hand; one that is paid is returned as it is.

    Raises:
        DriverRejected: declined, or it can't be paid any more, or nobody moves money here.
        DriverUnavailable: provably not charged.
        OutcomeUnknown: sent, no usable answer.
    """
    row = snapshots.find_invoice(house.provider, external_id)
    now = now_of(row.organization_id)
    if row.status == InvoiceStatus.PAID:
        return snapshots.invoice(row)
    rail = house.need_rail()
    check_method(house, row.payer, method)
    row = _decided(house, row, key, now)
    if row.status != InvoiceStatus.PAID and row.charge_key != key:
        if row.status not in PAYABLE:
            raise DriverRejected("INVALID_REQUEST", detail="invoice_not_open")
        charge = Charge(method or method_of(row), by_payer=True, key=key)
        row = charging.collect(rail, row.pk, charge, now=now)
    if row.status != InvoiceStatus.PAID:
        _refuse(row)
    return retrieve(house, external_id)


def _decided(house: House, row: EngineInvoice, key: str, now: datetime) -> EngineInvoice:
    """Return an invoice once its last charge is decided.

    Raises:
        OutcomeUnknown: the one under this very key is not.
        DriverUnavailable: another one is not; nothing was sent under this key.
    """
    try:
        return charging.resolve(house.need_rail(), row, now=now)
    except OutcomeUnknown as error:
        if row.charge_key == key:
            raise
        raise DriverUnavailable("API_ERROR", detail="charge_undecided") from error


def _refuse(row: EngineInvoice) -> NoReturn:
    if row.charge_state == ChargeState.FAILED:
        raise DriverRejected("CARD_DECLINED", decline_code=row.decline_code)
    if row.charge_state == ChargeState.NOT_PROCESSED:
        raise DriverUnavailable("API_ERROR", detail="not_processed")
    raise OutcomeUnknown("API_ERROR", detail="charge_undecided")


def method_of(row: EngineInvoice) -> str:
    """Return what an invoice is charged to unless a call names something else."""
    of_subscription = row.subscription.default_method_id if row.subscription else ""
    return of_subscription or row.payer.default_method_id


@dataclasses.dataclass(frozen=True, slots=True)
class ByHand:
    """A payment that went past the rail: a bank transfer, a cheque. `reference` names it."""

    amount_minor: int
    reference: str


def settle_by_hand(house: House, external_id: str, payment: ByHand) -> InvoiceSnapshot:
    """Note that an open invoice was paid, in full or in part, by a payment staff has seen.

    The same reference counts once. Each payment is a try of its own at the invoice's debt.

    Raises:
        ObjectMissing: no such invoice.
        DriverRejected: more than is open, nothing is open (`amount_too_large`,
            `invoice_not_open`), or an amount that is none (`amount_invalid`).
        OutcomeUnknown: a charge of it is undecided: it might be paid twice.
    """
    found = snapshots.find_invoice(house.provider, external_id)
    now = now_of(found.organization_id)
    with transaction.atomic(durable=True):
        invoice = charging.lock(found.pk)
        if not _is_known(invoice, payment):
            _check(invoice, payment)
            _note(invoice, payment, now)
    return retrieve(house, external_id)


def _is_known(invoice: EngineInvoice, payment: ByHand) -> bool:
    return PaymentAttempt.objects.filter(
        organization_id=invoice.organization_id,
        obligation__invoice_external_id=invoice.external_id,
        kind=AttemptKind.MANUAL,
        external_id=payment.reference,
        state=AttemptState.SUCCEEDED,
    ).exists()


def _check(invoice: EngineInvoice, payment: ByHand) -> None:
    if invoice.is_undecided:
        raise OutcomeUnknown("API_ERROR", detail="charge_undecided")
    if invoice.status not in PAYABLE:
        raise DriverRejected("INVALID_REQUEST", detail="invoice_not_open")
    if payment.amount_minor <= 0 or not payment.reference:
        raise DriverRejected("INVALID_REQUEST", detail="amount_invalid")
    if payment.amount_minor > invoice.remaining_minor:
        raise DriverRejected("INVALID_REQUEST", detail="amount_too_large")


def _note(invoice: EngineInvoice, payment: ByHand, now: datetime) -> None:
    attempt = attempts.open_for(invoice, kind=AttemptKind.MANUAL, now=now)
    if attempt is None:
        raise OutcomeUnknown("API_ERROR", detail="charge_undecided")
    attempts.end(attempt, AttemptState.SUCCEEDED, now=now, external_id=payment.reference)
    invoice.amount_paid_minor += payment.amount_minor
    invoice.paid_by_hand_minor += payment.amount_minor
    if invoice.remaining_minor == 0:
        outcomes.settled(invoice, now=now)
    else:
        invoice.save(update_fields=["amount_paid_minor", "paid_by_hand_minor", "updated_at"])


def write_off(house: House, external_id: str) -> InvoiceSnapshot:
    """Give an open invoice up as uncollectible; it can still be paid.

    Raises:
        DriverRejected: it is not open.
        OutcomeUnknown: a charge of it is undecided.
    """
    found = snapshots.find_invoice(house.provider, external_id)
    now = now_of(found.organization_id)
    with transaction.atomic(durable=True):
        invoice = charging.lock(found.pk)
        if invoice.is_undecided:
            raise OutcomeUnknown("API_ERROR", detail="charge_undecided")
        if invoice.status != InvoiceStatus.OPEN:
            raise DriverRejected("INVALID_REQUEST", detail="invoice_not_open")
        give_up(invoice, now=now)
        outcomes.plan(invoice.subscription, now=now)
    return retrieve(house, external_id)


def give_up(invoice: EngineInvoice, *, now: datetime) -> None:
    """Write a locked invoice off; the caller plans its subscription."""
    invoice.status, invoice.written_off_at = InvoiceStatus.UNCOLLECTIBLE, now
    invoice.next_attempt_at = None
    invoice.save()
