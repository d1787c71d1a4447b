"""Stripe.js, its card frame and the challenge, in a real browser."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.simulators.receiver import Receiver
from tests.simulators.shop import needs_chromium
from tests.simulators.stripe.client import StripeSimulator

pytestmark = needs_chromium


def type_card(page: Page, number: str, title: str = "Secure card payment input frame") -> None:
    frame = page.frame_locator(f"iframe[title='{title}']")
    frame.get_by_label("Card number").fill("")
    frame.get_by_label("Card number").press_sequentially(number)
    frame.get_by_label("Expiration date").fill("12 / 34")
    frame.get_by_label("Security code").fill("123")
    frame.get_by_label("Postal code").fill("12345")
    expect(page.locator("body")).to_have_attribute("data-change", "true")


def open_shop(page: Page, shop: Receiver, call: str) -> None:
    page.goto(f"{shop.url}/")
    page.evaluate(f"() => {{ {call} }}")
    expect(page.locator("body")).to_have_attribute("data-ready", "yes")


def result(page: Page, call: str) -> Any:
    """Start a call; return what Stripe.js answers once it does."""
    page.evaluate(f"() => report({call})")
    return awaited(page)


def awaited(page: Page) -> Any:
    expect(page.locator("#result")).not_to_be_empty()
    return json.loads(page.locator("#result").inner_text())


def answer_challenge(page: Page, button: str) -> None:
    frame = page.frame_locator("iframe[title='Card authentication']")
    frame.get_by_role("button", name=button).click()


class TestCardElement:
    def test_makes_a_card_that_only_the_simulator_has_seen(
        self, simulator: StripeSimulator, page: Page, shop: Receiver
    ) -> None:
        open_shop(page, shop, 'mount("card", {}, {style: {base: {fontSize: "18px"}}})')
        type_card(page, "4242424242424242")

        made = result(
            page,
            'stripe.createPaymentMethod({type: "card", card, billing_details: {name: "Ada"}})',
        )

        assert made["paymentMethod"]["card"]["last4"] == "4242"
        assert made["paymentMethod"]["billing_details"]["name"] == "Ada"
        assert made["paymentMethod"]["billing_details"]["address"]["postal_code"] == "12345"
        assert simulator.objects("payment_method")[0]["id"] == made["paymentMethod"]["id"]
        assert "4242424242424242" not in page.content()

    def test_says_what_is_missing_instead_of_sending_it(
        self, simulator: StripeSimulator, page: Page, shop: Receiver
    ) -> None:
        open_shop(page, shop, 'mount("card", {})')

        made = result(page, 'stripe.createPaymentMethod({type: "card", card})')

        assert made["error"]["type"] == "validation_error"
        assert made["error"]["code"] == "incomplete_number"
        assert simulator.objects("payment_method") == []

    @pytest.mark.parametrize(
        ("button", "status"), [("Complete", "succeeded"), ("Fail", "requires_payment_method")]
    )
    def test_a_3ds_card_asks_its_holder(
        self,
        simulator: StripeSimulator,
        v1: Any,
        page: Page,
        shop: Receiver,
        button: str,
        status: str,
    ) -> None:
        intent = v1.payment_intents.create({"amount": 500, "currency": "usd"})
        open_shop(page, shop, 'mount("card", {})')
        type_card(page, "4000002500003155")

        secret = json.dumps(intent.client_secret)
        page.evaluate(
            f"() => report(stripe.confirmCardPayment({secret}, {{payment_method: {{card}}}}))"
        )
        answer_challenge(page, f"{button} authentication")
        answer = awaited(page)

        assert v1.payment_intents.retrieve(intent.id).status == status
        if button == "Complete":
            assert answer["paymentIntent"]["status"] == "succeeded"
        else:
            assert answer["error"]["code"] == "payment_intent_authentication_failure"
        expect(page.get_by_role("dialog")).to_have_count(0)

    def test_a_server_may_hand_the_challenge_to_the_page(
        self, v1: Any, page: Page, shop: Receiver
    ) -> None:
        intent = v1.setup_intents.create(
            {
                "confirm": True,
                "payment_method": "pm_card_authenticationRequiredOnSetup",
                "payment_method_types": ["card"],
            }
        )
        open_shop(page, shop, 'mount("card", {})')

        secret = json.dumps(intent.client_secret)
        page.evaluate(f"() => report(stripe.handleNextAction({{clientSecret: {secret}}}))")
        answer_challenge(page, "Complete authentication")

        assert awaited(page)["setupIntent"]["status"] == "succeeded"

    def test_can_be_used_with_the_keyboard_alone(self, page: Page, shop: Receiver) -> None:
        open_shop(page, shop, 'mount("card", {})')

        page.evaluate("() => card.focus()")
        expect(page.locator("body")).to_have_attribute("data-focus", "yes")
        for text in ("5555555555554444", "1234", "123", "12345"):
            page.keyboard.type(text)
            page.keyboard.press("Tab")

        expect(page.locator("body")).to_have_attribute("data-change", "true")
        expect(page.locator("#card")).to_have_class("StripeElement StripeElement--complete")


class TestSetup:
    def intent(self, v1: Any, customer: Any) -> Any:
        return v1.setup_intents.create({"customer": customer.id, "usage": "off_session"})

    @pytest.mark.parametrize("number", ["4242424242424242", "4000002500003155"])
    def test_a_card_element_saves_a_card(
        self, v1: Any, page: Page, shop: Receiver, customer: Any, number: str
    ) -> None:
        secret = json.dumps(self.intent(v1, customer).client_secret)
        open_shop(page, shop, 'mount("card", {})')
        type_card(page, number)

        method = "{payment_method: {card, billing_details: {name: 'Ada'}}}"
        page.evaluate(f"() => report(stripe.confirmCardSetup({secret}, {method}))")
        if number == "4000002500003155":
            answer_challenge(page, "Complete authentication")
        answer = awaited(page)

        (saved,) = v1.payment_methods.list({"customer": customer.id}).data
        assert answer["setupIntent"]["status"] == "succeeded"
        assert answer["setupIntent"]["payment_method"] == saved.id
        assert saved.card.last4 == number[-4:]

    def test_a_payment_element_saves_a_card_without_leaving(
        self, v1: Any, page: Page, shop: Receiver, customer: Any
    ) -> None:
        secret = self.intent(v1, customer).client_secret
        open_shop(page, shop, f'mount("payment", {{clientSecret: "{secret}"}})')
        type_card(page, "4000000000000002", TestPaymentElement.FRAME)
        confirm = (
            f"stripe.confirmSetup({{elements, redirect: 'if_required', "
            f"confirmParams: {{return_url: '{shop.url}/'}}}})"
        )

        declined = result(page, confirm)
        type_card(page, "5555555555554444", TestPaymentElement.FRAME)
        saved = result(page, confirm)

        assert declined["error"]["code"] == "card_declined"
        assert saved["setupIntent"]["status"] == "succeeded"
        assert v1.payment_methods.list({"customer": customer.id}).data[0].card.last4 == "4444"

    def test_an_intent_can_be_looked_up_with_its_secret_only(
        self, v1: Any, page: Page, shop: Receiver, customer: Any
    ) -> None:
        setup = self.intent(v1, customer)
        payment = v1.payment_intents.create({"amount": 500, "currency": "usd"})
        open_shop(page, shop, 'mount("card", {})')

        found = result(page, f'stripe.retrieveSetupIntent("{setup.client_secret}")')
        paid = result(page, f'stripe.retrievePaymentIntent("{payment.client_secret}")')
        refused = result(page, f'stripe.retrieveSetupIntent("{setup.id}_secret_guessed")')

        assert found["setupIntent"]["id"] == setup.id
        assert paid["paymentIntent"]["amount"] == 500
        assert refused["error"]["code"] == "setup_intent_invalid_parameter"

    def test_works_with_and_without_new(self, page: Page, shop: Receiver) -> None:
        open_shop(page, shop, 'mount("card", {})')

        made = page.evaluate(
            "() => [Stripe('pk_test_1234567890'), new Stripe('pk_test_1234567890')]"
            ".map((one) => typeof one.confirmSetup)"
        )

        assert made == ["function", "function"]
        for key in ("sk_test_1234567890", "pk_live_1234567890"):
            refused = page.evaluate(
                "(key) => { try { Stripe(key) } catch (error) { return error.name } }", key
            )
            assert refused == "IntegrationError"


class TestPaymentElement:
    FRAME = "Secure payment input frame"

    def test_collects_first_and_makes_the_card_afterwards(self, page: Page, shop: Receiver) -> None:
        open_shop(
            page, shop, 'mount("payment", {mode: "subscription", amount: 2900, currency: "usd"})'
        )
        assert "submit" in result(page, "stripe.createPaymentMethod({elements})")["thrown"]
        type_card(page, "4242424242424242", self.FRAME)

        assert result(page, "elements.submit()") == {"selectedPaymentMethod": "card"}
        made = result(page, "stripe.createPaymentMethod({elements})")

        assert made["paymentMethod"]["card"]["brand"] == "visa"

    def test_confirms_and_returns_to_the_shop(self, v1: Any, page: Page, shop: Receiver) -> None:
        intent = v1.payment_intents.create({"amount": 500, "currency": "usd"})
        open_shop(page, shop, f'mount("payment", {{clientSecret: "{intent.client_secret}"}})')
        type_card(page, "4000000000009995", self.FRAME)
        confirm = (
            f"stripe.confirmPayment({{elements, confirmParams: {{return_url: '{shop.url}/?r'}}}})"
        )

        declined = result(page, confirm)
        type_card(page, "4242424242424242", self.FRAME)
        page.evaluate(f"() => report({confirm})")
        page.wait_for_url(f"{shop.url}/?r=&payment_intent=*")

        assert declined["error"]["decline_code"] == "insufficient_funds"
        assert f"payment_intent={intent.id}" in page.url
        assert "redirect_status=succeeded" in page.url
