"""The request as our views see it."""

from typing import cast

from rest_framework.request import Request

from orgs.permissions import Credential


class ApiRequest(Request):
    """A request with its proven caller and its Idempotency-Key."""

    idempotency_key: str | None = None

    @property
    def credential(self) -> Credential | None:
        """Who is asking; None for an anonymous caller."""
        return cast("Credential | None", self.auth)
