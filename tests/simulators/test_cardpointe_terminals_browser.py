"""The page of a card reader in a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.terminals.readers import HSN
from tests.simulators.reader_steps import Till, error
from tests.simulators.shop import needs_chromium

pytestmark = needs_chromium


@pytest.fixture
def plain_page(browser: Browser) -> Iterator[Page]:
    """A page of somebody whose browser runs no scripts."""
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


class TestPage:
    def test_follows_the_reader_and_takes_a_card(
        self, gateway: CardPointeSimulator, page: Page
    ) -> None:
        page.goto(gateway.reader_page(HSN))
        expect(page.get_by_text("Ready")).to_be_visible()
        expect(page.get_by_role("button", name="Tap")).to_have_count(0)
        asked = Till(gateway).start()

        # It was not loaded again by hand.
        expect(page.get_by_role("status")).to_contain_text("49.00 USD")
        page.get_by_label("Card").select_option("Discover")
        page.get_by_role("button", name="Tap").click()

        assert asked.result().json()["authcode"] == "PPS015"
        expect(page.get_by_role("status")).to_have_text("Approved")
        expect(page.get_by_text("Last payment: Approved, 49.00")).to_be_visible()

    def test_works_without_scripts(self, gateway: CardPointeSimulator, plain_page: Page) -> None:
        plain_page.goto(gateway.reader_page(HSN))
        asked = Till(gateway).start()

        # The page loads itself again.
        plain_page.get_by_role("button", name="Cancel").click(timeout=10_000)

        assert error(asked.result()) == (500, 8, "Operation Cancelled")
        expect(plain_page.get_by_text("Last payment: Operation Cancelled")).to_be_visible()
        plain_page.get_by_role("button", name="Unplug").click()
        expect(plain_page.get_by_text("Unplugged")).to_be_visible()
        plain_page.get_by_role("button", name="Plug in").click()
        expect(plain_page.get_by_text("Ready")).to_be_visible()

    def test_keeps_what_is_typed_while_it_follows(
        self, gateway: CardPointeSimulator, page: Page
    ) -> None:
        asked = Till(gateway).start("readInput", prompt="Post code?", format="N5")
        page.goto(gateway.reader_page(HSN))
        field = page.get_by_label("Input")
        field.fill("123")

        with page.expect_response(lambda answer: answer.url == page.url):
            pass  # it looks again
        field.press("End")
        field.press_sequentially("45")
        field.press("Enter")

        assert asked.result().json()["input"] == "12345"

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("endpoint", ["", "authCard", "authManual", "readInput", "tip"])
    def test_is_accessible_and_fits_a_phone(
        self, gateway: CardPointeSimulator, page: Page, endpoint: str, scheme: Any
    ) -> None:
        page.emulate_media(color_scheme=scheme)
        if endpoint:
            asked = {"amount": 100, "prompt": "x" * 500, "format": "N5", "orderId": "ORDER"}
            Till(gateway).start(endpoint, **asked)
        page.goto(gateway.reader_page(HSN))

        assert [one["id"] for one in Axe().run(page).response["violations"]] == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
