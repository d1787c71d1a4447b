"""What readers took on one business day."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from uuid import UUID

from django.db.models import Count, Sum

from billing.models import Refund
from orgs.models import Organization
from terminals.enums import PaymentStatus
from terminals.models import Terminal, TerminalPayment
from terminals.selectors.payments import NOT_GIVEN_BACK


@dataclasses.dataclass(slots=True)
class Figures:
    """Sales and refunds, in minor units. `gross` has the tips in it; `net` is without refunds."""

    count: int = 0
    gross_minor: int = 0
    tips_minor: int = 0
    refunds: int = 0
    refunded_minor: int = 0

    @property
    def net_minor(self) -> int:
        """What is left of the sales."""
        return self.gross_minor - self.refunded_minor

    def add_sales(self, *, count: int, gross_minor: int, tips_minor: int) -> None:
        """Count sales."""
        self.count += count
        self.gross_minor += gross_minor
        self.tips_minor += tips_minor

    def add_refund(self, amount_minor: int) -> None:
        """Count money that was given back."""
        self.refunds += 1
        self.refunded_minor += amount_minor


@dataclasses.dataclass(slots=True)
class DayTotals:
    """One reader's day in one currency; `by_brand` the same by the card's brand, if it was told."""

    terminal: Terminal
    currency: str
    total: Figures = dataclasses.field(default_factory=Figures)
    by_brand: dict[str, Figures] = dataclasses.field(default_factory=lambda: defaultdict(Figures))


def daily_totals(
    organization: Organization,
    day: date,
    *,
    zone: tzinfo = UTC,
    terminal_id: UUID | None = None,
) -> list[DayTotals]:
    """Return what readers took on a business day (midnight to midnight in `zone`), by label.

    A sale counts on the day it was captured, a refund on the day it was asked for; what was given
    back because its till had canceled it was no sale. A reader that was removed is still there.
    """
    since = datetime.combine(day, time.min, zone)
    until = datetime.combine(day + timedelta(days=1), time.min, zone)
    readers = Terminal.objects.for_org(organization)
    if terminal_id is not None:
        readers = readers.filter(pk=terminal_id)
    known = {row.pk: row for row in readers}
    found: dict[tuple[UUID, str], DayTotals] = {}

    def totals(terminal_id: UUID, currency: str) -> DayTotals:
        key = terminal_id, currency
        return found.setdefault(key, DayTotals(known[terminal_id], currency))

    for row in _sales(organization, known, since, until):
        day_of = totals(row["terminal"], row["currency"])
        for figures in (day_of.total, day_of.by_brand[row["card__brand"] or ""]):
            figures.add_sales(count=row["n"], gross_minor=row["gross"], tips_minor=row["tips"])
    for payment, amount_minor in _refunds(organization, known, since, until):
        day_of = totals(payment.terminal_id, payment.currency)
        for figures in (day_of.total, day_of.by_brand[payment.card.get("brand", "")]):
            figures.add_refund(amount_minor)
    return sorted(found.values(), key=lambda row: (row.terminal.label, row.currency))


def _sales(
    organization: Organization, readers: Iterable[UUID], since: datetime, until: datetime
) -> Iterable[dict[str, Any]]:
    taken = TerminalPayment.objects.for_org(organization).filter(
        terminal__in=readers,
        status=PaymentStatus.SUCCEEDED,
        captured_at__gte=since,
        captured_at__lt=until,
    )
    sums = taken.values("terminal", "currency", "card__brand").annotate(
        n=Count("pk"), gross=Sum("captured_minor"), tips=Sum("tip_minor")
    )
    return [dict(row) for row in sums]


def _refunds(
    organization: Organization, readers: Iterable[UUID], since: datetime, until: datetime
) -> Iterator[tuple[TerminalPayment, int]]:
    given = Refund.objects.for_org(organization).filter(
        requested_at__gte=since, requested_at__lt=until
    )
    rows = list(given.exclude(status__in=NOT_GIVEN_BACK))
    paid = TerminalPayment.objects.for_org(organization).filter(
        terminal__in=readers,
        status=PaymentStatus.SUCCEEDED,
        external_id__in={row.external_payment_id for row in rows} - {""},
    )
    payments = {(row.provider, row.external_id): row for row in paid}
    for row in rows:
        payment = payments.get((row.provider, row.external_payment_id))
        if payment is not None:
            yield payment, row.amount_minor
