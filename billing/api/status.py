"""Where the organization stands: local state only, never a call to a provider."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from billing.api import representations
from billing.api.serializers import StatusOut
from billing.selectors import access, plans, subscriptions
from orgs import clock
from orgs.api.base import TenantView
from orgs.api.requests import ApiRequest
from orgs.api.schema import errors
from orgs.api.tenancy import current_org
from orgs.permissions import READ


class StatusView(TenantView):
    """Plan status, access with its reason, and what the plan gives."""

    access: ClassVar = {"GET": READ.with_setup()}

    @extend_schema(
        operation_id="status_get",
        tags=["Subscription"],
        responses={200: StatusOut, **errors(401, 404)},
    )
    def get(self, request: ApiRequest) -> Response:
        """Return where the organization stands."""
        organization = current_org(request)
        row = subscriptions.current(organization)
        given = access.current(organization, row, clock.now(organization))
        features = subscriptions.is_in_force(row) and row and plans.features_of(row.plan_version)
        return Response(representations.status(organization, row, given, features or {}))
