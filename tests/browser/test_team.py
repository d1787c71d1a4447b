"""Team and API keys in a real browser: a colleague joins, a key is shown once."""

import email
import email.policy
import re

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import expect as expect_that

from config import processes
from tests.browser.visitor import PASSWORD, PHONE, Visitor

LONG = "somebody.whose.address.is.longer.than.a.screen@a.long.subdomain.example.com"

# One system serves them all, so they stay on one worker.
pytestmark = pytest.mark.xdist_group("browser")


def invitation_to(visitor: Visitor, address: str) -> str:
    """Return the link in the newest invitation that was mailed to an address."""

    def links() -> list[str]:
        bodies = [
            message.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # ours have one
            for text in visitor.stack.mails()
            for message in _messages(text)
            if message["To"] == address and "invites you" in message["Subject"]
        ]
        return [link for body in bodies for link in re.findall(r"\S+/invitations/\S+", body)]

    processes.wait_until(lambda: bool(links()), what="The invitation", seconds=20, children=[])
    return links()[-1]


def _messages(file: str) -> list[email.message.EmailMessage]:
    """Read a file of mails as they would go out; a line of dashes ends each."""
    parts = re.split(r"^-{79}$", file, flags=re.MULTILINE)
    return [
        email.message_from_string(part.strip() + "\n", policy=email.policy.default)
        for part in parts
        if part.strip()
    ]


class TestTeam:
    def test_grows_by_invitation_and_shrinks_again(
        self, visitor: Visitor, chromium: Browser
    ) -> None:
        page = visitor.page
        visitor.register("Blue Bistro")
        page.goto("/settings/team")
        visitor.heading("Team")
        visitor.assert_accessible()
        with Visitor.arrive(chromium, visitor.stack, viewport=PHONE) as guest:
            page.get_by_label("E-mail").fill(guest.email)
            page.get_by_label("Role", exact=True).select_option("billing")
            page.get_by_role("button", name="Send the invitation").click()
            expect_that(
                page.get_by_text(f"The invitation was sent to {guest.email}.")
            ).to_be_visible()
            visitor.assert_accessible()

            guest.page.goto(invitation_to(visitor, guest.email))
            guest.heading("Join Blue Bistro")
            guest.assert_accessible()
            guest.page.get_by_label("Your name").fill("Gus Guest")
            guest.page.get_by_label("Password").fill(PASSWORD)
            guest.page.get_by_role("button", name="Create account and join").click()
            guest.heading("Choose a plan")
            guest.page.goto("/settings/team")
            guest.heading("Team")
            expect_that(guest.page.get_by_text("Gus Guest")).to_be_visible()
            guest.assert_accessible()

            page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a TypedDict of the same shape
            page.get_by_label("E-mail").fill(LONG)
            page.get_by_role("button", name="Send the invitation").click()
            expect_that(page.get_by_text(f"The invitation was sent to {LONG}.")).to_be_visible()
            visitor.assert_accessible()
            page.get_by_role("link", name=f"Revoke the invitation of {LONG}").click()
            visitor.heading(f"Revoke the invitation of {LONG}?")
            visitor.assert_accessible()
            page.get_by_role("button", name="Revoke the invitation").click()
            expect_that(page.get_by_text(f"The invitation of {LONG} was revoked.")).to_be_visible()

            page.get_by_label("Role of Gus Guest").select_option("admin")
            page.get_by_role("button", name="Save the role of Gus Guest").click()
            expect_that(page.get_by_text("Gus Guest: Admin.")).to_be_visible()
            page.get_by_role("link", name="Remove Gus Guest").click()
            visitor.heading("Remove Gus Guest?")
            visitor.assert_accessible()
            page.get_by_role("button", name="Remove Gus Guest").click()
            expect_that(page.get_by_text("Gus Guest was removed from Blue Bistro.")).to_be_visible()

            guest.tolerate("status of 403")
            guest.page.reload()
            guest.heading("You can't do this")
            guest.assert_accessible()
            guest.assert_nothing_odd()

    def test_is_joined_by_somebody_known_who_then_has_two_organizations(
        self, visitor: Visitor, chromium: Browser
    ) -> None:
        visitor.register("Blue Bistro")
        with Visitor.arrive(chromium, visitor.stack, viewport=PHONE) as guest:
            guest.register("Green Garden")
            visitor.page.goto("/settings/team")
            visitor.page.get_by_label("E-mail").fill(guest.email)
            visitor.page.get_by_role("button", name="Send the invitation").click()
            page = guest.page
            page.get_by_role("button", name="Log out").click()
            page.goto(invitation_to(visitor, guest.email))
            guest.heading("Join Blue Bistro")
            guest.assert_accessible()
            page.get_by_role("button", name="Sign in").click()
            guest.heading("Sign in")
            assert "inv_" not in page.url
            page.get_by_label("E-mail").fill(guest.email)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            guest.heading("Join Blue Bistro")
            page.get_by_role("button", name="Join Blue Bistro").click()
            guest.heading("Choose a plan")
            expect_that(page.get_by_text("For Blue Bistro.")).to_be_visible()
            guest.assert_accessible()

            page.get_by_label("Organization").select_option(label="Green Garden")
            page.get_by_role("button", name="Switch").click()
            expect_that(page.get_by_text("For Green Garden.")).to_be_visible()
            guest.assert_nothing_odd()


class TestApiKeys:
    @pytest.mark.parametrize("viewport", [{"width": 1280, "height": 900}, PHONE])
    def test_are_shown_once_and_revoked_with_the_keyboard(
        self, visitor: Visitor, viewport: dict[str, int]
    ) -> None:
        page = visitor.page
        page.set_viewport_size(viewport)  # type: ignore[arg-type]  # a TypedDict of the same shape
        visitor.register()
        page.goto("/settings/api-keys")
        visitor.heading("API keys")
        visitor.assert_accessible()
        page.get_by_role("button", name="Make the key").click()
        expect_that(page.get_by_role("alert")).to_contain_text("This field is required.")
        visitor.assert_accessible()
        visitor.tab_to("Name: This field is required.")
        page.keyboard.press("Enter")
        page.keyboard.type("Till 3")
        visitor.tab_to("usage:write")
        page.keyboard.press("Space")
        visitor.tab_to("Make the key")
        page.keyboard.press("Enter")
        secret = page.locator(".secret")
        expect_that(secret).to_have_text(re.compile("^till_test_"))
        visitor.assert_accessible()
        page.reload()
        visitor.heading("API keys")
        expect_that(secret).to_have_count(0)

        visitor.tab_to("Revoke")
        page.keyboard.press("Enter")
        visitor.heading("Revoke Till 3?")
        visitor.assert_accessible()
        visitor.tab_to("Revoke the key")
        page.keyboard.press("Enter")
        expect_that(page.get_by_text("The key Till 3 was revoked")).to_be_visible()
