"""The team of an organization: members, and those who are invited."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from orgs import selectors, team
from orgs.api.base import TenantView
from orgs.api.pagination import cut_page
from orgs.api.requests import ApiRequest
from orgs.api.schema import PAGE, errors, page_of
from orgs.api.serializers import MemberIn, MemberOut, MemberRoleIn
from orgs.api.tenancy import current_org
from orgs.errors import NotAuthenticated
from orgs.models import Role, User
from orgs.permissions import PEOPLE, TEAM
from orgs.services import change_team, invite


class MembersView(TenantView):
    """Everybody on the team."""

    access = {"GET": PEOPLE, "POST": TEAM}

    @property
    def throttle_scope(self) -> str | None:
        """Invitations are mails to strangers, so they are counted; looking is not."""
        return "invite" if self.request.method == "POST" else None

    @extend_schema(
        tags=["Accounts"],
        operation_id="list_members",
        parameters=PAGE,
        responses={200: page_of(MemberOut), **errors(400, 401, 403, 404)},
    )
    def get(self, request: ApiRequest) -> Response:
        """List the members and the invitations that are waiting for an answer."""
        organization, now = current_org(request), timezone.now()
        sources = [selectors.members_of(organization), selectors.pending_invitations(organization)]
        rows, next_cursor = cut_page(request.query_params, sources)
        members = [team.member_of(row, now=now) for row in rows]
        return Response({"data": MemberOut(members, many=True).data, "next_cursor": next_cursor})

    @extend_schema(
        tags=["Accounts"],
        operation_id="invite_member",
        request=MemberIn,
        responses={200: MemberOut, 201: MemberOut, **errors(400, 401, 403, 404, 409, 429)},
    )
    def post(self, request: ApiRequest) -> Response:
        """Invite an address: 201, or 200 when an invitation was waiting and is sent again.

        The link of the mail before opens nothing then. Only owners may invite owners.
        """
        body = MemberIn(data=request.data)
        body.is_valid(raise_exception=True)
        now = timezone.now()
        sent = invite.invite_member(
            organization=current_org(request),
            actor=_actor(request),
            email=body.validated_data["email"],
            role=Role(body.validated_data["role"]),
            now=now,
        )
        return Response(
            MemberOut(team.member_of(sent.invitation, now=now)).data,
            status=status.HTTP_201_CREATED if sent.is_new else status.HTTP_200_OK,
        )


class MemberView(TenantView):
    """One member, or one invitation."""

    access = {"PATCH": TEAM, "DELETE": TEAM}

    @extend_schema(
        tags=["Accounts"],
        operation_id="change_member_role",
        request=MemberRoleIn,
        responses={200: MemberOut, **errors(400, 401, 403, 404, 409)},
    )
    def patch(self, request: ApiRequest, member_id: str) -> Response:
        """Give another role; only owners may make and unmake owners, and one always stays."""
        body = MemberRoleIn(data=request.data)
        body.is_valid(raise_exception=True)
        row = change_team.change_role(
            organization=current_org(request),
            actor=_actor(request),
            member_id=member_id,
            role=Role(body.validated_data["role"]),
        )
        return Response(MemberOut(team.member_of(row, now=timezone.now())).data)

    @extend_schema(
        tags=["Accounts"],
        operation_id="remove_member",
        responses={204: None, **errors(401, 403, 404, 409)},
    )
    def delete(self, request: ApiRequest, member_id: str) -> Response:
        """Remove a member, whose access ends at once, or revoke an invitation."""
        change_team.remove_member(
            organization=current_org(request),
            actor=_actor(request),
            member_id=member_id,
            now=timezone.now(),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


def _actor(request: ApiRequest) -> User:
    """Return the person who asks; `TEAM` admits nobody else."""
    user = request.credential.user if request.credential else None
    if user is None:
        raise NotAuthenticated
    return user
