"""What became of charges after they were approved: asked once in a while, told once each."""

import logging
from datetime import datetime, timedelta

from billing.drivers.cardconnect import events
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.models import (
    GatewayTransaction,
    TransactionKind,
    TransactionState,
)
from billing.drivers.cardconnect.settling import Settling
from billing.enums import CaseKind
from billing.models import Case
from billing.money import Money

# Of the day itself and the one before: a batch closes in the merchant's evening, not in ours.
_DAYS = 2
_AT_ONCE = 500

logger = logging.getLogger(__name__)


def poll(merchant: Merchant, *, now: datetime) -> int:
    """Take over what was settled or rejected lately, and tell of it; say how much was news.

    Raises:
        DriverUnavailable: the gateway can't be asked now.
    """
    reports = Settling()
    for days in range(_DAYS):
        day = (now - timedelta(days=days)).date()
        reported = reports.list_settlements(merchant.account_id, day)
        reports.note_settlements(merchant.account_id, reported, now=now)
    return tell_news(merchant, now=now)


def tell_news(merchant: Merchant, *, now: datetime) -> int:
    """Tell of every transaction that ended and that was not told of yet, whoever found out."""
    rows = (
        GatewayTransaction.objects.select_related("organization")
        .filter(
            account_id=merchant.account_id,
            state__in=(TransactionState.SETTLED, TransactionState.REJECTED),
            is_told=False,
        )
        .order_by("updated_at")
    )
    return sum(_tell(row, now) for row in list(rows[:_AT_ONCE]))


def _tell(row: GatewayTransaction, now: datetime) -> bool:
    is_rejected = row.state == TransactionState.REJECTED
    if is_rejected:
        _open_case(row)
    if row.kind != TransactionKind.REFUND:
        events.tell(
            "charge.rejected" if is_rejected else "charge.settled",
            row.reference,
            at=now,
            **events.charge_subject(row.reference),
        )
    told = GatewayTransaction.objects.filter(pk=row.pk, is_told=False)
    return bool(told.update(is_told=True))


def _open_case(row: GatewayTransaction) -> None:
    amount = Money(row.amount_minor, row.currency).display()
    what = "refund" if row.kind == TransactionKind.REFUND else "charge"
    logger.error("cardconnect.settlement_rejected", extra={"reference": row.reference})
    Case.objects.get_or_create(
        organization=row.organization,
        kind=CaseKind.NOT_SETTLED,
        external_id=row.reference,
        defaults={
            "summary": f"A {what} of {amount} was approved, and then rejected at settlement: no "
            f"money moved. Collect it again, or look for the order {row.reference} there."
        },
    )
