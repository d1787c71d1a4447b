"""An account's readers, as the terminal service last saw them: one call for all of them."""

from typing import Any
from uuid import UUID

from billing.drivers.base import (
    DriverRejected,
    DriverUnavailable,
    ObjectMissing,
    ReaderOffline,
)
from billing.drivers.cardconnect import accounts
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.outcome import text
from billing.drivers.cardconnect.terminals import commands
from billing.enums import Provider
from billing.models import MerchantAccount
from billing.types import ReaderRef, ReaderSnapshot


def retrieve(reader: ReaderRef) -> ReaderSnapshot:
    """Ask how a reader is doing.

    Raises:
        ObjectMissing: this account has no such reader.
        DriverUnavailable: nobody answered.
    """
    return _find(list_all(reader.account_id), reader.external_id)


def list_all(account_id: UUID | None) -> tuple[ReaderSnapshot, ...]:
    """Ask for all readers of an account; None is the platform's own.

    Raises:
        DriverRejected: the account has none, or can't be used.
        DriverUnavailable: nobody answered.
    """
    return _of_merchant(merchant_of(account_id))


def merchant_of(account_id: UUID | None) -> Merchant:
    """Return what a question about an account's readers needs.

    Raises:
        DriverRejected: there is no such account, or it has no key for readers.
    """
    if account_id is None:
        account: MerchantAccount | None = accounts.of_seller(None)
    else:
        rows = MerchantAccount.objects.filter(provider=Provider.CARDCONNECT)
        account = rows.filter(pk=account_id).first()
    if account is None:
        raise DriverRejected("INVALID_REQUEST", detail="no_merchant_account")
    merchant = accounts.usable(account)
    if not merchant.terminal_key:
        raise DriverRejected("INVALID_REQUEST", detail="no_terminal_key")
    return merchant


def refuse_offline(merchant: Merchant, hsn: str) -> None:
    """Go on only with a reader that is there, which can be learned without a session.

    Raises:
        ReaderOffline: it is not.
        ObjectMissing, DriverUnavailable: as in `retrieve`.
    """
    if not _find(_of_merchant(merchant), hsn).is_online:
        raise ReaderOffline("API_ERROR", detail="reader_not_connected")


def serial_numbers(merchant: Merchant) -> frozenset[str]:
    """Ask which readers an account has.

    Raises:
        DriverRejected, DriverUnavailable: the key is refused, or nobody answered.
    """
    answer = commands.list_terminals(merchant)
    body = answer.body if isinstance(answer.body, dict) else {}
    found = body.get("terminals")
    if not commands.is_done(answer) or not isinstance(found, list):
        raise commands.error_of("listTerminals", answer)
    return frozenset(hsn for hsn in found if isinstance(hsn, str))


def _of_merchant(merchant: Merchant) -> tuple[ReaderSnapshot, ...]:
    answer = commands.terminal_details(merchant)
    body = answer.body if isinstance(answer.body, dict) else {}
    found = body.get("terminalDetails")
    if not commands.is_done(answer) or not isinstance(found, list):
        error = commands.error_of("terminalDetails", answer)
        if isinstance(error, DriverUnavailable):
            raise error
        # A question that was refused says nothing of a reader.
        raise DriverUnavailable("API_ERROR", detail=error.detail)
    return tuple(_snapshot(row) for row in found if isinstance(row, dict) and text(row, "hsn"))


def _snapshot(row: dict[str, Any]) -> ReaderSnapshot:
    return ReaderSnapshot(
        external_id=text(row, "hsn"),
        is_online=row.get("connected") is True,
        label=text(row, "name"),
        device_type=text(row, "deviceType"),
    )


def _find(found: tuple[ReaderSnapshot, ...], hsn: str) -> ReaderSnapshot:
    for reader in found:
        if reader.external_id == hsn:
            return reader
    raise ObjectMissing("INVALID_REQUEST", detail="no_such_reader")
