"""Saying what something would cost, in a way that binds us for a quarter of an hour."""

import dataclasses
from datetime import datetime, timedelta

from billing.drivers import registry
from billing.drivers.base import DriverError
from billing.enums import Effective, Proration, Provider, QuoteKind, SubscriptionStatus
from billing.errors import NotPossibleNow, QuoteStale
from billing.models import Price, Quote, Subscription
from billing.selectors import payment_methods, prices, quotes, subscriptions
from billing.services import (
    coupons,
    customers,
    discounts,
    refusals,
    trials,
)
from billing.types import ChangeSpec, InvoiceLineSnapshot, InvoicePreview
from orgs.errors import InvalidRequest
from orgs.models import Organization

LIFETIME = timedelta(minutes=15)
# What can be changed; the others owe something, or charge nothing.
CHANGEABLE = (SubscriptionStatus.ACTIVE, SubscriptionStatus.TRIALING)


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody would like; None and empty leave things as they are.

    A change takes place now, and its difference is invoiced at once, unless something else is
    said.
    `ending` asks what an end would cost, instead of a change.
    """

    price: Price | None = None
    seats: int | None = None
    coupon: str = ""
    effective: Effective | None = None
    proration: Proration | None = None
    ending: Effective | None = None

    @property
    def is_nothing(self) -> bool:
        """Say whether everything stays as it is."""
        return self.price is None and self.seats is None and not self.coupon


def make_quote(*, organization: Organization, wanted: Wanted, now: datetime) -> Quote:
    """Ask the provider what something would cost, and keep the answer.

    Raises:
        InvalidRequest: nothing to quote: no plan for a first subscription, or no such coupon.
        NotPossibleNow: the subscription owes something, ends, or is paused.
        ProviderBusy, ProviderFailed: the provider could not be asked.
    """
    subscription = subscriptions.live(organization)
    quote = _lay_out(organization, subscription, wanted, now)
    try:
        preview = _ask(quote)
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
    _fill(quote, preview)
    quote.save()
    return quote


def confirm_quote(quote: Quote, *, now: datetime) -> None:
    """Ask again, and let nobody be charged anything else than was promised.

    Raises:
        QuoteStale: it expired, was used, or would come to another sum by now.
        ProviderBusy, ProviderFailed: the provider could not be asked.
    """
    if quote.used_at is not None or quote.expires_at <= now:
        raise QuoteStale
    live = subscriptions.live(quote.organization)
    if quotes.basis_of(live) != quote.basis:
        raise QuoteStale
    try:
        preview = _ask(quote, as_promised=True)
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
    if _sums(quote) != _sums_of(preview):
        raise QuoteStale


def spec_of(quote: Quote) -> ChangeSpec:
    """Return what the provider is asked to do for a quote, reckoned from its moment.

    Raises:
        InvalidRequest: the coupon is not valid any more.
    """
    return _spec(quote, as_promised=True)


def coupon_of(quote: Quote) -> coupons.Applicable | None:
    """Return what the quote's coupon takes off, None without one.

    Raises:
        CouponRefused: it is not valid any more.
    """
    if not quote.coupon:
        return None
    return coupons.find_coupon(
        organization=quote.organization,
        code=quote.coupon,
        price=quote.price,
        seats=quote.seats,
        provider=_provider(quote),
        now=quote.proration_date,
    )


def drop_old_quotes(*, now: datetime) -> int:
    """Delete quotes that expired a day ago and led to nothing; say how many."""
    old = Quote.objects.filter(expires_at__lt=now - timedelta(days=1), used_at=None)
    return old.filter(obligations=None).delete()[0]


def _lay_out(
    organization: Organization, subscription: Subscription | None, wanted: Wanted, now: datetime
) -> Quote:
    quote = Quote(
        organization=organization,
        effective=wanted.effective or Effective.NOW,
        proration=wanted.proration or Proration.INVOICE,
        coupon=wanted.coupon,
        proration_date=now,
        basis=quotes.basis_of(subscription),
        expires_at=now + LIFETIME,
    )
    if subscription is None:
        if wanted.price is None:
            raise InvalidRequest(fields={"plan": ["This field is required."]})
        quote.kind = QuoteKind.START
        quote.price, quote.seats = wanted.price, wanted.seats or 1
        quote.trial_days = trials.days_for(organization=organization, price=wanted.price)
        return quote
    quote.subscription = subscription
    quote.price = wanted.price or subscription.price
    quote.seats = wanted.seats or subscription.seats
    if wanted.ending:
        quote.kind, quote.effective = QuoteKind.CANCEL, wanted.ending
    elif wanted.is_nothing or _is_as_it_is(quote, subscription):
        quote.kind, quote.effective = QuoteKind.RENEWAL, Effective.PERIOD_END
    else:
        quote.kind = QuoteKind.CHANGE
        refuse_unless_changeable(subscription)
        if quote.price.is_free:
            raise NotPossibleNow("Cancel the subscription to return to the free plan.")
    quote.charged_at_once = quote.kind != QuoteKind.RENEWAL and _is_charged_now(quote)
    return quote


def _is_as_it_is(quote: Quote, subscription: Subscription) -> bool:
    """Say whether nothing would change: the provider would then preview the next invoice."""
    return _is_like(quote, subscription) and not quote.coupon


def _is_like(quote: Quote, subscription: Subscription) -> bool:
    return (quote.price, quote.seats) == (subscription.price, subscription.seats)


def refuse_unless_changeable(subscription: Subscription) -> None:
    """Let a change through only where it is clear what it would mean.

    Raises:
        NotPossibleNow: it is not.
    """
    status = SubscriptionStatus(subscription.status)
    if status in (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID):
        raise NotPossibleNow("Pay the open invoice first: update the payment method.")
    if status is SubscriptionStatus.PAUSED:
        raise NotPossibleNow("The subscription is paused. Resume it first.")
    if status not in CHANGEABLE:
        raise NotPossibleNow
    if not subscription.auto_renew:
        raise NotPossibleNow("The subscription ends soon. Resume it before changing it.")


def _is_charged_now(quote: Quote) -> bool:
    """Say whether money moves when it is done, and not with the next regular invoice."""
    if quote.kind == QuoteKind.CANCEL or quote.effective == Effective.PERIOD_END:
        return False
    if quote.subscription and quote.subscription.status == SubscriptionStatus.TRIALING:
        return False
    if quote.subscription and _is_like(quote, quote.subscription):
        return False  # a coupon alone: it is taken off what comes
    before = quote.subscription.price.interval if quote.subscription else ""
    # Another interval begins a period of its own, which is always paid at once.
    return quote.proration == Proration.INVOICE or before != quote.price.interval


def _ask(quote: Quote, *, as_promised: bool = False) -> InvoicePreview:
    nothing = InvoicePreview(quote.price.currency, 0, 0, 0, 0, 0)
    is_end_now = quote.kind == QuoteKind.CANCEL and quote.effective == Effective.NOW
    if is_end_now or quote.price.is_free:
        return nothing  # neither asks for anything, and gives nothing back
    subscription, driver = quote.subscription, registry.get_driver(_provider(quote))
    if subscription and quote.kind == QuoteKind.CANCEL:
        return driver.preview_ending(subscription.external_id) or nothing
    if subscription and quote.kind == QuoteKind.RENEWAL:
        return driver.preview_renewal(subscription.external_id) or nothing
    return driver.preview_change(_spec(quote, as_promised=as_promised))


def _provider(quote: Quote) -> Provider:
    """Return who would charge it: whoever charges already, else the default one."""
    if quote.subscription is not None:
        return Provider(quote.subscription.provider)
    return payment_methods.paying_provider(quote.organization)


def _spec(quote: Quote, *, as_promised: bool) -> ChangeSpec:
    subscription = quote.subscription
    provider = _provider(quote)
    customer = (
        subscription.customer
        if subscription
        else customers.get_or_create_customer(organization=quote.organization, provider=provider)
    )
    coupon = coupon_of(quote)
    quote.coupon_external_id = coupon.external_coupon_id if coupon else ""
    spec = ChangeSpec(
        external_customer_id=customers.ensure_external(customer=customer, now=quote.proration_date),
        external_price_id=prices.external_price_id(quote.price, provider),
        seats=quote.seats,
        interval=quote.price.interval,
        proration=Proration(quote.proration),
        discount=coupon.ref if coupon else None,
    )
    if subscription is None:
        ends = quote.proration_date + timedelta(days=quote.trial_days)
        return dataclasses.replace(spec, trial_end=ends if quote.trial_days else None)
    if quote.effective == Effective.PERIOD_END:
        # What will begin then costs what it would cost somebody who starts it then.
        return dataclasses.replace(
            spec,
            starts_at=subscription.current_period_end,
            discount=spec.discount or discounts.lasting(subscription),
        )
    return dataclasses.replace(
        spec,
        external_subscription_id=subscription.external_id,
        proration_date=quote.proration_date if as_promised and _reckons(quote) else None,
    )


def _reckons(quote: Quote) -> bool:
    """Say whether the provider reckoned a difference from a moment that has to be kept."""
    return any(line.get("is_proration") for line in quote.lines)


def _fill(quote: Quote, preview: InvoicePreview) -> None:
    quote.currency = preview.currency
    quote.subtotal_minor = preview.subtotal_minor
    quote.discount_minor = preview.discount_minor
    quote.tax_minor = preview.tax_minor
    quote.total_minor = preview.total_minor
    quote.amount_due_minor = preview.amount_due_minor
    quote.lines = [_line(line) for line in preview.lines]
    # The provider's own clock: ours may be some seconds off, and a second is money.
    quote.proration_date = preview.proration_date or quote.proration_date


def _line(line: InvoiceLineSnapshot) -> dict[str, object]:
    return {
        "description": line.description,
        "quantity": line.quantity,
        "amount": line.amount_minor,
        "period": {"start": _moment(line.period_start), "end": _moment(line.period_end)},
        "is_proration": line.is_proration,
    }


def _moment(value: datetime | None) -> str | None:
    return value.isoformat().replace("+00:00", "Z") if value else None


def _sums(quote: Quote) -> tuple[str, int, int, int]:
    return quote.currency, quote.subtotal_minor, quote.total_minor, quote.amount_due_minor


def _sums_of(preview: InvoicePreview) -> tuple[str, int, int, int]:
    return (
        preview.currency,
        preview.subtotal_minor,
        preview.total_minor,
        preview.amount_due_minor,
    )
