"""Getting a session at a reader, and giving it back: never at the cost of somebody else's."""

import contextlib
import logging

from billing.drivers.base import DriverError, DriverUnavailable, ReaderBusy
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.outcome import Answer
from billing.drivers.cardconnect.terminals import commands, sessions
from billing.drivers.cardconnect.terminals.sessions import Session

logger = logging.getLogger(__name__)


def connect(merchant: Merchant, hsn: str, reference: str) -> Session:
    """Get a session for a try.

    Raises:
        ReaderBusy: somebody has one.
        ReaderOffline, DriverUnavailable, DriverRejected: there is none to be had. No payment was
            started in any of these cases.
    """
    kept = sessions.of_reader(merchant.account_id, hsn)
    left = kept if kept is not None and sessions.is_left_behind(kept) else None
    if left is not None:
        _end_left_behind(merchant, left)
    asked = sessions.asked_for(hsn, reference)
    try:
        return _ask(merchant, asked, force=False, may_keep=kept is None or left is not None)
    except ReaderBusy:
        if not may_force(left):
            raise
    logger.warning("cardconnect.session_forced", extra={"reference": reference})
    return _ask(merchant, asked, force=True, may_keep=True)


def may_force(left: Session | None) -> bool:
    """Say whether a session may be ended by force: only our own, of a try that is over.

    Force ends whatever runs at a reader, whoever began it. One whose key we have was ended by its
    key, which can hurt nobody: what the reader has now is somebody else's. So only the session
    whose key never reached us remains.
    """
    return left is not None and not left.key


def renew(merchant: Merchant, session: Session) -> Session:
    """Return a session that lasts for a whole payment: this one, or a new one in its place.

    Raises:
        ReaderBusy, ReaderOffline, DriverUnavailable, DriverRejected: there is none to be had.
    """
    if not session.is_short:
        return session
    leave(merchant, session)
    return connect(merchant, session.hsn, session.reference)


def leave(merchant: Merchant, session: Session) -> None:
    """Clear the display and end our session; whatever fails here has no bearing on the payment."""
    with contextlib.suppress(DriverError):
        commands.clear_display(merchant, session)
    _disconnect(merchant, session)


def _end_left_behind(merchant: Merchant, session: Session) -> None:
    logger.warning("cardconnect.session_left_behind", extra={"reference": session.reference})
    if session.key:
        _disconnect(merchant, session)


def _disconnect(merchant: Merchant, session: Session) -> None:
    with contextlib.suppress(DriverError):
        if commands.is_done(commands.disconnect(merchant, session)):
            sessions.drop(merchant.account_id, session)


def _ask(merchant: Merchant, asked: Session, *, force: bool, may_keep: bool) -> Session:
    if may_keep:
        # Before it is asked for: if the answer is lost, the session is ours all the same.
        sessions.keep(merchant.account_id, asked)
    try:
        answer = commands.connect(merchant, asked.hsn, force=force)
    except DriverUnavailable:
        sessions.drop(merchant.account_id, asked)
        raise
    session = _session_of(asked, answer)
    if session is not None:
        sessions.keep(merchant.account_id, session)
        return session
    if answer.status is not None and not commands.is_done(answer):
        sessions.drop(merchant.account_id, asked)
    raise commands.error_of("connect", answer)


def _session_of(asked: Session, answer: Answer) -> Session | None:
    if not commands.is_done(answer):
        return None
    return sessions.answered(asked, answer.headers.get(commands.SESSION_HEADER, ""))
