"""Subscriptions that staff agree with an organization: written down, and started on their day."""

import dataclasses
import logging
from datetime import date, datetime

from django.db import IntegrityError, transaction

from billing.drivers.base import DriverError
from billing.enums import AgreementState, Interval, Provider, UsageType
from billing.errors import AlreadySubscribed, NotPossibleNow
from billing.models import Agreement, ExternalPrice, Plan, PlanVersion, Price
from billing.selectors import plans, subscriptions
from billing.services import price_links, refusals, subscribe
from billing.types import Cause
from orgs import clock
from orgs.errors import DomainError, InvalidRequest
from orgs.models import Organization, User

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed. `amount_minor` is per seat and interval; None takes the price on sale.

    The same `request_key` is one agreement, however often it is sent.
    """

    plan: Plan
    interval: Interval
    currency: str
    seats: int
    starts_on: date
    days_until_due: int
    billing_email: str
    request_key: str
    amount_minor: int | None = None
    reference: str = ""
    note: str = ""


def agree(
    *,
    organization: Organization,
    terms: Terms,
    made_by: User | None,
    cause: Cause,
    now: datetime,
) -> Agreement:
    """Write an agreement down, and start it if its day has come.

    One that could not start says why in its `error`, and is tried again by the sweep.

    Raises:
        InvalidRequest: a day that has passed, no such price, or a second agreement that waits.
        AlreadySubscribed: it would start now, and a subscription is live.
    """
    known = Agreement.objects.for_org(organization).filter(request_key=terms.request_key).first()
    if known is None:
        known = _write(organization, terms, made_by, now)
    if known.state == AgreementState.PLANNED and known.starts_on <= now.date():
        start_agreement(agreement=known, cause=cause, now=now)
    return known


def start_agreement(*, agreement: Agreement, cause: Cause, now: datetime) -> bool:
    """Start what was agreed, once; say whether it runs.

    Its own id is the key of the start: after a crash, or asked twice, the same start goes on.
    """
    request = subscribe.StartRequest(
        price=agreement.price,
        seats=agreement.seats,
        provider=Provider.CUSTOM,
        trial=False,
        billing_email=agreement.billing_email,
        request_key=f"agreement:{agreement.pk}",
        days_until_due=agreement.days_until_due,
    )
    waiting = Agreement.objects.filter(pk=agreement.pk, state=AgreementState.PLANNED)
    try:
        _link(agreement.price)
        started = subscribe.start_subscription(
            organization=agreement.organization, request=request, cause=cause, now=now
        )
    except DomainError as error:
        waiting.update(error=error.message[:300], updated_at=now)
        agreement.refresh_from_db()
        logger.warning(
            "agreement.not_started", extra={"agreement": str(agreement.pk), "code": error.code}
        )
        return False
    if not started.subscription.is_live:
        return False  # unknown yet: the resolver asks, and the sweep comes again
    waiting.update(
        state=AgreementState.STARTED,
        subscription=started.subscription,
        error="",
        updated_at=now,
    )
    agreement.refresh_from_db()
    return True


def start_due(*, now: datetime, limit: int = 50) -> int:
    """Start every agreement whose day has come; say how many run by now."""
    cause = Cause("sweep", detail="agreement")
    due = Agreement.objects.filter(state=AgreementState.PLANNED, starts_on__lte=now.date())
    rows = due.select_related("organization", "price__plan_version__plan").order_by("starts_on")
    return sum(
        start_agreement(agreement=row, cause=cause, now=clock.now(row.organization))
        for row in rows[:limit]
    )


def withdraw_agreement(*, agreement: Agreement, now: datetime) -> None:
    """Take back what has not started.

    Raises:
        NotPossibleNow: it runs, is being started, or was withdrawn.
    """
    is_begun = subscriptions.by_request_key(agreement.organization, f"agreement:{agreement.pk}")
    waiting = Agreement.objects.filter(pk=agreement.pk, state=AgreementState.PLANNED)
    if (is_begun is not None and not is_begun.is_final) or not waiting.update(
        state=AgreementState.WITHDRAWN, updated_at=now
    ):
        raise NotPossibleNow("Only what has not started can be withdrawn.")


def _write(
    organization: Organization, terms: Terms, made_by: User | None, now: datetime
) -> Agreement:
    if terms.starts_on < now.date():
        raise InvalidRequest(fields={"starts_on": ["This day has passed."]})
    is_today = terms.starts_on == now.date()
    if is_today and subscriptions.live(organization) is not None:
        raise AlreadySubscribed
    version = plans.current_version(terms.plan)
    if version is None:
        raise InvalidRequest(fields={"plan": ["This plan has no published version."]})
    try:
        with transaction.atomic():
            return Agreement.objects.create(
                organization=organization,
                price=_price(organization, version, terms),
                seats=terms.seats,
                starts_on=terms.starts_on,
                days_until_due=terms.days_until_due,
                billing_email=terms.billing_email,
                reference=terms.reference,
                note=terms.note,
                request_key=terms.request_key,
                made_by=made_by,
            )
    except IntegrityError:
        raise InvalidRequest("Another agreement of this organization waits for its day.") from None


def _price(organization: Organization, version: PlanVersion, terms: Terms) -> Price:
    """Return the price on sale, or one for this organization alone."""
    fitting = Price.objects.filter(
        plan_version=version,
        interval=terms.interval,
        currency=terms.currency,
        usage_type=UsageType.LICENSED,
    )
    if terms.amount_minor is None:
        on_sale = fitting.filter(organization=None, is_active=True, amount_minor__gt=0).first()
        if on_sale is None:
            raise InvalidRequest(fields={"amount": ["This plan has no such price on sale."]})
        return on_sale
    agreed = fitting.filter(organization=organization, amount_minor=terms.amount_minor)
    return agreed.first() or Price.objects.create(
        plan_version=version,
        organization=organization,
        interval=terms.interval,
        currency=terms.currency,
        amount_minor=terms.amount_minor,
        is_active=False,
    )


def _link(price: Price) -> None:
    if ExternalPrice.objects.filter(price=price, provider=Provider.CUSTOM).exists():
        return
    try:
        price_links.push_price(price=price, provider=Provider.CUSTOM)
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
