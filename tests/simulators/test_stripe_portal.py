"""The customer portal, as a payer without JavaScript uses it."""

from typing import Any

import pytest
import stripe as sdk

from tests.simulators.conftest import save_card
from tests.simulators.payer import CARD, Payer
from tests.simulators.stripe.client import StripeSimulator

ALL = {
    "customer_update": {"enabled": True, "allowed_updates": ["email", "name"]},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {
        "enabled": True,
        "cancellation_reason": {"enabled": True, "options": ["too_expensive", "unused"]},
    },
}


@pytest.fixture
def subscription(v1: Any, customer: Any, card: Any, price: Any) -> Any:
    """What the payer pays for."""
    return v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})


def configure(v1: Any, **features: Any) -> Any:
    return v1.billing_portal.configurations.create({"features": {**ALL, **features}})


def enter(v1: Any, customer: Any, **more: Any) -> Any:
    return v1.billing_portal.sessions.create(
        {"customer": customer.id, "return_url": "http://127.0.0.1/account", **more}
    )


def types(simulator: StripeSimulator, since: int = 0) -> list[str]:
    return [event["type"] for event in simulator.events()[since:]]


class TestHome:
    def test_shows_subscription_cards_and_invoices(
        self, v1: Any, payer: Payer, customer: Any, subscription: Any
    ) -> None:
        configure(v1)

        text = payer.open(enter(v1, customer).url).text

        invoice = v1.invoices.retrieve(subscription.latest_invoice)
        assert "Starter: $29.00 / month" in text
        assert "Visa ending in 4242, expires 12/34" in text
        assert 'href="http://127.0.0.1/account"' in text
        assert f'href="{invoice.hosted_invoice_url}"' in text
        assert f'href="{invoice.invoice_pdf}"' in text

    def test_offers_only_what_is_switched_on(
        self, v1: Any, payer: Payer, customer: Any, subscription: Any
    ) -> None:
        made = v1.billing_portal.configurations.create(
            {"features": {"invoice_history": {"enabled": False}}}
        )

        session = enter(v1, customer, configuration=made.id)
        text = payer.open(session.url).text

        assert "Renews on" in text
        for missing in ("Invoices", "Cancel subscription", "Add a card", "Your details"):
            assert missing not in text
        for path in ("card", f"cancel/{subscription.id}", "details"):
            assert payer.open(f"{session.url}/{path}").status_code == 404

    def test_another_payers_things_do_not_exist(
        self, simulator: StripeSimulator, v1: Any, payer: Payer, subscription: Any, card: Any
    ) -> None:
        configure(v1)
        other = v1.customers.create({"email": "eve@example.test"})
        url = enter(v1, other).url
        before = len(simulator.events())

        for path in (
            f"cancel/{subscription.id}",
            f"keep/{subscription.id}",
            f"cards/{card.id}/remove",
            f"cards/{card.id}/default",
        ):
            assert payer.send(f"{url}/{path}").status_code == 404

        assert types(simulator, before) == []

    def test_is_not_there_for_an_unknown_session(self, payer: Payer) -> None:
        assert payer.open("/p/session/bps_nothing").status_code == 404


class TestCards:
    def test_a_new_card_pays_from_now_on(
        self, simulator: StripeSimulator, v1: Any, payer: Payer, customer: Any, subscription: Any
    ) -> None:
        configure(v1)
        url = enter(v1, customer).url
        before = len(simulator.events())

        shown = payer.send(f"{url}/card", number="5555 5555 5555 4444", **CARD)

        saved = v1.customers.retrieve(customer.id).invoice_settings.default_payment_method
        assert v1.payment_methods.retrieve(saved).card.brand == "mastercard"
        assert v1.subscriptions.retrieve(subscription.id).default_payment_method == saved
        assert "Your card was saved" in shown.text
        assert types(simulator, before) == [
            "setup_intent.created",
            "payment_method.attached",
            "setup_intent.succeeded",
            "customer.updated",
            "customer.subscription.updated",
        ]

    def test_a_declined_card_changes_nothing(
        self, simulator: StripeSimulator, v1: Any, payer: Payer, customer: Any, card: Any
    ) -> None:
        configure(v1)
        url = enter(v1, customer).url

        shown = payer.send(f"{url}/card", number="4000000000000002", **CARD)

        assert shown.status_code == 402
        assert '<div class="alert" role="alert">Your card was declined.</div>' in shown.text
        kept = v1.customers.retrieve(customer.id).invoice_settings.default_payment_method
        assert kept == card.id
        assert len(simulator.events("setup_intent.setup_failed")) == 1

    def test_a_number_that_is_none_is_told_so(self, v1: Any, payer: Payer, customer: Any) -> None:
        configure(v1)

        shown = payer.send(f"{enter(v1, customer).url}/card", number="4242424242424241", **CARD)

        assert "Your card number is incorrect." in shown.text
        assert 'value="Ada"' in shown.text
        assert "4242424242424241" not in shown.text

    @pytest.mark.parametrize("outcome", ["pass", "fail"])
    def test_the_issuer_may_ask_first(
        self, v1: Any, payer: Payer, customer: Any, card: Any, outcome: str
    ) -> None:
        configure(v1)
        asked = payer.send(f"{enter(v1, customer).url}/card", number="4000002500003155", **CARD)

        shown = payer.answer(asked, outcome)

        default = v1.customers.retrieve(customer.id).invoice_settings.default_payment_method
        if outcome == "pass":
            assert "Your card was saved" in shown.text
            assert v1.payment_methods.retrieve(default).card.last4 == "3155"
        else:
            assert "unable to authenticate" in shown.text
            assert default == card.id

    def test_a_saved_card_becomes_the_default(
        self, v1: Any, payer: Payer, customer: Any, subscription: Any
    ) -> None:
        other = v1.payment_methods.attach("pm_card_mastercard", {"customer": customer.id})
        configure(v1)

        payer.send(f"{enter(v1, customer).url}/cards/{other.id}/default")

        found = v1.customers.retrieve(customer.id).invoice_settings.default_payment_method
        assert found == other.id
        assert v1.subscriptions.retrieve(subscription.id).default_payment_method == other.id

    def test_a_card_that_pays_for_something_stays(
        self, v1: Any, payer: Payer, customer: Any, card: Any, subscription: Any
    ) -> None:
        configure(v1)
        url = enter(v1, customer).url
        path = f"{url}/cards/{card.id}/remove"
        assert "Remove" not in payer.open(url).text

        shown = payer.send(path)

        assert "This card pays a subscription" in shown.text
        assert v1.payment_methods.retrieve(card.id).customer == customer.id

    def test_another_card_is_removed(
        self, simulator: StripeSimulator, v1: Any, payer: Payer, customer: Any, subscription: Any
    ) -> None:
        other = v1.payment_methods.attach("pm_card_mastercard", {"customer": customer.id})
        configure(v1)
        before = len(simulator.events())

        shown = payer.send(f"{enter(v1, customer).url}/cards/{other.id}/remove")

        assert "The card was removed." in shown.text
        assert v1.payment_methods.retrieve(other.id).customer is None
        assert "payment_method.detached" in types(simulator, before)


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


class TestDetails:
    def test_are_changed(
        self, simulator: StripeSimulator, v1: Any, payer: Payer, customer: Any
    ) -> None:
        configure(v1)
        url = enter(v1, customer).url

        refused = payer.send(f"{url}/details", email="nobody", name="Ada")
        payer.send(f"{url}/details", email="countess@example.test", name="Ada L", phone="1")

        assert "Please give a valid email address." in refused.text
        changed = v1.customers.retrieve(customer.id)
        assert (changed.email, changed.name) == ("countess@example.test", "Ada L")
        assert changed.phone is None, "the portal does not ask for it here"
        assert len(simulator.events("customer.updated")) == 1


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


class TestConfigurations:
    def test_a_change_leaves_what_it_does_not_name(self, v1: Any) -> None:
        made = configure(v1)

        v1.billing_portal.configurations.update(
            made.id,
            {"name": "Plain", "features": {"invoice_history": {"enabled": False}}},
        )

        found = v1.billing_portal.configurations.retrieve(made.id)
        assert found.name == "Plain"
        assert found.features.invoice_history.enabled is False
        assert found.features.payment_method_update.enabled is True
        assert found.features.customer_update.allowed_updates == ["email", "name"]

    def test_one_that_is_not_active_opens_no_portal(self, v1: Any, customer: Any) -> None:
        made = configure(v1)
        v1.billing_portal.configurations.update(made.id, {"active": False})

        assert v1.billing_portal.configurations.list({"active": True}).data == []
        with pytest.raises(sdk.InvalidRequestError, match="not active"):
            enter(v1, customer, configuration=made.id)

    def test_there_has_to_be_one(self, v1: Any, customer: Any) -> None:
        with pytest.raises(sdk.InvalidRequestError, match="No configuration provided"):
            enter(v1, customer)
