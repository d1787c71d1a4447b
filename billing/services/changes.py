"""Changing a running subscription: quote first, then debt and try, then the provider."""

import contextlib
import dataclasses
from datetime import datetime

from django.db import IntegrityError, transaction

from billing.drivers import registry
from billing.drivers.base import DriverError, DriverRejected, DriverUnavailable, OutcomeUnknown
from billing.enums import AttemptKind, AttemptState, Effective, ObligationKind, QuoteKind
from billing.errors import ChangePending, NotPossibleNow, QuoteStale
from billing.models import PaymentAttempt, Quote, Subscription
from billing.selectors import payments, subscriptions
from billing.selectors import quotes as quote_rows
from billing.services import (
    coupons,
    given_up_changes,
    limits,
    projection,
    quoted,
    quotes,
    refusals,
    resolve,
    settlement,
    unanswered,
)
from billing.services.quotes import Wanted
from billing.types import Cause, ChangeSpec, SubscriptionSnapshot
from orgs.errors import InvalidRequest, NotFound
from orgs.models import Organization

# After this the process that sent the call is taken for dead, and the provider is asked.
SENT_RESOLVE_AFTER_S = 60
_GIVEN_UP = (AttemptState.FAILED, AttemptState.NOT_PROCESSED, AttemptState.CANCELED)


@dataclasses.dataclass(frozen=True, slots=True)
class Changed:
    """What came of it.

    `client_secret` is set while the payer has to confirm the payment, `resolve_after` while the
    outcome is unknown.
    """

    subscription: Subscription
    client_secret: str = ""
    resolve_after: datetime | None = None


def change_subscription(
    *,
    organization: Organization,
    wanted: Wanted,
    cause: Cause,
    now: datetime,
    quote_id: object = None,
) -> Changed:
    """Change price, seats or discount, now or at the end of the period.

    With a quote exactly what it says is charged, or nothing is done. Without one, one is made and
    used at once.

    Raises:
        NotFound: nothing is live, or no such quote.
        InvalidRequest: nothing to change, or the quote is for something else.
        QuoteStale: the quote expired, was used, or would come to another sum by now.
        ChangePending: another change waits.
        NotPossibleNow: the subscription owes something, ends, or is paused.
        CardDeclined: nothing was taken, nothing changed.
        ProviderRefused, ProviderBusy, ProviderFailed: nothing changed.
    """
    subscription = subscriptions.live(organization)
    if subscription is None:
        raise _nothing_to_change(organization)
    refuse_while_pending(subscription)
    quote = _quote(organization, wanted, quote_id, now)
    limits.check_fits(
        organization=organization,
        plan_version=quote.price.plan_version,
        seats=quote.seats,
        at_period_end=quote.effective == Effective.PERIOD_END,
    )
    coupon = quotes.coupon_of(quote)
    spec = quotes.spec_of(quote)
    attempt = _open(quote, coupon, now)
    return _send(attempt, quote, spec, cause, now)


def _nothing_to_change(organization: Organization) -> NotFound | NotPossibleNow:
    current = subscriptions.current(organization)
    if current is None or current.is_final:
        return NotFound()
    return NotPossibleNow("There is no paid subscription to change. Start one first.")


def refuse_while_pending(subscription: Subscription) -> None:
    """Let one change at a time happen.

    Raises:
        ChangePending: one is on its way, waits for its payment, or for the end of the period.
    """
    if subscription.pending_change or payments.open_change(subscription) is not None:
        raise ChangePending


def _quote(organization: Organization, wanted: Wanted, quote_id: object, now: datetime) -> Quote:
    if quote_id is None:
        if wanted.is_nothing:
            raise InvalidRequest(fields={"plan": ["Say what should change."]})
        return _refuse_same(quotes.make_quote(organization=organization, wanted=wanted, now=now))
    quote = quote_rows.get_quote(organization, quote_id)
    if quote.kind != QuoteKind.CHANGE or not _is_for(quote, wanted):
        raise InvalidRequest(fields={"quote_id": ["This quote is for something else."]})
    quotes.confirm_quote(quote, now=now)
    return quote


def _refuse_same(quote: Quote) -> Quote:
    before = quote.subscription
    is_same = before and (quote.price_id, quote.seats) == (before.price_id, before.seats)
    if is_same and not quote.coupon:
        raise NotPossibleNow("The subscription is like this already.")
    return quote


def _is_for(quote: Quote, wanted: Wanted) -> bool:
    """Say whether a quote is for what is asked; what is not asked is the quote's to say."""
    return (
        wanted.price in (None, quote.price)
        and wanted.seats in (None, quote.seats)
        and wanted.coupon in ("", quote.coupon)
        and wanted.effective in (None, quote.effective)
        and wanted.proration in (None, quote.proration)
    )


def _open(quote: Quote, coupon: coupons.Applicable | None, now: datetime) -> PaymentAttempt:
    """Commit the debt, the try and the use of a coupon, unless something changed meanwhile."""
    try:
        with transaction.atomic():
            Organization.objects.select_for_update(no_key=True).get(pk=quote.organization_id)
            row = Subscription.objects.select_for_update(of=("self",)).get(quotes=quote)
            if quote_rows.basis_of(row) != quote.basis:
                raise QuoteStale
            claimed = Quote.objects.filter(pk=quote.pk, used_at=None).update(
                used_at=now, updated_at=now
            )
            if not claimed:
                raise QuoteStale
            if coupon is not None:
                coupons.redeem(applicable=coupon, subscription=row, now=now)
            obligation = settlement.open_obligation(
                subscription=row,
                kind=ObligationKind.CHANGE,
                amount_minor=quote.amount_due_minor if quote.charged_at_once else 0,
                currency=quote.currency,
                quote=quote,
            )
            kind = AttemptKind.CARD if obligation.amount_minor else AttemptKind.FREE
            return settlement.new_attempt(obligation=obligation, kind=kind, provider=row.provider)
    except IntegrityError:
        raise ChangePending from None


def _send(
    attempt: PaymentAttempt, quote: Quote, spec: ChangeSpec, cause: Cause, now: datetime
) -> Changed:
    """Call the provider, with the attempt committed as sent and no transaction open."""
    subscription = attempt.obligation.subscription
    if subscription is None or not settlement.mark_sent(
        attempt=attempt, now=now, resolve_after_s=SENT_RESOLVE_AFTER_S
    ):
        raise ChangePending
    driver = registry.get_driver(attempt.provider)
    call = (
        driver.schedule_change
        if quote.effective == Effective.PERIOD_END
        else driver.change_subscription
    )
    fetched_at = projection.database_now()
    spec = dataclasses.replace(spec, external_subscription_id=subscription.external_id)
    try:
        with unanswered.in_time(attempt):
            snapshot = call(spec, idempotency_key=attempt.idempotency_key)
    except OutcomeUnknown:
        resolve_after = resolve.await_answer(attempt=attempt, now=now)
        subscription.refresh_from_db()
        return Changed(subscription, resolve_after=resolve_after)
    except (DriverRejected, DriverUnavailable) as error:
        raise given_up_changes.give_back(attempt=attempt, error=error, now=now) from error
    return _conclude(attempt, quote, snapshot, fetched_at, cause, now)


def _conclude(
    attempt: PaymentAttempt,
    quote: Quote,
    snapshot: SubscriptionSnapshot,
    fetched_at: datetime,
    cause: Cause,
    now: datetime,
) -> Changed:
    done = projection.converge_or_refetch(
        snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now
    )
    payment = done.snapshot.latest_payment
    if done.snapshot.awaits_payment_of_change:
        if payment is not None and payment.state is AttemptState.REQUIRES_ACTION:
            return Changed(done.subscription, client_secret=payment.client_secret)
        with contextlib.suppress(DriverError):  # the resolver drops it then
            given_up_changes.drop(
                attempt=attempt,
                cause=cause,
                now=now,
                decline_code=payment.decline_code if payment else "",
            )
        attempt.refresh_from_db()
        if attempt.state != AttemptState.SUCCEEDED:
            raise refusals.of_attempt(attempt)
    attempt.refresh_from_db()
    if attempt.state in _GIVEN_UP:  # by the resolver, while this call took its time
        raise refusals.of_attempt(attempt)
    quoted.check_charge(quote=quote, snapshot=done.snapshot, cause=cause, now=now)
    done.subscription.refresh_from_db()
    return Changed(done.subscription)
