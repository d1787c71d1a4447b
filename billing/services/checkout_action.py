"""What a payer does on our checkout page besides paying: choosing, confirming, going elsewhere."""

import logging
from datetime import datetime

from billing.drivers import registry
from billing.drivers.base import DriverError
from billing.enums import CheckoutMode, CheckoutStatus, Provider, SubscriptionStatus
from billing.errors import AlreadySubscribed, CheckoutExpired, ProviderRefused
from billing.models import CheckoutSession, Price
from billing.selectors import payment_methods
from billing.services import checkout, coupons, projection, refusals
from billing.types import Cause
from orgs.models import Organization

logger = logging.getLogger(__name__)

# One key for all clicks: a free plan is taken once.
_FREE_KEY = "free"


def begin_checkout(*, organization: Organization, price: Price, now: datetime) -> CheckoutSession:
    """Open a checkout on our page for somebody who is signed in; a free plan starts at once.

    Raises:
        AlreadySubscribed: a subscription is live, or this free plan is in force.
    """
    opened = checkout.open_hosted_page(organization=organization, price=price, now=now)
    if price.is_free:
        take_price(session=opened.session, price=price, now=now)
    return opened.session


def take_price(*, session: CheckoutSession, price: Price, now: datetime) -> None:
    """Keep what the payer picked on an open checkout; a free plan starts at once.

    Raises:
        CheckoutExpired: its hour is over.
        AlreadySubscribed: it is paid, or (free) a plan is in force.
        CouponRefused: the checkout's coupon is not for this price.
    """
    if price.is_free:
        checkout.pay(
            session=session, price=price, payment_method="", request_key=_FREE_KEY, now=now
        )
        return
    if session.status == CheckoutStatus.EXPIRED or session.expires_at <= now:
        raise CheckoutExpired
    coupon = coupons.find_if_entered(
        code=session.coupon_code,
        price=price,
        organization=session.organization,
        seats=session.seats,
        provider=Provider(session.provider),
        now=now,
    )
    kept = CheckoutSession.objects.filter(pk=session.pk, status=CheckoutStatus.OPEN).update(
        price=price,
        discount=coupon.as_json() if coupon else None,
        error_code="",
        updated_at=now,
    )
    if not kept:
        raise AlreadySubscribed
    session.refresh_from_db()


def client_secret(*, session: CheckoutSession) -> str:
    """Ask the provider for what the payer's browser needs to finish; empty if nothing is left.

    Never stored: it goes to the authorized page and nowhere else.

    Raises:
        ProviderFailed: the provider could not be asked (or its busy and refusing kin).
    """
    row = session.subscription
    if row is None or not row.external_id or row.status != SubscriptionStatus.INCOMPLETE:
        return ""
    try:
        return registry.get_driver(row.provider).client_secret(row.external_id)
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error


def look_again(*, session: CheckoutSession, now: datetime) -> None:
    """Bring our rows up to date for a payer who is back from the bank, ahead of the webhook.

    A provider that does not answer is no failure: its webhook tells us anyway.
    """
    row = session.subscription
    if row is None or not row.external_id or row.status != SubscriptionStatus.INCOMPLETE:
        return
    fetched_at = projection.database_now()
    try:
        snapshot = registry.get_driver(row.provider).retrieve_subscription(row.external_id)
    except DriverError as error:
        logger.warning(
            "checkout.not_looked_at", extra={"checkout": str(session.pk), "code": error.code}
        )
        return
    projection.converge(
        snapshot=snapshot,
        fetched_at=fetched_at,
        cause=Cause("checkout", id=str(session.pk)),
        now=now,
    )


def move_to_provider(*, session: CheckoutSession, now: datetime) -> str:
    """Continue a checkout on the provider's own page; return its address.

    Raises:
        CheckoutExpired: its hour is over.
        ProviderRefused: the provider has no page of its own.
        DomainError: whatever `checkout.open_hosted_provider` raises.
    """
    if not payment_methods.has_own_checkout(Provider(session.provider)):
        raise ProviderRefused
    if session.mode == CheckoutMode.HOSTED_PROVIDER:
        known = _address_at_provider(session)
        if known:
            return known
    price = session.price
    if price is None or session.status != CheckoutStatus.OPEN or session.expires_at <= now:
        raise CheckoutExpired
    opened = checkout.open_hosted_provider(
        organization=session.organization,
        price=price,
        seats=session.seats,
        coupon=session.coupon_code,
        success_url=session.success_url,
        cancel_url=session.cancel_url,
        cause=Cause("checkout", id=str(session.pk)),
        now=now,
    )
    return opened.url


def _address_at_provider(session: CheckoutSession) -> str:
    """Return the address of the provider's page while it is open."""
    if not session.external_id:
        return ""
    try:
        seen = registry.get_driver(session.provider).retrieve_checkout_session(session.external_id)
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
    return seen.url if seen.status == "open" else ""


def move_to_page(*, session: CheckoutSession, now: datetime) -> checkout.Opened:
    """Go on with another card on our own page; paying there gives up what was left unfinished.

    Raises:
        CheckoutExpired: its hour is over.
        AlreadySubscribed: a subscription is live.
    """
    if session.expires_at <= now:
        raise CheckoutExpired
    return checkout.open_hosted_page(
        organization=session.organization,
        price=session.price,
        provider=Provider(session.provider),
        seats=session.seats,
        coupon=session.coupon_code,
        success_url=session.success_url,
        cancel_url=session.cancel_url,
        now=now,
    )
