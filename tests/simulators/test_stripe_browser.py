"""Stripe.js, its card frame, the challenge and the hosted page, in a real browser."""

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.simulators.receiver import Receiver
from tests.simulators.stripe.client import PUBLISHABLE_KEY, StripeSimulator

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]

pytestmark = pytest.mark.skipif(
    not pathlib.Path(CHROMIUM).exists(),
    reason=f"NOT TESTED: there is no {CHROMIUM}, so nothing is known about the browser side",
)

SHOP = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title>
<h1>Shop</h1><div id="card"></div><p id="result"></p>
<script src="%s/dahlia/stripe.js"></script><script src="/shop.js"></script></html>"""

# Every promise ends in #result, so that a test can wait for it.
SCRIPT = """
const stripe = Stripe(%s);
let elements, card;
function mount(type, options, look) {
  elements = stripe.elements(options);
  card = elements.create(type, look);
  for (const name of ["ready", "change", "focus", "blur"]) {
    card.on(name, (event) => {
      document.body.dataset[name] = name === "change" ? String(event.complete) : "yes";
    });
  }
  card.mount("#card");
}
function report(promise) {
  document.querySelector("#result").textContent = "";
  promise.then(
    (value) => { document.querySelector("#result").textContent = JSON.stringify(value); },
    (error) => { document.querySelector("#result").textContent = JSON.stringify(
      { thrown: error.message }); }
  );
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def shop(simulator: StripeSimulator) -> Iterator[Receiver]:
    """A page of ours, under the policy that the product's pages have."""
    origin = simulator.base_url
    policy = (
        f"default-src 'none'; script-src 'self' {origin}; frame-src {origin}; "
        f"connect-src 'self' {origin}; style-src 'self'"
    )
    pages = {
        "/": ("text/html", SHOP % origin),
        "/shop.js": ("text/javascript", SCRIPT % json.dumps(PUBLISHABLE_KEY)),
    }
    server = Receiver(pages, policy)
    yield server
    server.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which nothing may break the policy or throw."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "console",
        lambda message: (
            troubles.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield page
    context.close()
    assert troubles == []


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


class TestHostedCheckout:
    def open_session(self, v1: Any, shop: Receiver, price: Any) -> Any:
        return v1.checkout.sessions.create(
            {
                "mode": "subscription",
                "line_items": [{"price": price.id, "quantity": 1}],
                "success_url": f"{shop.url}/?paid={{CHECKOUT_SESSION_ID}}",
                "cancel_url": f"{shop.url}/?left",
            }
        )

    def pay(self, page: Page, number: str) -> None:
        page.get_by_label("Email").fill("ada@example.test")
        page.get_by_label("Card number").fill(number)
        page.get_by_label("Expiration date").fill("12 / 34")
        page.get_by_label("Security code").fill("123")
        page.get_by_label("Name on card").fill("Ada")
        page.get_by_label("Postal code").fill("12345")
        page.get_by_role("button", name="Subscribe").click()

    def test_a_decline_can_be_retried_and_3ds_leads_to_the_shop(
        self, v1: Any, page: Page, shop: Receiver, price: Any
    ) -> None:
        session = self.open_session(v1, shop, price)
        page.goto(session.url)

        self.pay(page, "4000000000000002")
        expect(page.get_by_role("alert")).to_have_text("Your card was declined.")
        self.pay(page, "4000002760003184")
        page.get_by_role("button", name="Fail authentication").click()
        expect(page.get_by_role("alert")).to_contain_text("unable to authenticate")
        self.pay(page, "4000002760003184")
        page.get_by_role("button", name="Complete authentication").click()
        page.wait_for_url(f"{shop.url}/?paid={session.id}")

        done = v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
        assert (done.status, done.payment_status) == ("complete", "paid")
        assert done.subscription.status == "active"
        assert len(v1.subscriptions.list({"status": "all"}).data) == 1

    def test_back_leads_to_the_cancel_url(
        self, v1: Any, page: Page, shop: Receiver, price: Any
    ) -> None:
        page.goto(self.open_session(v1, shop, price).url)

        page.get_by_role("link", name="Back").click()

        page.wait_for_url(f"{shop.url}/?left")

    def test_an_expired_session_takes_no_card(
        self, v1: Any, page: Page, shop: Receiver, price: Any
    ) -> None:
        session = self.open_session(v1, shop, price)
        v1.checkout.sessions.expire(session.id)

        page.goto(session.url)

        expect(page.get_by_role("heading")).to_have_text("This checkout has expired")

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_is_accessible_and_fits_a_phone(
        self, v1: Any, page: Page, shop: Receiver, price: Any, scheme: Any
    ) -> None:
        page.emulate_media(color_scheme=scheme)
        page.goto(self.open_session(v1, shop, price).url)

        found = Axe().run(page)

        assert [violation["id"] for violation in found.response["violations"]] == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_frame_and_the_challenge_are_accessible(
    v1: Any, page: Page, simulator: StripeSimulator
) -> None:
    intent = v1.payment_intents.create(
        {
            "amount": 500,
            "currency": "usd",
            "confirm": True,
            "payment_method": "pm_card_authenticationRequired",
            "payment_method_types": ["card"],
        }
    )
    found = {}
    for path in (
        "/elements/frame?type=card",
        "/elements/frame?type=payment",
        f"/3ds/{intent.id}?client_secret={intent.client_secret}",
    ):
        page.goto(f"{simulator.base_url}{path}")
        # A frame has no landmarks of its own: it is a part of the page around it.
        rules = {
            "rules": {
                "region": {"enabled": False},
                "landmark-one-main": {"enabled": False},
                "page-has-heading-one": {"enabled": False},
            }
        }
        violations = Axe().run(page, options=rules).response["violations"]
        found[path] = [violation["id"] for violation in violations]

    assert set(map(tuple, found.values())) == {()}, found
