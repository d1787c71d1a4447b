"""Whether an account's credentials work, and whether we can do what the account wants."""

from datetime import datetime
from typing import Any

from billing.drivers.base import DriverError
from billing.drivers.cardconnect import accounts, calls
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.outcome import text
from billing.drivers.cardconnect.terminals import readers
from billing.models import MerchantAccount

_KEPT = ("cardproc", "avs", "cvv", "acctupdater", "echeck", "fee_type", "enabled", "site")
# The gateway adds a fee of its own to each charge: more would be taken than anybody agreed to.
_SURCHARGES = frozenset({"S", "C", "F"})


class AccountRefused(Exception):
    """The account can't be used. Says why, in words for staff."""


def check(account: MerchantAccount, *, now: datetime) -> None:
    """Ask the gateway for an account; one that is fine goes on, also if it was stopped.

    Raises:
        AccountRefused: it is not.
    """
    try:
        merchant = accounts.usable(account)
        found = calls.inquire_merchant(merchant)
    except DriverError as error:
        raise AccountRefused(_REASONS.get(error.detail, "The gateway gave no answer.")) from error
    if found.get("enabled") is not True:
        raise AccountRefused("The gateway has switched the account off.")
    if text(found, "merchid") != merchant.merchid or not _is_site(found, merchant.site):
        raise AccountRefused("The gateway knows the merchant ID by another site.")
    if text(found, "fee_type").upper() in _SURCHARGES:
        raise AccountRefused("The gateway adds fees to each charge, which nobody agreed to.")
    if merchant.terminal_key:
        _check_readers(account, merchant)
    facts: dict[str, Any] = {name: found[name] for name in _KEPT if name in found}
    accounts.mark_fine(account.pk, facts=facts, now=now)


def _check_readers(account: MerchantAccount, merchant: Merchant) -> None:
    """Ask whether the key for readers works, and whether those that are registered are there."""
    try:
        there = readers.serial_numbers(merchant)
    except DriverError as error:
        raise AccountRefused(
            "The terminal service refuses the key for readers."
            if error.detail == "terminal_key_refused"
            else "The terminal service gave no answer."
        ) from error
    if missing := sorted(_registered(account) - there):
        raise AccountRefused(f"The account has no reader {', '.join(missing)}.")


def _registered(account: MerchantAccount) -> set[str]:
    """Return the serial numbers under which readers of an account are in use."""
    rows = MerchantAccount.objects.filter(
        pk=account.pk, terminals__isnull=False, terminals__removed_at=None
    )
    return set(rows.values_list("terminals__external_id", flat=True))


def _is_site(found: dict[str, Any], site: str) -> bool:
    return text(found, "site").removesuffix("-uat") in {"", site}


_REASONS = {
    "account_broken": "The gateway refuses the credentials.",
    "account_mode": "The account is of another mode than this installation.",
    "account_host": "No host may be given these credentials.",
    "account_credentials": "The credentials are no JSON object.",
    **{
        f"account_{field}": f"The credentials have no usable {field}."
        for field in (
            "site",
            "merchid",
            "currency",
            "api_user",
            "api_pass",
            "terminal_api_key",
        )
    },
}
