"""Writing down the start of a subscription: the row, its debt and the first try, at once."""

import dataclasses
from datetime import datetime

from billing.drivers import registry
from billing.enums import AttemptKind, ObligationKind, Provider
from billing.errors import AlreadySubscribed
from billing.models import Customer, PaymentAttempt, Price, Subscription
from billing.selectors import subscriptions
from billing.services import abandon, coupons, settlement, trials
from orgs.models import Organization


@dataclasses.dataclass(frozen=True, slots=True)
class Start:
    """What is to begin. `trial` is what was asked for: see `trials.days_for`."""

    customer: Customer
    price: Price
    seats: int
    kind: AttemptKind
    trial: bool | None = None
    coupon: coupons.Applicable | None = None
    billing_email: str = ""
    request_key: str = ""


def lock_for_start(organization: Organization) -> None:
    """Lock an organization, in the caller's transaction, unless a subscription is live.

    Raises:
        AlreadySubscribed: one is.
    """
    Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    if subscriptions.live(organization) is not None:
        raise AlreadySubscribed


def write_start(
    *, organization: Organization, start: Start, now: datetime
) -> tuple[Subscription, PaymentAttempt]:
    """Write down a start in the caller's transaction, which has to commit before any call.

    What of the trial and of the coupon can be had only once is decided here, under the lock.

    Raises:
        AlreadySubscribed: a subscription is live.
        PaymentPending: another request began a start since we looked.
        TrialUsed: a trial was asked for, and the payer has had one.
        CouponRefused: it was used up since it was found.
    """
    lock_for_start(organization)
    abandon.refuse_while_pending(organization=organization)
    price, coupon = start.price, start.coupon
    trial_days = trials.days_for(
        organization=organization,
        price=price,
        wanted=start.trial,
        reference=start.customer.reference,
    )
    subscription = Subscription.objects.create(
        organization=organization,
        customer=start.customer,
        provider=start.customer.provider,
        plan_version=price.plan_version,
        price=price,
        seats=start.seats,
        billing_email=start.billing_email,
        request_key=start.request_key,
        trial_days=trial_days,
        discount=coupon.discount.as_json() if coupon else None,
    )
    obligation = settlement.open_obligation(
        subscription=subscription,
        kind=ObligationKind.SUBSCRIPTION_START,
        amount_minor=0
        if trial_days > 0 or start.kind is AttemptKind.FREE
        else _first_amount(start),
        currency=price.currency,
    )
    attempt = settlement.new_attempt(
        obligation=obligation, kind=start.kind, provider=subscription.provider
    )
    if coupon is not None:
        coupons.redeem(applicable=coupon, subscription=subscription, now=now)
    return subscription, attempt


def kind_for(provider: Provider) -> AttemptKind:
    """Return how a first invoice is paid: where it is sent, the start itself takes nothing."""
    is_charged = registry.get_driver(provider).capabilities.automatic_collection
    return AttemptKind.CARD if is_charged else AttemptKind.FREE


def _first_amount(start: Start) -> int:
    """Return what the first invoice will ask for, as far as that is ours to reckon.

    The invoice itself has the last word: see `settlement.agree_amount`.
    """
    amount = start.price.amount_minor * start.seats
    return start.coupon.amount_after(amount) if start.coupon else amount
