"""Denying critical actions on plain Django views, ours and those of host applications."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from billing.pages import base, callers
from billing.selectors import entitlements
from orgs import clock
from orgs.api.exceptions import error_body
from orgs.errors import DomainError, NotAuthenticated
from orgs.models import Organization

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def chosen_organization(request: HttpRequest) -> Organization:
    """Return the organization that the signed-in visitor works for in this browser.

    Raises:
        NotAuthenticated: nobody is signed in.
        PermissionDenied: a member of nothing.
    """
    return callers.require_member(request).organization


def access_required(
    *, organization: Callable[[HttpRequest], Organization] = chosen_organization
) -> Callable[[View[P]], View[P]]:
    """Return a decorator that lets a view run only with access, in full or in grace."""
    return _gate(
        lambda found: entitlements.require_access(found, now=clock.now(found)), organization
    )


def entitlement_required(
    feature: str,
    *,
    quantity: int = 1,
    organization: Callable[[HttpRequest], Organization] = chosen_organization,
) -> Callable[[View[P]], View[P]]:
    """Return a decorator that lets a view run only if a feature may be used.

    Others get 402 with the reason, as a page or (below `/api/`, or where no HTML is accepted) as
    JSON; nobody signed in is sent to do so. `organization` finds it for hosts with ways of their
    own.
    """

    def require(found: Organization) -> object:
        return entitlements.require_entitlement(
            found, feature, now=clock.now(found), quantity=quantity
        )

    return _gate(require, organization)


def _gate(
    require: Callable[[Organization], object],
    find: Callable[[HttpRequest], Organization],
) -> Callable[[View[P]], View[P]]:
    def decorate(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            try:
                require(find(request))
            except DomainError as error:
                return _refused(request, error)
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def _refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    response: HttpResponse
    if request.path.startswith("/api/") or not request.accepts("text/html"):
        response = JsonResponse(error_body(error), status=error.status)
    elif isinstance(error, NotAuthenticated):
        response = redirect_to_login(request.get_full_path())
    else:
        response = base.show(request, "problem.html", {"error": error}, status=error.status)
    response["Cache-Control"] = "no-store"
    return response
