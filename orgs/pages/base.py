"""What pages of organizations share: nothing is cached, refusals are pages in words."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views import View

from orgs import selectors, trace
from orgs.api.tenancy import SESSION_KEY
from orgs.api.throttling import seconds_to_wait
from orgs.errors import DomainError, NotAuthenticated, PermissionDenied, RateLimited
from orgs.models import Membership, User
from orgs.permissions import TEAM_ROLES

TOO_MANY = "Too many requests. Please try again later."
BACKEND = "django.contrib.auth.backends.ModelBackend"
_HEADINGS = {403: "You can't do this", 404: "There is nothing here"}


class NoOrganization(PermissionDenied):
    """You are not a member of any organization yet. Ask a colleague to invite you."""


class Page(View):
    """A page that is never stored and shows expected failures in words."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer; a refusal that the page itself does not show becomes a page of its own."""
        response: HttpResponseBase
        try:
            response = super().dispatch(request, *args, **kwargs)
        except NotAuthenticated:
            response = redirect_to_login(self.address_after_login(request))
        except DomainError as error:
            response = self.problem(request, error)
        response["Cache-Control"] = "no-store"
        return response

    def address_after_login(self, request: HttpRequest) -> str:
        """Return where somebody goes on who has to sign in first (a form is not sent again)."""
        return request.get_full_path() if request.method == "GET" else "/"

    def problem(self, request: HttpRequest, error: DomainError) -> HttpResponse:
        """Render a refusal."""
        context = {
            "heading": _HEADINGS.get(error.status, "That did not work"),
            "message": error.message,
            "trace_id": trace.get_trace_id(),
        }
        response = show(request, "errors/error.html", context, status=error.status)
        if error.retry_after is not None:
            response["Retry-After"] = str(error.retry_after)
        return response


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render a template."""
    return render(request, template, dict(context), status=status)


def require_user(request: HttpRequest) -> User:
    """Return who is signed in.

    Raises:
        NotAuthenticated: nobody is.
    """
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def require_member(request: HttpRequest) -> Membership:
    """Return the visitor's place in the organization that is chosen in this browser.

    Raises:
        NotAuthenticated: nobody is signed in.
        NoOrganization: no member of anything.
    """
    user = require_user(request)
    membership = selectors.choose_membership(user=user, preferred=request.session.get(SESSION_KEY))
    if membership is None:
        raise NoOrganization
    membership.user = user
    return membership


def runs_team(membership: Membership) -> bool:
    """Say whether a member may change the team and its API keys."""
    return membership.role in TEAM_ROLES


def require_team(request: HttpRequest) -> Membership:
    """Return the visitor's membership if it may change the team and its API keys.

    Raises:
        NotAuthenticated: nobody is signed in.
        PermissionDenied: neither owner nor admin.
    """
    membership = require_member(request)
    if not runs_team(membership):
        raise PermissionDenied(
            f"Only owners and admins can do this. Ask one of {membership.organization.name}."
        )
    return membership


def count_use(request: HttpRequest, scope: str) -> None:
    """Count one form under a rate limit.

    Raises:
        RateLimited: too many came from here.
    """
    wait = seconds_to_wait(request, scope)
    if wait is not None:
        raise RateLimited(TOO_MANY, retry_after=wait)
