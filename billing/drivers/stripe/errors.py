"""From the SDK's exceptions to the three ways in which a call may fail.

Source: https://docs.stripe.com/error-low-level and https://docs.stripe.com/error-codes
"""

import contextlib
import logging
from collections.abc import Iterator

import stripe

from billing.drivers.base import (
    DriverError,
    DriverRejected,
    DriverUnavailable,
    ObjectMissing,
    OutcomeUnknown,
    ReaderBusy,
    ReaderOffline,
)
from billing.drivers.stripe.transport import NotSent

# What a reader answers that takes no command now; a time-out may have reached it all the same.
# Source: https://docs.stripe.com/terminal/payments/collect-card-payment?terminal-sdk-platform=server-driven#handle-errors
_OF_READERS: dict[str, type[DriverUnavailable]] = {
    "terminal_reader_busy": ReaderBusy,
    "terminal_reader_offline": ReaderOffline,
}
_READER_TIMED_OUT = "terminal_reader_timeout"
_NOT_FOUND = 404
_CONFLICT = 409
_SERVER_ERROR = 500

logger = logging.getLogger(__name__)


class KeyReused(RuntimeError):
    """One idempotency key was used for two different requests: a bug of ours."""


def of_read(error: stripe.StripeError) -> DriverError:
    """Return what a failed question is to the caller: a clear no, or "ask again"."""
    return _clear_answer(error) or DriverUnavailable("API_ERROR", detail=_detail(error))


def of_write(error: stripe.StripeError) -> DriverError:
    """Return what a failed write is to the caller.

    Whatever is not provably refused counts as unknown: a 500 may come after the charge, and a 409
    says that the same key is being worked on.

    Raises:
        KeyReused: the key belongs to another request.
    """
    if isinstance(error, stripe.IdempotencyError) and error.http_status != _CONFLICT:
        logger.error("stripe.key_reused", extra={"request": error.request_id})
        raise KeyReused from error
    known = _clear_answer(error)
    if known is not None:
        return known
    if isinstance(error, NotSent):
        return DriverUnavailable("API_ERROR", detail="not_sent")
    logger.warning(
        "stripe.outcome_unknown",
        extra={"kind": type(error).__name__, "status": error.http_status},
    )
    return OutcomeUnknown("API_ERROR", detail=_detail(error))


@contextlib.contextmanager
def after_write() -> Iterator[None]:
    """Read inside this block once a write went through: "not processed" would now be a lie."""
    try:
        yield
    except DriverUnavailable as error:
        raise OutcomeUnknown("API_ERROR", detail=error.detail) from error


def _clear_answer(error: stripe.StripeError) -> DriverError | None:
    """Return the error for an answer that leaves no doubt, or None."""
    if isinstance(error, stripe.CardError):
        return _declined(error)
    if isinstance(error, stripe.RateLimitError):
        return DriverUnavailable(
            "RATE_LIMIT", detail=_detail(error), retry_after=retry_after(error)
        )
    if error.code == _READER_TIMED_OUT:
        return None
    if isinstance(error, stripe.InvalidRequestError):
        return _invalid(error)
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        # Ours to repair, not the payer's; nothing was processed.
        logger.error(
            "stripe.not_allowed",
            extra={"status": error.http_status, "request": error.request_id},
        )
        return DriverUnavailable("API_ERROR", detail="not_allowed")
    return None


def _declined(error: stripe.CardError) -> DriverRejected:
    details = error.error
    decline_code = (details.decline_code if details else None) or ""
    return DriverRejected("CARD_DECLINED", detail=_detail(error), decline_code=decline_code)


def _invalid(error: stripe.InvalidRequestError) -> DriverError:
    """A missing object in the path is a 404; one that a parameter names is a 400."""
    if error.code in _OF_READERS:
        return _OF_READERS[error.code]("API_ERROR", detail=error.code)
    logger.info(
        "stripe.refused",
        extra={"code": error.code, "param": error.param, "request": error.request_id},
    )
    if error.code == "resource_missing" and error.http_status == _NOT_FOUND:
        return ObjectMissing("INVALID_REQUEST", detail="resource_missing")
    return DriverRejected("INVALID_REQUEST", detail=_detail(error))


def _detail(error: stripe.StripeError) -> str:
    """Return the provider's stable code, never its message (it may quote what was sent)."""
    if error.code:
        return str(error.code)
    kind = error.error.type if error.error else None
    if kind:
        return str(kind)
    return f"http_{error.http_status}" if error.http_status else type(error).__name__


def retry_after(error: stripe.StripeError) -> int | None:
    """Return the seconds a 429 asks for. Source: https://docs.stripe.com/rate-limits."""
    value = (error.headers or {}).get("retry-after", "")
    return int(value) if value.isdecimal() else None


def may_ask_again(error: stripe.StripeError) -> bool:
    """Say whether a question is worth repeating: lost on the way, 429 or 5xx."""
    if isinstance(error, stripe.APIConnectionError | stripe.RateLimitError):
        return True
    return (error.http_status or 0) >= _SERVER_ERROR
