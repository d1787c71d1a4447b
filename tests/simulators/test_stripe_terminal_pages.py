"""A reader's page: what a person in front of it sees, and can press without script."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from tests.simulators.counter_steps import READER, Counter
from tests.simulators.payer import Payer
from tests.simulators.shop import needs_chromium

PAGE = f"/terminal/readers/{READER}"


class TestWithoutScript:
    def test_a_reader_without_anything_to_do_waits(self, payer: Payer) -> None:
        shown = payer.open(PAGE)

        assert shown.status_code == 200
        assert "Waits for the till." in shown.text
        assert "<button" not in shown.text
        assert "script" not in shown.text

    def test_all_readers_are_found(self, payer: Payer) -> None:
        assert f'href="{PAGE}"' in payer.open("/terminal/readers").text

    @pytest.mark.parametrize("do", ["tap", "insert"])
    def test_a_card_pays(self, counter: Counter, payer: Payer, do: str) -> None:
        intent = counter.order(1500)
        counter.send(intent)
        assert "$15.00" in payer.open(PAGE).text

        shown = payer.send(PAGE, do=do)

        assert "Approved: $15.00" in shown.text
        assert counter.look(intent).status == "succeeded"

    @pytest.mark.parametrize(
        ("do", "said", "code"),
        [
            ("decline", "Your card was declined.", "card_declined"),
            ("cancel", "Canceled.", "customer_canceled"),
        ],
    )
    def test_or_it_does_not(
        self, counter: Counter, payer: Payer, do: str, said: str, code: str
    ) -> None:
        counter.send(counter.order())

        shown = payer.send(PAGE, do=do)

        assert f'role="alert">{said}' in shown.text
        assert counter.reader().action.failure_code == code

    def test_a_tip_can_be_given_where_it_is_asked_for(self, counter: Counter, payer: Payer) -> None:
        intent = counter.order(1500)
        counter.send(intent)
        assert "Tip" not in payer.open(PAGE).text
        counter.send(intent, tipping={"amount_eligible": 1500})
        assert "Tip" in payer.open(PAGE).text

        assert "Approved: $17.50" in payer.send(PAGE, do="tap", tip="2.50").text

        assert counter.look(intent).amount_details.tip.amount == 250

    def test_a_tip_is_typed_as_its_currency_is_written(
        self, counter: Counter, payer: Payer
    ) -> None:
        intent = counter.order(1500, currency="jpy")
        counter.send(intent, tipping={"amount_eligible": 1500})

        assert "Approved: JPY 1,700" in payer.send(PAGE, do="tap", tip="200").text

    @pytest.mark.parametrize(
        "form",
        [{}, {"do": "unplug"}, {"do": "tap", "tip": "much"}, {"do": "tap", "tip": "-1"}],
        ids=["nothing", "unknown", "words", "negative"],
    )
    def test_what_can_not_be_done_does_nothing(
        self, counter: Counter, payer: Payer, form: dict[str, str]
    ) -> None:
        intent = counter.order()
        counter.send(intent, tipping={"amount_eligible": 1500})

        shown = payer.send(PAGE, **form)

        assert shown.status_code == 402
        assert 'role="alert"' in shown.text
        assert counter.reader().action.status == "in_progress"
        assert counter.reader().status == "online"

    def test_pressed_too_late(self, payer: Payer) -> None:
        assert "does not ask for anything" in payer.send(PAGE, do="tap").text

    def test_while_the_bank_is_asked(self, counter: Counter, payer: Payer) -> None:
        counter.simulator.set_reader(READER, authorizes_s=60)
        counter.send(counter.order())

        assert "Asking the bank" in payer.send(PAGE, do="tap").text

    def test_a_reader_that_is_off(self, counter: Counter, payer: Payer) -> None:
        counter.send(counter.order())
        counter.simulator.set_reader(READER, online=False)

        shown = payer.open(PAGE).text

        assert "switched off" in shown
        assert "<button" not in shown

    def test_a_reader_that_there_is_not(self, payer: Payer) -> None:
        assert payer.open("/terminal/readers/tmr_none").status_code == 404

    def test_a_label_is_text(self, counter: Counter, payer: Payer) -> None:
        counter.v1.terminal.readers.update(READER, {"label": "<b>Till</b>"})

        for url in (PAGE, "/terminal/readers"):
            assert "&lt;b&gt;Till&lt;/b&gt;" in payer.open(url).text


@needs_chromium
class TestInABrowser:
    def test_a_person_taps_a_card(self, counter: Counter, page: Page) -> None:
        intent = counter.order(1500)
        counter.send(intent)
        page.goto(f"{counter.simulator.base_url}{PAGE}")

        page.get_by_role("button", name="Tap card", exact=True).click()

        expect(page.get_by_role("status")).to_have_text("Approved: $15.00")
        assert counter.look(intent).status == "succeeded"

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_every_state_is_accessible_and_fits_a_phone(
        self, counter: Counter, page: Page, scheme: Any
    ) -> None:
        page.emulate_media(color_scheme=scheme)
        url = f"{counter.simulator.base_url}{PAGE}"
        troubles: dict[str, list[str]] = {}

        def look(name: str, address: str = url) -> None:
            page.goto(address)
            found = Axe().run(page).response["violations"]
            wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
            problems = [one["id"] for one in found] + (["too wide"] if wide else [])
            if problems:
                troubles[name] = problems

        look("waits")
        look("list", f"{counter.simulator.base_url}/terminal/readers")
        counter.send(counter.order(), tipping={"amount_eligible": 1500})
        look("asks")
        counter.present("4000000000000002")
        look("declined")
        counter.take(counter.order())
        look("approved")
        counter.simulator.set_reader(READER, online=False)
        look("off")
        assert troubles == {}
