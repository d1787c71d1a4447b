"""The pages of an organization's settings, in the order in which they are shown."""

import dataclasses

from orgs.models import Membership
from orgs.permissions import TEAM_ROLES

BILLING_PATH = "/settings/billing"
TEAM_PATH = "/settings/team"
KEYS_PATH = "/settings/api-keys"
# Addresses, not names: the pages of billing and readers belong to apps above this one.
_LINKS = (
    ("Overview", BILLING_PATH),
    ("Plan", "/settings/billing/plan"),
    ("Payment methods", "/settings/billing/payment-methods"),
    ("Invoices", "/settings/billing/invoices"),
    ("Card readers", "/settings/terminals"),
    ("Team", TEAM_PATH),
    ("API keys", KEYS_PATH),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Link:
    """One entry; `is_current` also on the pages below it."""

    label: str
    path: str
    is_current: bool


def links_for(membership: Membership | None, path: str) -> list[Link]:
    """Return what a member finds in the settings, as seen from a page."""
    return [
        Link(label, target, is_current=_is_current(target, path))
        for label, target in _LINKS
        if target != KEYS_PATH or (membership is not None and membership.role in TEAM_ROLES)
    ]


def _is_current(target: str, path: str) -> bool:
    # Everything of billing lies below the overview, which is current only by itself.
    return path == target or (target != BILLING_PATH and path.startswith(f"{target}/"))
