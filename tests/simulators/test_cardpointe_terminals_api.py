"""The terminal service call by call: what it wants, what it refuses and how, who may."""

import datetime as dt
import json
from typing import Any

import httpx
import pytest

from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import (
    API_KEY,
    FNOR_MID,
    OTHER_MID,
    RPCT_MID,
    STRICT_MID,
)
from tests.simulators.cardpointe.terminals.endpoints import ENDPOINTS
from tests.simulators.cardpointe.terminals.readers import HSN
from tests.simulators.reader_steps import Till, error

HEADER = "X-CardConnect-SessionKey"
CLOVER = "CLOVER01"
WITH_SESSION = sorted(name for name, one in ENDPOINTS.items() if one.session)
# What is enough for a call to be let through to its reader.
ENOUGH: dict[str, dict[str, Any]] = {
    "dateTime": {"dateTime": "2026-03-02T10:51:07.165"},
    "readConfirmation": {"prompt": "Agreed?"},
    "readInput": {"prompt": "Number?", "format": "N1,5"},
    "readCard": {"amount": 100},
    "authCard": {"amount": 100, "includeSignature": False},
    "authManual": {"amount": 100, "includeSignature": False},
    "tip": {"amount": 100, "prompt": "Tip?"},
    "printReceipt": {"orderId": "NONE"},
}


@pytest.fixture
def till(gateway: CardPointeSimulator) -> Till:
    """A till at the one reader of a fresh simulator."""
    return Till(gateway)


@pytest.fixture
def clover(gateway: CardPointeSimulator) -> Till:
    """A till at a Clover."""
    gateway.put_reader(CLOVER, device_type="Mini 2", name="Bar")
    return Till(gateway, CLOVER)


class TestReaders:
    def test_are_listed_by_merchant(self, gateway: CardPointeSimulator) -> None:
        gateway.put_reader("SECOND")
        gateway.put_reader("STRANGE", merchid=RPCT_MID)

        assert gateway.terminal("listTerminals").json()["terminals"] == [HSN, "SECOND"]
        strange = gateway.terminal("listTerminals", merchid=RPCT_MID).json()
        assert strange["terminals"] == ["STRANGE"]

    def test_tell_how_they_are_without_a_session(self, gateway: CardPointeSimulator) -> None:
        gateway.put_reader(CLOVER, device_type="Mini 2", name="Bar", plugged=False)

        found = gateway.terminal("terminalDetails").json()["terminalDetails"]

        assert [(one["hsn"], one["connected"]) for one in found] == [(HSN, True), (CLOVER, False)]
        assert found[1] == {
            "hsn": CLOVER,
            "name": "Bar",
            "merchantId": FNOR_MID,
            "connected": False,
            "deviceType": "Mini 2",
            "environment": "UAT",
            "deviceCapabilities": {
                "screenDimensionX": "1280",
                "screenDimensionY": "800",
                "pinPad": True,
                "msr": True,
                "emv": True,
                "nfc": True,
                "signature": True,
                "printer": True,
            },
        }

    @pytest.mark.parametrize(
        "wrong", [{"device_type": "Toaster"}, {"merchid": "1"}, {"colour": "red"}, {"site": "x"}]
    )
    def test_are_refused_when_impossible(
        self, gateway: CardPointeSimulator, wrong: dict[str, str]
    ) -> None:
        with pytest.raises(ValueError, match="400"):
            gateway.put_reader("WRONG", **wrong)

        assert len(gateway.readers()) == 1


class TestWhoMay:
    @pytest.mark.parametrize("version", ["v2", "v3", "v4"])
    def test_every_version_answers(self, gateway: CardPointeSimulator, version: str) -> None:
        assert gateway.terminal(f"{version}/listTerminals").status_code == 200

    def test_the_real_host_is_understood_too(self, gateway: CardPointeSimulator) -> None:
        for host in ("fts.cardpointe.com", "fts-uat.cardpointe.com:6443"):
            answer = gateway.http.post(
                "/api/v2/listTerminals",
                json={"merchantId": FNOR_MID},
                headers={"Authorization": API_KEY, "Host": host},
            )
            assert answer.json()["terminals"] == [HSN]

    @pytest.mark.parametrize(
        ("whose", "status"),
        [
            ({"api_key": "wrong"}, 401),
            ({"api_key": f"Basic {API_KEY}"}, 401),
            ({"api_key": ""}, 401),
            ({"api_key": "", "merchid": STRICT_MID}, 401),
            ({"merchid": OTHER_MID}, 401),
            ({"merchid": STRICT_MID}, 401),
            ({"merchid": ""}, 401),
            ({"site": "acme"}, 401),
            ({"hsn": "UNKNOWN"}, 403),
            ({"hsn": HSN, "merchid": RPCT_MID}, 403),
            ({"endpoint": "v1/connect"}, 404),
        ],
        ids=lambda value: json.dumps(value, sort_keys=True),
    )
    def test_others_are_kept_out(
        self, gateway: CardPointeSimulator, whose: dict[str, Any], status: int
    ) -> None:
        asked = {"endpoint": "connect", "hsn": HSN, **whose}
        answer = gateway.terminal(**asked)

        assert answer.status_code == status
        assert answer.json()["status"] == status
        assert gateway.sessions() == []

    def test_an_unknown_call_is_not_found(self, gateway: CardPointeSimulator) -> None:
        assert gateway.terminal("refund", hsn=HSN).status_code == 404

    def test_only_posts_are_taken(self, gateway: CardPointeSimulator) -> None:
        answer = gateway.http.get("/bolt/fts/api/v3/ping", headers={"Authorization": API_KEY})

        # The content of a GET is nothing: its method is what is wrong with it.
        assert error(answer) == (500, 1, "Request method 'GET' not supported")

    def test_only_json_is_taken(self, gateway: CardPointeSimulator) -> None:
        headers = {"Authorization": API_KEY, "Content-Type": "text/plain"}
        url = "/bolt/fts/api/v3/ping"

        answer = gateway.http.post(url, content="{}", headers=headers)
        assert error(answer) == (500, 1, "Content type 'text/plain' not supported")
        headers["Content-Type"] = "application/json"
        assert error(gateway.http.post(url, content="[", headers=headers))[:2] == (400, 3)

    def test_a_merchant_that_is_not_boarded(self, gateway: CardPointeSimulator) -> None:
        gateway.put_merchant(merchid=FNOR_MID, enabled=False)

        answer = gateway.terminal("connect", hsn=HSN)

        assert error(answer) == (500, 1, f"No cs hostname for merchantId: {FNOR_MID}")


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


class TestParameters:
    @pytest.mark.parametrize(
        ("endpoint", "name"),
        [(name, wanted) for name, one in ENDPOINTS.items() for wanted in one.required],
    )
    def test_what_is_missing(self, till: Till, endpoint: str, name: str) -> None:
        body = {key: value for key, value in ENOUGH[endpoint].items() if key != name}

        told = (400, 4, f"Missing required parameter: '{name}'.")
        assert error(till.call(endpoint, body)) == told

    def test_a_reader_has_to_be_named(self, gateway: CardPointeSimulator) -> None:
        assert error(gateway.terminal("connect")) == (
            400,
            4,
            "Missing required parameter: 'hsn'.",
        )

    @pytest.mark.parametrize(
        ("endpoint", "wrong"),
        [
            ("authCard", {"amount": 2147483648}),
            ("authCard", {"amount": 49.5}),
            ("authCard", {"amount": "49.00"}),
            ("authCard", {"amount": True}),
            ("authCard", {"orderId": "X" * 51}),
            ("authCard", {"orderId": 5}),
            ("authCard", {"capture": "Y"}),
            ("authCard", {"aid": "gift"}),
            ("authCard", {"invoiceId": "X" * 13}),
            ("authCard", {"clearDisplayDelay": 60_001}),
            ("authCard", {"userFields": "x"}),
            ("authCard", {"authMerchantId": OTHER_MID}),
            ("readInput", {"format": "phone"}),
            ("readInput", {"minLength": -1}),
            ("dateTime", {"dateTime": "now"}),
            ("tip", {"tipPercentPresets": [10, 20]}),
            ("tip", {"tipPercentPresets": [10, 20, 101]}),
        ],
        ids=lambda value: value if isinstance(value, str) else json.dumps(value)[:40],
    )
    def test_what_is_wrong(self, till: Till, endpoint: str, wrong: dict[str, Any]) -> None:
        answer = till.call(endpoint, {**ENOUGH[endpoint], **wrong})

        name = next(iter(wrong))
        assert error(answer) == (400, 3, f"Invalid value for param: '{name}'.")

    @pytest.mark.parametrize(
        ("endpoint", "name", "length"),
        [
            ("readSignature", "prompt", 16),
            ("readConfirmation", "prompt", 1000),
            ("display", "text", 1000),
        ],
    )
    def test_what_is_too_long(
        self, gateway: CardPointeSimulator, till: Till, endpoint: str, name: str, length: int
    ) -> None:
        gateway.script(HSN, "approve", default=True)

        assert till.call(endpoint, {name: "x" * length}).status_code == 200
        answer = till.call(endpoint, {name: "x" * (length + 1)})

        text = f"{name.capitalize()} text must be less than or equal to {length} characters"
        assert error(answer) == (400, 3, text)

    def test_numbers_and_switches_may_be_texts(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.script(HSN, "approve")

        body = till.sell("4900", capture="false").json()

        assert gateway.inquire(body["retref"])["setlstat"] == "Authorized"

    def test_an_order_may_be_as_long_as_documented(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.script(HSN, "approve")

        assert till.sell(2147483647, orderId="X" * 50).json()["amount"] == "21474836.47"

    def test_a_credit_wants_the_right_to_it(self, gateway: CardPointeSimulator, till: Till) -> None:
        gateway.script(HSN, "approve", default=True)
        assert till.sell(-100).json()["respcode"] == "45"

        gateway.put_merchant(merchid=FNOR_MID, forced_credits=True)

        assert till.sell(-100).json()["amount"] == "-1.00"


class TestReaderRefuses:
    def test_in_merchant_mode_all_but_ping(self, gateway: CardPointeSimulator, till: Till) -> None:
        gateway.merchant_mode(HSN)

        told = (500, 9, f"hsn: {HSN} is currently in merchant mode")
        assert error(till.sell()) == told
        assert error(gateway.terminal("connect", hsn=HSN)) == told
        assert till.call("ping").json()["connected"] is True
        gateway.merchant_mode(HSN, is_on=False)
        gateway.script(HSN, "approve")
        assert till.sell().status_code == 200

    @pytest.mark.parametrize("endpoint", ["connect", "display", "authCard", "tip", "readCard"])
    def test_when_it_is_not_connected(
        self, gateway: CardPointeSimulator, till: Till, endpoint: str
    ) -> None:
        gateway.plug(HSN, is_plugged=False)

        answer = till.call(endpoint, ENOUGH.get(endpoint))

        assert error(answer) == (500, 6, f"Terminal {HSN} is not connected")

    def test_what_it_cannot_sign(self, gateway: CardPointeSimulator) -> None:
        gateway.put_reader("SMALL", device_type="ICT220")
        small = Till(gateway, "SMALL")

        assert error(small.call("authCard", {"amount": 100}))[:2] == (500, 700)

    def test_debit_cards_of_merchants_without_them(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.script(HSN, "approve", default=True)

        text = f"PIN Debit not supported for merchantId {FNOR_MID}"
        assert error(till.sell(aid="debit")) == (500, 400, text)
        gateway.put_merchant(merchid=FNOR_MID, pin_debit=True)
        assert till.sell(aid="debit").json()["respstat"] == "A"

    @pytest.mark.parametrize(
        ("endpoint", "body"),
        [("readManual", {}), ("authManual", {"amount": 1, "includeCVV": True})],
    )
    def test_what_a_clover_does_not_let_type(
        self, clover: Till, endpoint: str, body: dict[str, Any]
    ) -> None:
        assert error(clover.call(endpoint, body))[:2] == (400, 3)

    def test_printing_without_paper_after_the_payment(
        self, gateway: CardPointeSimulator, clover: Till
    ) -> None:
        gateway.script(CLOVER, "approve", default=True)
        gateway.put_reader(CLOVER, paper=False)

        answer = clover.sell(printReceipt=True)

        assert error(answer)[:2] == (500, 800)
        assert answer.json()["receiptData"]["dba"]
        assert len(gateway.transactions(respstat="A")) == 1
        assert error(clover.call("printReceipt", {"orderId": "KQWZBTRNLMXCVFGHJD"}))[1] == 800
        gateway.put_reader(CLOVER, paper=True)
        printed = clover.call("printReceipt", {"orderId": "KQWZBTRNLMXCVFGHJD"})
        assert printed.json()["receiptData"]["dateTime"].startswith("2026")
        assert error(clover.call("printReceipt", {"orderId": "NONE"}))[:2] == (400, 3)


class TestCommands:
    def test_the_display(self, gateway: CardPointeSimulator, till: Till) -> None:
        assert till.call("display", {"text": "Hello\nAda"}).content == b""
        assert gateway.display(HSN) == "Hello\nAda"
        till.call("display")
        assert gateway.display(HSN) == ""
        till.call("display", {"text": "Bye"})
        till.call("clearDisplay")
        assert gateway.display(HSN) == ""

    def test_the_clock(self, gateway: CardPointeSimulator, till: Till) -> None:
        till.call("dateTime", {"dateTime": "2026-03-02T10:51:07.165"})

        assert gateway.reader(HSN)["clock"] == "2026-03-02T10:51:07.165"

    def test_ping_takes_a_while_to_find_nobody(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.plug(HSN, is_plugged=False)
        gateway.stop_clock()
        asked = till.start("ping")

        gateway.advance(14)
        assert not asked.done()
        gateway.advance(1)

        assert asked.result().json()["connected"] is False

    def test_cancel_of_nothing_is_nothing(self, till: Till) -> None:
        assert till.call("cancel").content == b""

    @pytest.mark.parametrize("answer", [True, False])
    def test_a_confirmation(self, gateway: CardPointeSimulator, till: Till, answer: Any) -> None:
        asked = till.start("readConfirmation", prompt="Agreed?")
        assert gateway.display(HSN) == "Agreed?"

        gateway.act(HSN, confirm=answer)

        assert asked.result().json()["confirmed"] is answer

    def test_an_input_that_fits(self, gateway: CardPointeSimulator, till: Till) -> None:
        asked = till.start("readInput", prompt="Post code?", format="N5", minLength=5, maxLength=5)

        gateway.act(HSN, input="123")
        gateway.act(HSN, input="12345")

        assert asked.result().json()["input"] == "12345"

    def test_a_signature(self, gateway: CardPointeSimulator, till: Till) -> None:
        gateway.script(HSN, "approve")

        assert till.call("readSignature", {"prompt": "Sign"}).json()["signature"]

    def test_a_tip(self, gateway: CardPointeSimulator, till: Till) -> None:
        gateway.script(HSN, "approve", tip=150)

        told = till.call("tip", {"amount": 1000, "prompt": "Tip?"}).json()

        assert (told["amount"], told["tip"], told["total"]) == (1000, 150, 1150)

    def test_a_tip_as_it_is_shown_elsewhere(self, gateway: CardPointeSimulator, till: Till) -> None:
        gateway.settings(terminal_tips_in="dollars")
        gateway.script(HSN, "approve", tip=6)

        told = till.call("tip", {"amount": 100, "prompt": "Tip?"}).json()

        assert (told["amount"], told["tip"], told["total"]) == (100, 0.06, 1.06)

    @pytest.mark.parametrize(("present", "single_use"), [("chip", False), ("contactless", True)])
    def test_a_card_without_a_payment(
        self, gateway: CardPointeSimulator, till: Till, present: str, single_use: Any
    ) -> None:
        gateway.script(HSN, present=present)

        told = till.call("readCard", {"amount": 100}).json()

        assert told["singleUseToken"] is single_use
        assert ("name" in told) is not single_use
        assert gateway.transactions() == []
        later = {"account": told["token"], "expiry": told["expiry"], "amount": "1.00"}
        assert gateway.call("auth", later)["respstat"] == "A"

    def test_a_number_that_is_typed(self, gateway: CardPointeSimulator, till: Till) -> None:
        gateway.script(HSN, "approve", default=True)

        assert till.call("readManual").json()["token"].startswith("947")
        sold = till.call("authManual", {"amount": 100, "includeSignature": False}).json()
        assert (sold["entrymode"], "emvTagData" in sold) == ("Keyed", False)

    @pytest.mark.parametrize(
        "endpoint", ["readConfirmation", "readInput", "readSignature", "readCard", "tip"]
    )
    def test_questions_end_as_payments_do(
        self, gateway: CardPointeSimulator, till: Till, endpoint: str
    ) -> None:
        gateway.stop_clock()
        asked = till.start(endpoint, **ENOUGH.get(endpoint, {}))
        till.call("cancel")
        assert error(asked.result()) == (500, 8, "Command Cancelled")

        asked = till.start(endpoint, **ENOUGH.get(endpoint, {}))
        gateway.act(HSN, cancel=True)
        assert error(asked.result()) == (500, 8, "Operation Cancelled")

        asked = till.start(endpoint, **ENOUGH.get(endpoint, {}))
        gateway.advance(119)
        assert error(asked.result()) == (500, 1, "Terminal request timed out")


class TestScripts:
    @pytest.mark.parametrize(
        "script",
        [
            {"outcome": "explode"},
            {"outcome": "decline"},
            {"outcome": "decline", "code": "00"},
            {"outcome": "decline", "code": "nope"},
            {"outcome": "approve", "colour": "red"},
            {"outcome": "approve", "present": "cheque"},
            {"steps": [{"dance": True}]},
            {"steps": [{"present": "chip", "colour": "red"}]},
            {"steps": [{"present": "chip", "gateway": "gone"}]},
            {"steps": [{"present": "chip", "pan": "4539578763621486"}]},
            {"outcome": "approve", "pan": "4539578763621486"},
            {"steps": [], "outcome": "approve"},
        ],
        ids=lambda value: json.dumps(value)[:50],
    )
    def test_that_nobody_could_act_out_are_refused(
        self, gateway: CardPointeSimulator, script: dict[str, Any]
    ) -> None:
        with pytest.raises(ValueError, match="400"):
            gateway.script(HSN, **script)
        with pytest.raises(ValueError, match="there is no reader"):
            gateway.script("NOBODY", "approve")

    def test_are_used_up_in_turn_and_then_the_default_holds(
        self, gateway: CardPointeSimulator, till: Till
    ) -> None:
        gateway.script(HSN, "approve", default=True)
        gateway.script(HSN, "decline", code="05")
        gateway.script(HSN, "decline", code="51")

        assert [till.sell().json()["respcode"] for _ in range(4)] == ["05", "51", "00", "00"]


def test_noise_meets_readers_too_and_can_be_off(gateway: CardPointeSimulator, till: Till) -> None:
    def invented(answer: httpx.Response) -> bool:
        return any(name.startswith("dummyField") for name in answer.json())

    gateway.script(HSN, "late_cancel", default=True)
    loud, loud_error = till.call("ping"), till.sell()
    gateway.settings(noise=False)
    quiet, quiet_error = till.call("ping"), till.sell()

    assert invented(loud)
    assert any(name.startswith("dummyField") for name in loud_error.json()["authResponse"])
    assert quiet.json() == {"connected": True}
    assert set(quiet_error.json()) == {"errorCode", "errorMessage", "authResponse"}
