"""Payments at a reader: open, find, start, capture, cancel, give back."""

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.response import Response

from billing.api.change_serializers import NothingIn
from billing.enums import ObligationState
from billing.errors import ProviderFailed
from billing.services import causes
from orgs import clock
from orgs.api.base import TenantView
from orgs.api.pagination import paginate
from orgs.api.requests import ApiRequest
from orgs.api.schema import PAGE, errors, page_of
from orgs.api.tenancy import current_org
from orgs.permissions import AT_READERS, LOOK_AT_READERS
from terminals.api import shapes
from terminals.api.answers import OpenedPaymentOut, TerminalPaymentOut, TerminalRefundOut
from terminals.api.callers import (
    about_payment,
    find_payment,
    find_terminal,
    id_from,
    name_of,
)
from terminals.api.serializers import (
    STATUSES,
    CaptureIn,
    PaymentFilterIn,
    PaymentIntentIn,
    TerminalRefundIn,
    WaitIn,
)
from terminals.enums import PaymentStatus
from terminals.models import TerminalPayment
from terminals.selectors import payments as selectors
from terminals.services import canceling, capturing, payments, processing, refunding, waiting

_TAGS = ["Terminals"]
_UNKNOWN = "What became of it is not known yet: see `resolve_after`, and ask for the payment."
_REFUSALS = errors(400, 401, 403, 404, 409, 429, 502)
_ANSWERS = {
    200: TerminalPaymentOut,
    202: OpenApiResponse(TerminalPaymentOut, _UNKNOWN),
    **_REFUSALS,
}


def _answer(row: TerminalPayment, *, done: int = status.HTTP_200_OK, secret: str = "") -> Response:
    """Show a payment; one of which something is not known is no final answer."""
    shown = shapes.payment(row, client_secret=secret)
    is_open = row.status == PaymentStatus.UNKNOWN or shown["resolve_after"] is not None
    headers = {"Cache-Control": "no-store"} if secret else None
    return Response(shown, status=status.HTTP_202_ACCEPTED if is_open else done, headers=headers)


class PaymentsView(TenantView):
    """The organization's payments in person."""

    access: ClassVar = {"GET": LOOK_AT_READERS}

    @extend_schema(
        operation_id="terminal_payments_list",
        tags=_TAGS,
        parameters=[
            *PAGE,
            OpenApiParameter("terminal_id", OpenApiTypes.UUID),
            OpenApiParameter("status", str, enum=STATUSES, description="`open`: not over yet."),
            OpenApiParameter("reference", str, description="The till's own name of the basket."),
        ],
        responses={200: page_of(TerminalPaymentOut), **errors(400, 401, 403, 404)},
    )
    def get(self, request: ApiRequest) -> Response:
        """List payments, newest first: a restarted till finds its own, and charges nobody twice."""
        wanted = PaymentFilterIn(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        if wanted.validated_data["terminal_id"]:
            find_terminal(request, wanted.validated_data["terminal_id"], removed_too=True)
        rows = selectors.list_payments(current_org(request), **wanted.validated_data)
        return Response(paginate(request, rows, shapes.payments))


class PaymentIntentView(TenantView):
    """Opening a payment."""

    access: ClassVar = {"POST": AT_READERS}

    @extend_schema(
        operation_id="terminal_payment_open",
        tags=_TAGS,
        request=PaymentIntentIn,
        responses={
            201: OpenedPaymentOut,
            202: OpenApiResponse(OpenedPaymentOut, _UNKNOWN),
            **_REFUSALS,
        },
    )
    def post(self, request: ApiRequest) -> Response:
        """Open a payment, and with `process` start its reader.

        409 `TERMINAL_BUSY` says in `fields` who holds the reader; nothing was opened then.
        """
        body = PaymentIntentIn(data=request.data)
        body.is_valid(raise_exception=True)
        data: dict[str, Any] = body.validated_data
        organization = current_org(request)
        process = data.get("process")
        if process is None:
            process = processing.is_blocking(find_terminal(request, data["terminal_id"]).provider)
        opened = payments.open_payment(
            organization=organization,
            request=payments.PaymentRequest(
                terminal_id=data["terminal_id"],
                amount_minor=data["amount"],
                currency=data["currency"],
                capture_method=data["capture_method"],
                reference=data["reference"],
                metadata=data["metadata"],
                asks_for_tip=data["tip"],
                request_key=request.idempotency_key or "",
                process=process,
                started_by=name_of(request),
            ),
            cause=causes.of_request(),
            now=clock.now(organization),
        )
        return _answer(opened.payment, done=status.HTTP_201_CREATED, secret=opened.client_secret)


class PaymentView(TenantView):
    """One payment."""

    access: ClassVar = {"GET": LOOK_AT_READERS}

    @extend_schema(
        operation_id="terminal_payment_get",
        tags=_TAGS,
        parameters=[
            OpenApiParameter(
                "wait", int, description="0 to 25 seconds: answered once it is decided, or then."
            )
        ],
        responses={200: TerminalPaymentOut, **errors(400, 401, 403, 404)},
    )
    def get(self, request: ApiRequest, payment_id: str) -> Response:
        """Return a payment; with `wait`, once a reader is no longer at it."""
        wanted = WaitIn(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        row = waiting.wait_for_payment(
            organization=current_org(request),
            payment_id=id_from(payment_id),
            seconds=wanted.validated_data["wait"],
        )
        return Response(shapes.payment(row))


class ProcessView(TenantView):
    """Starting the reader."""

    access: ClassVar = {"POST": AT_READERS}

    @extend_schema(
        operation_id="terminal_payment_process",
        tags=_TAGS,
        request=NothingIn,
        responses=_ANSWERS,
    )
    def post(self, request: ApiRequest, payment_id: str) -> Response:
        """Send a payment to its reader, also after a card was declined."""
        NothingIn(data=request.data).is_valid(raise_exception=True)
        return _answer(processing.process(**about_payment(request, payment_id)))


class CaptureView(TenantView):
    """Taking what was authorized."""

    access: ClassVar = {"POST": AT_READERS}

    @extend_schema(
        operation_id="terminal_payment_capture",
        tags=_TAGS,
        request=CaptureIn,
        responses=_ANSWERS,
    )
    def post(self, request: ApiRequest, payment_id: str) -> Response:
        """Take an authorized payment, or a part of it; the rest is given up."""
        body = CaptureIn(data=request.data)
        body.is_valid(raise_exception=True)
        row = capturing.capture(
            **about_payment(request, payment_id), amount_minor=body.validated_data["amount"]
        )
        return _answer(row)


class CancelView(TenantView):
    """Giving up a payment."""

    access: ClassVar = {"POST": AT_READERS}

    @extend_schema(
        operation_id="terminal_payment_cancel",
        tags=_TAGS,
        request=NothingIn,
        responses={
            200: OpenApiResponse(TerminalPaymentOut, "It is over, and nothing of it is kept."),
            202: OpenApiResponse(
                TerminalPaymentOut, "It ends once the reader is known to be done."
            ),
            **_REFUSALS,
        },
    )
    def post(self, request: ApiRequest, payment_id: str) -> Response:
        """Stop the reader, or void what was authorized; an approval that still comes is voided."""
        NothingIn(data=request.data).is_valid(raise_exception=True)
        row = canceling.cancel(**about_payment(request, payment_id))
        is_over = row.status == PaymentStatus.CANCELED
        code = status.HTTP_200_OK if is_over else status.HTTP_202_ACCEPTED
        return Response(shapes.payment(row), status=code)


class RefundsView(TenantView):
    """Giving money back."""

    access: ClassVar = {"POST": AT_READERS}

    @extend_schema(
        operation_id="terminal_payment_refund",
        tags=_TAGS,
        request=TerminalRefundIn,
        responses={
            201: TerminalRefundOut,
            202: OpenApiResponse(TerminalRefundOut, _UNKNOWN),
            **_REFUSALS,
        },
    )
    def post(self, request: ApiRequest, payment_id: str) -> Response:
        """Give a paid payment back, or a part of it; never more than was captured."""
        body = TerminalRefundIn(data=request.data)
        body.is_valid(raise_exception=True)
        debt = refunding.refund(
            **about_payment(request, payment_id),
            amount_minor=body.validated_data["amount"],
            request_key=request.idempotency_key or "",
        )
        if debt.state == ObligationState.VOID:
            raise ProviderFailed  # provably nothing was given back
        is_done = debt.state == ObligationState.SETTLED
        code = status.HTTP_201_CREATED if is_done else status.HTTP_202_ACCEPTED
        return Response(shapes.refund(debt, find_payment(request, payment_id)), status=code)
