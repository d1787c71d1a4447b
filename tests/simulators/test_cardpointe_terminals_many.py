"""Many readers of the simulated terminal service at once, and one that outlives its process."""

import json
import pathlib
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import FNOR_MID, SITE
from tests.simulators.cardpointe.terminals.readers import HSN
from tests.simulators.reader_steps import Till, error

MANY = 50


class TestAtOnce:
    def test_readers_do_not_wait_for_each_other(self, gateway: CardPointeSimulator) -> None:
        names = [f"MANY{number}" for number in range(MANY)]
        for name in names:
            gateway.put_reader(name)
        tills = [Till(gateway, name) for name in names]
        with ThreadPoolExecutor(MANY) as pool:
            asked = [pool.submit(till.sell, orderId=f"ORDER-{till.hsn}") for till in tills]
            for name in names:
                gateway.await_reader(name)

            # All wait, and the gateway still answers at once.
            began = time.monotonic()
            details = gateway.terminal("terminalDetails").json()["terminalDetails"]
            lasted = time.monotonic() - began
            for name in reversed(names):
                gateway.act(name, present="contactless")
            answers = [one.result().json() for one in asked]

        assert len(details) == MANY + 1
        assert lasted < 10
        assert {one["respstat"] for one in answers} == {"A"}
        assert len({one["retref"] for one in answers}) == MANY
        assert [one["orderId"] for one in answers] == [f"ORDER-{name}" for name in names]

    def test_each_has_its_own_time(self, gateway: CardPointeSimulator) -> None:
        gateway.stop_clock()
        gateway.put_reader("LATER")
        first, later = Till(gateway), Till(gateway, "LATER")
        gateway.script(HSN, "approve", wait=10)
        gateway.script("LATER", "approve", wait=20)
        begun = [first.start(orderId="FIRST"), later.start(orderId="LATER")]

        gateway.advance(10)
        assert begun[0].result().json()["orderId"] == "FIRST"
        assert not begun[1].done()
        gateway.advance(10)

        assert begun[1].result().json()["orderId"] == "LATER"

    def test_a_jump_of_the_clock_keeps_the_order_of_things(
        self, gateway: CardPointeSimulator
    ) -> None:
        gateway.stop_clock()
        gateway.put_reader("SLOW")
        quick, slow = Till(gateway), Till(gateway, "SLOW")
        gateway.script(HSN, "approve", wait=100)
        gateway.script("SLOW", "approve", wait=120)
        begun = [quick.start(orderId="QUICK"), slow.start(orderId="SLOW")]

        gateway.advance(1000)

        assert begun[0].result().json()["respstat"] == "A"
        assert error(begun[1].result()) == (500, 1, "Terminal request timed out")
        assert gateway.transactions(orderid="SLOW") == []

    def test_waiting_in_real_time(self, gateway: CardPointeSimulator) -> None:
        gateway.script(HSN, "approve", wait=0.2, then_wait=0.2)
        began = time.monotonic()

        assert Till(gateway).sell().json()["respstat"] == "A"

        assert 0.4 <= time.monotonic() - began < 15


class TestState:
    def test_survives_the_process(self, tmp_path: pathlib.Path) -> None:
        with CardPointeSimulator.start(state_dir=tmp_path) as first:
            first.put_reader("KEPT", device_type="Mini 2", two_factor=False, name="Bar")
            first.script("KEPT", "approve", default=True)
            first.script("KEPT", "decline", code="05")
            till = Till(first, "KEPT")
            till.call("display", {"text": "Hello"})
            before = first.reader("KEPT")

        with CardPointeSimulator.start(state_dir=tmp_path) as second:
            assert second.reader("KEPT") == before
            till.simulator = second
            assert till.sell().json()["respcode"] == "05"
            assert till.sell().json()["respstat"] == "A"

    def test_of_the_time_before_readers_gets_one(self, tmp_path: pathlib.Path) -> None:
        with CardPointeSimulator.start(state_dir=tmp_path) as first:
            first.close_batches()
        with sqlite3.connect(tmp_path / "cardpointe.sqlite3") as file:
            file.execute("DELETE FROM state WHERE kind = 'reader'")
            rows = file.execute("SELECT id, body FROM state WHERE kind = '_merchant'").fetchall()
            for key, body in rows:
                row = {name: value for name, value in json.loads(body).items() if name != "api_key"}
                file.execute("UPDATE state SET body = ? WHERE id = ?", (json.dumps(row), key))
        file.close()

        with CardPointeSimulator.start(state_dir=tmp_path) as second:
            assert second.terminal("listTerminals").json()["terminals"] == [HSN]

    def test_a_reader_that_worked_is_free_after_a_restart(self, tmp_path: pathlib.Path) -> None:
        first = CardPointeSimulator.start(state_dir=tmp_path)
        till = Till(first)
        asked = till.start()
        time.sleep(0.3)  # what changed is written shortly after
        assert first.process is not None
        first.process.kill()
        with pytest.raises(httpx.TransportError):
            asked.result()
        first.http.close()

        with CardPointeSimulator.start(state_dir=tmp_path) as second:
            assert second.reader(HSN)["state"] == "idle"
            assert [one["hsn"] for one in second.sessions()] == [HSN]

    def test_ends_at_once_although_a_reader_waits(self) -> None:
        simulator = CardPointeSimulator.start()
        asked = Till(simulator).start()
        began = time.monotonic()

        assert simulator.stop() == 0

        assert time.monotonic() - began < 5
        with pytest.raises(httpx.TransportError):
            asked.result()

    def test_goes_back_to_a_moment(self, gateway: CardPointeSimulator) -> None:
        gateway.keep_moment("before")
        till = Till(gateway)
        asked = till.start()

        gateway.go_back("before")

        with pytest.raises(httpx.TransportError):
            asked.result()
        assert gateway.sessions() == []
        assert gateway.reader(HSN)["state"] == "idle"
        assert Till(gateway).call("ping").json()["connected"] is True


class TestPage:
    def form(self, gateway: CardPointeSimulator, hsn: str = HSN, **form: str) -> httpx.Response:
        return gateway.http.post(gateway.reader_page(hsn), data=form, follow_redirects=True)

    def test_shows_the_display_and_nothing_to_press_while_idle(
        self, gateway: CardPointeSimulator
    ) -> None:
        gateway.put_reader(HSN, name="<b>Bar</b>")
        Till(gateway).call("display", {"text": "Tom & <Jerry>"})

        text = gateway.http.get(gateway.reader_page(HSN)).text

        assert "Tom &amp; &lt;Jerry&gt;" in text
        assert ">Tap<" not in text
        assert ">Unplug<" in text

    @pytest.mark.parametrize(
        ("form", "told"),
        [
            ({"do": "contactless", "card": "Mastercard"}, ("A", "Contactless", "PPS010")),
            ({"do": "chip", "card": "American Express"}, ("A", "EMVContact", "PPS013")),
            ({"do": "swipe", "card": "unknown"}, ("A", "Swipe(Non EMV)", "PPS009")),
            ({"do": "declined", "card": "Visa"}, ("C", "EMVContact", None)),
        ],
        ids=["tap", "insert", "swipe", "declined"],
    )
    def test_takes_a_card(
        self,
        gateway: CardPointeSimulator,
        form: dict[str, str],
        told: tuple[str, str, str | None],
    ) -> None:
        asked = Till(gateway).start()
        assert "49.00 USD" in gateway.http.get(gateway.reader_page(HSN)).text

        self.form(gateway, **form)

        body = asked.result().json()
        assert (body["respstat"], body["entrymode"], body.get("authcode")) == told
        last = {"A": "Approved, 49.00", "C": "Declined, Do not honor"}[body["respstat"]]
        assert f"Last payment: {last}" in gateway.http.get(gateway.reader_page(HSN)).text

    def test_cancels_and_unplugs(self, gateway: CardPointeSimulator) -> None:
        till = Till(gateway)
        asked = till.start()
        self.form(gateway, do="cancel")
        assert error(asked.result()) == (500, 8, "Operation Cancelled")

        asked = till.start()
        assert ">Plug in<" in self.form(gateway, do="unplug").text
        assert error(asked.result())[1] == 6
        assert ">Unplug<" in self.form(gateway, do="plug").text
        assert gateway.terminal("terminalDetails").json()["terminalDetails"][0]["connected"]

    @pytest.mark.parametrize(
        ("endpoint", "asked", "form", "name", "told"),
        [
            ("readConfirmation", {"prompt": "Agreed?"}, {"do": "yes"}, "confirmed", True),
            ("readConfirmation", {"prompt": "Agreed?"}, {"do": "no"}, "confirmed", False),
            (
                "readInput",
                {"prompt": "Code?", "format": "AN5"},
                {"do": "input", "text": "A1"},
                "input",
                "A1",
            ),
            ("tip", {"prompt": "Tip?", "amount": 100}, {"do": "tip", "text": "15"}, "tip", 15),
        ],
        ids=["yes", "no", "input", "tip"],
    )
    def test_answers_questions(
        self,
        gateway: CardPointeSimulator,
        endpoint: str,
        asked: dict[str, str],
        form: dict[str, str],
        name: str,
        told: object,
    ) -> None:
        begun = Till(gateway).start(endpoint, **asked)

        self.form(gateway, **form)

        assert begun.result().json()[name] == told

    def test_refuses_what_is_no_button_or_no_reader(self, gateway: CardPointeSimulator) -> None:
        assert self.form(gateway, do="explode").status_code == 400
        assert self.form(gateway, "NOBODY", do="cancel").status_code == 404
        assert gateway.http.get("/bolt/fts/web/world.py").status_code == 404

    def test_readers_of_a_site_are_listed(self, gateway: CardPointeSimulator) -> None:
        gateway.put_reader("SECOND", merchid=FNOR_MID)

        text = gateway.http.get(f"/bolt/{SITE}/readers").text

        assert all(f'href="/bolt/{SITE}/readers/{hsn}"' in text for hsn in (HSN, "SECOND"))
