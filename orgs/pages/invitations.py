"""`/invitations/{token}`: from the mail into the team.

The token opens the page without a login. Somebody who has to sign in first goes on at
`/invitations/open`, with a mark in the browser's session in place of the token, so that it never
becomes part of another address.
"""

from django.contrib.auth import login, logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from orgs import selectors
from orgs.api.tenancy import SESSION_KEY
from orgs.errors import DomainError, NotFound
from orgs.models import Invitation, Membership, Role, User
from orgs.pages import base
from orgs.pages.team_forms import JoinForm
from orgs.services import invite, join
from orgs.team import ROLE_MEANINGS

_MARK = "invitation"


@method_decorator(sensitive_post_parameters("password"), name="dispatch")
class InvitationPage(base.Page):
    """One page in four stages: new, known, signed in as the right one, or as somebody else."""

    def dispatch(self, request: HttpRequest, token: str = "") -> HttpResponseBase:
        """Answer, and keep the address out of the Referer of whatever the page loads.

        Not `no-referrer`: with that a browser sends `Origin: null`, and the form would be refused.
        """
        hashed = invite.token_hash(token) if token else request.session.get(_MARK, "")
        response = super().dispatch(request, hashed)
        response["Referrer-Policy"] = "strict-origin"
        return response

    def get(self, request: HttpRequest, hashed: str) -> HttpResponse:
        """Show what has to be done to join."""
        invitation = join.find_invitation(token_hash=hashed, now=timezone.now())
        return _show(request, invitation, JoinForm())

    def post(self, request: HttpRequest, hashed: str) -> HttpResponse:
        """Join, or go and sign in with the right account."""
        base.count_use(request, "token")
        now = timezone.now()
        invitation = join.find_invitation(token_hash=hashed, now=now)
        if request.POST.get("intent") == "sign-in":
            return _change_account(request, invitation)
        if isinstance(request.user, User):
            membership = join.join_as_user(token_hash=hashed, user=request.user, now=now)
            return _arrive(request, membership)
        form = JoinForm(request.POST)
        if not form.is_valid():
            return _show(request, invitation, form)
        try:
            membership = join.join_as_new_person(
                token_hash=hashed, **form.cleaned_data, now=timezone.now()
            )
        except join.InvitationOver:
            raise
        except DomainError as error:
            form.show_refusal(error)
            return _show(request, invitation, form)
        login(request, membership.user, backend=base.BACKEND)
        return _arrive(request, membership)

    def problem(self, request: HttpRequest, error: DomainError) -> HttpResponse:
        """Say what became of the invitation, and what to do next."""
        if not isinstance(error, join.InvitationOver | NotFound):
            return super().problem(request, error)
        return base.show(
            request, "auth/invitation_over.html", {"error": error}, status=error.status
        )


def _show(request: HttpRequest, invitation: Invitation, form: JoinForm) -> HttpResponse:
    if isinstance(request.user, User):
        stage = "confirm" if request.user.email.lower() == invitation.email else "other"
    else:
        stage = "known" if _has_account(invitation) else "new"
    context = {
        "invitation": invitation,
        "role": invitation.get_role_display(),
        "may": ROLE_MEANINGS[Role(invitation.role)],
        "stage": stage,
        "form": form,
    }
    return base.show(request, "auth/invitation.html", context)


def _change_account(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """Sign out, leave a mark that outlives signing in, and ask for the right account."""
    logout(request)
    request.session[_MARK] = invitation.token_hash
    here = reverse("invitation-open")
    return redirect_to_login(here) if _has_account(invitation) else redirect(here)


def _has_account(invitation: Invitation) -> bool:
    return selectors.get_user_by_email(invitation.email) is not None


def _arrive(request: HttpRequest, membership: Membership) -> HttpResponse:
    request.session.pop(_MARK, None)
    request.session[SESSION_KEY] = str(membership.organization_id)
    return redirect("home")
