"""Which merchant account a call runs on, and whether it may run at all."""

import dataclasses
import json
import logging
import re
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from billing.drivers.base import DriverRejected, DriverUnavailable
from billing.drivers.cardconnect import alarms, hosts
from billing.drivers.cardconnect.models import AccountState
from billing.engine.models import Payer
from billing.enums import Provider
from billing.models import MerchantAccount

_MERCHID = re.compile(r"[0-9]{1,16}")
_CURRENCIES = ("USD", "CAD")
# It goes into a header as it is.
_TERMINAL_KEY = re.compile(r"[!-~]*")

logger = logging.getLogger(__name__)


class AccountInvalid(ValueError):
    """The stored credentials can't be used. Says which field, never its value."""


@dataclasses.dataclass(frozen=True, slots=True)
class Merchant:
    """What a call needs of a merchant account. Never printed, never logged."""

    account_id: UUID
    mode: str
    site: str
    merchid: str
    currency: str
    user: str = dataclasses.field(repr=False)
    password: str = dataclasses.field(repr=False)
    terminal_key: str = dataclasses.field(default="", repr=False)
    """What its readers are driven with; empty where it has none."""

    @property
    def origin(self) -> str:
        """Return where its gateway is."""
        return hosts.origin_of(self.site, self.mode)

    @property
    def terminal_origin(self) -> str:
        """Return where its readers are driven."""
        return hosts.terminal_origin_of(self.site, self.mode)


def read(account: MerchantAccount) -> Merchant:
    """Return what a merchant account's credentials say.

    Raises:
        AccountInvalid: a field is missing or can't be right.
    """
    try:
        stored: Any = json.loads(str(account.credentials) or "{}")
    except json.JSONDecodeError:
        raise AccountInvalid("credentials") from None
    if not isinstance(stored, dict):
        raise AccountInvalid("credentials")
    merchid, currency = _text(stored, "merchid"), _text(stored, "currency", "USD")
    if not _MERCHID.fullmatch(merchid):
        raise AccountInvalid("merchid")
    if currency not in _CURRENCIES:
        raise AccountInvalid("currency")
    try:
        site = hosts.site_of(_text(stored, "site"), account.mode)
    except hosts.HostRefused:
        raise AccountInvalid("site") from None
    return Merchant(
        account_id=account.pk,
        mode=account.mode,
        site=site,
        merchid=merchid,
        currency=currency,
        user=_text(stored, "api_user"),
        password=_text(stored, "api_pass"),
        terminal_key=_terminal_key(stored),
    )


def _text(stored: dict[str, Any], name: str, default: str = "") -> str:
    value = stored.get(name, default)
    if not isinstance(value, str) or not value.strip():
        raise AccountInvalid(name)
    return value.strip()


def _terminal_key(stored: dict[str, Any]) -> str:
    key = stored.get("terminal_api_key", "")
    if not isinstance(key, str) or not _TERMINAL_KEY.fullmatch(key.strip()):
        raise AccountInvalid("terminal_api_key")
    return key.strip()


def of_payer(payer_id: str) -> MerchantAccount:
    """Return the account that a payer's money goes to: its seller's, else the platform's.

    Raises:
        DriverRejected: there is none in this mode.
    """
    payer = Payer.objects.filter(provider=Provider.CARDCONNECT, external_id=payer_id).first()
    return of_seller(payer.seller_id if payer else None)


def of_seller(seller_id: UUID | None) -> MerchantAccount:
    """Return the account of a seller; None is the platform.

    Raises:
        DriverRejected: there is none in this mode.
    """
    account = _in_use(Q(organization_id=seller_id) if seller_id else Q(organization=None))
    if account is None:
        logger.error("cardconnect.no_account", extra={"seller": str(seller_id or "")})
        raise DriverRejected("INVALID_REQUEST", detail="no_merchant_account")
    return account


def of_counter(organization_id: UUID) -> MerchantAccount:
    """Return the account on which an organization takes cards in person: its own, else ours.

    Raises:
        DriverRejected: there is none in this mode, or it has no key for readers.
    """
    account = _in_use(Q(organization_id=organization_id)) or of_seller(None)
    if not usable(account).terminal_key:
        raise DriverRejected("INVALID_REQUEST", detail="no_terminal_key")
    return account


def _in_use(sellers: Q) -> MerchantAccount | None:
    rows = MerchantAccount.objects.filter(
        sellers, provider=Provider.CARDCONNECT, mode=settings.CARDCONNECT_MODE, is_active=True
    )
    return rows.order_by("created_at").first()


def ready(account: MerchantAccount) -> Merchant:
    """Return what a call that moves money needs; an account that is broken gets none.

    Raises:
        DriverUnavailable: its credentials are known to be refused: nothing is sent.
        DriverRejected: it is switched off, of another mode, or its credentials can't be read.
    """
    if AccountState.objects.filter(account=account, broken_at__isnull=False).exists():
        raise DriverUnavailable("API_ERROR", detail="account_broken")
    if not account.is_active:
        raise DriverRejected("INVALID_REQUEST", detail="account_off")
    return usable(account)


def usable(account: MerchantAccount) -> Merchant:
    """Return what a question needs, of whatever mode this process is in.

    Raises:
        DriverRejected: the account is of another mode, or its credentials can't be read.
    """
    if account.mode != settings.CARDCONNECT_MODE:
        raise DriverRejected("INVALID_REQUEST", detail="account_mode")
    try:
        merchant = read(account)
        hosts.origin_of(merchant.site, merchant.mode)
    except AccountInvalid as error:
        logger.error(  # noqa: TRY400 - the stack would show what was read
            "cardconnect.account_unreadable",
            extra={"account": str(account.pk), "field": str(error)},
        )
        raise DriverRejected("INVALID_REQUEST", detail=f"account_{error}") from None
    except hosts.HostRefused:
        raise DriverRejected("INVALID_REQUEST", detail="account_host") from None
    return merchant


def askable(account: MerchantAccount) -> Merchant:
    """Return what a question about something that was sent needs.

    Raises:
        DriverUnavailable: nobody can be asked with these credentials now; what was sent stays
            undecided until they are right again.
    """
    try:
        return usable(account)
    except DriverRejected as error:
        raise DriverUnavailable("API_ERROR", detail=error.detail) from error


def mark_broken(account_id: UUID, *, now: datetime) -> None:
    """Stop an account whose credentials are refused, until somebody looked; told once a stop."""
    state, _ = AccountState.objects.get_or_create(account_id=account_id)
    with transaction.atomic():
        changed = AccountState.objects.filter(pk=state.pk, broken_at=None).update(
            broken_at=now, updated_at=now
        )
        if changed:
            alarms.tell_stopped(state.account, now=now)
    if changed:
        logger.error("cardconnect.account_broken", extra={"account": str(account_id)})


def mark_fine(account_id: UUID, *, facts: dict[str, Any], now: datetime) -> None:
    """Let an account go on, with what the gateway says of it."""
    AccountState.objects.update_or_create(
        account_id=account_id, defaults={"broken_at": None, "checked_at": now, "facts": facts}
    )
