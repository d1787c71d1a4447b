"""The customer portal, as a payer without JavaScript uses it."""

from typing import Any

import pytest
import stripe as sdk

from tests.simulators.payer import CARD, Payer
from tests.simulators.portal_steps import configure, enter, types
from tests.simulators.stripe.client import StripeSimulator


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
