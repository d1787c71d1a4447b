"""The terminal service's commands, one function each; listed fields of an answer are logged.

Every command is a POST with the raw key in a header, and nothing is ever sent a second time. The
merchant ID comes from the account, never from what was asked.
"""

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing.drivers.base import (
    DriverError,
    DriverRejected,
    DriverUnavailable,
    ObjectMissing,
    ReaderBusy,
    ReaderOffline,
)
from billing.drivers.cardconnect import calls, connections
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.outcome import RETRY_HEADER, Answer, text
from billing.drivers.cardconnect.terminals import answers
from billing.drivers.cardconnect.terminals.sessions import Session

SESSION_HEADER = "x-cardconnect-sessionkey"
# A reader waits 1 min 59 s for a person, the gateway 32 s for the card's bank.
_PERSON_TIMEOUT_S = 165.0
# Asking a reader that is not there takes the service about 15 s.
_COMMAND_TIMEOUT_S = 30.0
# What only tidies up must not keep a till waiting.
_TIDYING_TIMEOUT_S = 5.0
_OK, _BAD, _UNAUTHORIZED, _FORBIDDEN, _THROTTLED = 200, 400, 401, 403, 429

logger = logging.getLogger(__name__)


def list_terminals(merchant: Merchant) -> Answer:
    """Ask for the serial numbers of all readers of an account."""
    return _send(merchant, "v2/listTerminals", {})


def terminal_details(merchant: Merchant) -> Answer:
    """Ask how all readers of an account are doing; takes no session."""
    return _send(merchant, "v3/terminalDetails", {})


def connect(merchant: Merchant, hsn: str, *, force: bool) -> Answer:
    """Ask for a session. With `force` whoever has one loses it, and what runs there is canceled."""
    return _send(merchant, "v2/connect", {"hsn": hsn, "force": force})


def ask_for_tip(merchant: Merchant, session: Session, fields: Mapping[str, Any]) -> Answer:
    """Have a person choose a tip; lasts until then."""
    return _send(merchant, "v3/tip", fields, session, read_timeout_s=_PERSON_TIMEOUT_S)


def authorize(
    merchant: Merchant, session: Session, fields: Mapping[str, Any], *, leave_by: datetime
) -> Answer:
    """Have a reader take a card; lasts until it was read and answered. Not after `leave_by`."""
    return _send(
        merchant,
        "v3/authCard",
        fields,
        session,
        read_timeout_s=_PERSON_TIMEOUT_S,
        leave_by=leave_by,
    )


def cancel(merchant: Merchant, session: Session) -> Answer:
    """Have a reader stop what it is doing. The answer proves nothing."""
    return _send(merchant, "v2/cancel", {}, session)


def clear_display(merchant: Merchant, session: Session) -> Answer:
    """Have nothing on a reader's display any more."""
    return _send(merchant, "v3/clearDisplay", {}, session, read_timeout_s=_TIDYING_TIMEOUT_S)


def disconnect(merchant: Merchant, session: Session) -> Answer:
    """End our own session; ends nobody else's, and cancels nothing."""
    return _send(merchant, "v2/disconnect", {}, session, read_timeout_s=_TIDYING_TIMEOUT_S)


def is_done(answer: Answer) -> bool:
    """Say whether a command was obeyed."""
    return answer.status == _OK


def error_of(op: str, answer: Answer) -> DriverError:
    """Return what a command that started no payment and was not obeyed is to whoever asked."""
    code = answers.error_code(answer)
    if code == answers.IN_USE:
        return ReaderBusy("API_ERROR", detail="reader_in_use")
    if code == answers.MERCHANT_MODE:
        return ReaderBusy("API_ERROR", detail="merchant_mode")
    if code == answers.NOT_CONNECTED:
        return ReaderOffline("API_ERROR", detail="reader_not_connected")
    if code == answers.GENERIC and _says(answer, "session exists"):
        return ReaderBusy("API_ERROR", detail="session_exists")
    if code == answers.GENERIC and _says(answer, "timed out"):
        return ReaderOffline("API_ERROR", detail="reader_timed_out")
    return _error_of_status(op, answer)


def _error_of_status(op: str, answer: Answer) -> DriverError:
    if answer.status == _UNAUTHORIZED:
        # The gateway's own credentials may be fine: charges of stored cards go on.
        logger.error("cardconnect.terminal_key_refused")
        return DriverUnavailable("API_ERROR", detail="terminal_key_refused")
    if answer.status == _FORBIDDEN:
        return ObjectMissing("INVALID_REQUEST", detail="no_such_reader")
    if answer.status == _THROTTLED:
        wait = answer.headers.get(RETRY_HEADER, "")
        seconds = int(wait) if wait.isdecimal() else None
        return DriverUnavailable("RATE_LIMIT", detail=op, retry_after=seconds)
    if answer.status == _BAD:
        code = answers.error_code(answer)
        return DriverRejected("INVALID_REQUEST", detail=f"reader_refused_{code or ''}")
    return DriverUnavailable("API_ERROR", detail=f"{op}_no_answer")


def _says(answer: Answer, words: str) -> bool:
    body = answer.body if isinstance(answer.body, dict) else {}
    return words in text(body, "errorMessage").lower()


def _send(
    merchant: Merchant,
    path: str,
    fields: Mapping[str, Any],
    session: Session | None = None,
    *,
    read_timeout_s: float = _COMMAND_TIMEOUT_S,
    leave_by: datetime | None = None,
) -> Answer:
    """Send one command.

    Raises:
        DriverUnavailable: nothing was sent.
    """
    headers = {"content-type": "application/json", "authorization": merchant.terminal_key}
    body = {**fields, "merchantId": merchant.merchid}
    if session is not None:
        headers[SESSION_HEADER] = session.key
        body["hsn"] = session.hsn
    try:
        answer = connections.exchange(
            "readers",
            "POST",
            f"{merchant.terminal_origin}/api/{path}",
            read_timeout_s=read_timeout_s,
            leave_by=leave_by,
            content=json.dumps(body, ensure_ascii=True).encode("ascii"),
            headers=headers,
        )
    except connections.NotSent:
        logger.warning("cardconnect.not_sent", extra={"account": str(merchant.account_id)})
        raise DriverUnavailable("API_ERROR", detail="not_sent") from None
    _log(path.partition("/")[2], merchant, str(body.get("hsn", "")), answer)
    return answer


def _log(op: str, merchant: Merchant, hsn: str, answer: Answer) -> None:
    logger.info(
        "cardconnect.reader_answered",
        extra={
            "operation": op,
            "account": str(merchant.account_id),
            "reader": hsn,
            "http_status": answer.status,
            "error_code": answers.error_code(answer),
            **calls.listed(answers.payment_of(answer)),
        },
    )
