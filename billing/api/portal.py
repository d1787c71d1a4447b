"""The way into the portal."""

from typing import ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from billing.selectors import returns
from billing.services import causes, portal
from orgs import clock
from orgs.api.base import TenantView
from orgs.api.requests import ApiRequest
from orgs.api.schema import errors
from orgs.api.serializers import StrictSerializer
from orgs.api.tenancy import current_org
from orgs.permissions import WRITE

NO_STORE = {"Cache-Control": "no-store"}
_RETURN = "Where the portal leads back to: our host, or one the organization allowed."


class PortalIn(StrictSerializer):
    """Open the portal."""

    return_url = serializers.URLField(required=False, max_length=2000, help_text=_RETURN)


class PortalOut(serializers.Serializer[dict[str, str]]):
    """Where to send the payer, in a tab of its own: the provider may refuse to be framed."""

    url = serializers.URLField()


def _open(request: ApiRequest, body: PortalIn) -> Response:
    organization = current_org(request)
    body.is_valid(raise_exception=True)
    return_url = body.validated_data.get("return_url", "")
    if return_url and not returns.is_allowed(return_url, organization):
        raise serializers.ValidationError({"return_url": ["This host is not allowed."]})
    url = portal.portal_url(
        organization=organization,
        return_url=return_url,
        cause=causes.of_request(),
        now=clock.now(organization),
    )
    return Response({"url": url}, headers=NO_STORE)


class PortalView(TenantView):
    """The provider's own page for payers, or ours where it has none."""

    access: ClassVar = {"POST": WRITE}

    @extend_schema(
        operation_id="portal_open",
        tags=["Checkout and portal"],
        request=PortalIn,
        responses={200: PortalOut, **errors(400, 401, 403, 404, 409, 429, 502)},
    )
    def post(self, request: ApiRequest) -> Response:
        """Return an address that opens the portal for a few minutes."""
        return _open(request, PortalIn(data=request.data))


class PortalSessionView(TenantView):
    """The same by GET, for those who may act in the portal."""

    access: ClassVar = {"GET": WRITE}

    @extend_schema(
        operation_id="portal_session_get",
        tags=["Checkout and portal"],
        parameters=[OpenApiParameter("return_url", str, description=_RETURN)],
        responses={200: PortalOut, **errors(400, 401, 403, 404, 429, 502)},
    )
    def get(self, request: ApiRequest) -> Response:
        """Return an address that opens the portal for a few minutes; never to be stored."""
        return _open(request, PortalIn(data=request.query_params.dict()))
