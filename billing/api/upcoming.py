"""What something would cost."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from billing.api import representations
from billing.api.change_serializers import QuoteOut, UpcomingInvoiceIn
from billing.api.wanted import wanted_from
from billing.services import quotes
from orgs import clock
from orgs.api.base import TenantView
from orgs.api.requests import ApiRequest
from orgs.api.schema import errors
from orgs.api.tenancy import current_org
from orgs.permissions import READ


class UpcomingInvoiceView(TenantView):
    """Previews that bind."""

    access: ClassVar = {"POST": READ.with_setup()}

    @extend_schema(
        operation_id="upcoming_invoice",
        tags=["Subscription"],
        request=UpcomingInvoiceIn,
        responses={200: QuoteOut, **errors(400, 401, 403, 404, 409, 429, 502)},
    )
    def post(self, request: ApiRequest) -> Response:
        """Say what it would cost; done with the `quote_id`, it costs exactly that."""
        organization = current_org(request)
        body = UpcomingInvoiceIn(data=request.data)
        body.is_valid(raise_exception=True)
        quote = quotes.make_quote(
            organization=organization,
            wanted=wanted_from(organization, body.validated_data),
            now=clock.now(organization),
        )
        return Response(representations.quote(quote), status=status.HTTP_200_OK)
