"""The terminal service call by call: its readers, who may ask, what a call wants."""

import json
from typing import Any

import httpx
import pytest

from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import API_KEY, FNOR_MID, OTHER_MID, RPCT_MID, STRICT_MID
from tests.simulators.cardpointe.terminals.endpoints import ENDPOINTS
from tests.simulators.cardpointe.terminals.readers import HSN
from tests.simulators.reader_steps import CLOVER, ENOUGH, Till, error


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
