"""Registration, tokens, and who is asking."""

from typing import ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from orgs import selectors, tokens
from orgs.api import tenancy
from orgs.api.base import ApiView
from orgs.api.requests import ApiRequest
from orgs.api.schema import errors
from orgs.api.serializers import (
    MeOut,
    RegisterIn,
    RegisterOut,
    TokenIn,
    TokenOut,
    TokenRefreshIn,
)
from orgs.errors import NotAuthenticated, PermissionDenied
from orgs.permissions import CredentialKind
from orgs.services import register, sign_in


class RegisterView(ApiView):
    """Registration of a new organization."""

    authentication_classes = ()
    throttle_scope = "register"

    @extend_schema(
        tags=["Accounts"],
        operation_id="register",
        auth=[],
        request=RegisterIn,
        responses={201: RegisterOut, **errors(400, 429)},
    )
    def post(self, request: ApiRequest) -> Response:
        """Register an organization with its owner.

        The token reaches the endpoints of onboarding alone, for one hour.
        """
        body = RegisterIn(data=request.data)
        body.is_valid(raise_exception=True)
        made = register.register_organization(**body.validated_data, now=timezone.now())
        answer = RegisterOut(
            {
                "organization": made.organization,
                "membership": made.membership,
                "token": tokens.SetupToken.issue(user=made.user, organization=made.organization),
                "token_type": "Bearer",
                "scope": tokens.SETUP_SCOPE,
                "expires_in": tokens.setup_seconds(),
            }
        )
        return Response(answer.data, status=status.HTTP_201_CREATED)


class TokenView(ApiView):
    """Signing in."""

    authentication_classes = ()
    throttle_scope = "token"

    @extend_schema(
        tags=["Accounts"],
        operation_id="sign_in",
        auth=[],
        request=TokenIn,
        responses={200: TokenOut, **errors(400, 401, 429)},
    )
    def post(self, request: ApiRequest) -> Response:
        """Sign in with e-mail and password."""
        body = TokenIn(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(TokenOut(sign_in.sign_in(**body.validated_data)).data)


class TokenRefreshView(ApiView):
    """Staying signed in."""

    authentication_classes = ()
    throttle_scope = "token"

    @extend_schema(
        tags=["Accounts"],
        operation_id="refresh_token",
        auth=[],
        request=TokenRefreshIn,
        responses={200: TokenOut, **errors(400, 401, 429)},
    )
    def post(self, request: ApiRequest) -> Response:
        """Get a new access token for a refresh token."""
        body = TokenRefreshIn(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(TokenOut(sign_in.refresh_access(**body.validated_data)).data)


class MeView(ApiView):
    """The caller itself."""

    # Onboarding and checkout tokens reach their own endpoints alone.
    kinds: ClassVar = (CredentialKind.SESSION, CredentialKind.USER, CredentialKind.API_KEY)

    @extend_schema(
        tags=["Accounts"],
        operation_id="me",
        responses={200: MeOut, **errors(401, 403, 404)},
    )
    def get(self, request: ApiRequest) -> Response:
        """Say who is asking, where that person belongs, and for which organization it speaks."""
        credential = request.credential
        if credential is None:
            raise NotAuthenticated
        if credential.kind not in self.kinds:
            raise PermissionDenied
        organization = tenancy.find_current_org(request)
        user = credential.user
        resolved = request.credential or credential
        answer = MeOut(
            {
                "user": user,
                "memberships": selectors.memberships_of(user) if user else [],
                "organization": organization,
                "role": resolved.role,
                "scopes": sorted(resolved.scopes),
            }
        )
        return Response(answer.data)
