"""The receipt of a payment in person: as text, as a PDF, and by mail."""

from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.response import Response

from orgs import clock, downloads
from orgs.api.base import TenantView
from orgs.api.negotiation import FirstFormatNegotiation
from orgs.api.requests import ApiRequest
from orgs.api.schema import errors
from orgs.api.tenancy import current_org
from orgs.errors import InvalidRequest
from orgs.permissions import AT_READERS, LOOK_AT_READERS
from terminals.api import shapes
from terminals.api.answers import ReceiptDeliveryOut
from terminals.api.callers import find_payment
from terminals.api.serializers import ReceiptSendIn
from terminals.services import receipt_mail, receipt_pdf, receipts

_TAGS = ["Terminals"]
_FORMATS = ("text", "pdf")


class ErrorsOnly(FirstFormatNegotiation):
    """The view picks the format of its files by itself; refusals are JSON whatever was asked."""

    def select_renderer(self, _request: Any, renderers: Any, _suffix: Any = None) -> Any:
        """Return the only one there is."""
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class ReceiptView(TenantView):
    """The customer's copy."""

    throttle_scope = "receipt"
    content_negotiation_class = ErrorsOnly
    access: ClassVar = {"GET": LOOK_AT_READERS}

    @extend_schema(
        operation_id="terminal_payment_receipt",
        tags=_TAGS,
        parameters=[
            OpenApiParameter(
                "format", str, enum=_FORMATS, description="Instead of `Accept`; text by default."
            )
        ],
        responses={
            (200, "text/plain"): OpenApiTypes.STR,
            (200, receipt_pdf.PDF): OpenApiTypes.BINARY,
            **errors(400, 401, 403, 404, 409, 429),
        },
    )
    def get(self, request: ApiRequest, payment_id: str) -> HttpResponse:
        """Return the receipt; while nothing is paid there is none (409)."""
        wanted = _format(request)
        receipt = receipts.make(find_payment(request, payment_id))
        if wanted == "pdf":
            content, name = receipt_pdf.render(receipt), receipt_pdf.filename(receipt)
            return downloads.pdf(content, name, is_shown=True)
        answer = HttpResponse(receipts.as_text(receipt), content_type=receipts.TEXT)
        answer["Cache-Control"] = "private, no-store"
        return answer


class ReceiptSendView(TenantView):
    """Mailing the receipt."""

    throttle_scope = "receipt_send"
    access: ClassVar = {"POST": AT_READERS}

    @extend_schema(
        operation_id="terminal_payment_receipt_send",
        tags=_TAGS,
        request=ReceiptSendIn,
        responses={
            201: OpenApiResponse(ReceiptDeliveryOut, "Queued."),
            **errors(400, 401, 403, 404, 409, 429),
        },
    )
    def post(self, request: ApiRequest, payment_id: str) -> Response:
        """Mail the receipt to whoever paid; asked for again, it is sent again."""
        body = ReceiptSendIn(data=request.data)
        body.is_valid(raise_exception=True)
        message = receipt_mail.send(
            payment=find_payment(request, payment_id),
            to=body.validated_data["email"],
            now=clock.now(current_org(request)),
        )
        return Response(shapes.delivery(message), status=status.HTTP_201_CREATED)


def _format(request: ApiRequest) -> str:
    """Return what was asked for.

    Raises:
        InvalidRequest: there is no such format.
    """
    named = request.query_params.get("format")
    if named is None:
        accepted = request.headers.get("Accept", "")
        return "pdf" if receipt_pdf.PDF in accepted and "text/plain" not in accepted else "text"
    if named not in _FORMATS:
        raise InvalidRequest(fields={"format": ["text or pdf."]})
    return named
