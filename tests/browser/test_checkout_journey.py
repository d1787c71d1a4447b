"""The main job in a real browser: register, pay, be active, on any device, whatever goes wrong."""

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import expect as expect_that

from tests.browser.checkout_steps import AT_STRIPE, WITHOUT_A_QUERY, subscriptions_of
from tests.browser.visitor import (
    DECLINED,
    PHONE,
    THREE_D_SECURE,
    Visitor,
)
from tests.stack import Stack

# One system serves them all, so they stay on one worker.
pytestmark = pytest.mark.xdist_group("browser")


class TestJourney:
    def test_from_registration_to_an_active_plan(self, visitor: Visitor) -> None:
        page = visitor.page
        visitor._forget_rate_limits()
        page.goto("/login")
        visitor.assert_accessible()
        page.goto("/register")
        visitor.assert_accessible()
        visitor.fill_registration("Acme")
        page.get_by_role("button", name="Create account").click()
        visitor.heading("Choose a plan")
        visitor.assert_accessible()
        visitor.choose("Starter")
        visitor.heading("Pay for Starter")
        expect_that(visitor.pay_button).to_have_text("Pay $29.00")
        visitor.assert_accessible()
        visitor.pay()
        visitor.heading("Starter is active")
        visitor.assert_accessible()
        expect_that(page).to_have_url(WITHOUT_A_QUERY)
        page.get_by_role("link", name="See your billing").click()
        visitor.heading("Billing")
        expect_that(page.get_by_text("Starter is active.").first).to_be_visible()
        visitor.assert_accessible()

        assert visitor.confirmations() == 1
        assert subscriptions_of(visitor) == 1

    def test_by_the_year(self, visitor: Visitor) -> None:
        visitor.register()
        visitor.page.get_by_role("link", name="Yearly").click()
        expect_that(visitor.page.get_by_text("You save $58 a year")).to_be_visible()
        visitor.choose("Starter")

        expect_that(visitor.pay_button).to_have_text("Pay $290.00")

    def test_free_plan_needs_no_card(self, visitor: Visitor) -> None:
        visitor.register()
        visitor.choose("Free")

        visitor.heading("Free is active")
        visitor.assert_accessible()
        visitor.page.goto("/settings/billing/checkout")
        visitor.assert_accessible()

    def test_impatient_clicks_charge_once(self, visitor: Visitor) -> None:
        visitor.start_checkout()
        visitor.fill_card()
        visitor.pay_button.evaluate("button => { button.click(); button.click(); }")

        visitor.heading("Starter is active")
        assert subscriptions_of(visitor) == 1


class TestDeclined:
    def test_says_so_and_succeeds_with_another_card(self, visitor: Visitor) -> None:
        visitor.start_checkout()
        visitor.pay(DECLINED)

        alert = visitor.page.get_by_role("alert").filter(has_text="The payment was not taken")
        expect_that(alert).to_contain_text("Your card was declined.")
        expect_that(alert).to_be_focused()
        visitor.assert_accessible()
        visitor.pay()
        visitor.heading("Starter is active")
        assert visitor.confirmations() == 1

    def test_says_what_is_missing_without_sending_anything(self, visitor: Visitor) -> None:
        visitor.start_checkout()
        expect_that(visitor.pay_button).to_be_enabled()
        visitor.pay_button.click()

        expect_that(visitor.page.locator("#card-error")).to_contain_text("incomplete")
        expect_that(visitor.pay_button).to_be_enabled()
        visitor.assert_accessible()
        assert subscriptions_of(visitor) == 0


class TestBank:
    def test_yes_leads_to_an_active_plan(self, visitor: Visitor) -> None:
        visitor.start_checkout()
        visitor.pay(THREE_D_SECURE)
        visitor.heading("Confirm with your bank")
        visitor.bank.get_by_role("button", name="Complete authentication").click()

        visitor.heading("Starter is active")
        assert visitor.confirmations() == 1

    def test_no_leads_back_to_the_card(self, visitor: Visitor) -> None:
        visitor.start_checkout()
        visitor.pay(THREE_D_SECURE)
        visitor.bank.get_by_role("button", name="Fail authentication").click()

        expect_that(visitor.page.get_by_text("Your bank did not confirm")).to_be_visible()
        visitor.pay()
        visitor.heading("Starter is active")

    def test_is_left_for_another_card(self, visitor: Visitor) -> None:
        visitor.start_checkout()
        visitor.pay(THREE_D_SECURE)
        visitor.heading("Confirm with your bank")
        expect_that(
            visitor.bank.get_by_role("button", name="Complete authentication")
        ).to_be_visible()
        visitor.assert_accessible()
        form = visitor.page.get_by_role("button", name="Use another card", include_hidden=True)
        form.dispatch_event("click")  # the bank's question covers it, as a real one does
        visitor.heading("Pay for Starter")
        visitor.pay()

        visitor.heading("Starter is active")


class TestKeyboard:
    def test_is_all_that_is_needed(self, visitor: Visitor) -> None:
        keys = visitor.page.keyboard
        visitor.register()
        visitor.tab_to("Choose Starter")
        keys.press("Enter")
        visitor.heading("Pay for Starter")
        expect_that(visitor.pay_button).to_be_enabled()
        visitor.tab_to("Name on the card")
        keys.type("Vera Visitor")
        keys.press("Tab")
        for text in ("4242424242424242", "1234", "123"):
            keys.type(text)
            keys.press("Tab")
        expect_that(visitor.pay_button).to_be_focused()
        keys.press("Enter")

        visitor.heading("Starter is active")
        visitor.tab_to("See your billing")
        keys.press("Enter")
        visitor.heading("Billing")


class TestDevices:
    def test_phone_shows_every_page_without_scrolling_sideways(
        self, chromium: Browser, stack: Stack
    ) -> None:
        profile = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
        with Visitor.arrive(chromium, stack, **profile) as visitor:
            visitor.register()
            visitor.assert_fits()
            visitor.choose("Professional")
            visitor.heading("Pay for Professional")
            visitor.assert_accessible()
            visitor.pay(DECLINED)
            expect_that(visitor.page.get_by_text("The payment was not taken")).to_be_visible()
            visitor.assert_fits()
            visitor.pay()
            visitor.heading("Professional is active")
            visitor.assert_fits()
            visitor.page.goto("/settings/billing")
            visitor.assert_accessible()
            visitor.assert_nothing_odd()

    def test_card_field_is_dark_in_the_dark(self, chromium: Browser, stack: Stack) -> None:
        with Visitor.arrive(chromium, stack, color_scheme="dark") as visitor:
            visitor.start_checkout()
            number = visitor.card.get_by_label("Card number")
            expect_that(number).to_have_css("color", "rgb(233, 237, 245)")
            visitor.page.emulate_media(color_scheme="light")
            expect_that(number).to_have_css("color", "rgb(26, 33, 48)")

    def test_without_scripts_the_providers_page_is_the_way(
        self, chromium: Browser, stack: Stack
    ) -> None:
        with Visitor.arrive(chromium, stack, java_script_enabled=False) as visitor:
            visitor.start_checkout()
            notice = visitor.page.locator("noscript p")  # Playwright's texts leave noscript out
            expect_that(notice).to_contain_text("The secure card field needs JavaScript")
            expect_that(notice).to_be_visible()
            expect_that(visitor.pay_button).to_be_hidden()
            visitor.page.get_by_role("button", name=AT_STRIPE).click()
            visitor.pay_at_provider()

            visitor.heading("Starter is active")
            visitor.assert_nothing_odd()
