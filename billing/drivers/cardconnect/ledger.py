"""What we write down of the gateway's answers: the listed fields, no others."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.drivers.cardconnect.models import (
    GatewayTransaction,
    TransactionKind,
    TransactionState,
)
from billing.drivers.cardconnect.outcome import code_of, text
from orgs import clock

# The columns they go into: an answer may carry anything.
_WIDTHS = {
    "authcode": 6,
    "avsresp": 2,
    "cvvresp": 1,
    "setlstat": 30,
    "batchid": 20,
    "respstat": 1,
    "retref": 14,
    "respproc": 4,
    "respcode": 4,
}
_KEPT = ("authcode", "avsresp", "cvvresp", "setlstat", "batchid", "respstat")


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """Which transaction an answer is about."""

    kind: TransactionKind
    organization_id: UUID
    account_id: UUID
    reference: str
    amount_minor: int
    currency: str
    parent_retref: str = ""


def record(entry: Entry, *, state: TransactionState, body: Mapping[str, Any]) -> None:
    """Write down what became of a transaction; a later answer replaces an earlier one."""
    now = clock.now()
    GatewayTransaction.objects.update_or_create(
        kind=entry.kind,
        reference=entry.reference,
        defaults={
            "organization_id": entry.organization_id,
            "account_id": entry.account_id,
            "state": state,
            "amount_minor": entry.amount_minor,
            "currency": entry.currency,
            "parent_retref": entry.parent_retref,
            "decided_at": now,
            "asked_at": now,
            **_fields(body),
        },
    )


def _fields(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the kept fields, cut to their columns."""
    processor, code = code_of(body)
    found = {name: text(body, name) for name in _KEPT}
    found |= {"retref": text(body, "retref"), "respproc": processor, "respcode": code}
    return {name: value[: _WIDTHS[name]] for name, value in found.items()}


def charge_of(*, organization_id: UUID, retref: str) -> GatewayTransaction | None:
    """Return the charge that the gateway knows by a reference, of this organization only."""
    return (
        GatewayTransaction.objects.select_related("account")
        .filter(
            organization_id=organization_id,
            retref=retref,
            kind__in=(TransactionKind.CHARGE, TransactionKind.HOSTED, TransactionKind.SALE),
        )
        .order_by("-created_at")
        .first()
    )


def note(
    row: GatewayTransaction, state: TransactionState, body: Mapping[str, Any], **changes: Any
) -> None:
    """Write down what the gateway says of a row that is there already."""
    now = clock.now()
    changes |= {"state": state, "decided_at": now, "asked_at": now, "updated_at": now}
    changes |= _fields(body)
    GatewayTransaction.objects.filter(pk=row.pk).update(**changes)
    for name, value in changes.items():
        setattr(row, name, value)


def refunds_asked_before(
    moment: datetime, *, state: TransactionState, limit: int
) -> list[GatewayTransaction]:
    """Return refunds in a state about which the gateway was last asked before a moment."""
    rows = GatewayTransaction.objects.select_related("account").filter(
        kind=TransactionKind.REFUND, state=state, asked_at__lt=moment
    )
    return list(rows.order_by("asked_at")[:limit])


def mark(row: GatewayTransaction, state: TransactionState) -> None:
    """Write down another state, and that the gateway was asked."""
    now = clock.now()
    GatewayTransaction.objects.filter(pk=row.pk).update(state=state, asked_at=now, updated_at=now)
    row.state = state
