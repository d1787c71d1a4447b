"""CardSecure, and its page in a frame of another origin, in a real browser."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import FrameLocator, Page, expect

from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.receiver import Receiver
from tests.simulators.shop import needs_chromium

pytestmark = needs_chromium

VISA = "4111111111111111"
OPTIONS = (
    "useexpiry=true&usecvv=true&enhancedresponse=true&invalidcreditcardevent=true"
    "&invalidcvvevent=true&sendcardtypingevent=true&tokenizewheninactive=true&inactivityto=50"
)

SHOP = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Shop</title></head>
<body>
<main><h1>Pay</h1><iframe id="tokenFrame" title="Card" src="%s"></iframe>
<ol id="told"></ol><button>Elsewhere</button></main>
<script src="/shop.js"></script></body></html>"""
SCRIPT = """
window.told = [];
window.addEventListener("message", (event) => {
  window.told.push({ origin: event.origin, data: event.data });
  const line = document.createElement("li");
  line.textContent = event.data;
  document.getElementById("told").append(line);
});
"""


@pytest.fixture
def shop(gateway: CardPointeSimulator) -> Iterator[Receiver]:
    """A page of another origin that frames the tokenizer and allows nothing else."""
    origin = gateway.base_url
    pages = {
        "/": ("text/html", SHOP % f"{gateway.tokenizer_url()}?{OPTIONS}".replace("&", "&amp;")),
        "/plain": ("text/html", SHOP % gateway.tokenizer_url()),
        "/shop.js": ("text/javascript", SCRIPT),
    }
    server = Receiver(pages, f"default-src 'none'; script-src 'self'; frame-src {origin}")
    yield server
    server.close()


def told(page: Page, fields: set[str]) -> list[dict[str, Any]]:
    """Wait for a message with these fields and return all that have them."""
    lines = page.locator("#told li")
    for field in fields:
        lines = lines.filter(has_text=f'"{field}":')
    expect(lines).not_to_have_count(0)
    heard = [json.loads(message["data"]) for message in page.evaluate("window.told")]
    return [message for message in heard if fields <= set(message)]


def fill(frame: FrameLocator, number: str, *, month: str = "9", cvv: str = "123") -> None:
    frame.locator("#ccnumfield").fill(number)
    frame.locator("#ccexpirymonth").select_option(month)
    frame.locator("#ccexpiryyear").select_option("2032")
    frame.locator("#cccvvfield").fill(cvv)


class TestFrame:
    def test_tells_a_token_and_an_expiry_that_can_be_charged(
        self, gateway: CardPointeSimulator, shop: Receiver, page: Page
    ) -> None:
        page.goto(f"{shop.url}/")

        fill(page.frame_locator("#tokenFrame"), VISA)

        (message,) = told(page, {"token", "expiry"})
        assert message["message"] == message["token"] == gateway.tokenize(VISA)
        assert (message["errorCode"], message["errorMessage"]) == ("0", "")
        # January to September come without a zero.
        assert message["expiry"] == "20329"
        assert page.evaluate("window.told[0].origin") == gateway.base_url
        body = {"account": message["token"], "amount": "1.00"}
        answer = gateway.call("auth", body)
        assert (answer["respstat"], answer["expiry"], answer["cvvresp"]) == ("A", "0932", "M")

    def test_tells_a_wrong_number_without_telling_it(self, shop: Receiver, page: Page) -> None:
        page.goto(f"{shop.url}/")

        fill(page.frame_locator("#tokenFrame"), "4111111111111112", month="12")

        assert told(page, {"validationError"})[0] == {
            "message": "",
            "validationError": "Invalid Card Number",
        }
        assert told(page, {"errorCode"})[-1]["errorCode"] == "0054"
        assert "4111111111111112" not in str(page.evaluate("window.told"))

    def test_waits_until_every_field_is_filled(self, shop: Receiver, page: Page) -> None:
        page.goto(f"{shop.url}/")
        frame = page.frame_locator("#tokenFrame")

        fill(frame, VISA, cvv="12")
        assert told(page, {"validationError"})[0]["validationError"] == "Invalid CVV"
        assert told(page, {"cardTyping"})[0] == {"cardTyping": True}
        frame.locator("#cccvvfield").fill("123")

        assert len(told(page, {"token"})) == 1

    def test_says_that_the_tokenizer_is_down(
        self, gateway: CardPointeSimulator, shop: Receiver, page: Page
    ) -> None:
        gateway.add_fault("http_500", op="tokenize")
        page.goto(f"{shop.url}/")

        fill(page.frame_locator("#tokenFrame"), VISA)

        (message,) = told(page, {"token"})
        assert (message["token"], message["errorCode"]) == ("", "0043")

    def test_plain_takes_a_number_alone_on_leaving_it(
        self, gateway: CardPointeSimulator, shop: Receiver, page: Page
    ) -> None:
        page.goto(f"{shop.url}/plain")
        field = page.frame_locator("#tokenFrame").locator("#ccnumfield")

        field.fill(VISA)
        field.blur()

        assert told(page, {"message"}) == [{"message": gateway.tokenize(VISA)}]

    def test_styles_only_what_may_be_styled(self, gateway: CardPointeSimulator, page: Page) -> None:
        css = "input%7Bfont-size:20px;position:fixed;background:url(x)%7D"
        page.goto(f"{gateway.tokenizer_url()}?css={css}")

        field = page.locator("#ccnumfield")
        expect(field).to_have_css("font-size", "20px")
        expect(field).to_have_css("position", "static")

    def test_has_labels_that_everybody_can_read(
        self, gateway: CardPointeSimulator, page: Page
    ) -> None:
        page.goto(f"{gateway.tokenizer_url()}?{OPTIONS}")

        found = Axe().run(page).response["violations"]

        # It stands in a frame of a page that has the landmarks and the heading.
        allowed = {"landmark-one-main", "page-has-heading-one", "region"}
        assert {violation["id"] for violation in found} <= allowed


class TestCardSecure:
    def url(self, gateway: CardPointeSimulator, what: str) -> str:
        return f"{gateway.gateway_url()}/cardsecure/api/v1/{what}"

    def test_makes_the_same_token_of_the_same_card_unless_told_otherwise(
        self, gateway: CardPointeSimulator
    ) -> None:
        url = self.url(gateway, "ccn/tokenize")
        bodies = [{"account": VISA}, {"account": VISA}, {"account": VISA, "unique": True}]

        tokens = [gateway.http.post(url, json=body).json()["token"] for body in bodies]

        assert tokens[0] == tokens[1] != tokens[2]
        for token in tokens:
            assert (len(token), token[:3], token[-4:]) == (16, "941", "1111")

    @pytest.mark.parametrize(
        ("account", "status", "code"),
        [
            ("", 400, 14),
            ("abcd", 400, 8),
            ("4111", 400, 21),
            ("41111111111111111111", 400, 13),
            ("4111111111111112", 400, 54),
            ("9411111111111111", 404, 49),
        ],
    )
    def test_says_what_is_wrong_with_a_card(
        self, gateway: CardPointeSimulator, account: str, status: int, code: int
    ) -> None:
        answer = gateway.http.post(self.url(gateway, "ccn/tokenize"), json={"account": account})

        assert (answer.status_code, answer.json()["errorcode"]) == (status, code)

    def test_echoes(self, gateway: CardPointeSimulator) -> None:
        answer = gateway.http.post(self.url(gateway, "echo"), json={"message": "Hello?"})

        assert answer.json() == {"message": "Hello?", "errorcode": 0}
