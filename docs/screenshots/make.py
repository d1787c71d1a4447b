# ruff: noqa: INP001 - a script, not a package
"""Take the pictures of this folder: `make demo` first, then `python docs/screenshots/make.py`.

`BASE_URL` names another address. Every run registers a new organization.
"""

import os
import shutil
import uuid
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).resolve().parent
BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8000")
DESKTOP = {"width": 1180, "height": 820}
PHONE = {"width": 360, "height": 740}
CARD = {"Card number": "4242424242424242", "Expiration date": "1234", "Security code": "123"}


def shoot(page: Page, name: str) -> None:
    """Save the page as it is, in full length."""
    page.wait_for_load_state("networkidle")
    page.evaluate("document.activeElement.blur()")
    page.screenshot(path=HERE / f"{name}.png", full_page=True)


def register(page: Page) -> None:
    """Create an organization."""
    page.goto("/register")
    page.get_by_label("Organization").fill("Bistro Lumière")
    page.get_by_label("E-mail").fill(f"vera+{uuid.uuid4().hex[:6]}@bistro.example")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Create account").click()
    page.get_by_role("heading", name="Choose a plan").wait_for()


def choose(page: Page) -> None:
    """Get to the card form of Starter."""
    page.goto("/settings/billing/checkout")
    page.get_by_role("button", name="Choose Starter").click()
    page.locator("[data-pay]:enabled").wait_for()


def fill(page: Page) -> None:
    """Type a test card into the provider's frame."""
    page.get_by_label("Name on the card").fill("Vera Lumière")
    frame = page.frame_locator("#card-element iframe")
    for label, text in CARD.items():
        frame.get_by_label(label).press_sequentially(text)


def quote(page: Page) -> None:
    """Ask what a larger plan costs."""
    page.goto("/settings/billing/plan")
    page.get_by_role("radio", name="Professional").check()
    page.get_by_label("Seats").fill("2")
    shoot(page, "change")
    page.get_by_role("button", name="See the price").click()
    page.get_by_role("heading", name="Change to Professional").wait_for()


def take(browser: Browser) -> None:
    """Walk through the checkout once, look at it on three devices, and change the plan."""
    context = browser.new_context(base_url=BASE_URL, viewport=DESKTOP)
    page = context.new_page()
    register(page)
    shoot(page, "plans")
    choose(page)
    cookies = context.storage_state()
    address = page.url
    phone = browser.new_context(base_url=BASE_URL, viewport=PHONE, storage_state=cookies)
    on_phone = phone.new_page()
    on_phone.goto(address)
    on_phone.locator("[data-pay]:enabled").wait_for()
    shoot(on_phone, "phone")
    dark = browser.new_context(
        base_url=BASE_URL, viewport=DESKTOP, storage_state=cookies, color_scheme="dark"
    )
    in_the_dark = dark.new_page()
    in_the_dark.goto(address)
    in_the_dark.locator("[data-pay]:enabled").wait_for()
    fill(in_the_dark)
    shoot(in_the_dark, "dark")
    fill(page)
    shoot(page, "checkout")
    page.locator("[data-pay]").click()
    page.get_by_role("heading", name="Starter is active").wait_for()
    shoot(page, "succeeded")
    page.goto("/settings/billing")
    shoot(page, "overview")
    quote(page)
    shoot(page, "quote")
    page.get_by_role("button", name="now and switch").click()
    page.get_by_text("Done. It is Professional").wait_for()
    page.goto("/settings/billing/invoices")
    shoot(page, "invoices")
    page.locator(".people__name a").first.click()
    page.get_by_role("link", name="Download PDF").wait_for()
    shoot(page, "invoice")


def main() -> None:
    """Take all of them."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        take(browser)
        browser.close()


if __name__ == "__main__":
    main()
