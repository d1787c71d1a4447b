"""What our endpoints have in common in the OpenAPI document."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers

from orgs.api.serializers import ErrorOut

_SECOND_SPELLING = "/"

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="The same key and body replays the first answer; up to 255 characters.",
)
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
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith(_SECOND_SPELLING)]


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
