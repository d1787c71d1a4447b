"""What the gateway never tells by itself: our own notices of it, in the inbox like any event.

Their payloads hold our references and the listed fields, no token and nothing of a card.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from billing import jobs
from billing.engine import ids
from billing.enums import FactKind, Provider
from billing.models import InboxEvent
from billing.types import Fact, NormalizedEvent, Subject

Kind = Literal[
    "charge.settled",
    "charge.rejected",
    "charge.refunded",
    "charge.disputed",
    "dispute.closed",
    "payout.paid",
    "card.updated",
    "card.closed",
    "hosted.paid",
]
_TYPES: dict[str, str] = {
    "charge.settled": "billing.payment.settled",
    "charge.rejected": "billing.payment.rejected",
    "charge.refunded": "billing.refund.updated",
    "charge.disputed": "billing.dispute.opened",
    "dispute.closed": "billing.dispute.closed",
    "payout.paid": "billing.payout.paid",
    "card.updated": "billing.payment_method.updated",
    "card.closed": "billing.payment_method.closed",
}
IGNORED = "billing.event.ignored"


def tell(kind: Kind, key: str, *, at: datetime, **fields: str) -> bool:
    """Put a notice into the inbox, once for each key; say whether it was new.

    `at` is business time and only told: the inbox goes by the database's own.
    """
    external_id = f"cc:{kind}:{key}"
    _, is_new = InboxEvent.objects.get_or_create(
        provider=Provider.CARDCONNECT,
        account=None,
        external_id=external_id,
        defaults={
            "type": kind,
            "payload": {"id": external_id, "type": kind, "at": at.timestamp(), **fields},
        },
    )
    if is_new:
        jobs.wake_inbox()
    return is_new


def charge_subject(reference: str) -> dict[str, str]:
    """Return the fields of a notice about a charge, by our reference of it."""
    return {"charge": ids.payment_id(Provider.CARDCONNECT, reference)}


def normalize(payload: Mapping[str, Any]) -> NormalizedEvent:
    """Say in our words what a notice of ours is about."""
    kind = str(payload.get("type", ""))
    return NormalizedEvent(
        provider=Provider.CARDCONNECT,
        external_id=str(payload.get("id", "")),
        type=_TYPES.get(kind, IGNORED),
        provider_type=kind,
        occurred_at=occurred_at(payload),
        subject=_subject(kind, payload),
        fact=_disputed(payload) if kind == "charge.disputed" else None,
    )


def _disputed(payload: Mapping[str, Any]) -> Fact:
    return Fact(
        kind=FactKind.DISPUTED,
        external_id=str(payload["dispute"]),
        occurred_at=occurred_at(payload),
        amount_minor=int(payload["amount_minor"]),
        currency=str(payload["currency"]),
        detail={"charge": str(payload["charge"]), "reason": str(payload["reason"])},
    )


def occurred_at(payload: Mapping[str, Any]) -> datetime:
    """Return when it happened."""
    return datetime.fromtimestamp(float(payload.get("at", 0)), tz=UTC)


def _subject(kind: str, payload: Mapping[str, Any]) -> Subject | None:
    if kind == "charge.refunded":
        return Subject("charge", str(payload["charge"]))
    if kind in {"charge.disputed", "dispute.closed"}:
        return Subject("dispute", str(payload["dispute"]))
    if kind in {"card.updated", "card.closed"}:
        return Subject("customer", str(payload["payer"]))
    return None
