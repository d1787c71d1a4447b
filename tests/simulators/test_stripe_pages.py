"""The hosted pages in a real browser: checkout on a phone, and what assistive tools find."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import FrameLocator, Page, expect

from tests.simulators.receiver import Receiver
from tests.simulators.shop import needs_chromium
from tests.simulators.stripe.client import StripeSimulator

pytestmark = needs_chromium


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


class TestEmbeddedCheckout:
    def open_session(self, v1: Any, shop: Receiver, price: Any, **more: str) -> Any:
        return v1.checkout.sessions.create(
            {
                "mode": "subscription",
                "ui_mode": "embedded_page",
                "line_items": [{"price": price.id, "quantity": 1}],
                **({"return_url": f"{shop.url}/?back={{CHECKOUT_SESSION_ID}}"} | more),
            }
        )

    def mount(self, page: Page, shop: Receiver, session: Any) -> None:
        page.goto(f"{shop.url}/")
        page.evaluate(
            """async (secret) => {
                const checkout = await stripe.createEmbeddedCheckoutPage({
                    fetchClientSecret: async () => secret,
                    onComplete: () => { document.body.dataset.complete = "yes"; },
                });
                checkout.mount("#card");
            }""",
            session.client_secret,
        )

    def pay(self, page: Page, number: str) -> FrameLocator:
        frame = page.frame_locator("iframe[title='Secure checkout']")
        frame.get_by_label("Email").fill("ada@example.test")
        frame.get_by_label("Card number").fill(number)
        frame.get_by_label("Expiration date").fill("12 / 34")
        frame.get_by_label("Security code").fill("123")
        frame.get_by_label("Name on card").fill("Ada")
        frame.get_by_label("Postal code").fill("12345")
        frame.get_by_role("button", name="Subscribe").click()
        return frame

    def test_declines_asks_and_leads_the_shop_on(
        self, v1: Any, page: Page, shop: Receiver, price: Any
    ) -> None:
        session = self.open_session(v1, shop, price)
        self.mount(page, shop, session)

        frame = self.pay(page, "4000000000000002")
        expect(frame.get_by_role("alert")).to_have_text("Your card was declined.")
        self.pay(page, "4000002760003184")
        frame.get_by_role("button", name="Complete authentication").click()
        page.wait_for_url(f"{shop.url}/?back={session.id}")

        assert v1.checkout.sessions.retrieve(session.id).payment_status == "paid"

    def test_stays_in_the_shop_if_it_is_never_to_leave(
        self, v1: Any, page: Page, shop: Receiver, price: Any
    ) -> None:
        session = self.open_session(v1, shop, price, redirect_on_completion="never", return_url="")
        self.mount(page, shop, session)

        frame = self.pay(page, "4242424242424242")

        expect(frame.get_by_role("heading")).to_have_text("Thank you")
        expect(page.locator("body")).to_have_attribute("data-complete", "yes")
        assert page.url == f"{shop.url}/"

    def test_is_as_high_as_its_content(
        self, v1: Any, page: Page, shop: Receiver, price: Any
    ) -> None:
        self.mount(page, shop, self.open_session(v1, shop, price))

        expect(page.locator("iframe")).not_to_have_css("height", "720px")
        inner = page.frames[-1]
        assert inner.evaluate(
            "document.documentElement.scrollHeight <= window.innerHeight + 1 "
            "&& document.documentElement.scrollWidth <= window.innerWidth"
        )

    def test_opens_to_nobody_without_the_secret(
        self, v1: Any, page: Page, shop: Receiver, price: Any, simulator: StripeSimulator
    ) -> None:
        session = self.open_session(v1, shop, price)

        answer = page.goto(f"{simulator.base_url}/c/pay/{session.id}")

        assert answer is not None
        assert answer.status == 404
        assert session.url is None

    def test_names_what_took_the_place_of_what_is_gone(self, page: Page, shop: Receiver) -> None:
        page.goto(f"{shop.url}/")

        refused = page.evaluate(
            "() => { try { stripe.initEmbeddedCheckout({}) } catch (error) "
            "{ return error.message } }"
        )

        assert "createEmbeddedCheckoutPage" in refused


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
