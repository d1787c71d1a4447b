"""JSON web tokens: a user's pair, and the setup token that registration hands out."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token
from rest_framework_simplejwt.utils import get_md5_hash_password

from orgs.models import Organization, User

SETUP_SCOPE = "billing:setup"
_ORGANIZATION_CLAIM = "org"
_SCOPE_CLAIM = "scope"


class SetupToken(Token):
    """Speaks for one user in one organization, for the endpoints of onboarding alone."""

    token_type = "setup"  # noqa: S105 - a kind, no secret
    lifetime = timedelta(seconds=settings.SETUP_TOKEN_SECONDS)

    @classmethod
    def issue(cls, *, user: User, organization: Organization) -> str:
        """Return a token that is valid for its whole hour, also after activation."""
        token = cls.for_user(user)
        token[_SCOPE_CLAIM] = SETUP_SCOPE
        token[_ORGANIZATION_CLAIM] = str(organization.pk)
        return str(token)

    def verify(self) -> None:
        """Refuse a token of another scope, on top of type and expiry."""
        super().verify()
        if self.get(_SCOPE_CLAIM) != SETUP_SCOPE or not self.get(_ORGANIZATION_CLAIM):
            raise TokenError("Token has wrong scope")

    @property
    def organization_id(self) -> str:
        """The organization the token was made for."""
        return str(self[_ORGANIZATION_CLAIM])


@dataclass(frozen=True, slots=True)
class Pair:
    """What a sign-in gives; `expires_in` is the access token's life in seconds."""

    access: str
    refresh: str
    expires_in: int


def issue_pair(user: User) -> Pair:
    """Return a new pair of tokens."""
    refresh = RefreshToken.for_user(user)
    return Pair(str(refresh.access_token), str(refresh), access_seconds())


def user_id_of(token: Token) -> str:
    """Return the id of the user a token speaks for; empty when it names none."""
    return str(token.get(api_settings.USER_ID_CLAIM) or "")


def is_current(token: Token, user: User) -> bool:
    """Say whether a user may still use a token: active, and the password unchanged since."""
    claim = token.get(api_settings.REVOKE_TOKEN_CLAIM)
    return user.is_active and claim == get_md5_hash_password(user.password)


def read_bearer(raw: str) -> AccessToken | SetupToken:
    """Verify a bearer token of either kind that opens endpoints.

    Raises:
        TokenError: not ours, expired, or of another kind.
    """
    try:
        return AccessToken(raw)  # type: ignore[arg-type]  # the stubs want a Token, the code a text
    except TokenError:
        return SetupToken(raw)  # type: ignore[arg-type]


def read_refresh(raw: str) -> RefreshToken:
    """Verify a refresh token.

    Raises:
        TokenError: not ours, expired, or of another kind.
    """
    return RefreshToken(raw)  # type: ignore[arg-type]


def access_seconds() -> int:
    """Return how long an access token lives."""
    return int(api_settings.ACCESS_TOKEN_LIFETIME.total_seconds())


def setup_seconds() -> int:
    """Return how long a setup token lives."""
    return int(SetupToken.lifetime.total_seconds())
