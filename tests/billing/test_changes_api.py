"""Quotes and changes over HTTP, against the simulated Stripe."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from billing.enums import AttemptState, ObligationKind, ObligationState
from billing.models import Obligation, Quote, Subscription
from tests.billing.api_caller import Caller, error_of
from tests.billing.coupon_steps import make_coupon
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]

PLAN = "/billing/subscription/plan"
QUOTE = "/billing/upcoming-invoice"


def latest_invoice(stripe: StripeSimulator) -> dict[str, Any]:
    invoice_id = Subscription.objects.get().latest_invoice_external_id
    found: dict[str, Any] = stripe.api("GET", f"/v1/invoices/{invoice_id}").json()
    return found


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

    def test_an_end_costs_nothing(self, paying: Caller) -> None:
        quote = paying.post(QUOTE, {"cancel": "now"}).json()

        assert (quote["kind"], quote["amount_due"], quote["lines"]) == ("cancel", 0, [])

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


class TestPlanChange:
    def test_charges_exactly_what_was_quoted(self, paying: Caller, stripe: StripeSimulator) -> None:
        quote = paying.post(QUOTE, {"plan": "professional"}).json()

        answer = paying.post(PLAN, {"plan": "professional", "quote_id": quote["quote_id"]})

        assert answer.status_code == 200, answer.content
        assert answer.json()["plan"]["slug"] == "professional"
        debt = Obligation.objects.get(kind=ObligationKind.CHANGE)
        assert (debt.state, debt.amount_minor) == (ObligationState.SETTLED, quote["amount_due"])
        assert debt.attempts.get().state == AttemptState.SUCCEEDED
        assert latest_invoice(stripe)["total"] == quote["total"]

    def test_a_quote_is_used_once(self, paying: Caller) -> None:
        quote = paying.post(QUOTE, {"seats": 3}).json()
        assert (
            paying.patch("/billing/subscription", {"quote_id": quote["quote_id"]}).json()["seats"]
            == 3
        )

        again = paying.patch("/billing/subscription", {"quote_id": quote["quote_id"]})

        assert (again.status_code, error_of(again)["code"]) == (409, "QUOTE_STALE")
        assert Obligation.objects.filter(kind=ObligationKind.CHANGE).count() == 1

    def test_an_old_quote_is_stale(self, paying: Caller) -> None:
        quote = paying.post(QUOTE, {"seats": 3}).json()
        Quote.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

        answer = paying.patch("/billing/subscription", {"quote_id": quote["quote_id"]})

        assert (answer.status_code, error_of(answer)["code"]) == (409, "QUOTE_STALE")
        assert Subscription.objects.get().seats == 2

    def test_a_quote_for_what_the_subscription_was_is_stale(self, paying: Caller) -> None:
        quote = paying.post(QUOTE, {"seats": 3}).json()
        assert paying.patch("/billing/subscription", {"seats": 4}).status_code == 200

        answer = paying.patch("/billing/subscription", {"quote_id": quote["quote_id"]})

        assert (answer.status_code, error_of(answer)["code"]) == (409, "QUOTE_STALE")
        assert Subscription.objects.get().seats == 4

    def test_a_price_that_moved_at_the_provider_makes_it_stale(
        self, paying: Caller, stripe: StripeSimulator
    ) -> None:
        quote = paying.post(QUOTE, {"seats": 3}).json()
        row = Subscription.objects.get()
        stripe.api(
            "POST",
            "/v1/invoiceitems",
            {
                "customer": row.customer.external_id,
                "subscription": row.external_id,
                "amount": "500",
                "currency": "usd",
            },
        ).raise_for_status()

        answer = paying.patch("/billing/subscription", {"quote_id": quote["quote_id"]})

        assert (answer.status_code, error_of(answer)["code"]) == (409, "QUOTE_STALE")
        assert Subscription.objects.get().seats == 2

    def test_a_quote_for_something_else_is_refused(self, paying: Caller) -> None:
        quote = paying.post(QUOTE, {"seats": 3}).json()

        answer = paying.post(PLAN, {"plan": "professional", "quote_id": quote["quote_id"]})

        assert (answer.status_code, error_of(answer)["code"]) == (400, "INVALID_REQUEST")
        assert list(error_of(answer)["fields"]) == ["quote_id"]

    def test_somebody_elses_quote_is_not_found(self, paying: Caller) -> None:
        answer = paying.post(PLAN, {"plan": "professional", "quote_id": str(uuid4())})

        assert (answer.status_code, error_of(answer)["code"]) == (404, "NOT_FOUND")

    def test_a_declined_card_changes_nothing(self, paying: Caller, stripe: StripeSimulator) -> None:
        give_card(paying, "pm_card_chargeCustomerFail")

        answer = paying.post(PLAN, {"plan": "professional"})

        assert (answer.status_code, error_of(answer)["code"]) == (402, "CARD_DECLINED")
        row = Subscription.objects.get()
        assert (row.plan_version.plan.code, row.pending_change) == ("starter", None)
        debt = Obligation.objects.get(kind=ObligationKind.CHANGE)
        assert (debt.state, debt.attempts.get().state) == (
            ObligationState.VOID,
            AttemptState.FAILED,
        )
        assert latest_invoice(stripe)["status"] == "void"

    def test_after_a_decline_the_same_quote_holds_for_another_card(self, paying: Caller) -> None:
        give_card(paying, "pm_card_chargeCustomerFail")
        quote = paying.post(QUOTE, {"plan": "professional"}).json()
        body = {"plan": "professional", "quote_id": quote["quote_id"]}
        assert paying.post(PLAN, body).status_code == 402
        give_card(paying, "pm_card_visa")

        answer = paying.post(PLAN, body)

        assert answer.status_code == 200, answer.content
        assert answer.json()["plan"]["slug"] == "professional"

    def test_a_card_that_asks_its_holder_waits(self, paying: Caller) -> None:
        give_card(paying, "pm_card_authenticationRequired")

        answer = paying.post(PLAN, {"plan": "professional"})

        assert answer.status_code == 200, answer.content
        shown = answer.json()
        assert shown["client_secret"].startswith("pi_")
        assert shown["plan"]["slug"] == "starter"
        assert shown["pending_change"]["kind"] == "awaiting_payment"
        assert shown["pending_change"]["plan"]["slug"] == "professional"

        second = paying.patch("/billing/subscription", {"seats": 9})
        assert (second.status_code, error_of(second)["code"]) == (409, "CONFLICT")

        withdrawn = paying.delete("/billing/subscription/pending-change")
        assert withdrawn.status_code == 200, withdrawn.content
        assert withdrawn.json()["pending_change"] is None

    def test_goes_to_yearly_and_back(self, paying: Caller) -> None:
        yearly = paying.post(PLAN, {"plan": "starter", "interval": "year"})

        assert yearly.status_code == 200, yearly.content
        assert yearly.json()["price"]["interval"] == "year"
        debt = Obligation.objects.get(kind=ObligationKind.CHANGE)
        assert debt.amount_minor == debt.quote.amount_due_minor > 0  # type: ignore[union-attr]

    def test_a_downgrade_becomes_credit(self, paying: Caller) -> None:
        paying.post(PLAN, {"plan": "professional"})
        quote = paying.post(QUOTE, {"plan": "starter"}).json()
        assert quote["total"] < 0
        assert quote["amount_due"] == 0

        answer = paying.post(PLAN, {"plan": "starter", "quote_id": quote["quote_id"]})

        assert (answer.status_code, answer.json()["plan"]["slug"]) == (200, "starter")

    def test_an_unanswered_change_is_unknown_and_then_resolved(
        self, paying: Caller, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(method="POST", path="/subscriptions/", action="reset_after")

        answer = paying.post(PLAN, {"plan": "professional"})

        assert answer.status_code == 202
        assert answer.json()["resolve_after"]
        assert answer.json()["plan"]["slug"] == "starter"
        again = paying.patch("/billing/subscription", {"seats": 9})
        assert (again.status_code, error_of(again)["code"]) == (409, "CONFLICT")

    def test_provably_not_processed_may_be_tried_again(
        self, paying: Caller, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(method="POST", path="/subscriptions/", status=429)

        failed = paying.post(PLAN, {"plan": "professional"})

        assert (failed.status_code, error_of(failed)["code"]) == (429, "RATE_LIMIT")
        assert paying.post(PLAN, {"plan": "professional"}).status_code == 200

    @pytest.mark.parametrize("proration", ["next_invoice", "none"])
    def test_without_an_invoice_nothing_is_charged_now(
        self, paying: Caller, stripe: StripeSimulator, proration: str
    ) -> None:
        first = latest_invoice(stripe)["id"]

        answer = paying.patch("/billing/subscription", {"seats": 3, "proration": proration})

        assert (answer.status_code, answer.json()["seats"]) == (200, 3)
        assert latest_invoice(stripe)["id"] == first
        debt = Obligation.objects.get(kind=ObligationKind.CHANGE)
        assert (debt.amount_minor, debt.state) == (0, ObligationState.SETTLED)

    def test_the_same_again_is_refused(self, paying: Caller) -> None:
        answer = paying.post(PLAN, {"plan": "starter"})

        assert (answer.status_code, error_of(answer)["code"]) == (409, "CONFLICT")

    def test_the_free_plan_is_reached_by_cancelling(self, paying: Caller) -> None:
        answer = paying.post(PLAN, {"plan": "free"})

        assert (answer.status_code, error_of(answer)["code"]) == (409, "CONFLICT")


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


class TestScheduledChange:
    def test_waits_for_the_end_of_the_period_and_can_be_withdrawn(self, paying: Caller) -> None:
        answer = paying.post(PLAN, {"plan": "professional", "effective": "period_end"})

        assert answer.status_code == 200, answer.content
        shown = answer.json()
        assert shown["plan"]["slug"] == "starter"
        assert shown["pending_change"]["kind"] == "scheduled"
        assert shown["pending_change"]["plan"]["slug"] == "professional"
        assert shown["pending_change"]["effective_at"] == shown["current_period_end"]
        second = paying.patch("/billing/subscription", {"seats": 9})
        assert (second.status_code, error_of(second)["code"]) == (409, "CONFLICT")

        withdrawn = paying.delete("/billing/subscription/pending-change")

        assert (withdrawn.status_code, withdrawn.json()["pending_change"]) == (200, None)
        assert paying.patch("/billing/subscription", {"seats": 9}).status_code == 200

    def test_nothing_to_withdraw_is_a_conflict(self, paying: Caller) -> None:
        answer = paying.delete("/billing/subscription/pending-change")

        assert (answer.status_code, error_of(answer)["code"]) == (409, "CONFLICT")


class TestPatch:
    def test_changes_renewal_seats_and_address_together(self, paying: Caller) -> None:
        answer = paying.patch(
            "/billing/subscription",
            {"auto_renew": False, "seats": 3, "billing_email": "books@bistro.test"},
        )

        assert answer.status_code == 200, answer.content
        shown = answer.json()
        assert (shown["seats"], shown["auto_renew"]) == (3, False)
        assert shown["billing_email"] == "books@bistro.test"

    def test_takes_a_plan_by_its_id(self, paying: Caller) -> None:
        plans = {row["slug"]: row["id"] for row in paying.get("/billing/plans").json()["data"]}

        answer = paying.patch("/billing/subscription", {"plan_id": plans["professional"]})

        assert (answer.status_code, answer.json()["plan"]["slug"]) == (200, "professional")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "body"),
            ({"effective": "now"}, "body"),
            ({"seats": "many"}, "seats"),
            ({"billing_email": "nobody"}, "billing_email"),
            ({"auto_renew": "perhaps"}, "auto_renew"),
            ({"status": "active"}, "status"),
        ],
    )
    def test_names_the_field_that_is_wrong(
        self, paying: Caller, body: dict[str, Any], field: str
    ) -> None:
        answer = paying.patch("/billing/subscription", body)

        assert (answer.status_code, error_of(answer)["code"]) == (400, "INVALID_REQUEST")
        assert list(error_of(answer)["fields"]) == [field]

    def test_the_setup_token_may_not(self, setup: Caller, paying: Caller) -> None:
        answer = setup.patch("/billing/subscription", {"seats": 3})

        assert (answer.status_code, error_of(answer)["code"]) == (403, "PERMISSION_DENIED")

    def test_without_a_subscription_it_is_404(self, owner: Caller) -> None:
        answer = owner.patch("/billing/subscription", {"seats": 3})

        assert (answer.status_code, error_of(answer)["code"]) == (404, "NOT_FOUND")


def give_card(caller: Caller, card: str) -> None:
    answer = caller.post("/billing/payment-method", {"payment_method_id": card})
    assert answer.status_code in (200, 201), answer.content
