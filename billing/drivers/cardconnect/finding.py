"""What became of a charge that nobody answered: asked by our own reference, never sent again."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from billing.drivers.base import DriverRejected, DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect import accounts, amounts, calls, charging, codes, trouble, voiding
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.models import StoredCard
from billing.drivers.cardconnect.outcome import code_of, is_absent, is_ambiguous, text
from billing.engine.rails import ChargeOrder, ChargeResult, DeclineKind
from billing.models import PaymentAttempt

# The gateway answers after 32 s at the latest: before, "there is none" may only mean "not yet".
ABSENT_AFTER = timedelta(seconds=40)
_FAILED_BEFORE = 2

_Row = Mapping[str, Any]
_Fate = Literal["approved", "over", "open"]

logger = logging.getLogger(__name__)


def find_charge(order: ChargeOrder, *, sent_at: datetime, now: datetime) -> ChargeResult | None:
    """Ask what became of a charge; None: there is none, and there will be none.

    Raises:
        OutcomeUnknown: it can't be said yet.
        DriverUnavailable: nobody answered.
    """
    card = charging.card_of(order)
    merchant = accounts.askable(card.profile.account)
    may_still_arrive = now - sent_at < ABSENT_AFTER
    try:
        found = _found(merchant, order)
        if not found and not may_still_arrive:
            # Whatever arrives this late must not stay: afterwards it is absent, or voided.
            voiding.void_all(merchant, order.reference)
            found = _found(merchant, order)
        result = _decide(order, card, merchant, found) if found else None
    except (DriverUnavailable, OutcomeUnknown) as error:
        if isinstance(error, DriverUnavailable) and not may_still_arrive:
            _void_unheard(merchant, order)
        trouble.want_review(order, sent_at=sent_at, now=now)
        raise
    if result is None and may_still_arrive:
        raise OutcomeUnknown("API_ERROR", detail="too_early")
    return result


def _found(merchant: Merchant, order: ChargeOrder) -> list[_Row]:
    """Return the transactions under our reference, the newest last."""
    rows = calls.inquire_by_order(merchant, order.reference)
    found = [row for row in rows if not is_absent(row)]
    return sorted(found, key=lambda row: (text(row, "capturedate"), text(row, "retref")))


def _decide(
    order: ChargeOrder, card: StoredCard, merchant: Merchant, rows: Sequence[_Row]
) -> ChargeResult | None:
    """Adopt the newest approval and take back all others; else the newest refusal counts."""
    fates = [(row, _fate(row)) for row in rows]
    if any(fate == "open" for _, fate in fates):
        raise OutcomeUnknown("API_ERROR", detail="undecided")
    approvals = [row for row, fate in fates if fate == "approved"]
    if not approvals:
        return _refused(order, card, merchant, rows[-1])
    *others, newest = approvals
    if others:
        logger.error("cardconnect.charged_repeatedly", extra={"reference": order.reference})
    for row in others:
        _take_back_other(order, merchant, row)
    if amounts.from_wire(newest.get("amount")) == order.amount_minor:
        return charging.approved(order, merchant, newest)
    return charging.take_back(order, merchant, newest)


def _fate(row: _Row) -> _Fate:
    """Say what became of one transaction."""
    state = text(row, "setlstat")
    if state in {voiding.VOIDED, voiding.DECLINED}:
        return "over"
    if text(row, "respstat").upper() == "A":
        # Listed as an approval, and what the gateway holds of it says so too.
        is_sure = codes.approves_payment(*code_of(row)) and bool(text(row, "retref"))
        return "approved" if is_sure else "open"
    is_refusal = text(row, "respstat").upper() == "C" and not is_ambiguous(row)
    return "over" if is_refusal else "open"


def _refused(
    order: ChargeOrder, card: StoredCard, merchant: Merchant, row: _Row
) -> ChargeResult | None:
    """Say why it was refused; None where our request was wrong, which is nobody's decline."""
    if text(row, "setlstat") != voiding.VOIDED:
        try:
            return charging.declined(order, card, merchant, row)
        except DriverRejected:
            return None
    # It was approved and taken back, by us or at the gateway: not the card's fault.
    return ChargeResult(
        "failed",
        external_id=text(row, "retref"),
        decline_code="processing_error",
        decline_kind=DeclineKind.TRANSIENT,
    )


def _take_back_other(order: ChargeOrder, merchant: Merchant, row: _Row) -> None:
    retref = text(row, "retref")
    if not voiding.void(merchant, retref=retref, reference=order.reference):
        trouble.open_case(
            order,
            summary=f"The order {order.reference} was charged more than once: refund the "
            f"transaction {retref} at the gateway.",
        )


def _void_unheard(merchant: Merchant, order: ChargeOrder) -> None:
    """Nobody answers our questions: void what a waiting payer may have been told is not charged.

    A charge that we began is left alone, because its money is wanted.
    """
    if order.initiator != "payer":
        return
    attempt = PaymentAttempt.objects.filter(our_reference=order.reference).first()
    if attempt is not None and attempt.asked >= _FAILED_BEFORE:
        voiding.void_all(merchant, order.reference)
