"""Readers: list, register, name, remove, and what they took on a day."""

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response

from billing.api.change_serializers import NothingIn
from orgs import clock
from orgs.api.base import TenantView
from orgs.api.pagination import paginate
from orgs.api.requests import ApiRequest
from orgs.api.schema import PAGE, errors, page_of
from orgs.api.tenancy import current_org
from orgs.permissions import AT_READERS, LOOK_AT_READERS
from terminals.api import shapes
from terminals.api.answers import ConnectionTokenOut, TerminalOut, TotalsOut
from terminals.api.callers import find_terminal, id_from
from terminals.api.serializers import TerminalChangeIn, TerminalIn, TotalsIn
from terminals.selectors import terminals, totals
from terminals.services import registering, statuses

_TAGS = ["Terminals"]


class TerminalsView(TenantView):
    """The organization's readers."""

    access: ClassVar = {"GET": LOOK_AT_READERS, "POST": AT_READERS}

    @extend_schema(
        operation_id="terminals_list",
        tags=_TAGS,
        parameters=PAGE,
        responses={200: page_of(TerminalOut), **errors(400, 401, 403, 404)},
    )
    def get(self, request: ApiRequest) -> Response:
        """List readers, newest first, each as it was seen last."""
        rows = terminals.list_terminals(current_org(request))
        return Response(paginate(request, rows, shapes.terminals))

    @extend_schema(
        operation_id="terminal_register",
        tags=_TAGS,
        request=TerminalIn,
        responses={201: TerminalOut, **errors(400, 401, 403, 404, 409, 429, 502)},
    )
    def post(self, request: ApiRequest) -> Response:
        """Register a reader that its provider knows."""
        body = TerminalIn(data=request.data)
        body.is_valid(raise_exception=True)
        organization = current_org(request)
        row = registering.register_terminal(
            organization=organization, **body.validated_data, now=clock.now(organization)
        )
        return Response(shapes.terminal(row), status=status.HTTP_201_CREATED)


class TerminalView(TenantView):
    """One reader."""

    access: ClassVar = {"GET": LOOK_AT_READERS, "PATCH": AT_READERS, "DELETE": AT_READERS}

    @extend_schema(
        operation_id="terminal_get",
        tags=_TAGS,
        responses={200: TerminalOut, **errors(401, 403, 404)},
    )
    def get(self, request: ApiRequest, terminal_id: str) -> Response:
        """Return a reader as its provider saw it within the last seconds."""
        organization = current_org(request)
        row = statuses.refresh_one(
            organization=organization,
            terminal_id=id_from(terminal_id),
            now=clock.now(organization),
        )
        return Response(shapes.terminal(row))

    @extend_schema(
        operation_id="terminal_change",
        tags=_TAGS,
        request=TerminalChangeIn,
        responses={200: TerminalOut, **errors(400, 401, 403, 404, 409)},
    )
    def patch(self, request: ApiRequest, terminal_id: str) -> Response:
        """Name a reader, or say where it stands."""
        body = TerminalChangeIn(data=request.data)
        body.is_valid(raise_exception=True)
        data: dict[str, Any] = body.validated_data
        row = registering.change_terminal(
            organization=current_org(request),
            terminal_id=id_from(terminal_id),
            label=data.get("label"),
            location=data.get("location"),
        )
        return Response(shapes.terminal(row))

    @extend_schema(
        operation_id="terminal_remove",
        tags=_TAGS,
        responses={204: None, **errors(400, 401, 403, 404, 409)},
    )
    def delete(self, request: ApiRequest, terminal_id: str) -> Response:
        """Take a reader away; its payments stay. One that a payment holds stays too (409)."""
        organization = current_org(request)
        registering.remove_terminal(
            organization=organization,
            terminal_id=id_from(terminal_id),
            now=clock.now(organization),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class ConnectionTokenView(TenantView):
    """Connecting a till's own SDK."""

    access: ClassVar = {"POST": AT_READERS}

    @extend_schema(
        operation_id="terminal_connection_token",
        tags=_TAGS,
        request=NothingIn,
        responses={200: ConnectionTokenOut, **errors(400, 401, 403, 404, 409, 429, 502)},
    )
    def post(self, request: ApiRequest, terminal_id: str) -> Response:
        """Return the secret for Stripe's Terminal SDK; other readers have none (400)."""
        NothingIn(data=request.data).is_valid(raise_exception=True)
        secret = registering.create_connection_token(
            organization=current_org(request), terminal_id=id_from(terminal_id)
        )
        return Response({"secret": secret}, headers={"Cache-Control": "no-store"})


class TotalsView(TenantView):
    """A reader's day."""

    access: ClassVar = {"GET": LOOK_AT_READERS}

    @extend_schema(
        operation_id="terminal_totals",
        tags=_TAGS,
        parameters=[
            OpenApiParameter("date", OpenApiTypes.DATE, description="Today, without it."),
            OpenApiParameter(
                "time_zone", str, description="Whose midnight counts; UTC without it."
            ),
        ],
        responses={200: TotalsOut, **errors(400, 401, 403, 404)},
    )
    def get(self, request: ApiRequest, terminal_id: str) -> Response:
        """Sum up what a reader took and gave back on one day, for a removed one too."""
        wanted = TotalsIn(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        zone = wanted.validated_data["time_zone"]
        organization = current_org(request)
        row = find_terminal(request, terminal_id, removed_too=True)
        day = wanted.validated_data["date"] or clock.now(organization).astimezone(zone).date()
        found = totals.daily_totals(organization, day, zone=zone, terminal_id=row.pk)
        return Response(shapes.totals(row, day, str(zone), found))
