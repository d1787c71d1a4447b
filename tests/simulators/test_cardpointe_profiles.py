"""Profiles: stored cards, their accounts, and duplicates that are one."""

from typing import Any

from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import FNOR_MID, RPCT_MID

ADA = {"name": "Ada Payer", "postal": "19355"}


def save(gateway: CardPointeSimulator, pan: str = "4111111111111111", **fields: Any) -> Any:
    body = {"account": gateway.tokenize(pan), "expiry": "1230", **ADA, **fields}
    return gateway.call("profile", body)


def read(gateway: CardPointeSimulator, profileid: str, acctid: str = "") -> Any:
    return gateway.send("GET", f"profile/{profileid}/{acctid}/{FNOR_MID}").json()


def delete(gateway: CardPointeSimulator, profileid: str, acctid: str = "") -> Any:
    return gateway.send("DELETE", f"profile/{profileid}/{acctid}/{FNOR_MID}").json()


class TestSaving:
    def test_makes_a_profile_with_a_first_account(self, gateway: CardPointeSimulator) -> None:
        saved = save(gateway)

        assert (saved["respproc"], saved["respcode"], saved["respstat"]) == ("PPS", "09", "A")
        assert (len(saved["profileid"]), saved["acctid"], saved["defaultacct"]) == (20, "1", "Y")
        assert (saved["accttype"], saved["name"]) == ("VISA", "Ada Payer")

    def test_of_an_exact_duplicate_is_the_same(self, gateway: CardPointeSimulator) -> None:
        first, same, other = save(gateway), save(gateway), save(gateway, name="Bob")

        assert (same["profileid"], same["acctid"]) == (first["profileid"], first["acctid"])
        assert other["profileid"] != first["profileid"]

    def test_adds_an_account_and_can_make_it_the_default(
        self, gateway: CardPointeSimulator
    ) -> None:
        profileid = save(gateway)["profileid"]

        second = save(gateway, "5454545454545454", profile=profileid, defaultacct="Y")

        assert (second["profileid"], second["acctid"]) == (profileid, "2")
        assert [row["defaultacct"] for row in read(gateway, profileid)] == ["N", "Y"]

    def test_replaces_an_account_unless_told_to_merge(self, gateway: CardPointeSimulator) -> None:
        saved = save(gateway)
        named = f"{saved['profileid']}/{saved['acctid']}"

        merged = gateway.call("profile", {"profile": named, "expiry": "0131", "profileupdate": "Y"})
        replaced = gateway.call("profile", {"profile": named, "expiry": "0231"})

        assert (merged["expiry"], merged["name"]) == ("0131", "Ada Payer")
        assert (replaced["expiry"], replaced["name"]) == ("0231", "")

    def test_of_an_unknown_token_is_98(self, gateway: CardPointeSimulator) -> None:
        answer = gateway.call("profile", {"account": "9411111111111111", "expiry": "1230"})

        assert answer["respcode"] == "98"

    def test_happens_with_a_charge_only_if_it_is_approved(
        self, gateway: CardPointeSimulator
    ) -> None:
        body = {"expiry": "1230", "amount": "1.00", "profile": "Y", "cof": "C"}
        good, bad = (
            gateway.call("auth", {**body, "account": gateway.tokenize(pan)})
            for pan in ("4111111111111111", "4387751111111053")
        )

        assert len(gateway.objects("account")) == 1
        assert read(gateway, good["profileid"])[0]["token"] == good["token"]
        assert "profileid" not in bad


class TestReading:
    def test_is_always_a_list_without_response_fields(self, gateway: CardPointeSimulator) -> None:
        profileid = save(gateway)["profileid"]
        save(gateway, "5454545454545454", profile=profileid)

        everything, one = read(gateway, profileid), read(gateway, profileid, "2")

        assert [row["acctid"] for row in everything] == ["1", "2"]
        assert [row["acctid"] for row in one] == ["2"]
        assert "respstat" not in one[0]

    def test_of_an_unknown_one_is_96_as_an_object(self, gateway: CardPointeSimulator) -> None:
        answer = read(gateway, "10000000000000000000")

        assert (answer["respproc"], answer["respcode"], answer["respstat"]) == ("PPS", "96", "C")

    def test_is_the_merchants_own_unless_they_share_a_parent(
        self, gateway: CardPointeSimulator
    ) -> None:
        profileid = save(gateway)["profileid"]
        path = f"profile/{profileid}//{RPCT_MID}"
        assert gateway.send("GET", path).json()["respcode"] == "96"

        gateway.put_merchant(merchid=RPCT_MID, parent=FNOR_MID)

        assert len(gateway.send("GET", path).json()) == 1


class TestDeleting:
    def test_takes_one_account_or_all(self, gateway: CardPointeSimulator) -> None:
        profileid = save(gateway)["profileid"]
        save(gateway, "5454545454545454", profile=profileid)

        one = delete(gateway, profileid, "2")
        rest = delete(gateway, profileid)

        assert [answer["respcode"] for answer in (one, rest)] == ["08", "08"]
        assert read(gateway, profileid)["respcode"] == "96"
        assert delete(gateway, profileid)["respcode"] == "96"

    def test_of_the_default_among_others_is_34(self, gateway: CardPointeSimulator) -> None:
        profileid = save(gateway)["profileid"]
        save(gateway, "5454545454545454", profile=profileid)

        assert delete(gateway, profileid, "1")["respcode"] == "34"
        assert len(read(gateway, profileid)) == 2
