"""Card readers in a real browser: registered, followed live while a card is taken, a receipt."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect as expect_that

from tests.browser.visitor import PHONE, Visitor

# One system serves them all, so they stay on one worker.
pytestmark = pytest.mark.xdist_group("browser")


def make_key(visitor: Visitor) -> str:
    """Make the key of a till, as its owner does."""
    page = visitor.page
    page.goto("/settings/api-keys")
    page.get_by_label("Name").fill("Till 3")
    page.get_by_label("terminals:write").check()
    page.get_by_role("button", name="Make the key").click()
    secret = page.locator(".secret")
    expect_that(secret).to_have_text(re.compile("^till_test_"))
    return secret.inner_text()


def ask_for(visitor: Visitor, key: str, terminal_id: str, reference: str) -> Any:
    """Have the till ask for a payment at the reader."""
    answer = httpx.post(
        f"{visitor.stack.base_url}/api/v1/payments/terminal/intent",
        json={"terminal_id": terminal_id, "amount": 1250, "process": True, "reference": reference},
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


class TestCardReaders:
    def test_are_followed_live_while_a_card_is_taken(self, visitor: Visitor) -> None:
        page, simulator = visitor.page, visitor.stack.simulator
        made = simulator.api(
            "POST",
            "/v1/terminal/readers",
            {"registration_code": "simulated-s700", "location": "tml_simulated"},
        )
        reader = made.json()["id"]
        visitor.register("Blue Bistro")
        key = make_key(visitor)
        page.get_by_role("link", name="Card readers").click()
        visitor.heading("Card readers")
        visitor.assert_accessible()

        page.get_by_role("textbox", name="Reader").fill("tmr_none")
        page.get_by_role("button", name="Register").click()
        expect_that(page.get_by_role("alert")).to_contain_text("has no such reader")
        visitor.assert_accessible()
        page.get_by_role("textbox", name="Reader").fill(reader)
        page.get_by_role("textbox", name="Name").fill("Front counter")
        page.get_by_role("button", name="Register").click()
        expect_that(page.get_by_text("Front counter is registered.")).to_be_visible()
        row = page.locator(".people__row")
        expect_that(row).to_contain_text("Online")
        visitor.assert_accessible()

        # Nobody touches the page from here on: it follows by itself.
        link = row.get_by_role("link", name="Front counter")
        terminal_id = str(link.get_attribute("href")).rpartition("/")[2]
        ask_for(visitor, key, terminal_id, "Table 7")
        expect_that(row).to_contain_text("Busy")
        expect_that(row).to_contain_text("Table 7 of $12.50, started by Till 3")
        visitor.assert_accessible()
        row.get_by_role("link", name="Table 7").click()
        visitor.heading("Table 7")
        expect_that(page.locator(".status")).to_have_text("At the reader")
        visitor.assert_accessible()
        simulator.at_reader(reader)
        expect_that(page.locator(".status")).to_have_text("Paid")
        receipt = page.get_by_role("region", name=re.compile("^Receipt"))
        expect_that(receipt).to_contain_text("Blue Bistro")
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a TypedDict of the same shape
        visitor.assert_accessible()

        page.get_by_label("E-mail").fill("guest@example.com")
        page.get_by_role("button", name="Send").click()
        expect_that(
            page.get_by_text("The receipt is on its way to guest@example.com.")
        ).to_be_visible()
        page.get_by_role("link", name="Front counter").click()
        visitor.heading("Front counter")
        expect_that(page.get_by_text("1 payment, $12.50")).to_be_visible()
        visitor.assert_accessible()
        page.get_by_role("link", name="Remove the reader").click()
        visitor.heading("Remove Front counter?")
        visitor.assert_accessible()
        page.get_by_role("button", name="Remove the reader").click()
        expect_that(page.get_by_text("Front counter was removed.")).to_be_visible()

        visitor.tolerate("status of 400")  # what was refused above
