"""What became of a charge that nobody answered: asked by our own reference, never sent again."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from billing.drivers.base import DriverRejected, DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect import (
    accounts,
    amounts,
    charging,
    inquiring,
    taking_back,
    trouble,
    voiding,
)
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.inquiring import Row
from billing.drivers.cardconnect.models import StoredCard
from billing.drivers.cardconnect.outcome import text
from billing.engine.rails import ChargeOrder, ChargeResult, DeclineKind
from billing.models import PaymentAttempt

# The gateway answers after 32 s at the latest: before, "there is none" may only mean "not yet".
ABSENT_AFTER = timedelta(seconds=40)
_FAILED_BEFORE = 2


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
        found = inquiring.rows_of(merchant, order.reference)
        if not found and not may_still_arrive:
            # Whatever arrives this late must not stay: afterwards it is absent, or voided.
            voiding.void_all(merchant, order.reference)
            found = inquiring.rows_of(merchant, order.reference)
        result = _decide(order, card, merchant, found) if found else None
    except (DriverUnavailable, OutcomeUnknown) as error:
        if isinstance(error, DriverUnavailable) and not may_still_arrive:
            _void_unheard(merchant, order)
        trouble.want_review(order, sent_at=sent_at, now=now)
        raise
    if result is None and may_still_arrive:
        raise OutcomeUnknown("API_ERROR", detail="too_early")
    return result


def _decide(
    order: ChargeOrder, card: StoredCard, merchant: Merchant, rows: Sequence[Row]
) -> ChargeResult | None:
    """Adopt the newest approval and take back all others; else the newest refusal counts."""
    approvals = inquiring.approvals_of(rows)
    if not approvals:
        return _refused(order, card, merchant, rows[-1])
    *others, newest = approvals
    taking_back.void_others(order, merchant, others)
    if amounts.from_wire(newest.get("amount")) == order.amount_minor:
        return charging.approved(order, merchant, newest)
    return charging.take_back(order, merchant, newest)


def _refused(
    order: ChargeOrder, card: StoredCard, merchant: Merchant, row: Row
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


def _void_unheard(merchant: Merchant, order: ChargeOrder) -> None:
    """Nobody answers our questions: void what a waiting payer may have been told is not charged.

    A charge that we began is left alone, because its money is wanted.
    """
    if order.initiator != "payer":
        return
    attempt = PaymentAttempt.objects.filter(our_reference=order.reference).first()
    if attempt is not None and attempt.asked >= _FAILED_BEFORE:
        voiding.void_all(merchant, order.reference)
