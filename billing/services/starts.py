"""Writing down the start of a subscription: the row, its debt and the first try, at once."""

import dataclasses

from billing.enums import AttemptKind, ObligationKind
from billing.errors import AlreadySubscribed
from billing.models import Customer, PaymentAttempt, Price, Subscription
from billing.selectors import subscriptions
from billing.services import abandon, settlement
from orgs.models import Organization


@dataclasses.dataclass(frozen=True, slots=True)
class Start:
    """What is to begin. The first invoice of a trial (`trial_days` above 0) asks for nothing."""

    customer: Customer
    price: Price
    seats: int
    trial_days: int
    kind: AttemptKind
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


def write_start(*, organization: Organization, start: Start) -> tuple[Subscription, PaymentAttempt]:
    """Write down a start in the caller's transaction, which has to commit before any call.

    Raises:
        AlreadySubscribed: a subscription is live.
        PaymentPending: another request began a start since we looked.
    """
    lock_for_start(organization)
    abandon.refuse_while_pending(organization=organization)
    price = start.price
    subscription = Subscription.objects.create(
        organization=organization,
        customer=start.customer,
        provider=start.customer.provider,
        plan_version=price.plan_version,
        price=price,
        seats=start.seats,
        billing_email=start.billing_email,
        request_key=start.request_key,
    )
    obligation = settlement.open_obligation(
        subscription=subscription,
        kind=ObligationKind.SUBSCRIPTION_START,
        amount_minor=0 if start.trial_days > 0 else price.amount_minor * start.seats,
        currency=price.currency,
    )
    attempt = settlement.new_attempt(
        obligation=obligation, kind=start.kind, provider=subscription.provider
    )
    return subscription, attempt
