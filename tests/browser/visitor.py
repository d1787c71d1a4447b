"""Somebody at a browser: what people do there, and what must never happen meanwhile."""

import contextlib
import itertools
import re
from collections.abc import Iterator
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import redis
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # ships no types
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, FrameLocator, Page, Request
from playwright.sync_api import expect as expect_that

from config import processes
from tests.stack import Stack

Options = dict[str, Any]

PASSWORD = "correct horse battery"
GOOD, DECLINED, THREE_D_SECURE = "4242424242424242", "4000000000000002", "4000002500003155"
PHONE = {"width": 360, "height": 740}
_AXE: Options = {"resultTypes": ["violations"], "iframes": False}
_PATIENCE_MS = 20_000
_NAMES = itertools.count(1)
_UNWANTED = {"serious", "critical"}
_WIDER_THAN_THE_SCREEN = "document.documentElement.scrollWidth > window.innerWidth"


class Visitor:
    """A fresh browser profile with one page."""

    def __init__(self, context: BrowserContext, stack: Stack) -> None:
        self.context, self.stack = context, stack
        self.email = f"visitor{next(_NAMES)}@example.com"
        self.odd: list[str] = []
        self.tolerated: list[str] = []
        self._axe = Axe()
        context.set_default_timeout(_PATIENCE_MS)
        expect_that.set_options(timeout=_PATIENCE_MS)
        context.on("request", self._on_request)
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self.odd.append(f"script: {error.error}"))
        self.page: Page = context.new_page()

    @classmethod
    @contextlib.contextmanager
    def arrive(cls, chromium: Browser, stack: Stack, **profile: Any) -> Iterator[Self]:
        """Open a profile; `profile` is what Playwright's `new_context` takes."""
        context = chromium.new_context(base_url=stack.base_url, **profile)
        try:
            yield cls(context, stack)
        finally:
            context.close()

    # --- What must not happen ---------------------------------------------------------------------

    def _on_request(self, request: Request) -> None:
        ours = (self.stack, self.stack.simulator, self.stack.cardpointe)
        known = {urlsplit(part.base_url).netloc for part in ours}
        if urlsplit(request.url).scheme in ("http", "https", "ws", "wss") and (
            urlsplit(request.url).netloc not in known
        ):
            self.odd.append(f"request to a stranger: {request.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        # The provider's page has no icon, which is none of our business.
        is_ours = not message.location["url"].endswith("/favicon.ico")
        if is_ours and message.type in ("error", "warning"):
            self.odd.append(f"console: {message.text}")

    def tolerate(self, pattern: str) -> None:
        """Expect this on the console (a regular expression)."""
        self.tolerated.append(pattern)

    def assert_nothing_odd(self) -> None:
        """Fail if the console, the policy or the network complained."""
        left = [
            line for line in self.odd if not any(re.search(known, line) for known in self.tolerated)
        ]
        assert left == [], left

    def assert_accessible(self) -> None:
        """Fail if axe finds anything serious, by day or in the dark, or if the page is too wide."""
        self._assert_no_violations("light", {})
        # Nothing but the colours changes in the dark.
        self._assert_no_violations("dark", {"runOnly": ["color-contrast"]})
        self.page.emulate_media(color_scheme="light")
        self.assert_fits()

    def assert_fits(self) -> None:
        """Fail if the page is wider than the screen."""
        assert not self.page.evaluate(_WIDER_THAN_THE_SCREEN), self.page.url

    def _assert_no_violations(self, scheme: Literal["light", "dark"], options: Options) -> None:
        self.page.emulate_media(color_scheme=scheme)
        # The frames are the provider's.
        found = self._axe.run(self.page, options={**_AXE, **options}).response["violations"]
        serious = [
            f"{rule['id']}: {[node['html'] for node in rule['nodes']]}"
            for rule in found
            if rule["impact"] in _UNWANTED
        ]
        assert serious == [], (scheme, self.page.url, serious)

    # --- What people do ---------------------------------------------------------------------------

    def heading(self, text: str) -> None:
        """Wait for a page by its heading."""
        expect_that(self.page.get_by_role("heading", level=1)).to_have_text(text)

    def fill_registration(self, organization: str) -> None:
        """Fill the form of the page that is open."""
        self.page.get_by_label("Organization").fill(organization)
        self.page.get_by_label("E-mail").fill(self.email)
        self.page.get_by_label("Password").fill(PASSWORD)

    def register(self, organization: str = "Acme") -> None:
        """Create an account and get to the plans."""
        self._forget_rate_limits()
        self.page.goto("/register")
        self.fill_registration(organization)
        self.page.get_by_role("button", name="Create account").click()
        self.heading("Choose a plan")

    def choose(self, plan: str = "Starter") -> None:
        """Choose a plan on the page that is open."""
        self.page.get_by_role("button", name=f"Choose {plan}").click()

    def start_checkout(self, plan: str = "Starter") -> None:
        """Get to the card form as somebody new."""
        self.register()
        self.choose(plan)
        self.heading(f"Pay for {plan}")

    @property
    def card(self) -> FrameLocator:
        """The provider's frame."""
        return self.page.frame_locator("#card-element iframe")

    @property
    def pay_button(self) -> Any:
        """The button below the card."""
        return self.page.locator("[data-pay]")

    def fill_card(self, number: str = GOOD) -> None:
        """Type a card into the provider's frame."""
        expect_that(self.pay_button).to_be_enabled()
        self.card.get_by_label("Card number").press_sequentially(number)
        self.card.get_by_label("Expiration date").press_sequentially("1234")
        self.card.get_by_label("Security code").press_sequentially("123")

    def pay(self, number: str = GOOD) -> None:
        """Pay with a card on our page."""
        self.fill_card(number)
        self.pay_button.click()

    @property
    def bank(self) -> FrameLocator:
        """The bank's question."""
        return self.page.frame_locator("iframe[title='Card authentication']")

    def pay_at_provider(self, number: str = GOOD) -> None:
        """Pay on the provider's own page, which is open."""
        self.page.get_by_label("Card number").fill(number)
        self.page.get_by_label("Expiration date").fill("12 / 34")
        self.page.get_by_label("Security code").fill("123")
        self.page.get_by_label("Name on card").fill("Vera Visitor")
        self.page.get_by_label("Postal code").fill("12345")
        self.page.get_by_role("button", name="Subscribe").click()

    def tab_to(self, name: str) -> None:
        """Press Tab until the focus is on the control of this name."""
        for _ in range(40):
            self.page.keyboard.press("Tab")
            focused = self.page.evaluate(
                "() => { const e = document.activeElement;"
                " return e.title || e.labels?.[0]?.textContent || e.textContent || e.name }"
            )
            if name in str(focused):
                return
        raise AssertionError(f"{name} is not reached with the Tab key")

    def confirmations(self, plan: str = "Starter") -> int:
        """Count the confirmation mails to this person; wait for the first, and for a second."""
        with contextlib.suppress(processes.NotReadyError):
            processes.wait_until(
                lambda: self._count(plan) > 0, what="The mail", seconds=10, children=[]
            )
        self.page.wait_for_timeout(300)
        return self._count(plan)

    def _count(self, plan: str) -> int:
        return sum(
            f"\nTo: {self.email}\n" in mail and f"\nSubject: {plan} is active" in mail
            for mail in self.stack.mails()
        )

    def _forget_rate_limits(self) -> None:
        """All visitors come from one address, and more of them than a real one sends."""
        with redis.Redis.from_url(self.stack.redis_url) as connection:
            for key in connection.scan_iter("*throttle*"):
                connection.delete(key)
