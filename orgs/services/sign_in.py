"""Signing in with e-mail and password, and staying signed in."""

import logging

from django.contrib.auth import authenticate
from rest_framework_simplejwt.exceptions import TokenError

from orgs import selectors, tokens
from orgs.errors import NotAuthenticated
from orgs.models import User

logger = logging.getLogger(__name__)


class WrongCredentials(NotAuthenticated):
    """No active account has this e-mail and password."""


class TokenRejected(NotAuthenticated):
    """This refresh token is not valid any more. Please sign in again."""


def sign_in(*, email: str, password: str) -> tokens.Pair:
    """Return a pair of tokens for a person who knows the password.

    Raises:
        WrongCredentials: no active user has this e-mail and password.
    """
    user = authenticate(username=email.strip().lower(), password=password)
    if not isinstance(user, User):
        logger.info("sign_in.refused")
        raise WrongCredentials
    return tokens.issue_pair(user)


def refresh_access(*, refresh: str) -> tokens.Pair:
    """Return a new access token for a refresh token, which stays as it is.

    Raises:
        TokenRejected: it expired, is no refresh token, or its user or password changed.
    """
    try:
        token = tokens.read_refresh(refresh)
    except TokenError as error:
        raise TokenRejected from error
    user = selectors.get_user(tokens.user_id_of(token))
    if user is None or not tokens.is_current(token, user):
        raise TokenRejected
    return tokens.Pair(str(token.access_token), refresh, tokens.access_seconds())
