"""From a header or cookie to a `Credential`."""

from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.exceptions import TokenError

from orgs import selectors, tokens
from orgs.models import Role, User
from orgs.permissions import Credential, CredentialKind
from orgs.services import api_keys

Scheme = Callable[[str, Request], Credential | None]
_schemes: dict[str, Scheme] = {}


def register_scheme(prefix: str, scheme: Scheme) -> None:
    """Let bearer tokens that begin with `prefix` be recognized by `scheme` (None: not valid)."""
    _schemes[prefix] = scheme


class CredentialAuthentication(BaseAuthentication):
    """Recognizes users, setup tokens, API keys, registered schemes, and browser sessions."""

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, Credential] | None:
        """Return the user and the credential; None for an anonymous caller.

        Raises:
            AuthenticationFailed: something was presented, and it opens nothing.
        """
        header = get_authorization_header(request).decode("latin-1")
        if not header:
            return self._session(request)
        kind, _, token = header.partition(" ")
        token = token.strip()
        if kind.lower() != "bearer" or not token:
            raise AuthenticationFailed
        credential = self._bearer(token, request)
        if credential is None:
            raise AuthenticationFailed
        return credential.user or AnonymousUser(), credential

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        """Name the scheme in `WWW-Authenticate`, so that a refusal is 401 and not 403."""
        return 'Bearer realm="till"'

    def _bearer(self, token: str, request: Request) -> Credential | None:
        if token.startswith(api_keys.TOKEN_PREFIX):
            return _of_key(token)
        for prefix, scheme in _schemes.items():
            if token.startswith(prefix):
                return scheme(token, request)
        try:
            verified = tokens.read_bearer(token)
        except TokenError:
            return None
        if isinstance(verified, tokens.SetupToken):
            return _of_setup_token(verified)
        user = selectors.get_user(tokens.user_id_of(verified))
        if user is None or not tokens.is_current(verified, user):
            return None
        return Credential(CredentialKind.USER, user=user)

    def _session(self, request: Request) -> tuple[User, Credential] | None:
        user = getattr(request._request, "user", None)  # noqa: SLF001 - as DRF's own classes do
        if not isinstance(user, User) or not user.is_active:
            return None
        SessionAuthentication().enforce_csrf(request)
        return user, Credential(CredentialKind.SESSION, user=user)


def _of_key(token: str) -> Credential | None:
    key = api_keys.authenticate_key(token=token, now=timezone.now())
    if key is None:
        return None
    return Credential(
        CredentialKind.API_KEY,
        organization=key.organization,
        scopes=frozenset(key.scopes),
        subject=key,
    )


def _of_setup_token(token: tokens.SetupToken) -> Credential | None:
    member = selectors.get_member_of(
        user_id=tokens.user_id_of(token), organization_id=token.organization_id
    )
    if member is None or not tokens.is_current(token, member.user):
        return None
    return Credential(
        CredentialKind.SETUP,
        user=member.user,
        organization=member.organization,
        role=Role(member.role),
        scopes=frozenset({tokens.SETUP_SCOPE}),
    )
