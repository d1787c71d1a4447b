"""Invoices: list, detail, the file, and sending it again."""

from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response

from billing.api import invoice_shapes
from billing.api.change_serializers import NothingIn
from billing.api.invoice_shapes import InvoiceDeliveryOut, InvoiceOut
from billing.enums import InvoiceStatus
from billing.models import Invoice
from billing.selectors import invoices
from billing.services import causes, invoice_files, invoice_mail
from orgs import clock, downloads, selectors
from orgs.api.base import TenantView
from orgs.api.pagination import paginate
from orgs.api.requests import ApiRequest
from orgs.api.schema import PAGE, errors, page_of
from orgs.api.tenancy import current_org
from orgs.errors import NotFound
from orgs.permissions import READ, WRITE

_TAGS = ["Invoices"]


class InvoiceFilterIn(serializers.Serializer[Any]):
    """What a list can be narrowed to."""

    status = serializers.ChoiceField(InvoiceStatus.choices, required=False, default="")
    subscription = serializers.UUIDField(required=False, default=None)


class InvoicesView(TenantView):
    """The organization's invoices."""

    access: ClassVar = {"GET": READ}

    @extend_schema(
        operation_id="invoices_list",
        tags=_TAGS,
        parameters=[
            *PAGE,
            OpenApiParameter("status", str, enum=InvoiceStatus.values),
            OpenApiParameter("subscription", OpenApiTypes.UUID),
        ],
        responses={200: page_of(InvoiceOut), **errors(400, 401, 403, 404)},
    )
    def get(self, request: ApiRequest) -> Response:
        """List invoices, newest first."""
        wanted = InvoiceFilterIn(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        rows = invoices.list_invoices(current_org(request), **wanted.validated_data)
        return Response(paginate(request, rows, invoice_shapes.invoices, order="issued_at"))


class InvoiceView(TenantView):
    """One invoice."""

    access: ClassVar = {"GET": READ}

    @extend_schema(
        operation_id="invoice_get",
        tags=_TAGS,
        responses={200: InvoiceOut, **errors(401, 403, 404)},
    )
    def get(self, request: ApiRequest, invoice_id: str) -> Response:
        """Return an invoice with its lines, and the mails that brought it."""
        return Response(invoice_shapes.invoice(_find(request, invoice_id)))


class InvoicePdfView(TenantView):
    """The PDF of one invoice."""

    throttle_scope = "invoice_pdf"
    access: ClassVar = {"GET": READ}

    @extend_schema(
        operation_id="invoice_pdf",
        tags=_TAGS,
        responses={
            (200, downloads.PDF): OpenApiTypes.BINARY,
            **errors(401, 403, 404, 409, 429, 502),
        },
    )
    def get(self, request: ApiRequest, invoice_id: str) -> HttpResponse:
        """Return the file; a draft has none (409)."""
        file = invoice_files.print_invoice(
            invoice=_find(request, invoice_id),
            cause=causes.of_request(),
            now=clock.now(current_org(request)),
        )
        return downloads.pdf(file.content, file.name, is_shown=True)


class InvoiceSendView(TenantView):
    """Mailing one invoice again."""

    throttle_scope = "invoice_send"
    access: ClassVar = {"POST": WRITE}

    @extend_schema(
        operation_id="invoice_send",
        tags=_TAGS,
        request=NothingIn,
        responses={
            201: OpenApiResponse(InvoiceDeliveryOut, "Queued; the invoice shows when it was sent."),
            **errors(400, 401, 403, 404, 409, 429),
        },
    )
    def post(self, request: ApiRequest, invoice_id: str) -> Response:
        """Mail it to where the organization's invoices go."""
        NothingIn(data=request.data).is_valid(raise_exception=True)
        delivery = invoice_mail.send_copy(
            invoice=_find(request, invoice_id), now=clock.now(current_org(request))
        )
        return Response(invoice_shapes.delivery(delivery), status=status.HTTP_201_CREATED)


def _find(request: ApiRequest, invoice_id: str) -> Invoice:
    key = selectors.parse_uuid(invoice_id)
    invoice = invoices.get_invoice(current_org(request), key) if key else None
    if invoice is None:
        raise NotFound
    return invoice
