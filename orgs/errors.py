"""Expected failures, and how they look from outside."""

from collections.abc import Mapping
from typing import ClassVar


class DomainError(Exception):
    """An unexpected error occurred. Please contact support.

    Subclasses live beside the code that raises them. The first line of their docstring is the
    sentence the user reads; `code` and `status` are the HTTP contract.
    """

    code: ClassVar[str] = "UNKNOWN_ERROR"
    status: ClassVar[int] = 500

    def __init__(
        self,
        message: str | None = None,
        *,
        fields: Mapping[str, list[str]] | None = None,
        retry_after: int | None = None,
    ) -> None:
        """Keep what the answer needs; `retry_after` is in whole seconds."""
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.fields = {name: list(errors) for name, errors in (fields or {}).items()}
        self.retry_after = retry_after
        super().__init__(self.message)


class InvalidRequest(DomainError):
    """Invalid request. Please check your input."""

    code = "INVALID_REQUEST"
    status = 400


class NotAuthenticated(DomainError):
    """Please sign in, or send a valid token or API key."""

    code = "NOT_AUTHENTICATED"
    status = 401


class PermissionDenied(DomainError):
    """You do not have permission to do this."""

    code = "PERMISSION_DENIED"
    status = 403


class NotFound(DomainError):
    """Not found."""

    code = "NOT_FOUND"
    status = 404


class Conflict(DomainError):
    """The request conflicts with another one that is still running. Please try again shortly."""

    code = "CONFLICT"
    status = 409


class IdempotencyMismatch(DomainError):
    """This Idempotency-Key was already used with a different request."""

    code = "IDEMPOTENCY_MISMATCH"
    status = 409


class RateLimited(DomainError):
    """Too many requests. Please try again later."""

    code = "RATE_LIMIT"
    status = 429
