"""The gateway's operations, one function each: fields in, an answer out, listed fields logged.

The merchant ID always comes from the account, never from what was asked.
"""

import logging
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from billing.drivers.base import DriverError, DriverRejected, DriverUnavailable, ObjectMissing
from billing.drivers.cardconnect import accounts, budget, connections, transport
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.outcome import RETRY_HEADER, Answer, text
from orgs import clock

# What may be told of an answer: no token, name or profile, nothing that was invented on the way.
LISTED = (
    "respstat",
    "respcode",
    "respproc",
    "cardproc",
    "retref",
    "amount",
    "authcode",
    "avsresp",
    "cvvresp",
    "setlstat",
    "batchid",
    "merchid",
    "orderid",
    "entrymode",
    "declineCategory",
    "merchAdviceCode",
)
_OK, _UNAUTHORIZED, _THROTTLED = 200, 401, 429
_UNUSABLE_FROM = 500

logger = logging.getLogger(__name__)


def auth(
    merchant: Merchant, fields: Mapping[str, str], *, leave_by: datetime | None = None
) -> Answer:
    """Authorize, and with `capture` charge; not after `leave_by`."""
    return _write(merchant, "auth", fields, leave_by=leave_by)


def capture(
    merchant: Merchant, fields: Mapping[str, str], *, leave_by: datetime | None = None
) -> Answer:
    """Take an authorization, or a part of it; not after `leave_by`."""
    return _write(merchant, "capture", fields, leave_by=leave_by)


def void(merchant: Merchant, retref: str, *, leave_by: datetime | None = None) -> Answer:
    """Take back a transaction, all of it; not after `leave_by`."""
    return _write(merchant, "void", {"retref": retref}, leave_by=leave_by)


def void_by_order(merchant: Merchant, reference: str) -> Answer:
    """Take back whatever was approved under one of our references."""
    return _write(merchant, "voidByOrderId", {"orderid": reference})


def refund(
    merchant: Merchant, fields: Mapping[str, str], *, leave_by: datetime | None = None
) -> Answer:
    """Give back money of a settled transaction; not after `leave_by`."""
    return _write(merchant, "refund", fields, leave_by=leave_by)


def save_profile(merchant: Merchant, fields: Mapping[str, str]) -> Answer:
    """Keep a card at the gateway; exact duplicates are the same profile."""
    budget.take(merchant)
    return _write(merchant, "profile", fields)


def delete_profile(merchant: Merchant, profile: str) -> Answer:
    """Delete a card at the gateway, by `id/account`."""
    budget.take(merchant)
    return _logged(
        "profile", merchant, _send(merchant, "DELETE", f"profile/{profile}/{merchant.merchid}")
    )


def inquire(merchant: Merchant, retref: str) -> list[dict[str, Any]]:
    """Ask for a transaction by the gateway's reference.

    Raises:
        DriverUnavailable: no usable answer.
    """
    budget.take(merchant)
    return _rows(merchant, "inquire", f"inquire/{retref}/{merchant.merchid}")


def inquire_by_order(merchant: Merchant, reference: str) -> list[dict[str, Any]]:
    """Ask for all transactions of one of our references; "there is none" is a row as well.

    Raises:
        DriverUnavailable: no usable answer.
    """
    # The last part: of this merchant ID alone, not of all that share its site.
    path = f"inquireByOrderid/{reference}/{merchant.merchid}/1"
    return _rows(merchant, "inquireByOrderid", path)


def inquire_merchant(merchant: Merchant) -> dict[str, Any]:
    """Ask what the gateway has of the account itself."""
    answer = _send(merchant, "GET", f"inquireMerchant/{merchant.merchid}")
    return _one("inquireMerchant", merchant, answer)


def settlement(merchant: Merchant, day: date) -> list[dict[str, Any]]:
    """Ask for the batches of a day; a day without any is answered with a text.

    Always with a date: without one the gateway returns each batch only once, to whoever asks first.
    """
    budget.take(merchant)
    query = {"merchid": merchant.merchid, "date": f"{day:%m%d}"}
    answer = _send(merchant, "GET", "settlestat", query=query)
    found = usable("settlestat", merchant, answer)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def updates(merchant: Merchant, *, days: int, page: int) -> dict[str, Any]:
    """Ask for cards that their banks changed."""
    query = {
        "merchid": merchant.merchid,
        "daysBack": str(days),
        "page": str(page),
        "profiles": "true",
        "binInfo": "false",
    }
    return _one("updater", merchant, _send(merchant, "GET", "v2/updater", query=query))


def usable(op: str, merchant: Merchant, answer: Answer) -> Any:
    """Return what a question was answered with.

    Raises:
        DriverUnavailable: it was not answered, or not as it should be.
    """
    if answer.status == _OK and answer.body is not None:
        return answer.body
    error = unavailable(op, merchant, answer)
    if isinstance(error, DriverUnavailable):
        raise error
    # A question that was wrong has decided nothing either.
    raise DriverUnavailable("API_ERROR", detail=error.detail)


def unavailable(op: str, merchant: Merchant, answer: Answer) -> DriverError:
    """Return what an answer that can't be used is to whoever asked; notes refused credentials."""
    if answer.status == _UNAUTHORIZED:
        accounts.mark_broken(merchant.account_id, now=clock.now())
        return DriverUnavailable("API_ERROR", detail="account_broken")
    if answer.status == _THROTTLED:
        wait = answer.headers.get(RETRY_HEADER, "")
        seconds = int(wait) if wait.isdecimal() else None
        return DriverUnavailable("RATE_LIMIT", detail=op, retry_after=seconds)
    if answer.status is None or answer.status >= _UNUSABLE_FROM or answer.status == _OK:
        return DriverUnavailable("API_ERROR", detail=f"{op}_no_answer")
    if answer.status == 404:  # noqa: PLR2004 - "not found"
        return ObjectMissing("INVALID_REQUEST", detail=f"{op}_not_found")
    return DriverRejected("INVALID_REQUEST", detail=f"http_{answer.status}")


def listed(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of an answer that may be told."""
    return {name: value for name in LISTED if (value := text(body, name))}


def _write(
    merchant: Merchant, op: str, fields: Mapping[str, str], *, leave_by: datetime | None = None
) -> Answer:
    body = {**fields, "merchid": merchant.merchid}
    return _logged(op, merchant, _send(merchant, "PUT", op, body=body, leave_by=leave_by))


def _rows(merchant: Merchant, op: str, path: str) -> list[dict[str, Any]]:
    answer = _logged(op, merchant, _send(merchant, "GET", path))
    found = usable(op, merchant, answer)
    rows = found if isinstance(found, list) else [found]
    if not rows or not all(isinstance(row, dict) and text(row, "respcode") for row in rows):
        raise DriverUnavailable("API_ERROR", detail=f"{op}_no_answer")
    return rows


def _one(op: str, merchant: Merchant, answer: Answer) -> dict[str, Any]:
    found = usable(op, merchant, answer)
    if not isinstance(found, dict):
        raise DriverUnavailable("API_ERROR", detail=f"{op}_no_answer")
    return found


def _send(
    merchant: Merchant,
    method: str,
    path: str,
    *,
    body: dict[str, Any] | None = None,
    query: dict[str, str] | None = None,
    leave_by: datetime | None = None,
) -> Answer:
    """Send one request.

    Raises:
        DriverUnavailable: nothing was sent.
    """
    try:
        return transport.send(merchant, method, path, body=body, query=query, leave_by=leave_by)
    except connections.NotSent:
        logger.warning("cardconnect.not_sent", extra={"account": str(merchant.account_id)})
        raise DriverUnavailable("API_ERROR", detail="not_sent") from None


def _logged(op: str, merchant: Merchant, answer: Answer) -> Answer:
    fields = listed(answer.body) if isinstance(answer.body, dict) else {}
    logger.info(
        "cardconnect.answered",
        extra={
            "operation": op,
            "account": str(merchant.account_id),
            "http_status": answer.status,
            **fields,
        },
    )
    return answer
