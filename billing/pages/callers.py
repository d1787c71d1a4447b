"""Who is looking at a page, and what that person may do there."""

import dataclasses

from django.http import HttpRequest

from billing.models import CheckoutSession
from billing.selectors import checkouts
from billing.services import checkout
from orgs import selectors
from orgs.errors import NotFound, PermissionDenied
from orgs.models import Membership, User
from orgs.pages import base
from orgs.permissions import MONEY_ROLES

_OPENED = "opened_checkouts"
_MAX_OPENED = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody at one checkout: a member, or whoever holds its unguessable address."""

    session: CheckoutSession
    membership: Membership | None
    may_pay: bool


def require_member(request: HttpRequest, *, may_spend: bool = False) -> Membership:
    """Return the visitor's membership.

    Raises:
        NotAuthenticated: nobody is signed in.
        PermissionDenied: no member of anything, or (`may_spend`) only allowed to look.
    """
    membership = base.require_member(request)
    if may_spend and not can_spend(membership):
        raise PermissionDenied("Ask an owner, an admin or a billing member to do this.")
    return membership


def can_spend(membership: Membership) -> bool:
    """Say whether a member may buy for the organization."""
    return membership.role in MONEY_ROLES


def admit(request: HttpRequest, session_id: str, token: str) -> bool:
    """Exchange the token in an address for a mark in the browser's session; say whether it fits."""
    hashed = checkout.token_hash(token)
    session = checkouts.by_token(session_id, hashed)
    if session is None:
        return False
    remember(request, session)
    return True


def remember(request: HttpRequest, session: CheckoutSession) -> None:
    """Mark a checkout as opened in this browser: its token is not needed here again."""
    opened = dict(request.session.get(_OPENED, {}))
    opened.pop(str(session.pk), None)
    opened[str(session.pk)] = session.token_hash
    request.session.cycle_key()  # a session id planted by somebody else must not gain anything
    request.session[_OPENED] = dict(list(opened.items())[-_MAX_OPENED:])


def visitor(request: HttpRequest, session_id: str) -> Visitor:
    """Return who is at a checkout.

    Raises:
        NotFound: unknown, somebody else's, or no id at all: always the same answer.
    """
    memberships = selectors.memberships_of(request.user) if isinstance(request.user, User) else []
    hashed = request.session.get(_OPENED, {}).get(session_id)
    session = checkouts.by_token(session_id, hashed) if hashed else None
    if session is not None:
        return Visitor(session, _member_of(session, memberships), may_pay=True)
    for membership in memberships:
        session = checkouts.by_id(membership.organization, session_id)
        if session is not None:
            return Visitor(session, membership, may_pay=can_spend(membership))
    raise NotFound


def _member_of(session: CheckoutSession, memberships: list[Membership]) -> Membership | None:
    return next((m for m in memberships if m.organization_id == session.organization_id), None)
