"""The life of a subscription on a phone, without scripts and by keyboard."""

import re

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import expect as expect_that

from tests.browser.life_steps import (
    OVERVIEW,
    PAY_AND_SWITCH,
    see_the_price,
    start,
)
from tests.browser.visitor import PHONE, Visitor
from tests.stack import Stack

# One system serves them all, so they stay on one worker.
pytestmark = pytest.mark.xdist_group("browser")


class TestDevices:
    def test_phone_shows_every_page_without_scrolling_sideways(
        self, chromium: Browser, stack: Stack
    ) -> None:
        profile = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
        with Visitor.arrive(chromium, stack, **profile) as visitor:
            start(visitor)
            visitor.assert_fits()
            for path in (
                "/plan",
                "/cancel",
                "/payment-methods",
                "/payment-methods/new",
                "/invoices",
            ):
                visitor.page.goto(OVERVIEW + path)
                visitor.assert_accessible()
            visitor.page.goto(f"{OVERVIEW}/invoices")
            visitor.page.locator(".people__name a").first.click()
            visitor.page.get_by_role("link", name="Download PDF").wait_for()
            visitor.assert_accessible()
            see_the_price(visitor)
            visitor.assert_accessible()
            visitor.assert_nothing_odd()

    def test_without_scripts_the_plan_is_changed_and_cancelled(
        self, visitor: Visitor, chromium: Browser, stack: Stack
    ) -> None:
        start(visitor)
        cookies = visitor.context.storage_state()
        with Visitor.arrive(
            chromium, stack, java_script_enabled=False, storage_state=cookies
        ) as plain:
            see_the_price(plain)
            plain.page.get_by_role("button", name=PAY_AND_SWITCH).click()
            done = plain.page.get_by_text("Done. It is Professional, 1 seat now.")
            expect_that(done).to_be_visible()
            plain.page.get_by_role("link", name="Cancel Professional").click()
            plain.page.get_by_role("button", name="Cancel Professional").click()
            expect_that(plain.page.get_by_role("button", name="Keep Professional")).to_be_visible()
            plain.page.goto(f"{OVERVIEW}/payment-methods/new")
            notice = plain.page.locator("noscript p")
            expect_that(notice).to_contain_text("The secure card field needs JavaScript")
            plain.page.get_by_role("button", name="Add it on Stripe").click()
            plain.page.wait_for_url(re.compile("/p/session/|portal|/session"))
            plain.assert_nothing_odd()


class TestKeyboard:
    def test_is_all_that_a_change_needs(self, visitor: Visitor) -> None:
        keys = visitor.page.keyboard
        start(visitor)
        visitor.tab_to("Change plan or seats")
        keys.press("Enter")
        visitor.heading("Change plan")
        visitor.tab_to("Monthly")
        visitor.tab_to("Starter")
        keys.press("ArrowDown")
        expect_that(visitor.page.get_by_role("radio", name="Professional")).to_be_checked()
        visitor.tab_to("See the price")
        keys.press("Enter")
        visitor.heading("Change to Professional")
        visitor.tab_to("now and switch")
        keys.press("Enter")

        done = visitor.page.get_by_text("Done. It is Professional, 1 seat now.")
        expect_that(done).to_be_visible()
