"""Paying through CardConnect in a real browser: the number is typed into its frame alone."""

from typing import Any

import httpx
import pytest
from playwright.sync_api import FrameLocator
from playwright.sync_api import expect as expect_that

from tests.browser.checkout_steps import WITHOUT_A_QUERY, subscriptions_of
from tests.browser.visitor import PASSWORD, PHONE, Visitor

# One system serves them all, so they stay on one worker.
pytestmark = pytest.mark.xdist_group("browser")

VISA, MASTERCARD = "4788250000121443", "5454545454545454"
NO_FUNDS, WRONG_NUMBER = "4387751111111053", "4788250000121444"
MISSING = "Please enter the card number, the expiry and the security code."
CHECK = "Please check the card number, the expiry and the security code."


@pytest.fixture
def payer(visitor: Visitor) -> Visitor:
    """Somebody whose organization's server opened a checkout through CardConnect."""
    visitor._forget_rate_limits()
    with httpx.Client(base_url=visitor.stack.base_url, trust_env=False, timeout=30) as api:
        account = {"organization_name": "Acme", "email": visitor.email, "password": PASSWORD}
        registered = api.post("/api/v1/auth/register", json=account).raise_for_status().json()
        opened = api.post(
            "/api/v1/billing/session",
            json={"plan": "starter", "interval": "month", "provider": "cardconnect"},
            headers={"Authorization": f"Bearer {registered['token']}"},
        )
    visitor.page.goto(str(opened.raise_for_status().json()["session_url"]))
    visitor.heading("Pay for Starter")
    return visitor


def frame(visitor: Visitor) -> FrameLocator:
    return visitor.page.frame_locator("#card-element iframe")


def fill(where: FrameLocator, number: str = VISA, cvv: str = "112") -> None:
    where.locator("#ccnumfield").fill(number)
    where.locator("#ccexpirymonth").select_option("9")
    where.locator("#ccexpiryyear").select_option("2032")
    where.locator("#cccvvfield").fill(cvv)


def pay(visitor: Visitor, number: str = VISA) -> None:
    expect_that(visitor.pay_button).to_be_enabled()
    fill(frame(visitor), number)
    visitor.pay_button.click()


def problem(visitor: Visitor) -> Any:
    return visitor.page.locator("#card-error")


class TestPaying:
    def test_leads_to_an_active_plan(self, payer: Visitor) -> None:
        expect_that(payer.pay_button).to_have_text("Pay $29.00")
        payer.assert_accessible()
        payer.page.get_by_label("Name on the card").fill("Vera Visitor")
        payer.page.get_by_label("Postal code of the card").fill("19355")

        pay(payer)

        payer.heading("Starter is active")
        payer.assert_accessible()
        expect_that(payer.page).to_have_url(WITHOUT_A_QUERY)
        assert subscriptions_of(payer) == 1
        charged = payer.stack.cardpointe.transactions()[-1]
        assert (charged["captured"], charged["expiry"]) == (2900, "0932")
        kept = payer.stack.cardpointe.requests(op="auth")[-2]["fields"]
        assert (kept["name"], kept["postal"]) == ("Vera Visitor", "19355")

    def test_says_that_a_card_was_declined_and_succeeds_with_another(self, payer: Visitor) -> None:
        pay(payer, NO_FUNDS)
        alert = payer.page.get_by_role("alert").filter(has_text="The payment was not taken")
        expect_that(alert).to_contain_text("Nothing was charged.")
        expect_that(alert).to_be_focused()
        payer.assert_accessible()

        pay(payer)

        payer.heading("Starter is active")
        assert payer.confirmations() == 1

    def test_impatient_clicks_charge_once(self, payer: Visitor) -> None:
        since = len(payer.stack.cardpointe.transactions())
        expect_that(payer.pay_button).to_be_enabled()
        fill(frame(payer))
        payer.pay_button.evaluate("button => { button.click(); button.click(); }")

        payer.heading("Starter is active")
        made = payer.stack.cardpointe.transactions()[since:]
        assert [txn["captured"] for txn in made if txn["captured"]] == [2900]

    def test_fits_a_phone(self, payer: Visitor) -> None:
        payer.page.set_viewport_size(PHONE)  # type: ignore[arg-type] # a plain dict is one
        payer.assert_fits()

        pay(payer)

        payer.heading("Starter is active")


class TestEntering:
    def test_says_neutrally_that_something_is_wrong(self, payer: Visitor) -> None:
        pay(payer, WRONG_NUMBER)

        expect_that(problem(payer)).to_have_text(CHECK)
        expect_that(problem(payer)).to_have_attribute("role", "alert")
        expect_that(payer.pay_button).to_be_enabled()
        payer.assert_accessible()
        assert subscriptions_of(payer) == 0

    def test_says_what_is_missing_without_sending_anything(self, payer: Visitor) -> None:
        expect_that(payer.pay_button).to_be_enabled()
        payer.pay_button.click()

        expect_that(payer.pay_button).to_have_text("Paying…")
        expect_that(problem(payer)).to_have_text(MISSING)
        expect_that(payer.pay_button).to_have_text("Pay $29.00")

    def test_asks_again_when_the_frame_can_make_no_token(self, payer: Visitor) -> None:
        payer.tolerate("500")
        payer.stack.cardpointe.add_fault("http_500", op="tokenize")
        pay(payer)

        expect_that(problem(payer)).to_have_text(CHECK)
        fill(frame(payer), MASTERCARD)
        payer.pay_button.click()
        payer.heading("Starter is active")

    def test_asks_again_after_two_minutes(self, payer: Visitor) -> None:
        payer.page.clock.install()
        payer.page.reload()
        expect_that(payer.pay_button).to_be_enabled()
        payer.page.evaluate(
            "() => { window.heard = new Promise((resolve) => addEventListener('message',"
            " (event) => { if (JSON.parse(event.data).token) resolve(); })); }"
        )
        fill(frame(payer))
        payer.page.evaluate("() => window.heard")
        payer.page.clock.fast_forward(116_000)

        expect_that(problem(payer)).to_contain_text("two minutes have passed")
        expect_that(frame(payer).locator("#ccnumfield")).to_have_value("")
        pay(payer)
        payer.heading("Starter is active")


class TestListening:
    """Anybody can send a page messages: only its own frame is believed."""

    def test_believes_no_other_origin(self, payer: Visitor) -> None:
        expect_that(payer.pay_button).to_be_enabled()
        payer.page.evaluate(
            "window.postMessage(JSON.stringify("
            "{message: '9411111111111111', token: '9411111111111111', expiry: '203012'}), '*')"
        )
        payer.pay_button.click()

        expect_that(problem(payer)).to_have_text(MISSING)
        assert subscriptions_of(payer) == 0

    def test_believes_no_other_frame_of_the_same_origin(self, payer: Visitor) -> None:
        expect_that(payer.pay_button).to_be_enabled()
        payer.page.evaluate(
            "() => { const other = document.createElement('iframe'); other.id = 'other';"
            " other.title = 'Other';"
            " other.src = document.querySelector('[data-token-form]').dataset.frameUrl;"
            " document.body.append(other); }"
        )
        fill(payer.page.frame_locator("#other"))
        payer.pay_button.click()

        expect_that(problem(payer)).to_have_text(MISSING)
        assert subscriptions_of(payer) == 0


class TestMethods:
    def test_another_card_is_added_on_our_page(self, payer: Visitor) -> None:
        pay(payer)
        payer.heading("Starter is active")
        page = payer.page
        page.goto("/login")
        page.get_by_label("E-mail").fill(payer.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.goto("/settings/billing/payment-methods")
        expect_that(page.get_by_text("ending in 1443").first).to_be_visible()
        expect_that(page.get_by_role("button", name="Manage at Stripe")).to_have_count(0)
        page.get_by_role("link", name="Add a card").click()
        payer.heading("Add a card")
        payer.assert_accessible()
        payer.tolerate("402")

        pay(payer, NO_FUNDS)
        expect_that(page.get_by_role("alert").filter(has_text="not added")).to_be_visible()
        pay(payer, MASTERCARD)

        payer.heading("Payment methods")
        expect_that(page.get_by_text("ending in 5454 was added.")).to_be_visible()
