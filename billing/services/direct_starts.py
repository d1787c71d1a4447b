"""A start without a payment: of what costs nothing, or by staff for who pays by invoice."""

import dataclasses
from datetime import datetime

from billing.enums import AgreementState, Interval, Provider
from billing.errors import ProviderFailed
from billing.models import Price, Subscription
from billing.services import agreements, free_plan
from billing.types import Cause
from orgs.errors import PermissionDenied
from orgs.models import Organization, User

_STAFF_RIGHT = "billing.change_agreement"


@dataclasses.dataclass(frozen=True, slots=True)
class DirectStart:
    """What somebody wants to start without paying now."""

    price: Price
    seats: int = 1
    provider: str = ""
    billing_email: str = ""
    days_until_due: int = 30
    request_key: str = ""


def start_directly(
    *,
    organization: Organization,
    request: DirectStart,
    user: User | None,
    cause: Cause,
    now: datetime,
) -> Subscription:
    """Start a free plan for anybody, or an invoiced one for staff; never a way around payment.

    Raises:
        PermissionDenied: it costs something, and the caller is no staff that may agree on it, or
            does not ask for invoices.
        AlreadySubscribed: a subscription is live, or this free plan is in force.
        ProviderFailed: it was written down, and is tried again.
    """
    if request.price.is_free:
        return free_plan.start_free_plan(
            organization=organization, price=request.price, cause=cause, now=now
        )
    if request.provider != Provider.CUSTOM or not _may_agree(user):
        raise PermissionDenied("This plan has to be paid for: subscribe to it, or open a checkout.")
    terms = agreements.Terms(
        plan=request.price.plan_version.plan,
        interval=Interval(request.price.interval),
        currency=request.price.currency,
        seats=request.seats,
        starts_on=now.date(),
        days_until_due=request.days_until_due,
        billing_email=request.billing_email or organization.email,
        request_key=request.request_key,
    )
    agreement = agreements.agree(
        organization=organization, terms=terms, made_by=user, cause=cause, now=now
    )
    if agreement.state != AgreementState.STARTED or agreement.subscription is None:
        raise ProviderFailed(agreement.error or None)
    return agreement.subscription


def _may_agree(user: User | None) -> bool:
    return user is not None and user.is_staff and user.has_perm(_STAFF_RIGHT)
