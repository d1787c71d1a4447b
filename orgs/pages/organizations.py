"""Which of several organizations somebody works for, in this browser."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from orgs import selectors
from orgs.api.tenancy import SESSION_KEY
from orgs.errors import NotFound
from orgs.pages import base


class SwitchPage(base.Page):
    """The form in the header of every page."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Choose one; what is open belongs to the other, so the start page comes next."""
        user = base.require_user(request)
        membership = selectors.get_membership(
            user=user, organization_id=request.POST.get("organization")
        )
        if membership is None:
            raise NotFound
        request.session[SESSION_KEY] = str(membership.organization_id)
        return redirect("home")
