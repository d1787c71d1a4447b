"""Portal and invoice pages as assistive tools, a phone and a keyboard find them."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from tests.simulators.shop import needs_chromium

pytestmark = needs_chromium


@pytest.fixture
def portal(v1: Any, customer: Any, card: Any, price: Any) -> Any:
    """A portal with all there is, for a payer with two cards and an open invoice."""
    larger = v1.prices.create(
        {
            "product": price.product,
            "currency": "usd",
            "unit_amount": 5000,
            "recurring": {"interval": "month"},
        }
    )
    offer = {
        "product": price.product,
        "prices": [price.id, larger.id],
        "adjustable_quantity": {"enabled": True, "maximum": 9},
    }
    v1.billing_portal.configurations.create(
        {
            "business_profile": {"headline": "Ada's Engines"},
            "features": {
                "customer_update": {"enabled": True, "allowed_updates": ["email", "name"]},
                "invoice_history": {"enabled": True},
                "payment_method_update": {"enabled": True},
                "subscription_cancel": {
                    "enabled": True,
                    "cancellation_reason": {"enabled": True, "options": ["unused", "other"]},
                },
                "subscription_update": {
                    "enabled": True,
                    "default_allowed_updates": ["price", "quantity"],
                    "products": [offer],
                },
            },
        }
    )
    v1.payment_methods.attach("pm_card_mastercard", {"customer": customer.id})
    v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id}],
            "payment_behavior": "default_incomplete",
        }
    )
    return v1.billing_portal.sessions.create(
        {"customer": customer.id, "return_url": "http://127.0.0.1/account"}
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits_a_phone(
    v1: Any, page: Page, portal: Any, scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    invoices = {one.status: one for one in v1.invoices.list().data}
    running = v1.subscriptions.list({"status": "active"}).data[0].id
    receipt = v1.charges.list().data[0].receipt_url
    troubles: dict[str, list[str]] = {}
    for url in (
        f"{portal.url}/home?done=card",
        f"{portal.url}/card",
        f"{portal.url}/details",
        f"{portal.url}/cancel/{running}",
        f"{portal.url}/change/{running}",
        invoices["paid"].hosted_invoice_url,
        invoices["open"].hosted_invoice_url,
        receipt,
    ):
        page.goto(url)
        found = [one["id"] for one in Axe().run(page).response["violations"]]
        if not page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"):
            found.append("too wide")
        if page.locator("h1").count() != 1:
            found.append("headings")
        troubles[url] = found

    assert {url: found for url, found in troubles.items() if found} == {}


def test_a_payer_changes_the_card_with_the_keyboard_alone(
    v1: Any, page: Page, portal: Any, customer: Any
) -> None:
    page.goto(portal.url)
    page.get_by_role("link", name="Add a card").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Add a card")).to_be_visible()

    page.get_by_label("Card number").focus()
    for text in ("5555555555554444", "12 / 34", "123", "Ada", "12345"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_role("status")).to_have_text("Your card was saved and pays from now on.")
    default = v1.customers.retrieve(customer.id).invoice_settings.default_payment_method
    assert v1.payment_methods.retrieve(default).card.last4 == "4444"
