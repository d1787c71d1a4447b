"""Charging a stored card: one request, and the one thing that follows from its answer."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from billing.drivers.base import DriverRejected, DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect import (
    accounts,
    amounts,
    calls,
    declines,
    ledger,
    stored_credentials,
    taking_back,
    trouble,
    voiding,
)
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.models import StoredCard, TransactionKind, TransactionState
from billing.drivers.cardconnect.outcome import Answer, Verdict, classify, text
from billing.engine.rails import ChargeOrder, ChargeResult, DeclineKind
from orgs import clock

# The word for a card that covers only a part: the gateway calls it an approval.
NOT_COVERED = "insufficient_funds"
_RETRY = "B"

logger = logging.getLogger(__name__)


def card_of(order: ChargeOrder) -> StoredCard:
    """Return the card of an order, if it is one of its organization.

    Raises:
        DriverRejected: it is not, or it is none at all.
    """
    card = (
        StoredCard.objects.select_related("profile__account")
        .filter(organization_id=order.organization_id, external_id=order.method_id)
        .first()
    )
    if card is None:
        raise DriverRejected("INVALID_REQUEST", detail="no_such_method")
    return card


def charge(order: ChargeOrder) -> ChargeResult:
    """Charge a stored card once; a refusal is a result.

    Raises:
        DriverRejected, DriverUnavailable: provably not charged.
        OutcomeUnknown: sent, no usable answer.
    """
    card = card_of(order)
    if card.detached_at is not None:
        raise DriverRejected("INVALID_REQUEST", detail="method_removed")
    merchant = accounts.ready(card.profile.account)
    if order.currency.upper() != merchant.currency:
        raise DriverRejected("INVALID_REQUEST", detail="currency")
    if order.amount_minor <= 0:
        raise DriverRejected("INVALID_REQUEST", detail="amount")
    answer = calls.auth(merchant, _fields(order, card), leave_by=order.leave_by)
    verdict = classify(order.amount_minor, answer)
    return _conclude(order, card, merchant, verdict, answer)


def _fields(order: ChargeOrder, card: StoredCard) -> dict[str, str]:
    return {
        "amount": amounts.to_wire(order.amount_minor, order.currency),
        "currency": order.currency.upper(),
        "orderid": order.reference,
        "profile": str(card.profile.profile),
        "capture": "Y",
        "receipt": "Y",
        **stored_credentials.of_charge(
            initiator=order.initiator,
            is_recurring=order.is_recurring,
            stores_card=order.stores_card,
        ),
    }


def _conclude(
    order: ChargeOrder, card: StoredCard, merchant: Merchant, verdict: Verdict, answer: Answer
) -> ChargeResult:
    match verdict:
        case Verdict.APPROVED:
            return approved(order, merchant, answer.body)
        case Verdict.DECLINED:
            return declined(order, card, merchant, answer.body)
        case Verdict.PARTIAL | Verdict.SURCHARGED:
            return take_back(order, merchant, answer.body)
        case Verdict.UNKNOWN if _asks_for_retry(answer):
            return _after_retry_answer(order, card, merchant, answer.body)
        case _:
            raise trouble.of_write("auth", merchant, verdict, answer)


def approved(order: ChargeOrder, merchant: Merchant, body: Mapping[str, Any]) -> ChargeResult:
    """Write down a charge that went through."""
    ledger.record(entry_of(order, merchant), state=TransactionState.APPROVED, body=body)
    return ChargeResult("succeeded", external_id=text(body, "retref"))


def declined(
    order: ChargeOrder, card: StoredCard, merchant: Merchant, body: Mapping[str, Any]
) -> ChargeResult:
    """Say why a charge was refused.

    Raises:
        DriverRejected: our request or our account is wrong, not the card.
    """
    why = declines.explain(body, declines.brand_of(str(card.profile.token)))
    ledger.record(entry_of(order, merchant), state=TransactionState.DECLINED, body=body)
    if why.is_ours:
        logger.error("cardconnect.refused_as_ours", extra=calls.listed(body))
        raise DriverRejected(
            "INVALID_REQUEST", detail="_".join(("gateway", text(body, "respcode")))
        )
    return ChargeResult(
        "failed",
        external_id=text(body, "retref"),
        decline_code=why.word,
        decline_kind=why.kind,
        retry_not_before=(
            clock.now(card.organization) + why.wait if why.wait > timedelta() else None
        ),
    )


def take_back(order: ChargeOrder, merchant: Merchant, body: Mapping[str, Any]) -> ChargeResult:
    """Take back an approval over another amount at once: nobody agreed to it.

    Raises:
        OutcomeUnknown: it is not certain that it was taken back; asking later tries again.
    """
    taking_back.void_other_amount(order, merchant, body)
    ledger.record(entry_of(order, merchant), state=TransactionState.VOIDED, body=body)
    return ChargeResult(
        "failed",
        external_id=text(body, "retref"),
        decline_code=NOT_COVERED,
        decline_kind=DeclineKind.SOFT,
    )


def _asks_for_retry(answer: Answer) -> bool:
    body = answer.body
    return isinstance(body, Mapping) and text(body, "respstat").upper() == _RETRY


def _after_retry_answer(
    order: ChargeOrder, card: StoredCard, merchant: Merchant, body: Mapping[str, Any]
) -> ChargeResult:
    """The gateway wants the charge sent again: first see what it made of this one.

    Raises:
        OutcomeUnknown: it does not say that it was declined.
    """
    try:
        rows = calls.inquire_by_order(merchant, order.reference)
    except DriverUnavailable as error:
        raise trouble.unanswered("auth", error) from error
    if [text(row, "setlstat") for row in rows] != [voiding.DECLINED]:
        raise OutcomeUnknown("API_ERROR", detail="auth_retry")
    return declined(order, card, merchant, {**rows[0], **body})


def entry_of(order: ChargeOrder, merchant: Merchant) -> ledger.Entry:
    """Return what is written down of an order."""
    return ledger.Entry(
        kind=TransactionKind.CHARGE,
        organization_id=order.organization_id,
        account_id=merchant.account_id,
        reference=order.reference,
        amount_minor=order.amount_minor,
        currency=order.currency.upper(),
    )
