"""The bases of all API views.

A view of a tenant declares who may call each of its methods and finds everything resolved:

    class SubscriptionView(TenantView):
        access = {"GET": READ.with_setup(), "POST": WRITE.with_setup(), "PATCH": WRITE}

        def post(self, request: ApiRequest) -> Response:
            body = SubscriptionStartIn(data=request.data)
            body.is_valid(raise_exception=True)
            … organization=current_org(request), request_key=request.idempotency_key or ""

Mount it with `orgs.api.routes.tenant_endpoint`, which makes both spellings of the path; the
tenant's id never reaches the method's arguments.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orgs import permissions
from orgs.api import idempotency, tenancy
from orgs.api.requests import ApiRequest
from orgs.api.throttling import ScopedThrottle
from orgs.models import Organization
from orgs.permissions import Access, Credential
from orgs.services.idempotency import Claim

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class ApiView(APIView):
    """A view that anybody may call; `request.credential` says who does."""

    # No OPTIONS: the OpenAPI document says more, and other origins have no business here.
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    permission_classes = ()
    throttle_classes = (ScopedThrottle,)

    def initialize_request(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> ApiRequest:
        """Wrap the request."""
        return ApiRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )


class TenantView(ApiView):
    """A view of one organization: resolves it, checks access, honours Idempotency-Key."""

    access: ClassVar[Mapping[str, Access]] = {}
    _tenant_id: str | None = None
    _claim: Claim | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a class with a method that does not say who may call it."""
        super().__init_subclass__(**kwargs)
        silent = [m for m in _METHODS if hasattr(cls, m.lower()) and m not in cls.access]
        if silent:
            raise TypeError(f"{cls.__name__} declares no access for {', '.join(silent)}.")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Take the tenant out of the path's arguments, and answer."""
        self._tenant_id = kwargs.pop("tenant_id", None)
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, find the tenant, check access, throttle, then claim the key."""
        super().initial(request, *args, **kwargs)
        organization = self.admit(request)
        if self._access_for(request) is None:  # no such method: answered with 405
            return
        self._claim = idempotency.begin(cast("ApiRequest", request), organization)

    def admit(self, request: Request) -> Organization:
        """Return the organization the request is about, if the caller may do this there.

        Asking again costs nothing; a permission class asks first.

        Raises:
            NotAuthenticated, NotFound, InvalidRequest: see `tenancy.tenant_from`.
            PermissionDenied: not with this role, scope or kind of credential.
        """
        organization = tenancy.tenant_from(request, self._tenant_id)
        access = self._access_for(request)
        if access is not None:
            permissions.require(cast("Credential", request.auth), access)
        return organization

    def _access_for(self, request: Request) -> Access | None:
        return self.access.get("GET" if request.method == "HEAD" else str(request.method))

    def handle_exception(self, exc: Exception) -> Response:
        """Answer a replay with what is stored, everything else as an error."""
        if isinstance(exc, idempotency.Replayed):
            return idempotency.replayed_response(exc.replay)  # type: ignore[return-value]
        return super().handle_exception(exc)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Keep the answer under its key."""
        final = super().finalize_response(request, response, *args, **kwargs)
        if self._claim is not None:
            idempotency.finish(self._claim, final)
        return final
