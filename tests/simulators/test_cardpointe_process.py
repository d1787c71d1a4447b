"""CardPointe as a process: it starts, keeps its state, ends."""

import pathlib
import signal
import time

import httpx
import pytest

from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.test_cardpointe_lifecycle import sale


class TestState:
    @pytest.mark.parametrize("ending", ["stop", "kill"])
    def test_survives_the_process(self, tmp_path: pathlib.Path, ending: str) -> None:
        first = CardPointeSimulator.start(state_dir=tmp_path)
        first.put_merchant(merchid="777", cardproc="RPCT")
        first.settings(noise=False)
        retref = sale(first, orderid="KEPT")
        first.advance(60)
        before, offset = first.inquire(retref), first.control("GET", "clock")["offset_s"]
        if ending == "kill":
            time.sleep(0.3)  # what changed is written shortly after the answer
        getattr(first, ending)()

        with CardPointeSimulator.start(state_dir=tmp_path) as second:
            assert second.inquire(retref) == before
            assert second.inquire_order("KEPT") == before
            assert second.control("GET", "clock")["offset_s"] == offset
            assert second.send("GET", "inquireMerchant/777").json()["cardproc"] == "RPCT"
            assert sale(second) != retref

    def test_what_was_to_come_late_still_comes(self, tmp_path: pathlib.Path) -> None:
        with CardPointeSimulator.start(state_dir=tmp_path) as first:
            first.add_fault("late_commit", seconds=3600)
            with pytest.raises(httpx.TransportError):
                sale(first, orderid="LATE")

        with CardPointeSimulator.start(state_dir=tmp_path) as second:
            assert second.inquire_order("LATE")["respcode"] == "29"
            second.advance(3600)
            assert second.inquire_order("LATE")["respstat"] == "A"

    def test_a_second_process_may_not_share_a_state(self, tmp_path: pathlib.Path) -> None:
        running = CardPointeSimulator.start(state_dir=tmp_path)
        with running, pytest.raises(RuntimeError, match="ended"):
            CardPointeSimulator.start(state_dir=tmp_path)

    def test_never_holds_a_card_number_that_is_not_the_providers_test_card(
        self, tmp_path: pathlib.Path
    ) -> None:
        with CardPointeSimulator.start(state_dir=tmp_path) as simulator:
            simulator.tokenize("4539578763621486", expiry="1230", cvv="987")

        assert all(b"4539578763621486" not in file.read_bytes() for file in tmp_path.rglob("*"))


class TestProcess:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_ends_it_at_once_and_cleanly(self, number: signal.Signals) -> None:
        simulator = CardPointeSimulator.start()
        assert simulator.process is not None

        began = time.monotonic()
        simulator.process.child.send_signal(number)
        code = simulator.process.child.wait(5)

        assert code == 0
        assert time.monotonic() - began < 1.5
        simulator.stop()


class TestClock:
    def test_goes_forward_only(self, gateway: CardPointeSimulator) -> None:
        before = gateway.now()

        assert gateway.advance(60) - before in (60, 61)
        assert gateway.advance_to(before + 600) == before + 600
        with pytest.raises(ValueError, match="does not go back"):
            gateway.advance(-1)
