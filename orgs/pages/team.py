"""`/settings/team`: who is on the team, who is invited, and changing that."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from orgs import selectors, team
from orgs.api.pagination import cut_page
from orgs.errors import DomainError, NotFound, RateLimited
from orgs.models import Membership, Role
from orgs.pages import base
from orgs.pages.team_forms import InviteForm, RoleForm
from orgs.services import change_team, invite

_ROWS = 50


class TeamPage(base.Page):
    """Readable for every role; owners and admins invite from here."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the team."""
        membership = base.require_member(request)
        return _show(request, membership, InviteForm(roles=_roles(membership)))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Invite somebody."""
        membership = base.require_team(request)
        form = InviteForm(request.POST, roles=_roles(membership))
        if not form.is_valid():
            return _show(request, membership, form)
        try:
            base.count_use(request, "invite")
            sent = invite.invite_member(
                organization=membership.organization,
                actor=membership.user,
                email=form.cleaned_data["email"],
                role=Role(form.cleaned_data["role"]),
                now=timezone.now(),
            )
        except DomainError as error:
            form.show_refusal(error)
            return _show(request, membership, form, error)
        _say_sent(request, sent)
        return redirect("team")


class RolePage(base.Page):
    """The form beside a member."""

    def post(self, request: HttpRequest, member_id: str) -> HttpResponse:
        """Give another role."""
        membership = base.require_team(request)
        form = RoleForm(request.POST, roles=Role)
        if not form.is_valid():
            return redirect("team")
        try:
            row = change_team.change_role(
                organization=membership.organization,
                actor=membership.user,
                member_id=member_id,
                role=Role(form.cleaned_data["role"]),
            )
        except DomainError as error:
            return _refuse(request, membership, error)
        member = team.member_of(row, now=timezone.now())
        messages.success(request, f"{member.name}: {member.role.label}.")
        return redirect("team")


class ResendPage(base.Page):
    """The button beside an invitation."""

    def post(self, request: HttpRequest, member_id: str) -> HttpResponse:
        """Send the invitation again; the link of the mail before opens nothing then."""
        membership = base.require_team(request)
        try:
            base.count_use(request, "invite")
            sent = invite.send_again(
                organization=membership.organization,
                actor=membership.user,
                invitation_id=member_id,
                now=timezone.now(),
            )
        except DomainError as error:
            return _refuse(request, membership, error)
        _say_sent(request, sent)
        return redirect("team")


class RemovePage(base.Page):
    """The question before somebody is removed, and the removal."""

    def get(self, request: HttpRequest, member_id: str) -> HttpResponse:
        """Ask."""
        membership = base.require_team(request)
        row = selectors.get_team_row(membership.organization, member_id)
        if row is None:
            raise NotFound
        context = {
            "organization": membership.organization,
            "member": team.member_of(row, now=timezone.now()),
            "is_self": row.pk == membership.pk,
            "keys": selectors.working_keys_by(row) if isinstance(row, Membership) else (),
        }
        return base.show(request, "settings/team_remove.html", context)

    def post(self, request: HttpRequest, member_id: str) -> HttpResponse:
        """Remove a member or revoke an invitation."""
        membership = base.require_team(request)
        try:
            row = change_team.remove_member(
                organization=membership.organization,
                actor=membership.user,
                member_id=member_id,
                now=timezone.now(),
            )
        except DomainError as error:
            return _refuse(request, membership, error)
        if not isinstance(row, Membership):
            messages.success(request, f"The invitation of {row.email} was revoked.")
            return redirect("team")
        name = row.user.get_full_name()
        messages.success(request, f"{name} was removed from {membership.organization.name}.")
        return redirect("home" if row.user_id == membership.user_id else "team")


def _roles(membership: Membership) -> list[Role]:
    """Return the roles that a member may give, the harmless first."""
    is_owner = membership.role == Role.OWNER
    return [role for role in reversed(Role) if is_owner or role != Role.OWNER]


def _say_sent(request: HttpRequest, sent: invite.Sent) -> None:
    again = "" if sent.is_new else " again; the link in the mail before does not work any more"
    messages.success(request, f"The invitation was sent to {sent.invitation.email}{again}.")


def _refuse(request: HttpRequest, membership: Membership, error: DomainError) -> HttpResponse:
    """Show the team with the reason above it; what is not there is a page of its own."""
    if isinstance(error, NotFound):
        raise error
    return _show(request, membership, InviteForm(roles=_roles(membership)), error)


def _show(
    request: HttpRequest,
    membership: Membership,
    form: InviteForm,
    error: DomainError | None = None,
) -> HttpResponse:
    organization, now = membership.organization, timezone.now()
    sources = [selectors.members_of(organization), selectors.pending_invitations(organization)]
    rows, next_cursor = cut_page(request.GET, sources, default_limit=_ROWS)
    context: dict[str, Any] = {
        "organization": organization,
        "membership_id": membership.pk,
        "members": [team.member_of(row, now=now) for row in rows],
        "next_cursor": next_cursor,
        "is_first_page": "cursor" not in request.GET,
        "may_change": base.runs_team(membership),
        "is_owner": membership.role == Role.OWNER,
        "roles": _roles(membership),
        "meanings": team.ROLE_MEANINGS.items(),
        "form": form,
        "refusal": "" if error is None or form.errors else error.message,
    }
    response = base.show(
        request, "settings/team.html", context, status=error.status if error else HTTPStatus.OK
    )
    if isinstance(error, RateLimited):
        response["Retry-After"] = str(error.retry_after)
    return response
