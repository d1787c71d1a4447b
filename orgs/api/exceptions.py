"""How every failure looks from outside."""

import logging
from collections.abc import Callable
from typing import Any

from django.core import exceptions as django_exceptions
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response

from orgs import trace
from orgs.errors import (
    DomainError,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    RateLimited,
)

_AUTHENTICATE = 'Bearer realm="till"'

logger = logging.getLogger(__name__)


class MethodNotAllowed(DomainError):
    """This method is not supported here."""

    code = "METHOD_NOT_ALLOWED"
    status = 405


class NotAcceptable(DomainError):
    """This answer is not available in the format you asked for."""

    code = "NOT_ACCEPTABLE"
    status = 406


class BodyTooLarge(DomainError):
    """The request is too large."""

    code = "PAYLOAD_TOO_LARGE"
    status = 413


class UnsupportedMediaType(DomainError):
    """Please send JSON, with the header Content-Type: application/json."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415


def error_body(error: DomainError) -> dict[str, Any]:
    """Return what the caller reads about a failure."""
    body: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "trace_id": trace.get_trace_id(),
    }
    if error.fields:
        body["fields"] = error.fields
    return {"error": body}


def handle_exception(exc: Exception, context: dict[str, Any]) -> Response:
    """Render any failure of a view; what nobody expected is logged and answered with 500."""
    error = translate(exc)
    if error is None:
        request = context.get("request")
        logger.error(
            "request.failed",
            exc_info=exc,
            extra={"method": getattr(request, "method", ""), "path": getattr(request, "path", "")},
        )
        error = DomainError()
    response = Response(error_body(error), status=error.status)
    if error.status == status.HTTP_401_UNAUTHORIZED:
        response["WWW-Authenticate"] = _AUTHENTICATE
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    if isinstance(exc, exceptions.MethodNotAllowed):
        response["Allow"] = ", ".join(getattr(context.get("view"), "allowed_methods", []))
    return response


def translate(exc: Exception) -> DomainError | None:
    """Return the expected failure behind an exception; None when nobody expected it."""
    if isinstance(exc, DomainError):
        return exc
    for kinds, error_of in _EXPECTED:
        if isinstance(exc, kinds):
            return error_of(exc)
    return None


def flatten(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    """Turn DRF's nested errors into `{"card.expiry": ["…"], "events.0.metric": ["…"]}`."""
    if isinstance(detail, dict):
        nested = {
            prefix if name == "non_field_errors" else _join(prefix, str(name)): errors
            for name, errors in detail.items()
        }
    elif isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        nested = {_join(prefix, str(index)): item for index, item in enumerate(detail) if item}
    else:
        items = detail if isinstance(detail, list) else [detail]
        return {prefix or "body": [str(item) for item in items]}
    flat: dict[str, list[str]] = {}
    for name, errors in nested.items():
        for key, messages in flatten(errors, name).items():
            flat.setdefault(key, []).extend(messages)
    return flat


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _django_fields(exc: django_exceptions.ValidationError) -> dict[str, list[str]]:
    if hasattr(exc, "error_dict"):
        return {name: list(errors) for name, errors in exc.message_dict.items()}
    return {"body": list(exc.messages)}


# Read in order: the first that fits.
_EXPECTED: tuple[tuple[type | tuple[type, ...], Callable[[Any], DomainError]], ...] = (
    (exceptions.ValidationError, lambda exc: InvalidRequest(fields=flatten(exc.detail))),
    (django_exceptions.ValidationError, lambda exc: InvalidRequest(fields=_django_fields(exc))),
    (exceptions.ParseError, lambda exc: InvalidRequest(fields={"body": [str(exc.detail)]})),
    ((exceptions.NotAuthenticated, exceptions.AuthenticationFailed), lambda _: NotAuthenticated()),
    (
        (exceptions.PermissionDenied, django_exceptions.PermissionDenied),
        lambda _: PermissionDenied(),
    ),
    ((exceptions.NotFound, Http404), lambda _: NotFound()),
    (exceptions.MethodNotAllowed, lambda _: MethodNotAllowed()),
    (exceptions.NotAcceptable, lambda _: NotAcceptable()),
    (exceptions.UnsupportedMediaType, lambda _: UnsupportedMediaType()),
    (exceptions.Throttled, lambda exc: RateLimited(retry_after=max(1, round(exc.wait or 1)))),
    (django_exceptions.RequestDataTooBig, lambda _: BodyTooLarge()),
    (
        (django_exceptions.BadRequest, django_exceptions.SuspiciousOperation),
        lambda _: InvalidRequest(),
    ),
)
