"""What the gateway settled, day by day, beside what we have written down of it.

Sources: the gateway's developer guide on settlement status (letters by day) and on inquiries
(words). An unknown word or letter counts as not decided yet, and is said.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.drivers.base import ObjectMissing
from billing.drivers.cardconnect import accounts, amounts, calls
from billing.drivers.cardconnect.models import (
    GatewayTransaction,
    TransactionKind,
    TransactionState,
)
from billing.drivers.cardconnect.outcome import is_absent, text
from billing.drivers.settlement_calls import SettlementCalls
from billing.enums import Provider
from billing.models import MerchantAccount
from billing.types.settlements import Capture, Settlement, SettlementAccount

State = Literal["accepted", "rejected", "pending", "voided", "declined"]

_LETTERS: dict[str, State] = {
    "Y": "accepted",
    "P": "accepted",  # a pin debit moves its money at once
    "N": "rejected",
    "F": "rejected",
    "T": "rejected",
    "R": "rejected",
    "W": "pending",
    "": "pending",
}
_WORDS: dict[str, State] = {
    "Accepted": "accepted",
    "Pin Debit": "accepted",
    "Rejected": "rejected",
    "Format Error": "rejected",
    "Token Decrypt": "rejected",
    "Authorized": "pending",
    "Queued for Capture": "pending",
    "Amount under review": "pending",
    "Voided": "voided",
    "Zero Amount": "voided",
    "Declined": "declined",
}
_CAPTURED = (
    TransactionState.APPROVED,
    TransactionState.SETTLED,
    TransactionState.REJECTED,
    TransactionState.VOIDED,
)
_NOTED: dict[State, TransactionState] = {
    "accepted": TransactionState.SETTLED,
    "rejected": TransactionState.REJECTED,
}
_MOST = 1000

logger = logging.getLogger(__name__)


class Settling(SettlementCalls):
    """Settlement at the gateway; the rows are ours."""

    def settlement_accounts(self) -> tuple[SettlementAccount, ...]:
        """Return the accounts of this process's mode that are in use and not broken."""
        rows = MerchantAccount.objects.filter(
            provider=Provider.CARDCONNECT, mode=settings.CARDCONNECT_MODE, is_active=True
        ).exclude(cardconnect_state__broken_at__isnull=False)
        pairs = rows.order_by("created_at").values_list("pk", "organization_id")
        return tuple(SettlementAccount(pk, organization_id) for pk, organization_id in pairs)

    def list_settlements(self, account_id: UUID, day: date) -> tuple[Settlement, ...]:
        """Ask for the batches of a day."""
        batches = calls.settlement(_merchant(account_id), day)
        return tuple(row for batch in batches for row in _of_batch(batch))

    def retrieve_settlement(self, account_id: UUID, external_id: str) -> Settlement:
        """Inquire about one transaction."""
        rows = calls.inquire(_merchant(account_id), external_id)
        found = next((row for row in rows if not is_absent(row)), None)
        if found is None:
            raise ObjectMissing("INVALID_REQUEST", detail="transaction_not_found")
        word = text(found, "setlstat")
        return Settlement(
            external_id=external_id,
            reference=_reference(found),
            state=_known(_WORDS, word),
            word=word,
            amount_minor=_amount(found.get("amount")),
            batch=text(found, "batchid"),
        )

    def find_captures(
        self, account_id: UUID, settlements: Sequence[Settlement]
    ) -> dict[str, Capture]:
        """Match by our reference, else by the gateway's, which a refund may share with a charge."""
        references = {one.reference for one in settlements if one.reference}
        ids = {one.external_id for one in settlements}
        rows = _captured(account_id).filter(Q(reference__in=references) | Q(retref__in=ids))
        by_reference = {row.reference: row for row in rows}
        by_id = {row.retref: row for row in rows}
        pairs = {
            one.external_id: by_reference.get(one.reference) or by_id.get(one.external_id)
            for one in settlements
        }
        return {external_id: _capture(row) for external_id, row in pairs.items() if row}

    def find_capture(self, account_id: UUID, external_id: str) -> Capture | None:
        """Find what we have by the gateway's reference."""
        row = _captured(account_id).filter(retref=external_id).order_by("created_at").first()
        return _capture(row) if row else None

    def unsettled_captures(
        self, account_id: UUID, *, since: datetime, before: datetime
    ) -> tuple[Capture, ...]:
        """Return what still counts as approved alone."""
        rows = _captured(account_id).filter(
            state=TransactionState.APPROVED,
            is_taken_back=False,
            decided_at__gte=since,
            decided_at__lt=before,
        )
        return tuple(_capture(row) for row in rows.order_by("decided_at")[:_MOST])

    def note_settlements(
        self, account_id: UUID, settlements: Sequence[Settlement], *, now: datetime
    ) -> int:
        """Write down what is final, once."""
        news = 0
        for one in settlements:
            state = _NOTED.get(one.state)
            if state is None:
                continue
            rows = _captured(account_id).exclude(state__in=(state, TransactionState.VOIDED))
            rows = (
                rows.filter(reference=one.reference)
                if one.reference
                else rows.filter(retref=one.external_id)
            )
            news += rows.update(
                state=state,
                setlstat=one.word[:30],
                batchid=one.batch[:20],
                settled_at=now,
                asked_at=now,
                updated_at=now,
            )
        return news


def _merchant(account_id: UUID) -> accounts.Merchant:
    return accounts.usable(MerchantAccount.objects.get(pk=account_id))


def _captured(account_id: UUID) -> QuerySet[Any]:
    """Return what went through at an account, with whether it was taken back before its day."""
    voided = GatewayTransaction.objects.filter(
        account_id=account_id,
        kind=TransactionKind.REFUND,
        state=TransactionState.VOIDED,
        parent_retref=OuterRef("retref"),
    )
    rows = GatewayTransaction.objects.filter(account_id=account_id, state__in=_CAPTURED)
    # The refund that was a void is no transaction of its own: it bears its charge's name.
    rows = rows.exclude(kind=TransactionKind.REFUND, state=TransactionState.VOIDED)
    return rows.exclude(retref="").annotate(is_taken_back=Exists(voided))


def _capture(row: GatewayTransaction) -> Capture:
    return Capture(
        organization_id=row.organization_id,
        account_id=row.account_id,
        external_id=row.retref,
        reference=row.reference,
        kind=row.kind,
        amount_minor=0 if _is_taken_back(row) else row.amount_minor,
        currency=row.currency,
        captured_at=row.decided_at or row.created_at,
        changed_at=row.updated_at,
    )


def _is_taken_back(row: GatewayTransaction) -> bool:
    is_charge = row.kind != TransactionKind.REFUND
    return row.state == TransactionState.VOIDED or (
        is_charge and bool(getattr(row, "is_taken_back", False))
    )


def _of_batch(batch: Mapping[str, Any]) -> Iterator[Settlement]:
    rows = batch.get("txns")
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict) or not text(row, "retref"):
            continue
        letter = text(row, "setlstat")
        yield Settlement(
            external_id=text(row, "retref"),
            reference=text(row, "salesdoc"),
            state=_known(_LETTERS, letter),
            word=letter,
            amount_minor=_amount(row.get("setlamount")),
            batch=text(batch, "batchid"),
        )


def _known(table: Mapping[str, State], word: str) -> State:
    state = table.get(word)
    if state is None:
        logger.error("cardconnect.unknown_settlement", extra={"word": word[:30]})
        return "pending"
    return state


def _reference(row: Mapping[str, Any]) -> str:
    return text(row, "orderid") or text(row, "orderId")


def _amount(value: object) -> int | None:
    """Return the cents; a refund may be written below zero."""
    cents = amounts.from_wire(value)
    return None if cents is None else abs(cents)
