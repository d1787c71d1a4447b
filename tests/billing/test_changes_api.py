"""Changes of the plan over HTTP, against the simulated Stripe."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from billing.enums import AttemptState, ObligationKind, ObligationState
from billing.models import Obligation, Quote, Subscription
from tests.billing.api_caller import Caller, error_of
from tests.billing.change_steps import latest_invoice
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]


PLAN = "/billing/subscription/plan"


QUOTE = "/billing/upcoming-invoice"


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


def give_card(caller: Caller, card: str) -> None:
    answer = caller.post("/billing/payment-method", {"payment_method_id": card})
    assert answer.status_code in (200, 201), answer.content
