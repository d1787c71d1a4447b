"""Sales at readers as we have them: written down before a reader is asked, then what came of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from billing.drivers.base import DriverRejected, DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect import accounts, declines, ledger
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.charging import NOT_COVERED
from billing.drivers.cardconnect.models import (
    GatewayTransaction,
    TransactionKind,
    TransactionState,
)
from billing.drivers.cardconnect.terminals import receipts
from billing.engine import ids
from billing.enums import Provider
from billing.models import MerchantAccount
from billing.types import SaleOrder, SaleSnapshot
from billing.types.terminals import SaleState
from orgs import clock

_S = TransactionState
# How long an authorization in person holds. The gateway documents none and the schemes differ: this
# is our assumption, and what is captured later may be refused by the card's bank.
HOLDS_FOR = timedelta(days=7)
CAPTURED = (_S.APPROVED, _S.SETTLED, _S.REJECTED)
_WORDS: dict[str, SaleState] = {
    _S.SENT: "in_progress",
    _S.AUTHORIZED: "requires_capture",
    _S.APPROVED: "succeeded",
    _S.SETTLED: "succeeded",
    _S.REJECTED: "succeeded",
    _S.DECLINED: "declined",
    _S.VOIDED: "canceled",
    _S.ABSENT: "canceled",
}
_NOTHING: Mapping[str, Any] = {}


def account_of(order: SaleOrder) -> MerchantAccount:
    """Return the merchant account of an order's reader: its organization's, or the platform's.

    Raises:
        DriverRejected: it is neither.
    """
    whose = Q(organization_id=order.organization_id) | Q(organization=None)
    rows = MerchantAccount.objects.filter(whose, provider=Provider.CARDCONNECT)
    account_id = order.reader.account_id
    account = rows.filter(pk=account_id).first() if account_id else None
    if account is None:
        raise DriverRejected("INVALID_REQUEST", detail="no_merchant_account")
    return account


def known(order: SaleOrder) -> GatewayTransaction | None:
    """Return our row of an order's try; None for one that was not begun.

    By the try alone: the payment may have its name from another one.
    """
    rows = GatewayTransaction.objects.select_related("account").filter(kind=TransactionKind.SALE)
    return rows.filter(organization_id=order.organization_id, reference=order.reference).first()


def refuse_begun(order: SaleOrder) -> None:
    """Go on only with a try that was not begun and not given up.

    Raises:
        DriverUnavailable: it was given up: provably not started.
        OutcomeUnknown: a reader was asked already; only one process may.
    """
    row = known(order)
    if row is not None:
        raise _begun(row)


def _begun(row: GatewayTransaction) -> DriverUnavailable | OutcomeUnknown:
    if row.state == _S.ABSENT:
        return DriverUnavailable("API_ERROR", detail="given_up")
    return OutcomeUnknown("API_ERROR", detail="already_sent")


def begin(order: SaleOrder, merchant: Merchant, *, tip_minor: int) -> GatewayTransaction:
    """Commit that a reader is about to be asked, and for how much.

    Raises:
        DriverUnavailable, OutcomeUnknown: as in `refuse_begun`.
    """
    row = _write(order, merchant, _S.SENT, tip_minor)
    if row is None:
        refuse_begun(order)
        raise OutcomeUnknown("API_ERROR", detail="reference_used")  # by another organization
    return row


def give_up(order: SaleOrder, merchant: Merchant, row: GatewayTransaction | None) -> None:
    """See to it that a try which is absent never begins: its process may only be slow.

    Raises:
        OutcomeUnknown: it has just begun.
    """
    if row is not None:
        if row.state == _S.SENT:
            ledger.mark(row, _S.ABSENT)
    elif _write(order, merchant, _S.ABSENT, 0) is None:
        raise OutcomeUnknown("API_ERROR", detail="already_sent")


def adopt(order: SaleOrder, merchant: Merchant) -> GatewayTransaction:
    """Write down a try of which the gateway has something and we have no row."""
    row = _write(order, merchant, _S.SENT, 0) or known(order)
    if row is None:
        raise OutcomeUnknown("API_ERROR", detail="reference_used")
    return row


def _write(
    order: SaleOrder, merchant: Merchant, state: TransactionState, tip_minor: int
) -> GatewayTransaction | None:
    """Write a try down; None when somebody has."""
    now = clock.now()
    try:
        with transaction.atomic():
            return GatewayTransaction.objects.create(
                organization_id=order.organization_id,
                account_id=merchant.account_id,
                kind=TransactionKind.SALE,
                state=state,
                reference=order.reference,
                amount_minor=order.amount_minor + tip_minor,
                tip_minor=tip_minor,
                currency=order.currency.upper(),
                asked_at=now,
                sent_at=now,
            )
    except IntegrityError:
        return None


def keep(row: GatewayTransaction, body: Mapping[str, Any], *, is_captured: bool) -> SaleSnapshot:
    """Write down an approval over what was asked for."""
    state = _S.APPROVED if is_captured else _S.AUTHORIZED
    ledger.note(row, state, body, authorized_minor=row.amount_minor)
    return snapshot_of(row, body)


def decline(row: GatewayTransaction, body: Mapping[str, Any]) -> SaleSnapshot:
    """Write down a refusal."""
    ledger.note(row, _S.DECLINED, body)
    return snapshot_of(row, body)


def release(
    row: GatewayTransaction, body: Mapping[str, Any], *, is_other_amount: bool = False
) -> SaleSnapshot:
    """Write down that an approval was taken back."""
    approved = 0 if is_other_amount else row.authorized_minor or row.amount_minor
    ledger.note(row, _S.VOIDED, body, authorized_minor=approved)
    return snapshot_of(row, body)


def captured_minor(row: GatewayTransaction) -> int:
    """Return what was taken, whether or not it was given back since."""
    is_given_back = row.state == _S.VOIDED and refunds_of(row).filter(state=_S.VOIDED).exists()
    return row.amount_minor if row.state in CAPTURED or is_given_back else 0


def refunds_of(row: GatewayTransaction) -> Any:
    """Return our refunds of a sale."""
    return GatewayTransaction.objects.filter(
        organization_id=row.organization_id,
        kind=TransactionKind.REFUND,
        parent_retref=row.retref,
    ).exclude(parent_retref="")


def snapshot_of(row: GatewayTransaction, body: Mapping[str, Any] = _NOTHING) -> SaleSnapshot:
    """Return a sale as its row has it, with what an answer says of the card."""
    captured = captured_minor(row)
    state: SaleState = "succeeded" if captured else _WORDS[row.state]
    is_held = state in {"succeeded", "requires_capture"}
    # An approval over another amount was no approval of what was asked for: the card can't pay it.
    if row.state == _S.VOIDED and not row.authorized_minor:
        state = "declined"
    return SaleSnapshot(
        external_id=ids.payment_id(Provider.CARDCONNECT, row.reference),
        state=state,
        currency=row.currency,
        authorized_minor=row.authorized_minor if is_held else 0,
        captured_minor=captured,
        tip_minor=row.tip_minor if is_held else 0,
        decline_code=_decline_code(row) if state == "declined" else "",
        card=receipts.card_of(body) if body else None,
        capture_before=_capture_before(row) if state == "requires_capture" else None,
    )


def _decline_code(row: GatewayTransaction) -> str:
    if row.state == _S.VOIDED:
        return NOT_COVERED
    return declines.explain({"respproc": row.respproc, "respcode": row.respcode}, "").word


def _capture_before(row: GatewayTransaction) -> Any:
    return (row.sent_at or row.created_at) + HOLDS_FOR


def canceled(order: SaleOrder) -> SaleSnapshot:
    """Return a try that ended before its reader was asked for a card."""
    return SaleSnapshot(
        external_id=ids.payment_id(Provider.CARDCONNECT, order.reference),
        state="canceled",
        currency=order.currency.upper(),
    )


def merchant_of(order: SaleOrder) -> Merchant:
    """Return what a sale needs.

    Raises:
        DriverRejected: the account has no readers, or does not charge in this currency.
        DriverUnavailable: the account is stopped.
    """
    merchant = accounts.ready(account_of(order))
    if not merchant.terminal_key:
        raise DriverRejected("INVALID_REQUEST", detail="no_terminal_key")
    if order.currency.upper() != merchant.currency:
        raise DriverRejected("INVALID_REQUEST", detail="currency")
    if order.amount_minor <= 0:
        raise DriverRejected("INVALID_REQUEST", detail="amount")
    return merchant
