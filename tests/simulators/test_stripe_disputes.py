"""Disputes: opened by the control API, answered through Stripe's."""

from typing import Any

import pytest
import stripe

from tests.simulators.stripe.client import StripeSimulator

DAY = 86_400


@pytest.fixture
def charge(v1: Any, customer: Any, price: Any, card: Any) -> Any:
    v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    return v1.charges.list({"customer": customer.id}).data[0]


class TestDisputes:
    def test_take_the_money_and_ask_for_evidence(
        self, simulator: StripeSimulator, v1: Any, charge: Any
    ) -> None:
        opened = simulator.dispute(charge.id, reason="product_not_received")

        (listed,) = v1.disputes.list({"charge": charge.id}).data
        taken = listed.balance_transactions[0]
        assert (listed.id, listed.status) == (opened["id"], "needs_response")
        assert (listed.amount, listed.reason) == (2900, "product_not_received")
        assert (taken.amount, taken.fee, taken.net) == (-2900, 1500, -4400)
        assert v1.charges.retrieve(charge.id).disputed is True
        assert len(simulator.events("charge.dispute.created")) == 1
        assert len(simulator.events("charge.dispute.funds_withdrawn")) == 1

    @pytest.mark.parametrize(("text", "status"), [("winning", "won"), ("losing", "lost")])
    def test_end_as_the_evidence_says(
        self, simulator: StripeSimulator, v1: Any, charge: Any, text: str, status: str
    ) -> None:
        opened = simulator.dispute(charge.id)

        ended = v1.disputes.update(
            opened["id"], {"evidence": {"uncategorized_text": f"{text}_evidence"}}
        )

        back = simulator.events("charge.dispute.funds_reinstated")
        assert ended.status == status
        assert ended.evidence_details.submission_count == 1
        assert len(back) == (1 if status == "won" else 0)
        assert len(simulator.events("charge.dispute.closed")) == 1

    def test_evidence_can_be_prepared_first(
        self, simulator: StripeSimulator, v1: Any, charge: Any
    ) -> None:
        opened = simulator.dispute(charge.id)

        kept = v1.disputes.update(
            opened["id"], {"evidence": {"customer_name": "Ada"}, "submit": False}
        )
        handed_in = v1.disputes.update(opened["id"], {"evidence": {"receipt": "file_1"}})
        won = simulator.decide_dispute(opened["id"], "won")

        assert (kept.status, kept.evidence.customer_name) == ("needs_response", "Ada")
        assert handed_in.status == "under_review"
        assert won["status"] == "won"

    def test_are_lost_by_giving_in_or_by_silence(
        self, simulator: StripeSimulator, v1: Any, charge: Any
    ) -> None:
        opened = simulator.dispute(charge.id)

        simulator.advance(10 * DAY)

        lost = v1.disputes.retrieve(opened["id"])
        assert (lost.status, lost.evidence_details.past_due) == ("lost", True)
        with pytest.raises(stripe.InvalidRequestError, match="lost"):
            v1.disputes.close(opened["id"])

    def test_a_disputed_charge_cannot_be_refunded(
        self, simulator: StripeSimulator, v1: Any, charge: Any
    ) -> None:
        simulator.dispute(charge.id)

        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.refunds.create({"charge": charge.id})

        assert refused.value.code == "charge_disputed"

    def test_an_inquiry_takes_nothing_and_ends_with_the_refund(
        self, simulator: StripeSimulator, v1: Any, charge: Any
    ) -> None:
        opened = simulator.dispute(charge.id, inquiry=True)

        refund = v1.refunds.create({"charge": charge.id})

        assert opened["status"] == "warning_needs_response"
        assert opened["balance_transactions"] == []
        assert refund.amount == 2900

    def test_a_charge_is_disputed_once(self, simulator: StripeSimulator, charge: Any) -> None:
        simulator.dispute(charge.id)

        with pytest.raises(ValueError, match="disputed already"):
            simulator.dispute(charge.id)
