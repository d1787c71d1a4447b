"""Asking the gateway for what it never tells: settlements, payouts, changed cards, old refunds."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from billing.drivers.base import DriverError
from billing.drivers.cardconnect import (
    accounts,
    events,
    funding,
    ledger,
    lost_refunds,
    queued_refunds,
    settlement_news,
    updating,
)
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.models import AccountState, GatewayTransaction
from billing.engine.models import EngineRefund
from billing.enums import Provider, RefundStatus
from billing.models import MerchantAccount

EVERY = timedelta(hours=6)

logger = logging.getLogger(__name__)


def poll_accounts(*, now: datetime) -> int:
    """Poll every account whose time has come; say how many things were news."""
    usable = MerchantAccount.objects.filter(
        provider=Provider.CARDCONNECT, mode=settings.CARDCONNECT_MODE, is_active=True
    )
    return sum(_poll(account, now) for account in usable.order_by("created_at"))


def _poll(account: MerchantAccount, now: datetime) -> int:
    if not _claim(account, now):
        return 0
    try:
        merchant = accounts.ready(account)
    except DriverError:
        return 0
    polls = (settlement_news.poll, updating.poll, funding.poll)
    return sum(_run(poll, merchant, now) for poll in polls)


def _claim(account: MerchantAccount, now: datetime) -> bool:
    """Take an account for ourselves; the next one who may is due later."""
    state, _ = AccountState.objects.get_or_create(account=account)
    due = Q(polled_at=None) | Q(polled_at__lt=now - EVERY)
    waiting = AccountState.objects.filter(due, pk=state.pk, broken_at=None)
    return bool(waiting.update(polled_at=now, updated_at=now))


def _run(poll: Callable[..., int], merchant: Merchant, now: datetime) -> int:
    try:
        return poll(merchant, now=now)
    except DriverError as error:
        logger.warning(
            "cardconnect.not_polled",
            extra={"account": str(merchant.account_id), "code": error.code},
        )
        return 0


def send_queued_refunds(*, now: datetime) -> int:
    """Try refunds again that waited, and tell of what is or should be decided; say how many."""
    forgotten = lost_refunds.tell_forgotten(now=now)
    decided = [*queued_refunds.send_queued(now=now), *lost_refunds.find_lost(now=now)]
    for row in decided:
        tell_refund(row, now=now)
    return forgotten + len(decided)


def tell_refund(row: GatewayTransaction, *, now: datetime) -> None:
    """Have a refund that waited looked at again."""
    EngineRefund.objects.filter(
        organization_id=row.organization_id,
        reference=row.reference,
        status=RefundStatus.PENDING,
    ).update(is_undecided=True, updated_at=now)
    charge = ledger.charge_of(organization_id=row.organization_id, retref=row.parent_retref)
    if charge is not None:
        events.tell(
            "charge.refunded", row.reference, at=now, **events.charge_subject(charge.reference)
        )
