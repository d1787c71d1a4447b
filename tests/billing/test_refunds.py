"""Money back: written down first, given once, never more than was taken."""

import dataclasses
from datetime import timedelta

import pytest

from billing.drivers import registry
from billing.enums import RefundStatus
from billing.errors import NothingToRefund, ProviderFailed, RefundRefused
from billing.models import Case, Obligation, PaymentAttempt, Refund
from billing.services import projection, refund_outcome, refunds, resolve
from orgs import clock
from orgs.errors import InvalidRequest, NotFound
from tests.billing.builders import make_organization
from tests.billing.invoice_event_steps import Shop
from tests.billing.refund_steps import (
    STAFF,
    give_back,
    given_at_stripe,
    payment_of,
    request_of,
    tries,
)
from tests.billing.stripe_invoice_cases import refund as refund_in_dashboard

pytestmark = pytest.mark.django_db

PRICE = 2900


def debts(shop: Shop) -> list[tuple[int, str]]:
    rows = Obligation.objects.filter(organization=shop.organization, kind="refund")
    return list(rows.order_by("created_at").values_list("amount_minor", "state"))


class TestRefund:
    def test_gives_a_part_back_and_writes_down_why(self, shop: Shop) -> None:
        debt = give_back(shop, 500, note="Two days without service")

        assert (debt.state, debt.amount_minor, debt.currency) == ("settled", 500, "USD")
        assert (debt.kind, debt.external_payment_id) == ("refund", payment_of(shop))
        assert (debt.reason, debt.note) == ("requested_by_customer", "Two days without service")
        attempt = PaymentAttempt.objects.get(obligation=debt)
        row = Refund.objects.get()
        assert (attempt.kind, attempt.state, attempt.external_id) == (
            "refund",
            "succeeded",
            row.external_id,
        )
        assert (row.amount_minor, row.status, row.invoice) == (500, "succeeded", shop.invoice)
        assert shop.invoice.refunded_minor == 500
        assert given_at_stripe(shop) == [500]
        assert shop.lines("billing.refund.requested") == [
            ("billing.refund.requested", "A refund of $5.00 was asked for.")
        ]

    def test_without_an_amount_gives_back_all_that_is_left(self, shop: Shop) -> None:
        refund_in_dashboard(shop.stripe, shop.charge, 400)
        give_back(shop, 500)

        debt = give_back(shop)

        assert debt.amount_minor == PRICE - 900
        assert given_at_stripe(shop) == [400, 500, PRICE - 900]

    def test_its_webhook_changes_nothing_more(self, shop: Shop) -> None:
        give_back(shop, 500)

        shop.deliver(*shop.news())

        assert Refund.objects.count() == 1
        assert shop.invoice.refunded_minor == 500
        assert debts(shop) == [(500, "settled")]

    def test_never_gives_back_more_than_was_taken(self, shop: Shop) -> None:
        give_back(shop, 2000)

        with pytest.raises(InvalidRequest) as caught:
            give_back(shop, 901)

        assert caught.value.fields == {"amount": ["At most $9.00 can be given back."]}
        assert debts(shop) == [(2000, "settled")]

    @pytest.mark.parametrize("amount", [0, -5])
    def test_takes_no_amount_that_is_none(self, shop: Shop, amount: int) -> None:
        with pytest.raises(InvalidRequest):
            give_back(shop, amount)

    def test_says_when_nothing_is_left(self, shop: Shop) -> None:
        refund_in_dashboard(shop.stripe, shop.charge)

        with pytest.raises(NothingToRefund):
            give_back(shop, 1)

    def test_the_same_request_is_done_once(self, shop: Shop) -> None:
        first = give_back(shop, 500, request_key="click")
        again = give_back(shop, 500, request_key="click")

        assert again == first
        assert given_at_stripe(shop) == [500]

    def test_of_another_tenant_is_not_found(self, shop: Shop) -> None:
        with pytest.raises(NotFound):
            refunds.refund(
                organization=make_organization("Stranger"),
                request=request_of(shop, 500),
                cause=STAFF,
                now=clock.now(),
            )

        assert given_at_stripe(shop) == []

    def test_of_a_payment_that_is_nowhere_is_not_found(self, shop: Shop) -> None:
        with pytest.raises(NotFound):
            give_back(shop, 500, external_payment_id="pi_nowhere")


class TestRefusals:
    def test_a_no_writes_the_debt_off(self, shop: Shop) -> None:
        shop.stripe.dispute(shop.charge)

        with pytest.raises(RefundRefused, match="charge_disputed"):
            give_back(shop, 500)

        assert debts(shop) == [(500, "void")]
        attempt = PaymentAttempt.objects.get(obligation__kind="refund")
        assert (attempt.state, attempt.error_code) == ("failed", "charge_disputed")

    def test_what_was_not_processed_may_be_asked_for_again(self, shop: Shop) -> None:
        shop.stripe.add_fault(method="POST", path="/v1/refunds$", times=1, status=429)
        with pytest.raises(Exception, match="Too many requests"):
            give_back(shop, 500, request_key="click")
        assert debts(shop) == [(500, "void")]

        debt = give_back(shop, 500, request_key="click")

        assert (debt.state, tries(debt)) == ("settled", ["not_processed", "succeeded"])
        assert given_at_stripe(shop) == [500]

    def test_nothing_is_written_when_the_payment_can_not_be_asked_for(
        self, shop: Shop, short_pauses: None
    ) -> None:
        shop.stripe.add_fault(method="GET", path="/v1/payment_intents/", times=3, status=500)

        with pytest.raises(ProviderFailed):
            give_back(shop, 500)

        assert debts(shop) == []


class TestLostAnswers:
    def lose(self, shop: Shop, action: str, key: str = "click") -> Obligation:
        shop.stripe.add_fault(method="POST", path="/v1/refunds$", times=1, action=action)
        debt = give_back(shop, 500, request_key=key)
        assert (debt.state, tries(debt)) == ("open", ["unknown"])
        return debt

    def test_what_was_given_is_found_by_our_reference(self, shop: Shop) -> None:
        debt = self.lose(shop, "reset_after")

        resolve.resolve_due(now=clock.now() + timedelta(seconds=10))

        debt.refresh_from_db()
        assert (debt.state, tries(debt)) == ("settled", ["succeeded"])
        assert given_at_stripe(shop) == [500]
        assert shop.invoice.refunded_minor == 500

    def test_the_webhook_decides_it_as_well(self, shop: Shop) -> None:
        debt = self.lose(shop, "reset_after")

        shop.deliver(*shop.news())

        debt.refresh_from_db()
        assert (debt.state, tries(debt)) == ("settled", ["succeeded"])

    def test_the_same_click_asks_and_sends_nothing(self, shop: Shop) -> None:
        self.lose(shop, "reset_after")

        debt = give_back(shop, 500, request_key="click")

        assert (debt.state, given_at_stripe(shop)) == ("settled", [500])

    def test_counts_as_given_while_it_is_undecided(self, shop: Shop) -> None:
        self.lose(shop, "reset_before")

        with pytest.raises(Exception, match="still being confirmed"):
            give_back(shop, 500)

        assert given_at_stripe(shop) == []

    def test_what_never_arrived_is_not_sent_by_itself(self, shop: Shop) -> None:
        debt = self.lose(shop, "reset_before")

        resolve.resolve_due(now=clock.now() + timedelta(seconds=10))
        debt.refresh_from_db()
        assert (debt.state, tries(debt)) == ("open", ["unknown"])
        resolve.resolve_due(now=clock.now() + timedelta(seconds=resolve.ABSENT_AFTER_S + 5))

        debt.refresh_from_db()
        assert (debt.state, tries(debt)) == ("void", ["not_processed"])
        assert given_at_stripe(shop) == []

    def test_what_was_never_sent_is_written_off(self, shop: Shop) -> None:
        debt = self.lose(shop, "reset_before")
        PaymentAttempt.objects.filter(obligation=debt).update(state="created", sent_at=None)

        resolve.resolve_due(now=clock.now() + timedelta(hours=1))

        debt.refresh_from_db()
        assert (debt.state, tries(debt)) == ("void", ["not_processed"])


class TestSentBackByTheBank:
    def test_opens_a_case_once(self, shop: Shop) -> None:
        debt = give_back(shop, 500)
        charge = registry.get_driver("stripe").retrieve_payment(payment_of(shop))
        sent_back = dataclasses.replace(
            charge.refunds[0], status=RefundStatus.FAILED, failure_reason="lost_or_stolen_card"
        )

        for _ in range(2):
            refund_outcome.apply_charge(
                organization_id=shop.organization.pk,
                charge=dataclasses.replace(charge, refunds=(sent_back,)),
                fetched_at=projection.database_now(),
                cause=STAFF,
                now=clock.now(),
            )

        case = Case.objects.get()
        assert (case.kind, case.external_id, case.state) == (
            "refund_failed",
            sent_back.external_id,
            "open",
        )
        assert case.external_payment_id == payment_of(shop)
        assert case.summary == (
            "The bank sent a refund of $5.00 back (lost_or_stolen_card): pay it out some other way."
        )
        assert shop.invoice.refunded_minor == 0
        debt.refresh_from_db()
        assert debt.state == "settled"  # it was paid out; that it came back is the case's matter
