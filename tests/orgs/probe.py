"""A small API of its own: views that do nothing but show what the bases do around them."""

import threading
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied, SuspiciousOperation, ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework import serializers, status
from rest_framework.response import Response

from orgs.api.base import ApiView, TenantView
from orgs.api.requests import ApiRequest
from orgs.api.routes import endpoint, tenant_endpoint
from orgs.api.serializers import StrictSerializer
from orgs.api.tenancy import current_org
from orgs.errors import Conflict, DomainError, RateLimited
from orgs.permissions import CHECKOUT_ONLY, READ, TEAM, WRITE, Scope

handler400 = "config.errors.bad_request"
handler403 = "config.errors.permission_denied"
handler404 = "config.errors.page_not_found"
handler500 = "config.errors.server_error"


class Calls:
    """What the probe was asked to do, and what it shall do next."""

    seen: ClassVar[list[str | None]] = []
    statuses: ClassVar[list[int]] = []
    failures: ClassVar[list[Exception]] = []
    gate: ClassVar[threading.Event | None] = None
    entered: ClassVar[threading.Event | None] = None

    @classmethod
    def reset(cls) -> None:
        """Forget everything."""
        cls.seen, cls.statuses, cls.failures = [], [], []
        cls.gate = cls.entered = None


class ItemIn(StrictSerializer):
    name = serializers.CharField()
    note = serializers.CharField(required=False)


class ProbeIn(StrictSerializer):
    count = serializers.IntegerField(required=False)
    item = ItemIn(required=False)
    items = ItemIn(many=True, required=False)
    seen = serializers.CharField(read_only=True)


class ProbeView(TenantView):
    access: ClassVar = {"GET": READ.with_setup(), "POST": WRITE, "PATCH": WRITE, "DELETE": WRITE}

    def get(self, request: ApiRequest) -> Response:
        return Response({"organization": str(current_org(request).pk)})

    def post(self, request: ApiRequest) -> Response:
        body = ProbeIn(data=request.data)
        body.is_valid(raise_exception=True)
        Calls.seen.append(request.idempotency_key)
        if Calls.entered and Calls.gate:
            Calls.entered.set()
            Calls.gate.wait(10)
        if Calls.failures:
            raise Calls.failures.pop(0)
        code = Calls.statuses.pop(0) if Calls.statuses else status.HTTP_201_CREATED
        return Response(
            {"run": len(Calls.seen), "organization": str(current_org(request).pk)}, code
        )

    def patch(self, request: ApiRequest) -> Response:
        return self.post(request)

    def delete(self, request: ApiRequest) -> Response:
        Calls.seen.append(request.idempotency_key)
        return Response(status=status.HTTP_204_NO_CONTENT)


class TeamView(TenantView):
    access: ClassVar = {"GET": TEAM}

    def get(self, request: ApiRequest) -> Response:
        return Response({})


class UsageView(TenantView):
    access: ClassVar = {"POST": WRITE.with_scope(Scope.USAGE_WRITE)}

    def post(self, request: ApiRequest) -> Response:
        return Response({})


class CheckoutView(TenantView):
    access: ClassVar = {"GET": CHECKOUT_ONLY}

    def get(self, request: ApiRequest) -> Response:
        return Response({})


class FailingView(ApiView):
    def get(self, request: ApiRequest, kind: str) -> Response:
        failures: dict[str, Exception] = {
            "bug": ZeroDivisionError("4242 4242 4242 4242"),
            "domain": DomainError(),
            "busy": RateLimited(retry_after=7),
            "model": ValidationError({"slug": ["Taken."]}),
            "rule": ValidationError("Never on Sundays."),
            "conflict": Conflict(fields={"plan": ["Taken."]}),
        }
        raise failures[kind]


def broken(_request: HttpRequest) -> HttpResponse:
    """Fail outside of our views."""
    raise ZeroDivisionError


def closed(_request: HttpRequest) -> HttpResponse:
    """Refuse outside of our views."""
    raise PermissionDenied


def odd(_request: HttpRequest) -> HttpResponse:
    """Find a request that makes no sense outside of our views."""
    raise SuspiciousOperation


_api: list[Any] = [
    *tenant_endpoint("probe", ProbeView, name="probe"),
    *tenant_endpoint("team", TeamView),
    *tenant_endpoint("usage", UsageView),
    *tenant_endpoint("checkout", CheckoutView),
    *endpoint("fail/<str:kind>", FailingView),
]
_plain = [path("broken", broken), path("closed", closed), path("odd", odd)]
urlpatterns = [
    path("api/v1/", include([*_api, *_plain])),
    path("plain/", include(_plain)),
    path("", include("config.urls")),
]
