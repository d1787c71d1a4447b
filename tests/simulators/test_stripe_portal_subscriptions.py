"""Subscriptions in the customer portal: canceled, changed, or reached by a flow of their own."""

from typing import Any

import pytest
import stripe as sdk

from tests.simulators.conftest import save_card
from tests.simulators.payer import CARD, Payer
from tests.simulators.portal_steps import configure, enter, types
from tests.simulators.stripe.client import StripeSimulator


class TestCancel:
    def test_ends_with_the_period_and_can_be_taken_back(
        self, simulator: StripeSimulator, v1: Any, payer: Payer, customer: Any, subscription: Any
    ) -> None:
        configure(v1)
        url = enter(v1, customer).url
        before = len(simulator.events())

        asked = payer.open(f"{url}/cancel/{subscription.id}")
        assert "Your subscription then ends on" in asked.text
        assert '<option value="too_expensive">It is too expensive</option>' in asked.text
        shown = payer.send(
            f"{url}/cancel/{subscription.id}", feedback="too_expensive", comment="Sorry"
        )

        planned = v1.subscriptions.retrieve(subscription.id)
        # Flexible billing: the moment is set, not the flag.
        assert planned.cancel_at == subscription["items"].data[0].current_period_end
        assert planned.cancel_at_period_end is False
        assert planned.cancellation_details.feedback == "too_expensive"
        assert planned.cancellation_details.comment == "Sorry"
        assert "Keep subscription" in shown.text

        payer.send(f"{url}/keep/{subscription.id}")

        kept = v1.subscriptions.retrieve(subscription.id)
        assert (kept.cancel_at, kept.canceled_at, kept.status) == (None, None, "active")
        assert types(simulator, before) == ["customer.subscription.updated"] * 2

    def test_sets_the_flag_in_classic_billing(
        self, v1: Any, payer: Payer, customer: Any, card: Any, price: Any
    ) -> None:
        configure(v1)
        classic = v1.subscriptions.create(
            {
                "customer": customer.id,
                "items": [{"price": price.id}],
                "billing_mode": {"type": "classic"},
            }
        )
        url = enter(v1, customer).url

        payer.send(f"{url}/cancel/{classic.id}")
        assert v1.subscriptions.retrieve(classic.id).cancel_at_period_end is True
        payer.send(f"{url}/keep/{classic.id}")

        assert v1.subscriptions.retrieve(classic.id).cancel_at_period_end is False

    def test_ends_at_once_if_so_configured(
        self, v1: Any, payer: Payer, customer: Any, subscription: Any
    ) -> None:
        configure(v1, subscription_cancel={"enabled": True, "mode": "immediately"})

        shown = payer.send(f"{enter(v1, customer).url}/cancel/{subscription.id}")

        assert v1.subscriptions.retrieve(subscription.id).status == "canceled"
        assert "Nothing is running." in shown.text


class TestChange:
    @pytest.fixture
    def larger(self, v1: Any, price: Any) -> Any:
        return v1.prices.create(
            {
                "product": price.product,
                "currency": "usd",
                "unit_amount": 5000,
                "recurring": {"interval": "month"},
            }
        )

    def offer(self, v1: Any, price: Any, larger: Any, **more: Any) -> Any:
        return configure(
            v1,
            subscription_update={
                "enabled": True,
                "default_allowed_updates": ["price", "quantity"],
                "products": [
                    {
                        "product": price.product,
                        "prices": [price.id, larger.id],
                        "adjustable_quantity": {"enabled": True, "minimum": 1, "maximum": 5},
                    }
                ],
                **more,
            },
        )

    def test_charges_the_difference_once_confirmed(
        self, v1: Any, payer: Payer, customer: Any, subscription: Any, price: Any, larger: Any
    ) -> None:
        self.offer(v1, price, larger, proration_behavior="always_invoice")
        url = f"{enter(v1, customer).url}/change/{subscription.id}"

        assert "Starter: $50.00 / month" in payer.open(url).text
        asked = payer.send(url, price=larger.id, quantity="2")
        assert "2 of Starter: $100.00 / month" in asked.text
        unchanged = v1.subscriptions.retrieve(subscription.id)["items"].data[0]
        assert unchanged.price.id == price.id
        shown = payer.send(url, price=larger.id, quantity="2", confirmed="yes")

        item = v1.subscriptions.retrieve(subscription.id)["items"].data[0]
        assert (item.price.id, item.quantity) == (larger.id, 2)
        assert "Your plan was changed." in shown.text
        latest = v1.subscriptions.retrieve(subscription.id).latest_invoice
        assert v1.invoices.retrieve(latest).amount_paid == 7100

    @pytest.mark.parametrize(
        ("form", "problem"),
        [
            ({"price": "price_other"}, "Please choose one of the plans."),
            ({"quantity": "6"}, "Please choose a quantity between 1 and 5."),
            ({"quantity": "0"}, "Please choose a quantity between 1 and 5."),
        ],
    )
    def test_offers_nothing_else(
        self,
        v1: Any,
        payer: Payer,
        customer: Any,
        subscription: Any,
        price: Any,
        larger: Any,
        form: dict[str, str],
        problem: str,
    ) -> None:
        self.offer(v1, price, larger)
        url = f"{enter(v1, customer).url}/change/{subscription.id}"

        shown = payer.send(url, **{"price": larger.id, "confirmed": "yes", **form})

        assert problem in shown.text
        item = v1.subscriptions.retrieve(subscription.id)["items"].data[0]
        assert (item.price.id, item.quantity) == (price.id, 1)

    def test_says_why_the_card_did_not_pay(
        self, v1: Any, payer: Payer, customer: Any, subscription: Any, price: Any, larger: Any
    ) -> None:
        self.offer(v1, price, larger, proration_behavior="always_invoice")
        save_card(v1, customer, "pm_card_chargeCustomerFail")
        url = f"{enter(v1, customer).url}/change/{subscription.id}"

        shown = payer.send(url, price=larger.id, quantity="1", confirmed="yes")

        assert shown.status_code == 402
        assert "Your card was declined." in shown.text
        item = v1.subscriptions.retrieve(subscription.id)["items"].data[0]
        assert item.price.id == price.id


class TestFlows:
    def test_a_card_flow_leads_back_to_the_shop(
        self, v1: Any, payer: Payer, customer: Any, subscription: Any
    ) -> None:
        configure(v1)
        ending = {"type": "redirect", "redirect": {"return_url": "http://127.0.0.1/thanks"}}
        session = enter(
            v1,
            customer,
            flow_data={"type": "payment_method_update", "after_completion": ending},
        )
        assert session.flow.after_completion.redirect.return_url == "http://127.0.0.1/thanks"

        asked = payer.open(session.url)
        assert asked.url.path == f"/p/session/{session.id}/card"
        left = payer.leaves_for(str(asked.url), number="5555555555554444", **CARD)

        assert left == "http://127.0.0.1/thanks"

    def test_a_cancel_flow_ends_with_a_word(
        self, v1: Any, payer: Payer, customer: Any, subscription: Any
    ) -> None:
        configure(v1)
        ending = {
            "type": "hosted_confirmation",
            "hosted_confirmation": {"custom_message": "Come back soon"},
        }
        session = enter(
            v1,
            customer,
            flow_data={
                "type": "subscription_cancel",
                "subscription_cancel": {"subscription": subscription.id},
                "after_completion": ending,
            },
        )

        asked = payer.open(session.url)
        shown = payer.send(str(asked.url))

        assert '<p role="status">Come back soon</p>' in shown.text
        assert v1.subscriptions.retrieve(subscription.id).cancel_at is not None

    def test_a_change_flow_only_asks_for_the_yes(
        self, v1: Any, payer: Payer, customer: Any, subscription: Any, price: Any
    ) -> None:
        offer = {"product": price.product, "prices": [price.id]}
        configure(
            v1,
            subscription_update={
                "enabled": True,
                "default_allowed_updates": ["quantity"],
                "products": [offer],
            },
        )
        item = subscription["items"].data[0]
        change = {"subscription": subscription.id, "items": [{"id": item.id, "quantity": 3}]}
        session = enter(
            v1,
            customer,
            flow_data={
                "type": "subscription_update_confirm",
                "subscription_update_confirm": change,
            },
        )

        asked = payer.open(session.url)
        assert "3 of Starter: $87.00 / month" in asked.text
        shown = payer.send(str(asked.url), quantity="9", confirmed="yes")

        assert v1.subscriptions.retrieve(subscription.id)["items"].data[0].quantity == 3
        assert shown.url.path == f"/p/session/{session.id}/home"

    def test_needs_its_feature_and_its_own_subscription(
        self, v1: Any, customer: Any, subscription: Any
    ) -> None:
        configure(v1, subscription_cancel={"enabled": False})
        cancel = {
            "type": "subscription_cancel",
            "subscription_cancel": {"subscription": subscription.id},
        }
        with pytest.raises(sdk.InvalidRequestError, match="is not enabled"):
            enter(v1, customer, flow_data=cancel)
        v1.billing_portal.configurations.update(
            v1.billing_portal.configurations.list().data[0].id,
            {"features": {"subscription_cancel": {"enabled": True}}},
        )
        other = v1.customers.create({})

        with pytest.raises(sdk.InvalidRequestError, match="No such subscription"):
            enter(v1, other, flow_data=cancel)
