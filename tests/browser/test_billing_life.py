"""The life of a subscription in a real browser: change it, leave and return, pay, read invoices."""

import re

import pytest
from playwright.sync_api import expect as expect_that

from config import processes
from tests.browser.life_steps import (
    OVERVIEW,
    PAY_AND_SWITCH,
    fall_behind,
    forget_cards,
    see_the_price,
    start,
    status_of,
    use_card,
)
from tests.browser.visitor import DECLINED, THREE_D_SECURE, Visitor

# One system serves them all, so they stay on one worker.
pytestmark = pytest.mark.xdist_group("browser")


class TestUpgrade:
    def test_shows_the_exact_price_before_the_button(self, visitor: Visitor) -> None:
        page = visitor.page
        start(visitor)
        visitor.assert_accessible()
        page.get_by_role("link", name="Change plan or seats").click()
        visitor.heading("Change plan")
        visitor.assert_accessible()
        page.get_by_text("Yearly", exact=True).click()
        expect_that(page.get_by_text("per year and seat").first).to_be_visible()
        expect_that(page.get_by_text("per month and seat").first).to_be_hidden()
        page.get_by_text("Monthly", exact=True).click()
        page.get_by_role("radio", name="Professional").check()
        page.get_by_label("Seats").fill("2")
        page.get_by_role("button", name="See the price").click()
        visitor.heading("Change to Professional")
        visitor.assert_accessible()
        expect_that(page.get_by_text("Professional, 2 seats, $198.00 a month")).to_be_visible()
        total = page.locator(".order__line--total dd").inner_text()
        button = page.get_by_role("button", name=PAY_AND_SWITCH)
        expect_that(button).to_have_text(f"Pay {total} now and switch")
        button.click()

        visitor.heading("Billing")
        expect_that(page.get_by_text("Done. It is Professional, 2 seats now.")).to_be_visible()
        visitor.assert_accessible()
        row = page.get_by_label("Latest invoices").get_by_role("listitem").first
        expect_that(row).to_contain_text(total)
        page.get_by_role("button", name="See the exact next invoice").click()
        visitor.heading("Your next invoice")
        expect_that(page.locator(".order__line--total dd")).to_have_text("$198.00")
        visitor.assert_accessible()

    def test_with_a_card_whose_bank_asks(self, visitor: Visitor) -> None:
        start(visitor)
        use_card(visitor, "pm_card_authenticationRequired")
        see_the_price(visitor)
        visitor.page.get_by_role("button", name=PAY_AND_SWITCH).click()
        visitor.heading("Confirm with your bank")
        yes = visitor.bank.get_by_role("button", name="Complete authentication")
        expect_that(yes).to_be_visible()
        visitor.assert_accessible()
        yes.click()

        visitor.heading("Billing")
        done = visitor.page.get_by_text("Done. It is Professional, 1 seat now.")
        expect_that(done).to_be_visible()

    def test_with_a_card_whose_bank_says_no(self, visitor: Visitor) -> None:
        start(visitor)
        use_card(visitor, "pm_card_authenticationRequired")
        see_the_price(visitor)
        visitor.page.get_by_role("button", name=PAY_AND_SWITCH).click()
        visitor.bank.get_by_role("button", name="Fail authentication").click()

        alert = visitor.page.get_by_role("alert").filter(has_text="The payment was not taken")
        expect_that(alert).to_contain_text("Your bank did not confirm the payment.")
        expect_that(alert).to_be_focused()
        visitor.assert_accessible()

    def test_declined_changes_nothing_and_leads_to_another_card(self, visitor: Visitor) -> None:
        page = visitor.page
        start(visitor)
        use_card(visitor, "pm_card_chargeCustomerFail")
        see_the_price(visitor)
        visitor.tolerate("status of 402")
        page.get_by_role("button", name=PAY_AND_SWITCH).click()
        alert = page.get_by_role("alert").filter(has_text="The payment was not taken")
        expect_that(alert).to_be_focused()
        visitor.assert_accessible()
        alert.get_by_role("link", name="Use another card").click()
        visitor.heading("Add a card")
        visitor.pay("5555555555554444")
        expect_that(page.get_by_text("Mastercard ending in 4444 was added.")).to_be_visible()

        see_the_price(visitor)
        page.get_by_role("button", name=PAY_AND_SWITCH).click()
        expect_that(page.get_by_text("Done. It is Professional, 1 seat now.")).to_be_visible()

    def test_at_the_end_of_the_period_and_withdrawn(self, visitor: Visitor) -> None:
        page = visitor.page
        start(visitor)
        page.goto(f"{OVERVIEW}/plan")
        page.get_by_role("radio", name="Professional").check()
        page.get_by_role("radio", name="At the end of the period").check()
        page.get_by_role("button", name="See the price").click()
        expect_that(page.get_by_text("Nothing is charged today.")).to_be_visible()
        visitor.assert_accessible()
        page.get_by_role("button", name=re.compile("^Switch on ")).click()
        expect_that(page.get_by_text("Professional, 1 seat, $99.00 a month.")).to_be_visible()
        visitor.assert_accessible()
        page.goto(f"{OVERVIEW}/plan")
        expect_that(page.get_by_role("heading", name="A change is pending")).to_be_visible()
        visitor.assert_accessible()
        page.goto(OVERVIEW)
        page.get_by_role("button", name="Withdraw the change").click()

        expect_that(page.get_by_text("The change was withdrawn.")).to_be_visible()


class TestLeaving:
    def test_and_returning_with_one_click(self, visitor: Visitor) -> None:
        page = visitor.page
        start(visitor)
        page.get_by_role("link", name="Cancel Starter").click()
        visitor.heading("Cancel Starter?")
        visitor.assert_accessible()
        page.get_by_role("radio", name="It costs too much").check()
        page.get_by_label("What could we have done better?").fill("Half the price.")
        page.get_by_role("button", name="Cancel Starter").click()
        expect_that(page.get_by_text("Until then everything works as before.")).to_be_visible()
        visitor.assert_accessible()
        page.get_by_role("button", name="Keep Starter").click()

        expect_that(page.get_by_text("Starter goes on.")).to_be_visible()
        expect_that(page.get_by_text("Starter is active.").first).to_be_visible()

    def test_for_a_while_only(self, visitor: Visitor) -> None:
        page = visitor.page
        start(visitor)
        page.goto(f"{OVERVIEW}/cancel")
        page.get_by_label("Pause for").select_option("60 days")
        page.get_by_role("button", name="Pause Starter").click()
        expect_that(page.get_by_text("Starter is paused. It goes on by itself on")).to_be_visible()
        visitor.assert_accessible()
        page.get_by_role("button", name="Resume Starter").click()

        expect_that(page.get_by_text("Starter goes on.")).to_be_visible()


class TestCards:
    def test_another_one_is_charged_from_now_on(self, visitor: Visitor) -> None:
        page = visitor.page
        start(visitor)
        page.get_by_role("link", name="Manage payment methods").click()
        visitor.heading("Payment methods")
        visitor.assert_accessible()
        page.get_by_role("link", name="Add a card").click()
        visitor.heading("Add a card")
        expect_that(visitor.pay_button).to_be_enabled()
        visitor.assert_accessible()
        visitor.pay("5555555555554444")
        expect_that(page.get_by_text("Mastercard ending in 4444 was added.")).to_be_visible()
        visitor.assert_accessible()
        page.get_by_role("button", name="Make default (Visa ending in 4242)").click()
        expect_that(page.get_by_text("Visa ending in 4242 is charged from now on.")).to_be_visible()
        page.get_by_role("link", name="Remove Mastercard ending in 4444").click()
        visitor.heading("Remove Mastercard ending in 4444?")
        visitor.assert_accessible()
        page.get_by_role("button", name="Remove Mastercard ending in 4444").click()
        expect_that(page.get_by_text("Mastercard ending in 4444 was removed.")).to_be_visible()

        visitor.tolerate("status of 409")
        page.get_by_role("link", name="Remove Visa ending in 4242").click()
        page.get_by_role("button", name="Remove Visa ending in 4242").click()
        expect_that(page.get_by_role("alert")).to_contain_text("the only payment method")
        expect_that(page.get_by_role("alert")).to_be_focused()

    def test_one_whose_bank_asks_first(self, visitor: Visitor) -> None:
        start(visitor)
        visitor.page.goto(f"{OVERVIEW}/payment-methods/new")
        visitor.pay(THREE_D_SECURE)
        visitor.bank.get_by_role("button", name="Complete authentication").click()

        added = visitor.page.get_by_text("Visa ending in 3155 was added.")
        expect_that(added).to_be_visible()

    def test_one_that_is_declined_is_not_added(self, visitor: Visitor) -> None:
        start(visitor)
        visitor.page.goto(f"{OVERVIEW}/payment-methods/new")
        visitor.tolerate("status of 402")
        visitor.pay(DECLINED)

        expect_that(visitor.page.locator("#card-error")).to_contain_text("Your card was declined")
        expect_that(visitor.pay_button).to_be_enabled()
        visitor.assert_accessible()

    def test_a_new_one_pays_what_is_overdue(self, visitor: Visitor) -> None:
        page = visitor.page
        start(visitor)
        fall_behind(visitor)
        page.reload()
        expect_that(page.get_by_text("$29.00 is overdue")).to_be_visible()
        visitor.assert_accessible()
        page.get_by_role("link", name="Update card").click()
        visitor.heading("Add a card")
        expect_that(visitor.pay_button).to_have_text("Add the card and pay $29.00")
        visitor.pay("5555555555554444")
        expect_that(page.get_by_text("What was overdue is paid.")).to_be_visible()
        visitor.assert_accessible()
        assert status_of(visitor) == "active"
        page.goto(OVERVIEW)
        expect_that(page.get_by_text("Starter is active.").first).to_be_visible()

    def test_without_one_the_way_to_give_one_stands_out(self, visitor: Visitor) -> None:
        start(visitor)
        fall_behind(visitor)
        asked = visitor.page.get_by_text("Give a card: it is charged at once.")

        def is_asked() -> bool:
            # News of the card that was declined may still come in and make it known again.
            forget_cards(visitor)
            visitor.page.reload()
            return asked.is_visible()

        processes.wait_until(is_asked, what="The page", seconds=30, children=[])
        visitor.assert_accessible()


class TestInvoices:
    def test_are_read_downloaded_and_sent_again(self, visitor: Visitor) -> None:
        page = visitor.page
        start(visitor)
        page.get_by_role("link", name="All invoices").click()
        visitor.heading("Invoices")
        visitor.assert_accessible()
        number = page.locator(".people__name a").first
        name = number.inner_text()
        number.click()
        visitor.heading(f"Invoice {name}")
        visitor.assert_accessible()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download PDF").click()
        assert download.value.suggested_filename == f"invoice-{name}.pdf"
        assert download.value.path().read_bytes().startswith(b"%PDF-")
        page.get_by_role("button", name=re.compile("^Send it again")).click()

        sent = page.get_by_text(f"The invoice is on its way to {visitor.email}.")
        expect_that(sent).to_be_visible()
        visitor.assert_accessible()
