"""What quotes leave behind."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.models import Price, Quote
from billing.services import quotes
from billing.types import InvoiceLineSnapshot, InvoicePreview
from orgs import clock
from orgs.models import Organization
from tests.billing.change_steps import change, quote_for, subscribed

pytestmark = pytest.mark.django_db


class TestDropOldQuotes:
    def test_forgets_what_expired_unused(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        subscribed(organization, catalogue["starter:month"])
        used = quote_for(organization, seats=3)
        change(organization, used)
        quote_for(organization, seats=4)
        tomorrow = clock.now() + timedelta(days=1, minutes=16)

        assert quotes.drop_old_quotes(now=tomorrow - timedelta(minutes=5)) == 0
        assert quotes.drop_old_quotes(now=tomorrow) == 1

        assert Quote.objects.get() == used


class TestProrationDate:
    def test_is_the_moment_of_this_change_beside_those_that_wait_for_the_same_invoice(
        self,
    ) -> None:
        before, now = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 9, 8, tzinfo=UTC)
        lines = [line_from(moment) for moment in (before, before, now, now)]

        assert InvoicePreview("USD", 0, 0, 0, 0, 0, tuple(lines)).proration_date == now

    def test_there_is_none_without_a_proration(self) -> None:
        assert InvoicePreview("USD", 0, 0, 0, 0, 0).proration_date is None


def line_from(start: datetime) -> InvoiceLineSnapshot:
    return InvoiceLineSnapshot("", "Unused time", 1, -100, period_start=start, is_proration=True)
