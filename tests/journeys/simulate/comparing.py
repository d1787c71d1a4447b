"""Comparing what should be with our rows and with what the providers say, tenant by tenant."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime

from billing.enums import FINAL_STATUSES, InvoiceStatus, Provider, SubscriptionStatus
from billing.models import Invoice, Subscription
from billing.selectors import subscriptions
from tests.journeys.simulate.bills import Bill, Line
from tests.journeys.simulate.life import Tenant
from tests.journeys.simulate.recompute import Reckoner
from tests.journeys.simulate.truth import Taken

_NOT_BILLED = (InvoiceStatus.VOID, InvoiceStatus.DRAFT)
_OVERDUE = (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID)


@dataclasses.dataclass(frozen=True, slots=True)
class Sums:
    """What one tenant comes to, in minor units."""

    invoices: int
    invoiced_minor: int
    paid_minor: int
    refunded_minor: int
    open_minor: int


def second_opinion(tenant: Tenant, taken: Taken, until: datetime) -> Reckoner:
    """Reckon a tenant from its diary, and the moments at which its provider took money."""
    reckoner = Reckoner(tenant.diary.provider, taken.moments)
    reckoner.reckon(tenant.diary.entries, until)
    return reckoner


def sums_of(reckoner: Reckoner) -> Sums:
    """Return what a tenant should come to."""
    bills = reckoner.bills
    return Sums(
        len(bills),
        sum(bill.total_minor for bill in bills),
        sum(bill.paid_minor for bill in bills),
        reckoner.refunded_minor,
        sum(bill.due_minor - bill.paid_minor for bill in bills),
    )


def differences(tenant: Tenant, taken: Taken, reckoner: Reckoner) -> Iterator[str]:
    """Yield everything in which the three don't agree."""
    yield from reckoner.complaints
    rows = _rows(tenant)
    for index in range(max(len(rows), len(reckoner.bills))):
        row = rows[index] if index < len(rows) else None
        bill = reckoner.bills[index] if index < len(reckoner.bills) else None
        if row is None or bill is None or _shown(row) != _expected(bill):
            yield (
                f"invoice {index + 1}: should be {_expected(bill) if bill else 'none'}, "
                f"is {_shown(row) if row else 'none'}"
            )
            break  # what follows is mostly shifted
    should = sums_of(reckoner)
    if should != (ours := _ours(rows)):
        yield f"should come to {should}, our rows to {ours}"
    if tenant.character.provider is not Provider.CUSTOM:
        theirs = (taken.captured_minor, taken.refunded_minor)
        if (should.paid_minor, should.refunded_minor) != theirs:
            yield f"the provider took and gave back {theirs}, which should be {should}"
    yield from _state(tenant, reckoner)


def _rows(tenant: Tenant) -> list[Invoice]:
    rows = Invoice.objects.for_org(tenant.organization).exclude(status__in=_NOT_BILLED)
    return list(rows.prefetch_related("lines").order_by("issued_at", "number"))


def _ours(rows: list[Invoice]) -> Sums:
    return Sums(
        len(rows),
        sum(row.total_minor for row in rows),
        sum(row.amount_paid_minor + row.paid_elsewhere_minor for row in rows),
        sum(row.refunded_minor for row in rows),
        sum(row.amount_remaining_minor for row in rows),
    )


def _shown(row: Invoice) -> tuple[object, ...]:
    lines = [
        Line(
            line.period_start or row.issued_at,
            line.period_end or row.issued_at,
            line.amount_minor,
            line.discount_minor,
            line.quantity,
            line.is_proration,
        )
        for line in row.lines.all()
    ]
    sums = (row.discount_minor, row.total_minor, row.amount_due_minor)
    paid = row.amount_paid_minor + row.paid_elsewhere_minor
    return (*sums, paid, *map(_words, sorted(lines)))


def _expected(bill: Bill) -> tuple[object, ...]:
    sums = (bill.discount_minor, bill.total_minor, bill.due_minor)
    return (*sums, bill.paid_minor, *map(_words, sorted(bill.lines)))


def _words(line: Line) -> str:
    kind = " prorated" if line.is_proration else ""
    return (
        f"{line.start:%Y-%m-%dT%H:%M:%S} to {line.end:%Y-%m-%dT%H:%M:%S}: {line.seats} for "
        f"{line.amount_minor} less {line.discount_minor}{kind}"
    )


def _state(tenant: Tenant, reckoner: Reckoner) -> Iterator[str]:
    """Say whether what runs is what should run, until when, and for how many."""
    row, should = subscriptions.live(tenant.organization), reckoner.running
    is_unpaid = bool(reckoner.bills) and reckoner.bills[-1].is_open
    if tenant.character.provider is not Provider.CUSTOM and is_unpaid:
        if row is not None and row.status not in _OVERDUE:
            yield f"its last bill is not paid, and it is {row.status}"
        return
    if (row is None) != (should is None):
        found = Subscription.objects.for_org(tenant.organization)
        ended = [each.status for each in found if each.status in FINAL_STATUSES]
        yield f"should run: {should is not None}; is {row.status if row else ended}"
        return
    if row is None or should is None:
        return
    price = row.price
    found_now = (row.current_period_end, row.seats, price.amount_minor, not row.auto_renew)
    should_be = (should.end, should.seats, should.offer.unit_minor, should.ends)
    if found_now != should_be:
        yield f"should go on as {should_be}, and does as {found_now}"
    if should.is_paused != (row.status == SubscriptionStatus.PAUSED):
        yield f"should be paused: {should.is_paused}; is {row.status}"
    if should.is_trial != (row.status == SubscriptionStatus.TRIALING):
        yield f"should be in its trial: {should.is_trial}; is {row.status}"
