"""Starting and reading the subscription."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.response import Response

from billing.api import representations
from billing.api.change_serializers import CancelQueryIn, SubscriptionPatchIn
from billing.api.lifecycle import CHANGED, cancel_response, change_response
from billing.api.providers import provider_of
from billing.api.serializers import SubscribeIn, SubscriptionOut, SubscriptionStartIn, card_of
from billing.api.wanted import wanted_from
from billing.selectors import plans, subscriptions
from billing.services import amend, causes, subscribe
from orgs import clock
from orgs.api.base import TenantView
from orgs.api.requests import ApiRequest
from orgs.api.schema import errors
from orgs.api.tenancy import current_org
from orgs.errors import NotFound
from orgs.permissions import READ, WRITE


def _start(request: ApiRequest, start: subscribe.StartRequest) -> Response:
    started = subscribe.start_subscription(
        organization=current_org(request),
        request=start,
        cause=causes.of_request(),
        now=clock.now(current_org(request)),
    )
    is_open = started.resolve_after is not None
    code = status.HTTP_202_ACCEPTED if is_open else status.HTTP_201_CREATED
    return Response(representations.started(started), status=code)


_STARTED = {
    201: SubscriptionOut,
    202: OpenApiResponse(SubscriptionOut, "The outcome is unknown until `resolve_after`."),
}


class SubscriptionView(TenantView):
    """The current subscription."""

    access: ClassVar = {
        "GET": READ.with_setup(),
        "POST": WRITE.with_setup(),
        "PATCH": WRITE,
        "DELETE": WRITE,
    }

    @extend_schema(
        operation_id="subscription_get",
        tags=["Subscription"],
        responses={200: SubscriptionOut, **errors(401, 403, 404)},
    )
    def get(self, request: ApiRequest) -> Response:
        """Return the current subscription from local state."""
        row = subscriptions.current(current_org(request))
        if row is None:
            raise NotFound
        return Response(representations.subscription(row))

    @extend_schema(
        operation_id="subscription_start",
        tags=["Subscription"],
        request=SubscriptionStartIn,
        responses={**_STARTED, **errors(400, 401, 402, 403, 404, 409, 429, 502)},
    )
    def post(self, request: ApiRequest) -> Response:
        """Start a subscription; the free plan needs no payment method."""
        body = SubscriptionStartIn(data=request.data)
        body.is_valid(raise_exception=True)
        data: dict[str, Any] = body.validated_data
        price = plans.get_price(plans.get_plan(data["plan"]), data["interval"])
        return _start(
            request,
            subscribe.StartRequest(
                price=price,
                payment_method=data["payment_method"],
                card=card_of(data),
                seats=data["seats"],
                provider=provider_of(data, current_org(request)),
                trial=data.get("trial"),
                coupon=data.get("coupon", ""),
                quote_id=data.get("quote_id"),
                request_key=request.idempotency_key or "",
            ),
        )

    @extend_schema(
        operation_id="subscription_update",
        tags=["Subscription"],
        request=SubscriptionPatchIn,
        responses={**CHANGED, **errors(400, 401, 402, 403, 404, 409, 429, 502)},
    )
    def patch(self, request: ApiRequest) -> Response:
        """Change seats, plan, renewal or billing address; what is charged can be quoted first."""
        organization = current_org(request)
        body = SubscriptionPatchIn(data=request.data)
        body.is_valid(raise_exception=True)
        data: dict[str, Any] = body.validated_data
        result = amend.amend_subscription(
            organization=organization,
            amendment=amend.Amendment(
                wanted=wanted_from(organization, data) if data["has_change"] else None,
                quote_id=data.get("quote_id"),
                auto_renew=data.get("auto_renew"),
                billing_email=data.get("billing_email", ""),
            ),
            cause=causes.of_request(),
            now=clock.now(organization),
        )
        return change_response(result)

    @extend_schema(
        operation_id="subscription_delete",
        tags=["Subscription"],
        parameters=[OpenApiParameter("immediate", bool, default=False)],
        request=None,
        responses={200: SubscriptionOut, **errors(400, 401, 403, 404, 409, 429, 502)},
    )
    def delete(self, request: ApiRequest) -> Response:
        """End the subscription with its period, or at once; the same as `POST …/cancel`."""
        query = CancelQueryIn(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        immediate = query.validated_data["immediate"]
        return cancel_response(
            request, {"mode": "now" if immediate else "period_end", "reason": "", "comment": ""}
        )


class SubscribeView(TenantView):
    """The short form of starting a subscription."""

    access: ClassVar = {"POST": WRITE.with_setup()}

    @extend_schema(
        operation_id="subscribe",
        tags=["Subscription"],
        request=SubscribeIn,
        responses={**_STARTED, **errors(400, 401, 402, 403, 404, 409, 429, 502)},
    )
    def post(self, request: ApiRequest) -> Response:
        """Start a subscription with a plan's slug and a provider's token."""
        body = SubscribeIn(data=request.data)
        body.is_valid(raise_exception=True)
        data: dict[str, Any] = body.validated_data
        price = plans.get_price(plans.get_plan(data["plan_slug"]), data["interval"])
        return _start(
            request,
            subscribe.StartRequest(
                price=price,
                payment_method=data["token"],
                card=card_of(data),
                provider=provider_of(data, current_org(request)),
                request_key=request.idempotency_key or "",
            ),
        )
