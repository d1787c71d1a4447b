"""What quotes leave behind."""

from datetime import timedelta

import pytest

from billing.models import Price, Quote
from billing.services import quotes
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
