"""The public catalogue."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.enums import Interval, UsageType
from billing.models import Price
from billing.money import Money
from billing.selectors import plans


class PriceOut(serializers.Serializer[Price]):
    """What one seat of a plan costs per interval."""

    id = serializers.UUIDField()
    interval = serializers.ChoiceField(choices=Interval.choices)
    currency = serializers.CharField(help_text="ISO 4217, upper case.")
    amount = serializers.IntegerField(source="amount_minor", help_text="In minor units (cents).")
    amount_decimal = serializers.SerializerMethodField(help_text="The same for people: `29.00`.")
    usage_type = serializers.ChoiceField(choices=UsageType.choices)
    trial_days = serializers.IntegerField()

    def get_amount_decimal(self, price: Price) -> str:
        """Return the amount in major units."""
        return Money(price.amount_minor, price.currency).as_decimal()


class PlanOut(serializers.Serializer[plans.Offer]):
    """A plan as it is sold today."""

    id = serializers.UUIDField(source="plan.id")
    slug = serializers.CharField(source="plan.code")
    name = serializers.CharField(source="plan.name")
    description = serializers.CharField(source="plan.description")
    version = serializers.IntegerField(source="version.version")
    features = serializers.DictField(
        child=serializers.JSONField(),
        help_text="By key: true or false, a number (-1 is unlimited) or a text.",
    )
    scopes = serializers.ListField(
        child=serializers.CharField(), help_text="What the plan switches on: `feature:<key>`."
    )
    prices = PriceOut(many=True)
    contact_sales = serializers.BooleanField(source="plan.contact_sales")


class PlanListOut(serializers.Serializer[dict[str, Any]]):
    """Every plan on sale, on one page."""

    data = PlanOut(many=True)  # type: ignore[assignment] # the field, not the property
    next_cursor = serializers.CharField(allow_null=True)


class PlansView(APIView):
    """What can be subscribed to.

    Public: credentials are not looked at, so that an expired one shows the prices all the same.
    """

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(operation_id="list_plans", tags=["Catalogue"], responses=PlanListOut, auth=[])
    def get(self, request: Request, **_: Any) -> Response:  # noqa: ARG002 - DRF passes it
        """List the plans on sale with their features and prices."""
        page = {"data": plans.list_plans(), "next_cursor": None}
        return Response(PlanListOut(page).data)
