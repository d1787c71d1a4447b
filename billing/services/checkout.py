"""Checkouts: opening one, paying in it, expiring it."""

import dataclasses
import hashlib
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from billing.drivers import registry
from billing.drivers.base import DriverError, DriverUnavailable, OutcomeUnknown
from billing.enums import (
    AttemptKind,
    AttemptState,
    CheckoutMode,
    CheckoutStatus,
    Provider,
)
from billing.errors import AlreadySubscribed, CheckoutExpired
from billing.models import CheckoutSession, Customer, PaymentAttempt, Price
from billing.selectors import payment_methods, prices, subscriptions
from billing.services import (
    abandon,
    card_testing,
    checkout_links,
    coupons,
    customers,
    refusals,
    settlement,
    starts,
    subscribe,
)
from billing.types import CardDetails, Cause, CheckoutSpec
from orgs.errors import DomainError
from orgs.models import Organization

# Ours and the provider's end together. Stripe takes 30 minutes to 24 hours.
# Source: https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at
LIFETIME = timedelta(hours=1)
COUPON_REFUSED = "COUPON_REFUSED"  # a checkout's own word: the page has to say which part it was
PAGE_PATH = "/settings/billing/checkout"


@dataclasses.dataclass(frozen=True, slots=True)
class Opened:
    """An open checkout and where its payer goes."""

    session: CheckoutSession
    url: str


def token_hash(token: str) -> str:
    """Return what is stored of a page's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def page_url(session: CheckoutSession, *, token: str = "") -> str:
    """Return the address of our page for a checkout; with its token it opens without a login."""
    query = f"?token={token}" if token else ""
    return f"{settings.PUBLIC_URL}{PAGE_PATH}/{session.pk}{query}"


def open_hosted_page(
    *,
    organization: Organization,
    price: Price | None,
    provider: Provider | None = None,
    seats: int = 1,
    coupon: str = "",
    success_url: str = "",
    cancel_url: str = "",
    now: datetime,
) -> Opened:
    """Open a checkout on our own page; its address opens this one checkout without a login.

    A coupon is looked at where a price is named; paying in the checkout decides. Without a
    provider it is the one that charges by default.

    Raises:
        AlreadySubscribed: a subscription is live.
        CouponRefused: the coupon can't be used for this price.
    """
    if subscriptions.live(organization) is not None:
        raise AlreadySubscribed
    provider = provider or payment_methods.paying_provider(organization)
    found = (
        coupons.find_if_entered(
            code=coupon,
            price=price,
            organization=organization,
            seats=seats,
            provider=provider,
            now=now,
        )
        if price is not None
        else None
    )
    token = secrets.token_urlsafe(32)
    session = CheckoutSession.objects.create(
        organization=organization,
        mode=CheckoutMode.HOSTED_PAGE,
        provider=provider,
        price=price,
        seats=seats,
        coupon_code=coupon,
        discount=found.as_json() if found else None,
        token_hash=token_hash(token),
        success_url=success_url,
        cancel_url=cancel_url,
        expires_at=now + LIFETIME,
    )
    return Opened(session, page_url(session, token=token))


def open_hosted_provider(
    *,
    organization: Organization,
    price: Price,
    seats: int = 1,
    coupon: str = "",
    success_url: str = "",
    cancel_url: str = "",
    cause: Cause,
    now: datetime,
) -> Opened:
    """Open the provider's own page: row, debt and attempt first, then the provider.

    Raises:
        AlreadySubscribed: a subscription is live.
        PaymentPending: an earlier try is not decided yet.
        ProviderRefused: the provider did not accept the request.
        ProviderBusy: provably not processed.
        ProviderFailed: nobody got to see a page, so nothing can be paid.
        CouponRefused: the coupon can't be used for this price.
    """
    external_price_id = prices.external_price_id(price, Provider.STRIPE)
    applicable = coupons.find_if_entered(
        code=coupon, price=price, organization=organization, seats=seats, now=now
    )
    abandon.clear_the_way(organization=organization, cause=cause, now=now)
    token = secrets.token_urlsafe(32)
    customer = customers.get_or_create_customer(organization=organization, provider=Provider.STRIPE)
    session, attempt, trial_days = _begin(
        customer,
        price,
        CheckoutSession(
            organization=organization,
            customer=customer,
            mode=CheckoutMode.HOSTED_PROVIDER,
            provider=Provider.STRIPE,
            price=price,
            seats=seats,
            coupon_code=coupon,
            discount=applicable.as_json() if applicable else None,
            token_hash=token_hash(token),
            success_url=success_url,
            cancel_url=cancel_url,
            expires_at=now + LIFETIME,
        ),
        applicable,
        now,
    )
    try:
        external_customer_id = customers.ensure_external(customer=customer, now=now)
        if not settlement.mark_sent(
            attempt=attempt, now=now, resolve_after_s=subscribe.SENT_RESOLVE_AFTER_S
        ):
            raise DriverUnavailable("API_ERROR", detail="superseded")
        seen = registry.get_driver(session.provider).create_checkout_session(
            CheckoutSpec(
                our_id=str(session.pk),
                our_subscription_id=str(session.subscription_id),
                organization_id=str(organization.pk),
                external_customer_id=external_customer_id,
                external_price_id=external_price_id,
                seats=seats,
                # Back to our page, which follows the local state and then leads on.
                success_url=page_url(session, token=token),
                cancel_url=page_url(session, token=token),
                expires_at=session.expires_at,
                trial_days=trial_days,
                discount=applicable.ref if applicable else None,
            ),
            idempotency_key=attempt.idempotency_key,
        )
    except DriverError as error:
        raise _no_page(session, attempt, error, now) from error
    settlement.end_attempt(
        attempt=attempt,
        state=AttemptState.REQUIRES_ACTION,
        now=now,
        external_id=seen.external_id,
    )
    CheckoutSession.objects.filter(pk=session.pk).update(external_id=seen.external_id)
    session.refresh_from_db()
    return Opened(session, seen.url)


def _begin(
    customer: Customer,
    price: Price,
    session: CheckoutSession,
    coupon: coupons.Applicable | None,
    now: datetime,
) -> tuple[CheckoutSession, PaymentAttempt, int]:
    """Commit the checkout, the subscription it is for, its debt and the try; say its trial days."""
    start = starts.Start(
        customer=customer,
        price=price,
        seats=session.seats,
        kind=AttemptKind.HOSTED_CHECKOUT,
        coupon=coupon,
    )
    with transaction.atomic():
        subscription, attempt = starts.write_start(
            organization=session.organization, start=start, now=now
        )
        session.subscription = subscription
        session.save(force_insert=True)
    return session, attempt, subscription.trial_days


def _no_page(
    session: CheckoutSession, attempt: PaymentAttempt, error: DriverError, now: datetime
) -> DomainError:
    """Nobody has the page's address: even if the provider made it, it can't be paid."""
    CheckoutSession.objects.filter(pk=session.pk).update(
        status=CheckoutStatus.EXPIRED, updated_at=now
    )
    known = error
    if isinstance(error, OutcomeUnknown):
        known = DriverError("API_ERROR")
    return refusals.end(attempt=attempt, error=known, now=now)


def pay(
    *,
    session: CheckoutSession,
    price: Price,
    payment_method: str,
    card: CardDetails | None = None,
    request_key: str,
    now: datetime,
) -> subscribe.Started:
    """Pay in a checkout on our page with a card that the provider's element turned into a token.

    Raises:
        CheckoutExpired: its hour is over.
        RateLimited: too many cards were declined.
        DomainError: whatever `subscribe.start_subscription` raises.
    """
    if session.status == CheckoutStatus.EXPIRED or session.expires_at <= now:
        raise CheckoutExpired
    if session.status == CheckoutStatus.COMPLETE:
        raise AlreadySubscribed
    card_testing.refuse_guessing(organization=session.organization, now=now)
    request = subscribe.StartRequest(
        price=price,
        payment_method=payment_method,
        card=card,
        seats=session.seats,
        provider=Provider(session.provider),
        coupon=session.coupon_code,
        request_key=f"checkout:{session.pk}:{request_key}",
    )
    cause = Cause("checkout", id=str(session.pk))
    try:
        started = subscribe.start_subscription(
            organization=session.organization, request=request, cause=cause, now=now
        )
    except coupons.CouponRefused:
        # Off with it, so that the page shows what the next try would cost.
        checkout_links.drop_coupon(session=session, now=now)
        checkout_links.link(session, price, request.request_key, COUPON_REFUSED, now)
        raise
    except DomainError as error:
        checkout_links.link(session, price, request.request_key, error.code, now)
        raise
    checkout_links.link(session, price, request.request_key, "", now)
    session.refresh_from_db()
    return started


def expire_checkouts(*, now: datetime, limit: int = 200) -> int:
    """End checkouts whose hour is over, at the provider too; say how many."""
    due = CheckoutSession.objects.filter(status=CheckoutStatus.OPEN, expires_at__lte=now)
    cause = Cause("sweep", detail="checkout expired")
    ended = 0
    for session in due.select_related("subscription__customer")[:limit]:
        row = session.subscription
        if session.mode == CheckoutMode.HOSTED_PROVIDER and row is not None:
            abandon.give_up(subscription=row, cause=cause, now=now)
        ended += CheckoutSession.objects.filter(
            pk=session.pk, status=CheckoutStatus.OPEN, mode=CheckoutMode.HOSTED_PAGE
        ).update(status=CheckoutStatus.EXPIRED, updated_at=now)
    return ended
