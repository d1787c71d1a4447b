"""Asking what became of charges that were taken for absent too early (`late_charges`)."""

import logging
from datetime import datetime, timedelta

from django.db.models import F

from billing.drivers.base import DriverError
from billing.engine import charging
from billing.engine.late_charges import FIRST_QUESTION_AFTER
from billing.engine.models import LateCharge
from billing.engine.rails import ChargeOrder, Rail

_LONGEST_PAUSE = timedelta(seconds=60)

logger = logging.getLogger(__name__)


def providers_due(*, now: datetime) -> list[str]:
    """Return the providers of late charges whose time to be asked about has come."""
    due = LateCharge.objects.filter(ask_at__lte=now).order_by()
    return sorted(set(due.values_list("invoice__provider", flat=True)))


def ask_due(rail: Rail, *, provider: str, now: datetime, limit: int = 50) -> int:
    """Ask about late charges whose time has come; say how many were decided.

    What was taken pays its invoice if that is still open and nothing else was tried; otherwise it
    is taken back, or a case for staff.
    """
    due = LateCharge.objects.filter(ask_at__lte=now, invoice__provider=provider)
    rows = due.select_related("invoice", "attempt__obligation").order_by("ask_at")[:limit]
    return sum(_ask(rail, row, now) for row in list(rows))


def _ask(rail: Rail, row: LateCharge, now: datetime) -> bool:
    pause = min(_LONGEST_PAUSE, FIRST_QUESTION_AFTER * 2 ** min(row.asked, 10))
    mine = LateCharge.objects.filter(pk=row.pk, asked=row.asked, ask_at=row.ask_at)
    if not mine.update(asked=F("asked") + 1, ask_at=now + pause, updated_at=now):
        return False  # another worker is at it
    try:
        result = rail.find_charge(_order_of(row), sent_at=row.sent_at, now=now)
        if result is not None:
            charging.conclude(rail, row.invoice_id, row.attempt, result, now=now)
    except DriverError as error:
        logger.warning("engine.late_charge_not_answered", extra={"code": error.code})
        return False
    LateCharge.objects.filter(pk=row.pk).update(ask_at=None, updated_at=now)
    return True


def _order_of(row: LateCharge) -> ChargeOrder:
    return ChargeOrder(
        organization_id=row.organization_id,
        reference=row.attempt.our_reference,
        amount_minor=row.amount_minor,
        currency=row.currency,
        method_id=row.method_id,
        initiator="payer" if row.by_payer else "merchant",
        is_recurring=row.invoice.subscription_id is not None,
        stores_card=False,
    )
