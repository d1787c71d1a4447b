"""Reports: batches, deposits, chargebacks, card updates, merchant set-up, signatures."""

import base64
import gzip
from typing import Any

import pytest

from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import FNOR_MID, STRICT_MID
from tests.simulators.test_cardpointe_lifecycle import DAY, sale

BANK_ACCOUNT = "036001808/12345678"


def ask(gateway: CardPointeSimulator, what: str, **query: str) -> Any:
    pairs = "&".join(f"{name}={value}" for name, value in {"merchid": FNOR_MID, **query}.items())
    return gateway.send("GET", f"{what}?{pairs}")


class TestSettlestat:
    def test_without_batches_is_no_json(self, gateway: CardPointeSimulator) -> None:
        sale(gateway)

        answer = ask(gateway, "settlestat", date="0302")

        assert (answer.status_code, answer.text) == (200, "Null batches")
        assert answer.headers["content-type"].startswith("text/plain")

    def test_reports_a_day_transaction_by_transaction(self, gateway: CardPointeSimulator) -> None:
        good, bad = sale(gateway, orderid="GOOD"), sale(gateway, orderid="BAD")
        gateway.call("void", {"retref": sale(gateway)})
        gateway.settle_as(bad, "N")
        gateway.close_batches()

        (batch,) = ask(gateway, "settlestat", date="0302").json()

        assert batch["hoststat"] == "MB"
        assert [(txn["retref"], txn["setlstat"], txn["salesdoc"]) for txn in batch["txns"]] == [
            (good, "Y", "GOOD"),
            (bad, "N", "BAD"),
        ]
        assert ask(gateway, "settlestat", batchid=batch["batchid"]).json()[0]["hoststat"] == "MB"
        assert ask(gateway, "settlestat", date="0303").text == "Null batches"

    def test_without_a_date_reports_everything_once(self, gateway: CardPointeSimulator) -> None:
        sale(gateway)
        gateway.close_batches()

        answers = [ask(gateway, "settlestat") for _ in range(2)]

        assert (len(answers[0].json()), answers[1].text) == (1, "Null batches")

    def test_batches_can_be_closed_by_the_merchant(self, gateway: CardPointeSimulator) -> None:
        retref = sale(gateway)

        closed = gateway.send("GET", f"closebatch/{FNOR_MID}").json()
        none = gateway.send("GET", f"closebatch/{FNOR_MID}").json()

        assert closed["respcode"] == "success"
        assert (none["batchid"], none["respcode"]) == ("null", "noBatch")
        assert gateway.inquire(retref)["setlstat"] == "Accepted"


class TestFunding:
    def test_comes_the_day_after(self, gateway: CardPointeSimulator) -> None:
        retref = sale(gateway)
        gateway.close_batches()
        early = ask(gateway, "funding", date="0303").json()

        gateway.advance(DAY)
        late = ask(gateway, "funding", date="0303").json()

        assert early["errormsg"] == "No deposits match your request"
        assert [(txn["retref"], txn["type"]) for txn in late["txns"]] == [(retref, "SALE")]

    def test_tells_chargebacks_and_returns(self, gateway: CardPointeSimulator) -> None:
        card = sale(gateway)
        bank = sale(gateway, account=gateway.tokenize(BANK_ACCOUNT), expiry="")
        gateway.charge_back(card, "CASE1")
        gateway.return_ach(bank, "R01")
        gateway.charge_back(card, "CASE1", won=True)

        told = ask(gateway, "funding", date="20260302").json()

        assert [(row["casenumber"], row["retref"]) for row in told["chargebacks"]] == [
            ("CASE1", card)
        ]
        assert [row["casenumber"] for row in told["adjustments"]] == ["CASE1"]
        (returned,) = told["txns"]
        assert (returned["parentretref"], returned["achreturncode"]) == (bank, "R01")


class TestUpdater:
    def test_tells_new_numbers_and_keeps_profiles_up_to_date(
        self, gateway: CardPointeSimulator
    ) -> None:
        token = gateway.tokenize("4111111111111111")
        body = {"account": token, "expiry": "0126"}
        saved = gateway.call("profile", body)
        gateway.call("profile", {**body, "name": "Opted Out", "auoptout": "Y"})

        gateway.update_card(token, "UPDATE")

        page = ask(gateway, "v2/updater", daysBack="30", page="1", profiles="true").json()
        (update,) = page["updates"]
        assert (update["oldtoken"], update["status"]) == (token, "UPDATE")
        assert update["profiles"] == [{"profileid": saved["profileid"], "acctid": "1"}]
        accounts = gateway.objects("account")
        assert [row["token"] for row in accounts] == [update["newtoken"], token]
        assert [row["expiry"] for row in accounts] == ["1229", "0126"]

    def test_answers_about_enrolled_cards_after_a_while(self, gateway: CardPointeSimulator) -> None:
        token = gateway.tokenize("4111111111111111")
        accounts = [{"account": token, "expiry": "1230"}, {"account": "9411111111111111"}]

        enrolled = gateway.call("v2/updater", {"accounts": accounts})
        early = ask(gateway, "v2/updater").json()
        gateway.advance(1801)
        late = ask(gateway, "v2/updater").json()

        assert (enrolled["successes"], enrolled["failures"]) == (1, 1)
        assert (early["totalUpdates"], late["updates"][0]["status"]) == (0, "UPDATE")

    def test_comes_in_pages(self, gateway: CardPointeSimulator) -> None:
        token = gateway.tokenize("4111111111111111")
        for _ in range(6):
            gateway.update_card(token, "CLOSED")

        second = ask(gateway, "v2/updater", page="2").json()

        assert (second["totalPages"], second["totalUpdates"], len(second["updates"])) == (2, 6, 1)


class TestMerchantInfo:
    def test_tells_how_a_merchant_is_set_up(self, gateway: CardPointeSimulator) -> None:
        told = gateway.send("GET", f"inquireMerchant/{STRICT_MID}").json()

        assert (told["site"], told["cardproc"], told["enabled"]) == ("fts", "FNOR", True)
        assert (told["avs"], told["cvv"], told["echeck"], told["fee_type"]) == ("Y", "Y", "N", "N")

    def test_tells_what_the_first_digits_say(self, gateway: CardPointeSimulator) -> None:
        token = gateway.tokenize("4111111111111111")

        told = gateway.send("GET", f"bin/{FNOR_MID}/{token}").json()
        nothing = gateway.send("GET", f"bin/{FNOR_MID}/9411111111111111").json()

        assert (told["product"], told["bin"]) == ("V", "411111")
        assert (nothing["success"], nothing["errormsg"]) == (False, "No bin information found.")

    def test_a_disabled_merchant_charges_nobody(self, gateway: CardPointeSimulator) -> None:
        gateway.put_merchant(merchid=FNOR_MID, enabled=False)
        token = gateway.tokenize("4111111111111111")

        answer = gateway.call("auth", {"account": token, "expiry": "1230", "amount": "1.00"})

        assert (answer["respcode"], answer["respstat"]) == ("97", "C")

    def test_a_merchant_has_only_known_fields(self, gateway: CardPointeSimulator) -> None:
        with pytest.raises(ValueError, match="has no colour"):
            gateway.put_merchant(merchid=FNOR_MID, colour="red")


class TestBankAccounts:
    def test_are_charged_under_the_linked_merchant(self, gateway: CardPointeSimulator) -> None:
        token = gateway.tokenize(BANK_ACCOUNT)

        answer = gateway.call("auth", {"account": token, "amount": "1.00"})

        assert (answer["respproc"], answer["resptext"]) == ("PSTR", "Success")
        assert answer["merchid"] == "542041"

    def test_need_a_routing_number_that_is_one(self, gateway: CardPointeSimulator) -> None:
        token = gateway.tokenize("036001809/12345678")

        answer = gateway.call("auth", {"account": token, "amount": "1.00"})

        assert answer["respstat"] == "C"
        assert "(036001809) is not a valid routing number" in answer["resptext"]


class TestSigcap:
    @pytest.mark.parametrize(
        ("image", "expected"), [(gzip.compress(b"BM", mtime=0), "00"), (b"not zipped", "34")]
    )
    def test_takes_a_zipped_image(
        self, gateway: CardPointeSimulator, image: bytes, expected: str
    ) -> None:
        body = {"retref": sale(gateway), "signature": base64.b64encode(image).decode()}

        assert gateway.call("sigcap", body)["respcode"] == expected
