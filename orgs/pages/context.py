"""What the base template shows on every page."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from orgs import selectors
from orgs.api.tenancy import SESSION_KEY
from orgs.models import Membership, User


def chrome(request: HttpRequest) -> dict[str, Any]:
    """Return the help address, and the visitor's membership once a template asks for it."""
    return {
        "support_email": settings.SUPPORT_EMAIL,
        "membership": SimpleLazyObject(lambda: _membership(request)),
    }


def _membership(request: HttpRequest) -> Membership | None:
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return None
    return selectors.choose_membership(user=user, preferred=request.session.get(SESSION_KEY))
