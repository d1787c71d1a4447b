"""What the plan gives, and how much of it is left."""

import dataclasses
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from billing.enums import FeatureKind
from billing.selectors import entitlements
from orgs import clock
from orgs.api.base import TenantView
from orgs.api.requests import ApiRequest
from orgs.api.schema import errors
from orgs.api.tenancy import current_org
from orgs.errors import NotFound
from orgs.permissions import READ

_UNLIMITED = "-1 is unlimited; null where nothing is counted in numbers."


class EntitlementOut(serializers.Serializer[Any]):
    """One feature, as the organization may use it now."""

    feature = serializers.CharField()
    kind = serializers.ChoiceField(FeatureKind.choices)
    enabled = serializers.BooleanField(help_text="False without access, or if not in the plan.")
    value = serializers.JSONField(help_text="As in the catalogue.", allow_null=True)
    limit = serializers.IntegerField(allow_null=True, help_text=_UNLIMITED)
    used = serializers.IntegerField(allow_null=True, help_text="null where nobody counts it.")
    remaining = serializers.IntegerField(
        allow_null=True, help_text="-1 is unlimited; null where it is not known."
    )
    resets_at = serializers.DateTimeField(
        allow_null=True, help_text="When a metered feature starts anew."
    )
    reason_code = serializers.CharField(allow_null=True, help_text="Why it is not enabled.")
    message = serializers.CharField(allow_null=True, help_text="The same as a sentence.")


class EntitlementListOut(serializers.Serializer[dict[str, Any]]):
    """Every feature there is, on one page."""

    data = EntitlementOut(many=True)  # type: ignore[assignment] # the field, not the property
    next_cursor = serializers.CharField(allow_null=True)


class EntitlementsView(TenantView):
    """All features."""

    access: ClassVar = {"GET": READ}

    @extend_schema(
        operation_id="entitlements_list",
        tags=["Access"],
        responses={200: EntitlementListOut, **errors(401, 403, 404)},
    )
    def get(self, request: ApiRequest) -> Response:
        """List what the plan gives, and what other plans on sale would."""
        organization = current_org(request)
        rows = entitlements.entitlements_of(organization, now=clock.now(organization))
        page = {"data": [dataclasses.asdict(row) for row in rows], "next_cursor": None}
        return Response(EntitlementListOut(page).data)


class EntitlementView(TenantView):
    """One feature."""

    access: ClassVar = {"GET": READ}

    @extend_schema(
        operation_id="entitlements_get",
        tags=["Access"],
        responses={200: EntitlementOut, **errors(401, 403, 404)},
    )
    def get(self, request: ApiRequest, feature: str) -> Response:
        """Return whether a feature may be used, and how much of it is left."""
        organization = current_org(request)
        found = entitlements.get_entitlement(organization, feature, now=clock.now(organization))
        if found is None:
            raise NotFound
        return Response(EntitlementOut(dataclasses.asdict(found)).data)
