"""Sessions of the terminal service: how they begin, who has one, how they end."""

import datetime as dt

import pytest

from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.terminals.endpoints import ENDPOINTS
from tests.simulators.cardpointe.terminals.readers import HSN
from tests.simulators.reader_steps import CLOVER, ENOUGH, Till, error

HEADER = "X-CardConnect-SessionKey"
WITH_SESSION = sorted(name for name, one in ENDPOINTS.items() if one.session)


class TestSessions:
    def test_have_a_key_and_ten_minutes(self, gateway: CardPointeSimulator) -> None:
        gateway.stop_clock()
        answer = gateway.terminal("connect", hsn=HSN)

        key, _, expires = answer.headers[HEADER].partition(";expires=")
        assert answer.content == b""
        assert len(key) == 32
        assert int(key, 16)
        ends = dt.datetime.fromisoformat(expires)
        assert int(ends.timestamp()) == gateway.now() + 600
        # The whole header is taken too.
        assert gateway.terminal("ping", hsn=HSN, session=answer.headers[HEADER]).status_code == 200
        assert gateway.terminal("ping", hsn=HSN, session=key).status_code == 200

    @pytest.mark.parametrize("endpoint", [*WITH_SESSION, "disconnect"])
    def test_are_needed(self, gateway: CardPointeSimulator, endpoint: str) -> None:
        answer = gateway.terminal(endpoint, ENOUGH.get(endpoint), hsn=HSN)

        assert error(answer) == (500, 1, "SessionKey header is required")

    @pytest.mark.parametrize("endpoint", WITH_SESSION)
    def test_end_by_themselves(
        self, gateway: CardPointeSimulator, till: Till, endpoint: str
    ) -> None:
        gateway.advance(600)

        answer = till.call(endpoint, ENOUGH.get(endpoint))

        assert error(answer) == (500, 1, f"Session key for hsn {HSN} was not valid")
        assert gateway.sessions() == []

    def test_there_is_one_for_each_reader(self, gateway: CardPointeSimulator, till: Till) -> None:
        gateway.put_reader(CLOVER)
        other = Till(gateway, CLOVER)

        again = gateway.terminal("connect", hsn=HSN)

        assert error(again) == (500, 1, f"Session exists for hsn {HSN}")
        assert [one["hsn"] for one in gateway.sessions()] == [HSN, CLOVER]
        assert till.call("ping").json()["connected"] is True
        till.session, other.session = other.session, till.session
        assert error(till.call("ping"))[:2] == (500, 1)

    def test_busy_is_said_of_a_reader_that_works(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        asked = till.start()

        assert error(gateway.terminal("connect", hsn=HSN)) == (
            500,
            7,
            f"Terminal {HSN} is already in use",
        )
        for endpoint in sorted(set(WITH_SESSION) - {"cancel"}):
            assert error(till.call(endpoint, ENOUGH.get(endpoint)))[1] == 7
        gateway.settings(terminal_busy_status=409)
        assert gateway.terminal("connect", hsn=HSN).status_code == 409
        till.call("cancel")
        assert asked.result().status_code == 500

    def test_end_while_a_reader_works_and_do_not_end_that(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        asked = till.start()

        assert till.call("disconnect").status_code == 200
        assert error(till.call("cancel"))[:2] == (500, 1)
        gateway.act(HSN, present="chip")

        assert asked.result().json()["respstat"] == "A"

    def test_can_be_ended_by_their_owner_alone(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        wrong = gateway.terminal("disconnect", hsn=HSN, session="0" * 32)

        assert error(wrong) == (400, 3, "Session key for hsn was not valid")
        assert till.call("disconnect").content == b""
        assert gateway.sessions() == []
        assert gateway.connect_reader(HSN)

    def test_force_ends_that_of_another(self, gateway: CardPointeSimulator, till: Till) -> None:
        gateway.connect_reader(HSN, force=True)

        assert error(till.call("ping"))[:2] == (500, 1)

    def test_a_second_factor_is_shown_at_the_reader(self, gateway: CardPointeSimulator) -> None:
        gateway.put_reader(HSN, two_factor=True)
        assert error(gateway.terminal("connect", hsn=HSN))[:2] == (400, 4)

        token = gateway.terminal("preconnect", hsn=HSN).json()["token"]

        assert gateway.display(HSN) == str(token)
        wrong = gateway.terminal("connect", {"token": token + 1}, hsn=HSN)
        assert error(wrong) == (400, 3, "Incorrect token")
        assert HEADER in gateway.terminal("connect", {"token": token}, hsn=HSN).headers
        used = gateway.terminal("connect", {"token": token, "force": True}, hsn=HSN)
        assert error(used) == (400, 3, "Incorrect token")

    def test_without_a_second_factor_there_is_none(self, gateway: CardPointeSimulator) -> None:
        assert error(gateway.terminal("preconnect", hsn=HSN))[:2] == (400, 3)
