"""Opening a checkout, or the portal."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response

from billing.api import representations
from billing.api.providers import provider_of
from billing.api.serializers import SessionIn, SessionOut
from billing.models import Price
from billing.selectors import payment_methods, plans, returns
from billing.services import causes, change_page, checkout, portal
from orgs import clock
from orgs.api.base import TenantView
from orgs.api.requests import ApiRequest
from orgs.api.schema import errors
from orgs.api.tenancy import current_org
from orgs.models import Organization
from orgs.permissions import WRITE


class SessionView(TenantView):
    """Checkouts on our page or the provider's."""

    access: ClassVar = {"POST": WRITE.with_setup()}

    @extend_schema(
        operation_id="session_create",
        tags=["Checkout and portal"],
        request=SessionIn,
        responses={201: SessionOut, **errors(400, 401, 403, 404, 409, 429, 502)},
    )
    def post(self, request: ApiRequest) -> Response:
        """Open a session and return the address to send the payer to."""
        organization = current_org(request)
        body = SessionIn(data=request.data)
        body.is_valid(raise_exception=True)
        data: dict[str, Any] = body.validated_data
        _check_returns(data, organization)
        if data["mode"] == "portal":
            url = portal.portal_url(
                organization=organization,
                return_url=data.get("success_url") or data.get("cancel_url") or "",
                cause=causes.of_request(),
                now=clock.now(organization),
            )
            shown: dict[str, Any] = {"id": None, "session_url": url, "expires_at": None}
        else:
            shown = _checkout_or_change(organization, data)
        return Response(
            shown, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"}
        )


def _checkout_or_change(organization: Organization, data: dict[str, Any]) -> dict[str, Any]:
    """Open a checkout; whoever pays for a plan already is led to the page that changes it."""
    price = _price(data)
    url = change_page.url_for(organization=organization, price=price)
    if url:
        return {"id": None, "session_url": url, "expires_at": None}
    opened = _open(organization, data, price)
    return representations.session(opened.session, opened.url)


def _check_returns(data: dict[str, Any], organization: Organization) -> None:
    """Refuse to lead a payer to a host that is neither ours nor allowed by the organization."""
    foreign = {
        name: ["This host is not allowed."]
        for name in ("success_url", "cancel_url")
        if data.get(name) and not returns.is_allowed(data[name], organization)
    }
    if foreign:
        raise serializers.ValidationError(foreign)


def _open(organization: Organization, data: dict[str, Any], price: Price | None) -> checkout.Opened:
    more = {name: data.get(name, "") for name in ("success_url", "cancel_url", "coupon")}
    now = clock.now(organization)
    provider = provider_of(data, organization)
    if data["ui"] == "hosted_page" or not payment_methods.has_own_checkout(provider):
        return checkout.open_hosted_page(
            organization=organization, price=price, provider=provider, now=now, **more
        )
    if price is None:
        raise serializers.ValidationError({"plan": ["The provider's page needs a plan."]})
    cause = causes.of_request()
    return checkout.open_hosted_provider(
        organization=organization, price=price, cause=cause, now=now, **more
    )


def _price(data: dict[str, Any]) -> Price | None:
    if not data.get("plan"):
        return None
    return plans.get_price(plans.get_plan(data["plan"]), data["interval"])
