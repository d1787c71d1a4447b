"""Changing, ending, pausing and resuming the subscription."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.response import Response

from billing.api import representations
from billing.api.change_serializers import CancelIn, NothingIn, PauseIn, PlanChangeIn
from billing.api.serializers import SubscriptionOut
from billing.api.wanted import wanted_from
from billing.enums import Effective
from billing.services import causes, changes, endings
from orgs import clock
from orgs.api.base import TenantView
from orgs.api.requests import ApiRequest
from orgs.api.schema import errors
from orgs.api.tenancy import current_org
from orgs.permissions import WRITE

CHANGED = {
    200: OpenApiResponse(
        SubscriptionOut, "With a `client_secret`: nothing changes before the payer confirms."
    ),
    202: OpenApiResponse(SubscriptionOut, "The outcome is unknown until `resolve_after`."),
}


def change_response(result: changes.Changed) -> Response:
    """Answer a change; one whose outcome is unknown is no final answer."""
    is_open = result.resolve_after is not None
    code = status.HTTP_202_ACCEPTED if is_open else status.HTTP_200_OK
    return Response(representations.changed(result), status=code)


def cancel_response(request: ApiRequest, data: Mapping[str, Any]) -> Response:
    """End the subscription as asked, and show it."""
    organization = current_org(request)
    row = endings.cancel_subscription(
        organization=organization,
        mode=Effective(data["mode"]),
        reason=data["reason"],
        comment=data["comment"],
        cause=causes.of_request(),
        now=clock.now(organization),
    )
    return Response(representations.subscription(row))


class PlanChangeView(TenantView):
    """Another plan, interval or number of seats."""

    access: ClassVar = {"POST": WRITE}

    @extend_schema(
        operation_id="subscription_change_plan",
        tags=["Subscription"],
        request=PlanChangeIn,
        responses={**CHANGED, **errors(400, 401, 402, 403, 404, 409, 429, 502)},
    )
    def post(self, request: ApiRequest) -> Response:
        """Change the plan now or at the end of the period, for exactly what a quote says."""
        organization = current_org(request)
        body = PlanChangeIn(data=request.data)
        body.is_valid(raise_exception=True)
        result = changes.change_subscription(
            organization=organization,
            wanted=wanted_from(organization, body.validated_data),
            quote_id=body.validated_data.get("quote_id"),
            cause=causes.of_request(),
            now=clock.now(organization),
        )
        return change_response(result)


class PendingChangeView(TenantView):
    """A change that waits for the end of the period, or for its payment."""

    access: ClassVar = {"DELETE": WRITE}

    @extend_schema(
        operation_id="subscription_withdraw_change",
        tags=["Subscription"],
        request=None,
        responses={200: SubscriptionOut, **errors(401, 403, 404, 409, 429, 502)},
    )
    def delete(self, request: ApiRequest) -> Response:
        """Withdraw it; the subscription stays as it is."""
        organization = current_org(request)
        row = endings.withdraw_change(
            organization=organization,
            cause=causes.of_request(),
            now=clock.now(organization),
        )
        return Response(representations.subscription(row))


class CancelView(TenantView):
    """The end."""

    access: ClassVar = {"POST": WRITE}

    @extend_schema(
        operation_id="subscription_cancel",
        tags=["Subscription"],
        request=CancelIn,
        responses={200: SubscriptionOut, **errors(400, 401, 403, 404, 409, 429, 502)},
    )
    def post(self, request: ApiRequest) -> Response:
        """End the subscription with its period, or at once; nothing is charged or credited."""
        body = CancelIn(data=request.data)
        body.is_valid(raise_exception=True)
        return cancel_response(request, body.validated_data)


class ResumeView(TenantView):
    """Going on after all."""

    access: ClassVar = {"POST": WRITE}

    @extend_schema(
        operation_id="subscription_resume",
        tags=["Subscription"],
        request=NothingIn,
        responses={200: SubscriptionOut, **errors(400, 401, 403, 404, 409, 429, 502)},
    )
    def post(self, request: ApiRequest) -> Response:
        """Take back that the subscription ends, or end its pause."""
        organization = current_org(request)
        NothingIn(data=request.data).is_valid(raise_exception=True)
        row = endings.resume_subscription(
            organization=organization,
            cause=causes.of_request(),
            now=clock.now(organization),
        )
        return Response(representations.subscription(row))


class PauseView(TenantView):
    """A while without charges."""

    access: ClassVar = {"POST": WRITE}

    @extend_schema(
        operation_id="subscription_pause",
        tags=["Subscription"],
        request=PauseIn,
        responses={200: SubscriptionOut, **errors(400, 401, 403, 404, 409, 429, 502)},
    )
    def post(self, request: ApiRequest) -> Response:
        """Charge nothing until `resumes_at`, or until it is resumed; access is restricted."""
        organization = current_org(request)
        body = PauseIn(data=request.data)
        body.is_valid(raise_exception=True)
        row = endings.pause_subscription(
            organization=organization,
            resumes_at=body.validated_data["resumes_at"],
            cause=causes.of_request(),
            now=clock.now(organization),
        )
        return Response(representations.subscription(row))
