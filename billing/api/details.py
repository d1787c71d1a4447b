"""The address and the tax ID that stand on an organization's invoices."""

import dataclasses
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from billing.selectors import billing_details
from billing.services import billing_details as changing
from billing.services import causes
from billing.types import BillingDetails
from orgs import clock
from orgs.api.base import TenantView
from orgs.api.requests import ApiRequest
from orgs.api.schema import errors
from orgs.api.serializers import StrictSerializer
from orgs.api.tenancy import current_org
from orgs.permissions import READ, WRITE


class AddressFields(StrictSerializer):
    """Where an organization is; what is left out stays as it is, what is empty is forgotten."""

    line1 = serializers.CharField(required=False, allow_blank=True, max_length=200)
    line2 = serializers.CharField(required=False, allow_blank=True, max_length=200)
    city = serializers.CharField(required=False, allow_blank=True, max_length=100)
    postal_code = serializers.CharField(required=False, allow_blank=True, max_length=20)
    region = serializers.CharField(
        required=False, allow_blank=True, max_length=10, help_text="State or province, by its code."
    )
    country = serializers.CharField(
        required=False, allow_blank=True, max_length=2, help_text="Two letters (ISO 3166-1)."
    )
    tax_id = serializers.CharField(required=False, allow_blank=True, max_length=50)


class DetailsOut(serializers.Serializer[dict[str, str]]):
    """What stands on invoices beside the name; empty where it is not known."""

    line1 = serializers.CharField()
    line2 = serializers.CharField()
    city = serializers.CharField()
    postal_code = serializers.CharField()
    region = serializers.CharField()
    country = serializers.CharField()
    tax_id = serializers.CharField()


class DetailsView(TenantView):
    """The billing address of an organization."""

    access: ClassVar = {"GET": READ, "PATCH": WRITE}

    @extend_schema(
        operation_id="billing_details",
        tags=["Invoices"],
        responses={200: DetailsOut, **errors(401, 403, 404, 429)},
    )
    def get(self, request: ApiRequest) -> Response:
        """Return what is known."""
        return Response(_shape(billing_details.details_of(current_org(request))))

    @extend_schema(
        operation_id="billing_details_change",
        tags=["Invoices"],
        request=AddressFields,
        responses={200: DetailsOut, **errors(400, 401, 403, 404, 409, 429, 502)},
    )
    def patch(self, request: ApiRequest) -> Response:
        """Change what is given; it counts from the next invoice on."""
        body = AddressFields(data=request.data)
        body.is_valid(raise_exception=True)
        given: dict[str, Any] = dict(body.validated_data)
        organization = current_org(request)
        known = billing_details.details_of(organization)
        tax_id = given.pop("tax_id", known.tax_id)
        changed = changing.change_details(
            organization=organization,
            details=BillingDetails(dataclasses.replace(known.address, **given), tax_id),
            cause=causes.of_request(),
            now=clock.now(organization),
        )
        return Response(_shape(changed))


def _shape(details: BillingDetails) -> dict[str, str]:
    return {**dataclasses.asdict(details.address), "tax_id": details.tax_id}
