"""Denying critical actions to organizations that have no access, or not to this feature.

For the API views of host applications as well as for our own:

    class ArticlesView(TenantView):
        access = {"GET": READ, "POST": WRITE}
        permission_classes = (requires_entitlement("knowledge_base", methods={"POST"}),)
"""

from collections.abc import Collection
from typing import Any, ClassVar

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from billing.selectors import entitlements
from orgs import clock
from orgs.api import tenancy
from orgs.api.base import TenantView
from orgs.models import Organization


class RequiresAccess(BasePermission):
    """Admits organizations with access, in full or in grace; others get 402 with the reason.

    Who is asking, for which organization and with which role is settled first, so that a stranger
    learns nothing from a 402. It refuses by an exception: do not combine it with `|`.
    """

    methods: ClassVar[frozenset[str] | None] = None  # None: all of them
    feature: ClassVar[str | None] = None
    quantity: ClassVar[int] = 1

    def has_permission(self, request: Request, view: Any) -> bool:
        """Say yes, or raise.

        Raises:
            SubscriptionInactive: no access, or the plan does not include the feature.
            UsageLimit: the plan's limit is reached.
        """
        method = str(request.method)
        if self.methods is not None and method not in self.methods:
            return True
        if not hasattr(view, method.lower()):  # answered with 405
            return True
        organization = _organization(request, view)
        now = clock.now(organization)
        if self.feature is None:
            entitlements.require_access(organization, now=now)
        else:
            entitlements.require_entitlement(
                organization, self.feature, now=now, quantity=self.quantity
            )
        return True


def requires_access(*, methods: Collection[str] | None = None) -> type[RequiresAccess]:
    """Return a permission class that asks for access, of some methods only if they are named."""
    return _class("RequiresAccess", methods=methods, feature=None, quantity=1)


def requires_entitlement(
    feature: str, *, quantity: int = 1, methods: Collection[str] | None = None
) -> type[RequiresAccess]:
    """Return a permission class that asks for a feature, and for `quantity` of it to be left."""
    return _class(f"Requires_{feature}", methods=methods, feature=feature, quantity=quantity)


def _class(
    name: str, *, methods: Collection[str] | None, feature: str | None, quantity: int
) -> type[RequiresAccess]:
    wanted = None if methods is None else frozenset(methods)
    return type(
        name, (RequiresAccess,), {"methods": wanted, "feature": feature, "quantity": quantity}
    )


def _organization(request: Request, view: Any) -> Organization:
    if isinstance(view, TenantView):
        return view.admit(request)
    return tenancy.current_org(request)
