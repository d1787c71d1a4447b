"""Starting a subscription: row and attempt first, then the provider, then `converge`."""

import dataclasses
import logging
from datetime import datetime

from django.db import IntegrityError, transaction

from billing.drivers import registry
from billing.drivers.base import (
    DriverError,
    DriverRejected,
    DriverUnavailable,
    OutcomeUnknown,
)
from billing.enums import (
    AttemptKind,
    AttemptState,
    Provider,
    SubscriptionStatus,
)
from billing.models import PaymentAttempt, Price, Subscription
from billing.selectors import coupons, payments, prices, subscriptions
from billing.services import (
    abandon,
    customers,
    free_plan,
    payers,
    projection,
    refusals,
    resolve,
    settlement,
    start_quotes,
    starts,
    trials,
    unanswered,
)
from billing.services import coupons as using
from billing.types import CardDetails, Cause, SubscriptionSnapshot, SubscriptionSpec
from orgs.models import Organization

# After this the process that sent the call is taken for dead, and the provider is asked.
SENT_RESOLVE_AFTER_S = 60

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class StartRequest:
    """What somebody wants to start.

    `card` is what some providers need beside a token. Without `payment_method` the answer has a
    client secret, with which the payer's browser finishes. `trial` None takes the price's own trial
    if the payer has had none, False none, True insists. `coupon` is a code as it was entered.
    `request_key` is the caller's Idempotency-Key: the same one resumes what it began, with the
    trial and the coupon it began with. With `quote_id` exactly what that quote says is charged, or
    nothing is started. `days_until_due` is for who pays by invoice.
    """

    price: Price
    payment_method: str = ""
    card: CardDetails | None = None
    seats: int = 1
    provider: Provider = Provider.STRIPE
    trial: bool | None = None
    coupon: str = ""
    billing_email: str = ""
    request_key: str = ""
    quote_id: object = None
    days_until_due: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Started:
    """What came of it. `resolve_after` is set while the outcome is unknown."""

    subscription: Subscription
    client_secret: str = ""
    resolve_after: datetime | None = None


def start_subscription(
    *, organization: Organization, request: StartRequest, cause: Cause, now: datetime
) -> Started:
    """Start a subscription for the organization itself, charging its first invoice.

    Raises:
        AlreadySubscribed: one is live.
        PaymentPending: an earlier try is not decided yet.
        CardDeclined: the card was refused; nothing was taken, nothing is left open.
        ProviderRefused: the provider did not accept the request.
        ProviderBusy: provably not processed: the same key tries again.
        ProviderFailed: provably not processed: the same key tries again.
        CouponRefused: the coupon can't be used; nothing has changed.
        TrialUsed: a trial was asked for, and the payer has had one.
        InvalidRequest: a trial was asked for, and the plan has none; or the quote is for
            something else.
        QuoteStale: the quote expired, or would come to another sum by now.
    """
    if request.price.is_free:
        _coupon_of(organization, request, now)  # there is none for what costs nothing
        row = free_plan.start_free_plan(
            organization=organization, price=request.price, cause=cause, now=now
        )
        return Started(row)
    external_price_id = prices.external_price_id(request.price, request.provider)
    resumed = _resume(organization, request, cause, now)
    if isinstance(resumed, Started):
        return resumed
    attempt = resumed or _begin(organization, request, cause, now)
    subscription = _prepare(attempt, now)
    spec = SubscriptionSpec(
        our_id=str(subscription.pk),
        organization_id=str(organization.pk),
        external_customer_id=subscription.customer.external_id,
        external_price_id=external_price_id,
        seats=subscription.seats,
        payment_method=_attach(attempt, subscription, request, now),
        trial_days=subscription.trial_days,
        discount=coupons.discount_ref(subscription),
        days_until_due=request.days_until_due,
    )
    return _send(attempt, subscription, spec, cause, now)


def _resume(
    organization: Organization, request: StartRequest, cause: Cause, now: datetime
) -> PaymentAttempt | Started | None:
    """Find what this key began: its result, or the attempt that may now be made."""
    if not request.request_key:
        return None
    row = subscriptions.by_request_key(organization, request.request_key)
    if row is None:
        return None
    attempt = payments.latest_attempt(row)
    if attempt.state in (AttemptState.SENT, AttemptState.UNKNOWN):
        resolve.resolve_attempt(attempt_id=attempt.pk, now=now, cause=cause, force=True)
        row.refresh_from_db()
        attempt = payments.latest_attempt(row)
    if attempt.state == AttemptState.FAILED:
        raise refusals.of_attempt(attempt)
    if row.is_final:
        return None  # another start took its place: begin anew
    if attempt.state == AttemptState.NOT_PROCESSED:
        return _open_again(row, attempt)
    if attempt.state == AttemptState.CREATED:
        raise abandon.pending(attempt)  # its process is at work, or died before it sent anything
    return _result(row, attempt)


def _result(subscription: Subscription, attempt: PaymentAttempt) -> Started:
    if attempt.state in (AttemptState.SENT, AttemptState.UNKNOWN):
        return Started(subscription, resolve_after=attempt.resolve_after)
    secret = ""
    if subscription.status == SubscriptionStatus.INCOMPLETE and subscription.external_id:
        driver = registry.get_driver(subscription.provider)
        try:
            secret = driver.client_secret(subscription.external_id)
        except DriverError as error:
            raise refusals.of_code(error.code, retry_after=error.retry_after) from error
    return Started(subscription, client_secret=secret)


def _coupon_of(
    organization: Organization, request: StartRequest, now: datetime
) -> using.Applicable | None:
    """Find the coupon, and refuse what can't be had before anything is changed."""
    trials.days_for(organization=organization, price=request.price, wanted=request.trial)
    return using.find_if_entered(
        code=request.coupon,
        price=request.price,
        organization=organization,
        seats=request.seats,
        provider=request.provider,
        now=now,
    )


def _begin(
    organization: Organization, request: StartRequest, cause: Cause, now: datetime
) -> PaymentAttempt:
    """Commit the row, its debt and the try, unless a subscription is live by now."""
    coupon = _coupon_of(organization, request, now)
    if request.quote_id is not None:
        start_quotes.check_start_quote(
            organization=organization,
            quote_id=request.quote_id,
            price=request.price,
            seats=request.seats,
            coupon=request.coupon,
            trial=request.trial,
            now=now,
        )
    abandon.clear_the_way(organization=organization, cause=cause, now=now)
    customer = customers.get_or_create_customer(
        organization=organization, provider=request.provider
    )
    start = starts.Start(
        customer=customer,
        price=request.price,
        seats=request.seats,
        kind=starts.kind_for(request.provider),
        trial=request.trial,
        coupon=coupon,
        billing_email=request.billing_email,
        request_key=request.request_key,
    )
    with transaction.atomic():
        return starts.write_start(organization=organization, start=start, now=now)[1]


def _open_again(row: Subscription, attempt: PaymentAttempt) -> PaymentAttempt:
    """Commit a new try at the same debt: the last one provably never reached the provider."""
    try:
        with transaction.atomic():
            starts.lock_for_start(row.organization)
            row.refresh_from_db()
            if row.is_final:
                raise abandon.pending(attempt)  # given up this instant: the key begins anew next
            return settlement.new_attempt(
                obligation=attempt.obligation, kind=AttemptKind(attempt.kind), provider=row.provider
            )
    except IntegrityError:
        raise abandon.pending(payments.latest_attempt(row)) from None


def _prepare(attempt: PaymentAttempt, now: datetime) -> Subscription:
    """Make sure that the provider knows the payer; nothing can be charged yet."""
    subscription = Subscription.objects.select_related("customer").get(
        obligations=attempt.obligation_id
    )
    try:
        customers.ensure_external(customer=subscription.customer, now=now)
    except DriverError as error:
        raise refusals.end(attempt=attempt, error=error, now=now) from error
    return subscription


def _attach(
    attempt: PaymentAttempt, subscription: Subscription, request: StartRequest, now: datetime
) -> str:
    if not request.payment_method:
        return ""
    driver = registry.get_driver(request.provider)
    try:
        return driver.attach_payment_method(
            request.payment_method,
            external_customer_id=subscription.customer.external_id,
            idempotency_key=f"{attempt.idempotency_key}:attach",
            card=request.card,
        )
    except DriverError as error:
        raise refusals.end(attempt=attempt, error=error, now=now) from error


def _send(
    attempt: PaymentAttempt,
    subscription: Subscription,
    spec: SubscriptionSpec,
    cause: Cause,
    now: datetime,
) -> Started:
    """Call the provider, with the attempt committed as sent and no transaction open."""
    if not settlement.mark_sent(attempt=attempt, now=now, resolve_after_s=SENT_RESOLVE_AFTER_S):
        raise abandon.pending(attempt)
    driver = registry.get_driver(subscription.provider)
    fetched_at = projection.database_now()
    try:
        with unanswered.in_time(attempt):
            snapshot = driver.create_subscription(spec, idempotency_key=attempt.idempotency_key)
    except OutcomeUnknown:
        resolve_after = resolve.await_answer(attempt=attempt, now=now)
        subscription.refresh_from_db()
        return Started(subscription, resolve_after=resolve_after)
    except (DriverRejected, DriverUnavailable) as error:
        refusal = refusals.end(attempt=attempt, error=error, now=now)
        raise using.refused_by_provider(error) or refusal from error
    return _conclude(snapshot, fetched_at, cause, now)


def _conclude(
    snapshot: SubscriptionSnapshot,
    fetched_at: datetime,
    cause: Cause,
    now: datetime,
) -> Started:
    done = projection.converge_or_refetch(
        snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now
    )
    payers.see_untold(customer=done.subscription.customer, cause=cause, now=now)
    payment = done.snapshot.latest_payment
    if payment is not None and payment.state is AttemptState.FAILED and not done.is_live:
        abandon.give_up(subscription=done.subscription, cause=cause, now=now)
        raise refusals.of_attempt(payments.latest_attempt(done.subscription))
    secret = "" if done.is_live or payment is None else payment.client_secret
    return Started(done.subscription, client_secret=secret)
