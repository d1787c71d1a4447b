"""What the organization pays with: list, add, choose, take off."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response

from billing.api.change_serializers import NothingIn
from billing.api.providers import provider_of
from billing.api.representations import moment
from billing.api.serializers import (
    CardDetailsIn,
    SetupIntentIn,
    SetupIntentOut,
    card_of,
    one_of,
)
from billing.enums import Provider
from billing.models import PaymentMethod
from billing.selectors import payment_methods as methods
from billing.services import causes, payment_methods, remove_method
from orgs import clock
from orgs.api.base import TenantView
from orgs.api.pagination import paginate
from orgs.api.requests import ApiRequest
from orgs.api.schema import PAGE, errors, page_of
from orgs.api.serializers import StrictSerializer
from orgs.api.tenancy import current_org
from orgs.errors import NotFound
from orgs.permissions import READ, WRITE

_ATTACHED = "Attached; the same card again takes the place of its older entry."


class DefaultPaymentMethodIn(StrictSerializer):
    """Add what the provider's element made, under any of its names."""

    payment_method = serializers.CharField(
        required=False, max_length=255, help_text="The provider's id of it."
    )
    payment_method_id = serializers.CharField(required=False, max_length=255)
    token = serializers.CharField(required=False, max_length=255)
    card = CardDetailsIn(required=False)
    provider = serializers.ChoiceField(Provider.choices, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Bring the spellings of the method together."""
        method = one_of(attrs, "payment_method", "payment_method_id", "token")
        if not method:
            raise serializers.ValidationError({"payment_method": ["This field is required."]})
        return {**attrs, "payment_method": method}


class PaymentMethodIn(DefaultPaymentMethodIn):
    """Add a payment method, as the default or beside it."""

    set_default = serializers.BooleanField(
        default=False, help_text="True: everything is charged to it from now on."
    )


class OverduePaymentOut(serializers.Serializer[Any]):
    """What came of paying what was overdue."""

    paid = serializers.BooleanField()
    code = serializers.CharField(allow_null=True, help_text="Why not; null while it is decided.")
    message = serializers.CharField(allow_null=True)


class PaymentMethodOut(serializers.Serializer[Any]):
    """A payment method; never a number."""

    id = serializers.UUIDField()
    provider = serializers.ChoiceField(Provider.choices)
    external_id = serializers.CharField(help_text="The provider's id; taken wherever `id` is.")
    type = serializers.CharField(help_text="`card`, or the provider's word for another kind.")
    label = serializers.CharField(  # type: ignore[assignment] # the field, not the property
        help_text="For people: `Visa ending in 4242`."
    )
    brand = serializers.CharField(allow_null=True)
    last4 = serializers.CharField(allow_null=True)
    exp_month = serializers.IntegerField(allow_null=True)
    exp_year = serializers.IntegerField(allow_null=True)
    is_default = serializers.BooleanField(help_text="What the next invoice is charged to.")
    created_at = serializers.DateTimeField()


class ChosenPaymentMethodOut(PaymentMethodOut):
    """A payment method after it was added or made the default."""

    overdue_payment = OverduePaymentOut(
        allow_null=True, help_text="A new default pays what is overdue at once; null: nothing was."
    )


def _shown(row: PaymentMethod) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "provider": row.provider,
        "external_id": row.external_id,
        "type": row.kind,
        "label": row.label,
        "brand": row.brand or None,
        "last4": row.last4 or None,
        "exp_month": row.exp_month,
        "exp_year": row.exp_year,
        "is_default": row.is_default,
        "created_at": moment(row.created_at),
    }


def _chosen(chosen: payment_methods.Chosen, code: int) -> Response:
    overdue = None
    if chosen.overdue is not None:
        overdue = {
            "paid": chosen.is_recovered,
            "code": chosen.refusal.code if chosen.refusal else None,
            "message": chosen.refusal.message if chosen.refusal else None,
        }
    return Response({**_shown(chosen.method), "overdue_payment": overdue}, status=code)


def _attach(request: ApiRequest, data: dict[str, Any], *, set_default: bool) -> Response:
    organization = current_org(request)
    chosen = payment_methods.attach_payment_method(
        organization=organization,
        payment_method=data["payment_method"],
        card=card_of(data),
        provider=provider_of(data, organization),
        set_default=set_default,
        cause=causes.of_request(),
        now=clock.now(organization),
    )
    return _chosen(chosen, status.HTTP_201_CREATED)


def _find(request: ApiRequest, method_id: str) -> PaymentMethod:
    method = methods.by_id(current_org(request), method_id)
    if method is None:
        raise NotFound
    return method


class PaymentMethodsView(TenantView):
    """What the organization itself can pay with."""

    access: ClassVar = {"GET": READ, "POST": WRITE}

    @extend_schema(
        operation_id="payment_methods_list",
        tags=["Payment methods"],
        parameters=PAGE,
        responses={200: page_of(PaymentMethodOut), **errors(400, 401, 403, 404)},
    )
    def get(self, request: ApiRequest) -> Response:
        """List payment methods, newest first."""
        organization = current_org(request)
        rows = payment_methods.list_payment_methods(
            organization=organization, cause=causes.of_request(), now=clock.now(organization)
        )
        return Response(paginate(request, rows, lambda page: [_shown(row) for row in page]))

    @extend_schema(
        operation_id="payment_methods_attach",
        tags=["Payment methods"],
        request=PaymentMethodIn,
        responses={
            201: OpenApiResponse(ChosenPaymentMethodOut, _ATTACHED),
            **errors(400, 401, 402, 403, 404, 409, 429, 502),
        },
    )
    def post(self, request: ApiRequest) -> Response:
        """Add a payment method; the first one is the default."""
        body = PaymentMethodIn(data=request.data)
        body.is_valid(raise_exception=True)
        data: dict[str, Any] = body.validated_data
        return _attach(request, data, set_default=data["set_default"])


class DefaultPaymentMethodView(TenantView):
    """The short form of adding a payment method and choosing it."""

    access: ClassVar = {"POST": WRITE}

    @extend_schema(
        operation_id="payment_method_replace",
        tags=["Payment methods"],
        request=DefaultPaymentMethodIn,
        responses={
            201: OpenApiResponse(ChosenPaymentMethodOut, _ATTACHED),
            **errors(400, 401, 402, 403, 404, 409, 429, 502),
        },
    )
    def post(self, request: ApiRequest) -> Response:
        """Add a payment method and have everything charged to it."""
        body = DefaultPaymentMethodIn(data=request.data)
        body.is_valid(raise_exception=True)
        return _attach(request, body.validated_data, set_default=True)


class SetupIntentView(TenantView):
    """Entering a card that is charged later."""

    access: ClassVar = {"POST": WRITE.with_setup()}

    @extend_schema(
        operation_id="payment_methods_setup",
        tags=["Payment methods"],
        request=SetupIntentIn,
        responses={201: SetupIntentOut, **errors(400, 401, 403, 404, 409, 429, 502)},
    )
    def post(self, request: ApiRequest) -> Response:
        """Prepare the provider's element for a card; what it makes is then added here."""
        body = SetupIntentIn(data=request.data)
        body.is_valid(raise_exception=True)
        organization = current_org(request)
        provider = provider_of(body.validated_data, organization)
        element = payment_methods.card_element(organization=organization, provider=provider)
        if element.frame_url:
            shown = {"tokenizer_url": element.frame_url, "tokenizer_origin": element.frame_origin}
        else:
            prepared = payment_methods.begin_setup(
                organization=organization,
                provider=provider,
                cause=causes.of_request(),
                now=clock.now(organization),
            )
            shown = {"id": prepared.external_id, "client_secret": prepared.client_secret}
        return Response(
            shown,
            status=status.HTTP_201_CREATED,
            headers={"Cache-Control": "no-store"},
        )


class MakeDefaultView(TenantView):
    """Choosing what is charged."""

    access: ClassVar = {"POST": WRITE}

    @extend_schema(
        operation_id="payment_method_make_default",
        tags=["Payment methods"],
        request=NothingIn,
        responses={
            200: ChosenPaymentMethodOut,
            **errors(400, 401, 403, 404, 409, 429, 502),
        },
    )
    def post(self, request: ApiRequest, method_id: str) -> Response:
        """Have everything charged to a payment method from now on."""
        NothingIn(data=request.data).is_valid(raise_exception=True)
        organization = current_org(request)
        chosen = payment_methods.make_default(
            organization=organization,
            method=_find(request, method_id),
            cause=causes.of_request(),
            now=clock.now(organization),
        )
        return _chosen(chosen, status.HTTP_200_OK)


class PaymentMethodView(TenantView):
    """One payment method."""

    access: ClassVar = {"DELETE": WRITE}

    @extend_schema(
        operation_id="payment_method_remove",
        tags=["Payment methods"],
        responses={204: None, **errors(400, 401, 403, 404, 409, 429, 502)},
    )
    def delete(self, request: ApiRequest, method_id: str) -> Response:
        """Take a payment method off; the newest other one follows a default.

        The last one of a running subscription stays: 409.
        """
        organization = current_org(request)
        remove_method.remove_payment_method(
            method=_find(request, method_id), cause=causes.of_request(), now=clock.now(organization)
        )
        return Response(status=status.HTTP_204_NO_CONTENT)
