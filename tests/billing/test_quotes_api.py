"""Quotes over HTTP, and a start at the quoted price, against the simulated Stripe."""

from typing import Any

import pytest

from billing.enums import ObligationKind, ObligationState
from billing.models import Obligation, Quote, Subscription
from tests.billing.api_caller import Caller, error_of
from tests.billing.change_steps import latest_invoice
from tests.billing.coupon_steps import make_coupon
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]


QUOTE = "/billing/upcoming-invoice"


class TestUpcomingInvoice:
    def test_quotes_what_more_seats_cost_for_the_rest_of_the_period(self, paying: Caller) -> None:
        answer = paying.post(QUOTE, {"seats": 3})

        assert answer.status_code == 200, answer.content
        quote = answer.json()
        assert quote["kind"] == "change"
        assert quote["charged_now"] is True
        assert quote["currency"] == "USD"
        assert quote["total"] == sum(line["amount"] for line in quote["lines"])
        assert 2890 <= quote["amount_due"] <= 2900
        assert Subscription.objects.get().seats == 2
        assert Obligation.objects.filter(kind=ObligationKind.CHANGE).count() == 0

    def test_quotes_the_next_regular_invoice(self, paying: Caller) -> None:
        quote = paying.post(QUOTE).json()

        assert (quote["kind"], quote["charged_now"], quote["total"]) == ("renewal", False, 5800)

    def test_quotes_a_first_subscription(self, setup: Caller) -> None:
        quote = setup.post(QUOTE, {"plan": "professional", "seats": 2}).json()

        assert (quote["kind"], quote["total"], quote["charged_now"]) == ("start", 19800, True)

    def test_quotes_a_change_at_the_end_of_the_period(self, paying: Caller) -> None:
        quote = paying.post(QUOTE, {"plan": "professional", "effective": "period_end"}).json()

        assert (quote["total"], quote["charged_now"]) == (19800, False)
        row = Subscription.objects.get()
        assert row.current_period_end is not None
        begins = row.current_period_end.isoformat().replace("+00:00", "Z")
        assert quote["lines"][0]["period"]["start"] == begins

    @pytest.mark.parametrize("end", ["now", "period_end"])
    def test_an_end_costs_nothing(self, paying: Caller, end: str) -> None:
        quote = paying.post(QUOTE, {"cancel": end}).json()

        assert (quote["kind"], quote["amount_due"], quote["lines"]) == ("cancel", 0, [])

    def test_an_end_with_its_period_costs_what_waits_for_an_invoice(self, paying: Caller) -> None:
        later = {"seats": 3, "proration": "next_invoice"}
        assert paying.patch("/billing/subscription", later).status_code == 200

        quote = paying.post(QUOTE, {"cancel": "period_end"}).json()

        assert (quote["kind"], quote["charged_now"]) == ("cancel", False)
        assert quote["total"] == sum(line["amount"] for line in quote["lines"])
        assert 2890 <= quote["amount_due"] <= 2900
        assert paying.post(QUOTE, {"cancel": "now"}).json()["amount_due"] == 0

    def test_a_coupon_alone_charges_nothing_now(self, paying: Caller) -> None:
        code = make_coupon().code

        quote = paying.post(QUOTE, {"coupon": code}).json()

        assert (quote["kind"], quote["charged_now"]) == ("change", False)
        assert (quote["subtotal"], quote["discount"], quote["total"]) == (5800, 1160, 4640)
        done = paying.patch("/billing/subscription", {"quote_id": quote["quote_id"]})
        assert done.status_code == 200, done.content
        assert done.json()["discount"]["coupon"] == code
        debt = Obligation.objects.get(kind=ObligationKind.CHANGE)
        assert (debt.amount_minor, debt.state) == (0, ObligationState.SETTLED)

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"seats": 0}, "seats"),
            ({"plan": "nope"}, "plan"),
            ({"interval": "week"}, "interval"),
            ({"coupon": "NOPE"}, "coupon"),
            ({"proration": "some"}, "proration"),
            ({"cancel": "now", "seats": 3}, "cancel"),
            ({"seat": 3}, "seat"),
        ],
    )
    def test_names_the_field_that_is_wrong(
        self, paying: Caller, body: dict[str, Any], field: str
    ) -> None:
        answer = paying.post(QUOTE, body)

        assert (answer.status_code, error_of(answer)["code"]) == (400, "INVALID_REQUEST")
        assert list(error_of(answer)["fields"]) == [field]
        assert Quote.objects.count() == 0

    def test_enterprise_is_for_sales(self, paying: Caller) -> None:
        answer = paying.post(QUOTE, {"plan": "enterprise"})

        assert (answer.status_code, error_of(answer)["code"]) == (400, "CONTACT_SALES")


class TestStartWithQuote:
    def test_charges_exactly_what_was_quoted(self, owner: Caller, stripe: StripeSimulator) -> None:
        wanted = {"plan": "professional", "seats": 3}
        quote = owner.post(QUOTE, wanted).json()

        answer = owner.post(
            "/billing/subscription",
            {**wanted, "payment_method": "pm_card_visa", "quote_id": quote["quote_id"]},
        )

        assert answer.status_code == 201, answer.content
        assert latest_invoice(stripe)["total"] == quote["total"]

    def test_a_quote_for_something_else_starts_nothing(self, owner: Caller) -> None:
        quote = owner.post(QUOTE, {"plan": "starter"}).json()

        answer = owner.post(
            "/billing/subscription",
            {
                "plan": "professional",
                "payment_method": "pm_card_visa",
                "quote_id": quote["quote_id"],
            },
        )

        assert (answer.status_code, list(error_of(answer)["fields"])) == (400, ["quote_id"])
        assert Subscription.objects.count() == 0
