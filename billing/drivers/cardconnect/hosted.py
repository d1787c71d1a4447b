"""Callbacks of the gateway's hosted payment page: unsigned hints, believed only after an inquiry.

The payer can edit amount and order in the page's address, and whoever learns the address of our
endpoint can send anything: what counts is what the gateway itself says of the transaction.
"""

import hashlib
import json
import logging
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from django.conf import settings

from billing.drivers.base import SignatureInvalid
from billing.drivers.cardconnect import accounts, amounts, calls, codes, events, ledger, voiding
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.models import TransactionKind, TransactionState
from billing.drivers.cardconnect.outcome import code_of, is_absent, order_of, text
from billing.enums import Provider
from billing.models import MerchantAccount, PaymentAttempt
from billing.types import NormalizedEvent, Subject, VerifiedWebhook

TYPE = "hosted.paid"
_RETREF = re.compile(r"[0-9]{1,14}")
_MERCHID = re.compile(r"[0-9]{1,16}")
_FIELD = "json"

logger = logging.getLogger(__name__)


def read(body: bytes) -> VerifiedWebhook:
    """Return what is stored of a callback: which transaction it names, and nothing of the payer.

    Raises:
        SignatureInvalid: it names none.
    """
    hint = _parse(body)
    merchid, retref = text(hint, "merchantId"), text(hint, "gatewayTransactionId")
    if not (_MERCHID.fullmatch(merchid) and _RETREF.fullmatch(retref)):
        raise SignatureInvalid
    external_id = hashlib.sha256(f"cc:hpp:{merchid}:{retref}".encode()).hexdigest()
    stored = {"id": external_id, "type": TYPE, "merchid": merchid, "retref": retref}
    return VerifiedWebhook(external_id=external_id, type=TYPE, body=json.dumps(stored))


def _parse(body: bytes) -> Mapping[str, Any]:
    """Read the three forms in which it is known to arrive."""
    try:
        sent = body.decode()
        for candidate in (sent, parse_qs(sent).get(_FIELD, [""])[0], unquote_plus(sent)):
            if candidate.lstrip().startswith("{"):
                found = json.loads(candidate)
                return found if isinstance(found, dict) else {}
    except (ValueError, RecursionError):
        pass
    raise SignatureInvalid


def normalize(payload: Mapping[str, Any]) -> NormalizedEvent:
    """Ask the gateway whether a hint is true, and say what it is about; ignore it otherwise.

    Raises:
        DriverUnavailable: the gateway can't be asked now; the hint is kept and tried again.
    """
    subject = _verified(text(payload, "merchid"), text(payload, "retref"))
    return NormalizedEvent(
        provider=Provider.CARDCONNECT,
        external_id=str(payload.get("id", "")),
        type="billing.hosted_payment.succeeded" if subject else events.IGNORED,
        provider_type=TYPE,
        occurred_at=events.occurred_at(payload),
        subject=subject,
    )


def _verified(merchid: str, retref: str) -> Subject | None:
    """Return what a true hint is about; None for one that is not true, or about nothing of ours."""
    merchant = _merchant(merchid)
    if merchant is None:
        _ignored("merchant", retref)
        return None
    row = calls.inquire(merchant, retref)[0]
    if is_absent(row) or not _is_paid(row) or text(row, "merchid") != merchid:
        _ignored("transaction", retref)
        return None
    attempt = (
        PaymentAttempt.objects.select_related("obligation__subscription")
        .filter(provider=Provider.CARDCONNECT, our_reference=order_of(row))
        .first()
    )
    if attempt is None:
        _ignored("order", retref)
        return None
    paid = _enough(row, attempt, merchant)
    if not paid:
        _ignored("amount", retref)
        return None
    entry = ledger.Entry(
        kind=TransactionKind.HOSTED,
        organization_id=attempt.organization_id,
        account_id=merchant.account_id,
        reference=attempt.our_reference,
        amount_minor=paid,
        currency=merchant.currency,
    )
    ledger.record(entry, state=TransactionState.APPROVED, body=row)
    subscription = attempt.obligation.subscription
    if subscription is None or not subscription.external_id:
        return None
    return Subject("subscription", subscription.external_id)


def _merchant(merchid: str) -> Merchant | None:
    """Return the account that a callback names; its credentials have the last word on that."""
    account = MerchantAccount.objects.filter(
        provider=Provider.CARDCONNECT,
        external_id=merchid,
        mode=settings.CARDCONNECT_MODE,
        is_active=True,
    ).first()
    merchant = accounts.ready(account) if account else None
    return merchant if merchant and merchant.merchid == merchid else None


def _enough(row: Mapping[str, Any], attempt: PaymentAttempt, merchant: Merchant) -> int:
    """Return what was paid; 0 if that is less than is owed, or another currency."""
    debt, paid = attempt.obligation, amounts.from_wire(row.get("amount"))
    is_enough = paid is not None and paid >= debt.amount_minor
    return paid if paid and is_enough and debt.currency.upper() == merchant.currency else 0


def _is_paid(row: Mapping[str, Any]) -> bool:
    is_over = text(row, "setlstat") in {voiding.VOIDED, voiding.DECLINED}
    is_approved = text(row, "respstat") == "A" and codes.approves_payment(*code_of(row))
    return is_approved and not is_over


def _ignored(reason: str, retref: str) -> None:
    logger.warning("cardconnect.hint_ignored", extra={"reason": reason, "retref": retref})
