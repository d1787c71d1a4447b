"""What the base template shows on every page."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from orgs import selectors
from orgs.api.tenancy import SESSION_KEY
from orgs.models import Membership, User
from orgs.pages import navigation


def chrome(request: HttpRequest) -> dict[str, Any]:
    """Return the help address, and who is looking once a template asks for it."""
    # Asked for once, however many of the three a template shows.
    memberships: Any = SimpleLazyObject(lambda: _memberships(request))
    membership: Any = SimpleLazyObject(lambda: _chosen(request, memberships))
    return {
        "support_email": settings.SUPPORT_EMAIL,
        "memberships": memberships,
        "membership": membership,
        "settings_links": SimpleLazyObject(
            lambda: navigation.links_for(membership or None, request.path)
        ),
    }


def _memberships(request: HttpRequest) -> list[Membership]:
    user = getattr(request, "user", None)
    return selectors.memberships_of(user) if isinstance(user, User) else []


def _chosen(request: HttpRequest, memberships: list[Membership]) -> Membership | None:
    if not memberships:
        return None
    return selectors.preferred_membership(memberships, request.session.get(SESSION_KEY))
