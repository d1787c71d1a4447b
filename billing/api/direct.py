"""`POST customer/subscription/create`: what starts without a payment, and nothing else."""

import hashlib
import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response

from billing.api import representations
from billing.api.serializers import MAX_SEATS, SubscriptionOut, one_of
from billing.enums import Interval, Provider
from billing.models.agreements import LONGEST_TERM_DAYS
from billing.selectors import plans
from billing.services import causes, direct_starts
from orgs import clock
from orgs.api.base import TenantView
from orgs.api.requests import ApiRequest
from orgs.api.schema import errors
from orgs.api.serializers import StrictSerializer
from orgs.api.tenancy import current_org
from orgs.permissions import WRITE


class DirectStartIn(StrictSerializer):
    """Start without a payment. All but the plan counts for staff only."""

    plan = serializers.CharField(required=False, max_length=100, help_text="Slug, code or id.")
    plan_id = serializers.CharField(required=False, max_length=100)
    interval = serializers.ChoiceField(Interval.choices, required=False, default=Interval.MONTH)
    seats = serializers.IntegerField(required=False, default=1, min_value=1, max_value=MAX_SEATS)
    provider = serializers.ChoiceField(
        Provider.choices, required=False, help_text="`custom`, invoiced by hand: staff only."
    )
    billing_email = serializers.EmailField(required=False)
    days_until_due = serializers.IntegerField(
        required=False, default=30, min_value=0, max_value=LONGEST_TERM_DAYS
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Bring the spellings of the plan together."""
        plan = one_of(attrs, "plan", "plan_id")
        if not plan:
            raise serializers.ValidationError({"plan": ["This field is required."]})
        if attrs.get("provider", Provider.CUSTOM) != Provider.CUSTOM:
            raise serializers.ValidationError({"provider": ["Here it can only be custom."]})
        return {**attrs, "plan": plan}


class DirectSubscriptionView(TenantView):
    """A start that takes no money."""

    access: ClassVar = {"POST": WRITE}

    @extend_schema(
        operation_id="subscription_create_directly",
        tags=["Subscription"],
        request=DirectStartIn,
        responses={201: SubscriptionOut, **errors(400, 401, 403, 404, 409, 429, 502)},
    )
    def post(self, request: ApiRequest) -> Response:
        """Start a free plan; staff also start what is invoiced by hand. Else 403."""
        body = DirectStartIn(data=request.data)
        body.is_valid(raise_exception=True)
        data: dict[str, Any] = body.validated_data
        organization = current_org(request)
        row = direct_starts.start_directly(
            organization=organization,
            request=direct_starts.DirectStart(
                price=plans.get_price(plans.get_plan(data["plan"]), data["interval"]),
                seats=data["seats"],
                provider=data.get("provider", ""),
                billing_email=data.get("billing_email", ""),
                days_until_due=data["days_until_due"],
                request_key=_short(request.idempotency_key) or uuid.uuid4().hex,
            ),
            user=request.credential.user if request.credential else None,
            cause=causes.of_request(),
            now=clock.now(organization),
        )
        return Response(representations.subscription(row), status=status.HTTP_201_CREATED)


def _short(key: str | None) -> str:
    """Return a key of any length as one that fits its column."""
    return hashlib.sha256(key.encode()).hexdigest() if key else ""
