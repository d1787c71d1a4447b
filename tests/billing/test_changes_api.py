"""Quotes and changes over HTTP, against the simulated Stripe."""

from typing import Any

import pytest

from billing.enums import AttemptState, ObligationKind, ObligationState
from billing.models import Obligation, Quote, Subscription
from tests.billing.api_caller import Caller, error_of
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]


def latest_invoice(stripe: StripeSimulator) -> dict[str, Any]:
    row = Subscription.objects.get()
    found: dict[str, Any] = stripe.objects("invoice", row.latest_invoice_external_id)
    return found


class TestUpcomingInvoice:
    def test_quotes_what_more_seats_cost_for_the_rest_of_the_period(self, paying: Caller) -> None:
        answer = paying.post("/billing/upcoming-invoice", {"seats": 3})

        assert answer.status_code == 200, answer.content
        quote = answer.json()
        assert quote["kind"] == "change"
        assert quote["charged_now"] is True
        assert quote["currency"] == "USD"
        assert quote["total"] == sum(line["amount"] for line in quote["lines"])
        assert 2890 <= quote["amount_due"] <= 2900
        assert Subscription.objects.get().seats == 2
        assert Obligation.objects.filter(kind=ObligationKind.CHANGE).count() == 0


class TestPlanChange:
    def test_charges_exactly_what_was_quoted(
        self, paying: Caller, stripe: StripeSimulator
    ) -> None:
        quote = paying.post("/billing/upcoming-invoice", {"plan": "professional"}).json()

        answer = paying.post(
            "/billing/subscription/plan", {"plan": "professional", "quote_id": quote["quote_id"]}
        )

        assert answer.status_code == 200, answer.content
        assert answer.json()["plan"]["slug"] == "professional"
        debt = Obligation.objects.get(kind=ObligationKind.CHANGE)
        assert (debt.state, debt.amount_minor) == (ObligationState.SETTLED, quote["amount_due"])
        assert debt.attempts.get().state == AttemptState.SUCCEEDED
        assert latest_invoice(stripe)["total"] == quote["total"]
