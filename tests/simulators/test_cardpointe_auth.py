"""Authorisations: who may ask, what is refused unasked, and what the test cards answer."""

from typing import Any

import pytest

from tests.simulators.cardpointe import merchants
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import CAD_MID, FNOR_MID, OTHER_MID, RPCT_MID, STRICT_MID

VISA = "4111111111111111"


def authorise(gateway: CardPointeSimulator, pan: str = VISA, **fields: Any) -> dict[str, Any]:
    merchid = fields.pop("merchid", FNOR_MID)
    body = {"account": gateway.tokenize(pan), "expiry": "1230", "amount": "49.00", **fields}
    return gateway.call("auth", body, merchid=merchid)


def code(answer: dict[str, Any]) -> tuple[str, str, str]:
    proc = answer.get("respproc") or answer["cardproc"]
    return proc, answer["respcode"], answer["respstat"]


class TestLettingIn:
    @pytest.mark.parametrize("method", ["PUT", "POST"])
    def test_put_and_post_are_the_same(self, gateway: CardPointeSimulator, method: str) -> None:
        token = gateway.tokenize(VISA)

        answer = gateway.call(
            "auth", {"account": token, "expiry": "1230", "amount": "1.00"}, method=method
        )

        assert code(answer) == ("FNOR", "00", "A")

    @pytest.mark.parametrize("auth", [None, ("testing", "wrong"), ("acme", "acme-secret")])
    def test_wrong_credentials_are_401(
        self, gateway: CardPointeSimulator, auth: tuple[str, str] | None
    ) -> None:
        assert gateway.send("GET", f"inquireMerchant/{FNOR_MID}", auth=auth).status_code == 401

    def test_a_merchant_of_others_is_401(self, gateway: CardPointeSimulator) -> None:
        assert gateway.send("GET", f"inquireMerchant/{OTHER_MID}").status_code == 401

    def test_a_path_that_is_none_is_404_in_json(self, gateway: CardPointeSimulator) -> None:
        answer = gateway.send("GET", "nothing")

        assert (answer.status_code, answer.json()["error"]) == (404, "Not Found")

    def test_the_base_address_says_what_it_is(self, gateway: CardPointeSimulator) -> None:
        assert "<h1>CardConnect REST Servlet</h1>" in gateway.send("GET", "").text

    @pytest.mark.parametrize("content", [b"{", b"[]", '{"name": "José"}'.encode()])
    def test_what_is_no_ascii_object_is_400(
        self, gateway: CardPointeSimulator, content: bytes
    ) -> None:
        url = f"{gateway.gateway_url()}/cardconnect/rest/auth"

        answer = gateway.http.put(url, content=content, auth=(merchants.USER, merchants.PASSWORD))

        assert answer.status_code == 400

    def test_answers_to_the_real_host_name(self, gateway: CardPointeSimulator) -> None:
        answer = gateway.http.get(
            f"/cardconnect/rest/inquireMerchant/{FNOR_MID}",
            headers={"Host": "fts-uat.cardconnect.com"},
            auth=(merchants.USER, merchants.PASSWORD),
        )

        assert answer.json()["site"] == "fts"


class TestRefusalsUnasked:
    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({"currency": "CAD"}, "32"),
            ({"currency": "dollars"}, "34"),
            ({"amount": "1,00"}, "43"),
            ({"amount": "-1.00"}, "45"),
            ({"account": "9411111111111111"}, "98"),
            ({"account": "4111111111111112"}, "13"),
            ({"account": "1234567890123456"}, "11"),
            ({"account": ""}, "34"),
            ({"account": "", "profile": "12345678901234567890/1"}, "96"),
            ({"account": "", "profile": "9411111111111111"}, "98"),
            ({"expiry": "12/30"}, "15"),
            ({"expiry": ""}, "15"),
            ({"postal": "123"}, "17"),
            ({"name": "x" * 31}, "34"),
            ({"cof": "Y"}, "34"),
        ],
    )
    def test_are_in_the_gateways_own_name_and_stored_nowhere(
        self, gateway: CardPointeSimulator, fields: dict[str, str], expected: str
    ) -> None:
        answer = authorise(gateway, **fields)

        assert code(answer) == ("PPS", expected, "C")
        assert gateway.transactions() == []

    def test_an_account_check_wants_the_code_where_codes_are_verified(
        self, gateway: CardPointeSimulator
    ) -> None:
        without = authorise(gateway, amount="0", merchid=STRICT_MID)
        with_it = authorise(gateway, amount="0", cvv2="123", merchid=STRICT_MID)

        assert code(without) == ("PPS", "38", "C")
        assert code(with_it)[2] == "A"

    def test_a_currency_is_the_merchants(self, gateway: CardPointeSimulator) -> None:
        assert authorise(gateway, currency="CAD", merchid=CAD_MID)["respstat"] == "A"

    def test_a_token_of_another_site_is_unknown(self, gateway: CardPointeSimulator) -> None:
        foreign = gateway.tokenize(VISA, site="acme")

        assert code(authorise(gateway, account=foreign)) == ("PPS", "98", "C")


class TestCards:
    @pytest.mark.parametrize(
        ("pan", "fnor", "rpct"),
        [
            ("4788250000121443", ("FNOR", "00", "A"), ("RPCT", "000", "A")),
            ("4387751111111020", ("FNOR", "01", "C"), ("RPCT", "107", "C")),
            ("5442981111111031", ("FNOR", "05", "C"), ("RPCT", "100", "C")),
            ("6011000995511148", ("FNOR", "54", "C"), ("RPCT", "101", "C")),
            ("4387751111111053", ("FNOR", "NU", "C"), ("RPCT", "500", "C")),
            ("4999006200620062", ("PPS", "62", "B"), ("PPS", "62", "B")),
        ],
    )
    def test_answer_by_processor(
        self, gateway: CardPointeSimulator, pan: str, fnor: Any, rpct: Any
    ) -> None:
        assert code(authorise(gateway, pan)) == fnor
        assert code(authorise(gateway, pan, merchid=RPCT_MID)) == rpct

    @pytest.mark.parametrize(
        ("pan", "authcode"),
        [
            ("5454545454545454", "PPS010"),
            ("371449635398431", "PPS013"),
            ("6011000995500000", "PPS015"),
            ("36438999960016", "PPS012"),
            ("3528000000000007", "PPS007"),
        ],
    )
    def test_have_their_authcodes(
        self, gateway: CardPointeSimulator, pan: str, authcode: str
    ) -> None:
        assert authorise(gateway, pan)["authcode"] == authcode

    def test_a_partial_approval_is_an_a(self, gateway: CardPointeSimulator) -> None:
        answer = authorise(gateway, "4387750101010101", amount="6.00")

        assert code(answer) == ("FNOR", "10", "A")
        assert answer["amount"] == "5.00"

    def test_a_decline_is_of_nothing_a_timeout_of_what_was_asked(
        self, gateway: CardPointeSimulator
    ) -> None:
        declined = authorise(gateway, "4387751111111053")
        timed_out = authorise(gateway, "4999006200620062")

        assert (declined["amount"], timed_out["amount"]) == ("0.00", "49.00")
        assert timed_out["setlstat"] == "Declined"

    @pytest.mark.parametrize(
        ("merchid", "amount", "expected"),
        [
            (RPCT_MID, "1116.95", ("RPCT", "116", "C")),
            (RPCT_MID, "111695", ("RPCT", "116", "C")),
            (RPCT_MID, "1000.00", ("RPCT", "000", "A")),
            (FNOR_MID, "1005.00", ("FNOR", "05", "C")),
            (FNOR_MID, "1028.00", ("FNOR", "28", "B")),
            (FNOR_MID, "1999.00", ("FNOR", "00", "A")),
            (FNOR_MID, "2005.00", ("FNOR", "00", "A")),
        ],
    )
    def test_amounts_ask_for_codes(
        self, gateway: CardPointeSimulator, merchid: str, amount: str, expected: Any
    ) -> None:
        assert code(authorise(gateway, amount=amount, merchid=merchid)) == expected

    def test_a_decline_of_visa_has_its_category(self, gateway: CardPointeSimulator) -> None:
        visa = authorise(gateway, "4387751111111046")
        mastercard = authorise(gateway, "5442981111111049")

        assert visa["declineCategory"] == "3"
        assert "declineCategory" not in mastercard


class TestChecks:
    @pytest.mark.parametrize(
        ("cvv", "answer"), [("112", "M"), ("111", "N"), ("222", "P"), ("333", "U")]
    )
    def test_security_codes_answer(
        self, gateway: CardPointeSimulator, cvv: str, answer: str
    ) -> None:
        assert authorise(gateway, cvv2=cvv)["cvvresp"] == answer

    @pytest.mark.parametrize(
        ("fields", "answer"),
        [
            ({"postal": "19112"}, "N"),
            ({"postal": "19111"}, "A"),
            ({"address": "226 Main St", "postal": "19355"}, "Z"),
            ({"postal": "K1C1A6", "country": "CA"}, "N"),
        ],
    )
    def test_addresses_answer(
        self, gateway: CardPointeSimulator, fields: dict[str, str], answer: str
    ) -> None:
        assert authorise(gateway, **fields)["avsresp"] == answer

    def test_an_approval_with_a_wrong_code_is_an_approval(
        self, gateway: CardPointeSimulator
    ) -> None:
        assert authorise(gateway, cvv2="111")["respstat"] == "A"

    def test_where_the_merchant_wants_it_the_gateway_declines(
        self, gateway: CardPointeSimulator
    ) -> None:
        wrong_code = authorise(gateway, cvv2="111", merchid=STRICT_MID)
        wrong_address = authorise(gateway, postal="19112", merchid=STRICT_MID)

        assert code(wrong_code) == ("PPS", "37", "C")
        assert code(wrong_address) == ("PPS", "101", "C")

    def test_a_code_travels_in_the_token_once(self, gateway: CardPointeSimulator) -> None:
        gateway.settings(noise=False)
        token = gateway.tokenize(VISA, expiry="1230", cvv="112")
        body = {"account": token, "expiry": "1230", "amount": "1.00"}

        answers = [gateway.call("auth", body)["cvvresp"] for _ in range(2)]

        assert answers == ["M", "X"]

    def test_a_code_travels_in_the_token_for_two_minutes(
        self, gateway: CardPointeSimulator
    ) -> None:
        gateway.settings(noise=False)
        token = gateway.tokenize(VISA, expiry="1230", cvv="112")

        gateway.advance(121)

        body = {"account": token, "expiry": "1230", "amount": "1.00"}
        assert gateway.call("auth", body)["cvvresp"] == "X"


class TestStoredCredentials:
    def test_what_says_recurring_must_say_that_the_merchant_began_it(
        self, gateway: CardPointeSimulator
    ) -> None:
        first = authorise(gateway, profile="Y", cof="C", cofscheduled="Y", ecomind="E")
        stored = {"account": "", "profile": f"{first['profileid']}/{first['acctid']}"}

        bare = authorise(gateway, **stored, ecomind="R")
        right = authorise(gateway, **stored, ecomind="R", cof="M", cofscheduled="Y")

        assert code(bare) == ("FNOR", "12", "C")
        assert (right["respstat"], right["cof"]) == ("A", "M")

    def test_a_code_in_a_merchants_charge_is_noticed(self, gateway: CardPointeSimulator) -> None:
        authorise(gateway, ecomind="R", cof="M", cofscheduled="Y", cvv2="123")

        assert gateway.requests()[-1]["warnings"] == [
            "a merchant-initiated charge carries a security code"
        ]

    def test_a_number_in_place_of_a_token_is_noticed_and_not_shown(
        self, gateway: CardPointeSimulator
    ) -> None:
        authorise(gateway, account=VISA, cvv2="987", amount=1)

        entry = gateway.requests()[-1]
        assert entry["warnings"] == ["amount is not text", "account is a number, not a token"]
        assert entry["fields"]["account"] == "[number ending in 1111]"
        assert entry["fields"]["cvv2"] == "[hidden]"
        assert "987" not in str(gateway.objects("txn"))


class TestCardsThatGoBad:
    def test_everything_is_declined_until_the_bank_says_otherwise(
        self, gateway: CardPointeSimulator
    ) -> None:
        token = gateway.tokenize(VISA)
        gateway.turn_card(token, "51")

        assert code(authorise(gateway)) == ("FNOR", "51", "C")
        gateway.turn_card(token, "")
        assert code(authorise(gateway)) == ("FNOR", "00", "A")
