"""Detours in a real browser: waiting, the provider's page, an address with a token."""

import httpx
import psycopg
import pytest
from playwright.sync_api import expect as expect_that

from tests.browser.checkout_steps import AT_STRIPE, WITHOUT_A_QUERY, subscriptions_of
from tests.browser.visitor import (
    PASSWORD,
    Visitor,
)
from tests.stack import Stack

# One system serves them all, so they stay on one worker.
pytestmark = pytest.mark.xdist_group("browser")


def expire_checkouts(stack: Stack) -> None:
    """Let the hour of every open checkout pass."""
    with psycopg.connect(stack.database_url) as connection:
        connection.execute("UPDATE billing_checkoutsession SET expires_at = now()")


class TestWaiting:
    def test_page_moves_on_by_itself(self, visitor: Visitor) -> None:
        simulator = visitor.stack.simulator
        visitor.start_checkout()
        simulator.configure_webhooks(hold=True)
        simulator.add_fault(method="POST", path="/v1/subscriptions", action="reset_after", times=1)
        visitor.pay()
        visitor.heading("Confirming your payment")
        visitor.assert_accessible()
        simulator.configure_webhooks(hold=False)

        visitor.heading("Starter is active")
        assert subscriptions_of(visitor) == 1
        assert visitor.confirmations() == 1

    def test_says_after_a_minute_that_nobody_has_to_stay(self, visitor: Visitor) -> None:
        simulator = visitor.stack.simulator
        visitor.page.clock.install()
        visitor.start_checkout()
        simulator.configure_webhooks(hold=True)
        simulator.add_fault(method="POST", path="/v1/subscriptions", action="reset_after", times=1)
        simulator.add_fault(method="GET", path="/v1/subscriptions", status=500, times=50)
        visitor.pay()
        visitor.heading("Confirming your payment")
        news = visitor.page.locator("[data-announce]")
        expect_that(news).to_contain_text("This takes a few seconds.")
        visitor.page.clock.fast_forward(61_000)

        expect_that(news).to_contain_text("You can close this page")

    def test_is_over_after_an_hour(self, visitor: Visitor) -> None:
        visitor.start_checkout()
        expire_checkouts(visitor.stack)
        visitor.page.reload()

        visitor.heading("This checkout has expired")
        visitor.assert_accessible()
        visitor.page.get_by_role("link", name="Start again").click()
        visitor.heading("Choose a plan")


class TestProvidersPage:
    def test_leads_there_and_back(self, visitor: Visitor) -> None:
        page = visitor.page
        visitor.start_checkout()
        page.get_by_role("button", name=AT_STRIPE).click()
        expect_that(page.get_by_role("button", name="Subscribe")).to_be_visible()
        visitor.pay_at_provider()

        visitor.heading("Starter is active")
        expect_that(page).to_have_url(WITHOUT_A_QUERY)
        assert visitor.confirmations() == 1

    def test_left_unpaid_offers_both_ways(self, visitor: Visitor) -> None:
        page = visitor.page
        visitor.start_checkout()
        page.get_by_role("button", name=AT_STRIPE).click()
        page.get_by_role("link", name="Back").click()
        visitor.heading("Waiting for Stripe")
        expect_that(page).to_have_url(WITHOUT_A_QUERY)
        visitor.assert_accessible()
        page.get_by_role("button", name="Enter a card here").click()
        visitor.pay()

        visitor.heading("Starter is active")

    def test_is_the_way_out_when_the_secure_field_does_not_load(self, visitor: Visitor) -> None:
        page = visitor.page
        visitor.tolerate("Failed to load resource")
        visitor.register()
        page.route("**/stripe.js", lambda route: route.abort())
        visitor.choose("Starter")

        notice = page.get_by_role("alert").filter(has_text="could not be loaded")
        expect_that(notice).to_be_visible()
        visitor.assert_accessible()
        page.get_by_role("button", name=AT_STRIPE).click()
        visitor.pay_at_provider()
        visitor.heading("Starter is active")


class TestAddressWithToken:
    @pytest.fixture
    def address(self, visitor: Visitor) -> str:
        """A checkout that an organization's server opened, as it would be mailed to a payer."""
        visitor._forget_rate_limits()
        with httpx.Client(base_url=visitor.stack.base_url, trust_env=False, timeout=30) as api:
            account = {
                "organization_name": "Acme",
                "email": visitor.email,
                "password": PASSWORD,
            }
            registered = api.post("/api/v1/auth/register", json=account).raise_for_status().json()
            opened = api.post(
                "/api/v1/billing/session",
                json={"plan": "starter", "interval": "month"},
                headers={"Authorization": f"Bearer {registered['token']}"},
            )
        return str(opened.raise_for_status().json()["session_url"])

    def test_pays_without_a_login_and_leaves_no_trace(self, visitor: Visitor, address: str) -> None:
        token = address.partition("token=")[2]
        referrers: list[str] = []
        visitor.context.on(
            "request", lambda request: referrers.append(request.headers.get("referer", ""))
        )
        visitor.page.goto(address)
        visitor.heading("Pay for Starter")
        expect_that(visitor.page).to_have_url(WITHOUT_A_QUERY)
        visitor.assert_accessible()
        visitor.pay()

        visitor.heading("Starter is active")
        expect_that(visitor.page.get_by_text("You can close this page.")).to_be_visible()
        assert not any(token in referrer for referrer in referrers)

    def test_is_of_no_use_elsewhere(self, visitor: Visitor, address: str) -> None:
        visitor.tolerate("status of 404")
        visitor.page.goto(address.partition("?")[0])

        visitor.heading("Page not found")
        visitor.assert_accessible()
