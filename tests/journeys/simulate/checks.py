"""What must hold of our rows whatever happened: no period twice, one mail each, no gap."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from billing.enums import (
    AccessLevel,
    AttemptState,
    DeliveryKind,
    InvoiceStatus,
    SubscriptionStatus,
)
from billing.models import (
    BillingEvent,
    Case,
    Difference,
    InboxEvent,
    Invoice,
    InvoiceLine,
    PaymentAttempt,
    Subscription,
)
from billing.selectors import subscriptions
from orgs.models import Organization

_ACCESS = "billing.access.changed"
_S = SubscriptionStatus
_LEVELS = {
    _S.ACTIVE: AccessLevel.FULL,
    _S.TRIALING: AccessLevel.FULL,
    _S.PAUSED: AccessLevel.RESTRICTED,
    _S.UNPAID: AccessLevel.RESTRICTED,
}


def of_tenant(organization: Organization, now: datetime) -> Iterator[str]:
    """Yield what is wrong with one organization's rows."""
    yield from _periods(organization)
    yield from _mails(organization)
    yield from _timeline(organization)
    yield from _access(organization, now)
    cases = Case.objects.filter(organization=organization)
    yield from (f"a case: {case.kind} {case.summary}" for case in cases)
    undecided = PaymentAttempt.objects.for_org(organization).filter(
        state__in=(AttemptState.CREATED, AttemptState.SENT, AttemptState.UNKNOWN)
    )
    yield from (f"an attempt is {row.state}: {row.our_reference}" for row in undecided)


def of_everybody() -> Iterator[str]:
    """Yield what is wrong beside any organization."""
    rows = InboxEvent.objects.exclude(state="done").values_list("type", "state", "error")
    yield from (f"{type_} is {state}: {error}" for type_, state, error in rows[:20])
    for row in Difference.objects.filter(resolved_at=None)[:20]:
        yield f"reconciliation found: {row}"


def access_now(organization: Organization, now: datetime) -> Iterator[str]:
    """Yield whether access is not what the subscription's state says by the plain rules."""
    yield from _access(organization, now)


def _periods(organization: Organization) -> Iterator[str]:
    lines = InvoiceLine.objects.for_org(organization).filter(is_proration=False)
    billed = lines.exclude(invoice__status__in=(InvoiceStatus.VOID, InvoiceStatus.DRAFT))
    starts = billed.values_list("invoice__subscription_id", "period_start")
    for (subscription, start), count in Counter(starts).items():
        if count > 1:
            yield f"the period from {start} of {subscription} was billed {count} times"


def _mails(organization: Organization) -> Iterator[str]:
    paid = Invoice.objects.for_org(organization).filter(
        status=InvoiceStatus.PAID, total_minor__gt=0
    )
    for invoice in paid.prefetch_related("deliveries"):
        kinds = Counter(row.kind for row in invoice.deliveries.all())
        if kinds[DeliveryKind.PAID] != 1:
            yield f"invoice {invoice} was mailed as paid {kinds[DeliveryKind.PAID]} times"


def _timeline(organization: Organization) -> Iterator[str]:
    organization.refresh_from_db()
    rows = BillingEvent.objects.for_org(organization).order_by("sequence")
    numbers = list(rows.values_list("sequence", flat=True))
    if numbers != list(range(1, organization.event_sequence + 1)):
        yield "the timeline has gaps"
    level = "none"
    for data in rows.filter(type=_ACCESS).values_list("data", flat=True):
        if data["from"] != level:
            yield f"access went on from {data['from']}, and was {level}"
        level = data["to"]
    if level != organization.access_level:
        yield f"access is {organization.access_level}, and the timeline says {level}"


def _access(organization: Organization, now: datetime) -> Iterator[str]:
    organization.refresh_from_db()
    row = subscriptions.current(organization)
    should = _level(row, now)
    if organization.access_level != should:
        status = row.status if row else "nothing"
        yield f"access is {organization.access_level} with {status}, and should be {should}"


def _level(row: Subscription | None, now: datetime) -> str:
    if row is None or not row.is_live:
        return AccessLevel.NONE.value
    if row.status == _S.PAST_DUE and row.past_due_since is not None:
        grace = timedelta(days=row.plan_version.plan.grace_days) + row.grace_extension
        is_over = now >= row.past_due_since + grace
        return (AccessLevel.RESTRICTED if is_over else AccessLevel.GRACE).value
    return _LEVELS[_S(row.status)].value
