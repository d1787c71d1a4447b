"""What our endpoints have in common in the OpenAPI document."""

from typing import Any

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers

from orgs.api import idempotency
from orgs.api.serializers import ErrorOut

_TENANT_PATH = "/billing/tenants/{tenant_id}/"
_IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "maxLength": 255},
    "description": "The same key and body replays the first answer.",
}
_ORGANIZATION = {
    "in": "header",
    "name": "X-Organization",
    "schema": {"type": "string", "format": "uuid"},
    "description": "Required of a user who belongs to several organizations.",
}
PAGE = [
    OpenApiParameter("limit", int, description="1 to 100, 20 by default."),
    OpenApiParameter("cursor", str, description="`next_cursor` of the page before."),
]


def errors(*statuses: int) -> dict[int, type[ErrorOut]]:
    """Return the refusals of an endpoint, all of one shape."""
    return dict.fromkeys(statuses, ErrorOut)


def page_of(item: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """Return the shape of a page of items."""
    made: serializers.Serializer[Any] = inline_serializer(
        f"{item.__name__.removesuffix('Out')}PageOut",
        {
            "data": item(many=True),
            "next_cursor": serializers.CharField(allow_null=True),
        },
    )
    return made


def canonical_endpoints(endpoints: list[Any], **_future: Any) -> list[Any]:
    """Leave out the spellings with a trailing slash: they answer, but nobody should learn them."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]


class TenantSchema(AutoSchema):
    """Documents what `TenantView` does for every view, and tells the two spellings apart."""

    def get_operation(self, path: str, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """Describe one method of one path."""
        operation: dict[str, Any] | None = super().get_operation(path, *args, **kwargs)
        if operation is None or not getattr(self.view, "access", None):
            return operation
        if _TENANT_PATH in path:
            operation["operationId"] += "_of_tenant"
        headers = [_IDEMPOTENCY_KEY] if self.method in idempotency.METHODS else []
        if "{tenant_id}" not in path:
            headers.append(_ORGANIZATION)
        operation["parameters"] = [*operation.get("parameters", []), *headers]
        return operation


class StrictShape(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Documents that a body with keys we do not know is refused."""

    target_class = "orgs.api.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """Describe the body as usual, and close it."""
        shape: dict[str, Any] = auto_schema._map_serializer(  # noqa: SLF001 - the way documented for extensions
            self.target, direction, bypass_extensions=True
        )
        return {**shape, "additionalProperties": False}


class CredentialScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Documents `CredentialAuthentication`."""

    target_class = "orgs.api.authentication.CredentialAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002 - spectacular's signature
        """Describe the header."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token, a setup token, or an API key (`till_test_…`).",
        }
