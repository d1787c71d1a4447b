"""Inquiries: the only way to learn what became of a call."""

from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import FNOR_MID, RPCT_MID
from tests.simulators.test_cardpointe_lifecycle import sale


class TestInquire:
    def test_tells_a_decline_as_a_transaction(self, gateway: CardPointeSimulator) -> None:
        retref = sale(gateway, amount="1005.00")

        shown = gateway.inquire(retref)

        assert (shown["setlstat"], shown["respstat"], shown["amount"]) == ("Declined", "C", "0.00")

    def test_of_nothing_is_29_with_the_retref_that_was_asked(
        self, gateway: CardPointeSimulator
    ) -> None:
        shown = gateway.inquire("363000000000")

        assert (shown["respproc"], shown["respcode"], shown["respstat"]) == ("PPS", "29", "C")
        assert shown["retref"] == "363000000000"

    def test_of_another_merchants_transaction_is_29(self, gateway: CardPointeSimulator) -> None:
        assert gateway.inquire(sale(gateway), merchid=RPCT_MID)["respcode"] == "29"

    def test_tells_the_dates_of_a_life(self, gateway: CardPointeSimulator) -> None:
        retref = sale(gateway)
        gateway.close_batches()

        shown = gateway.inquire(retref)

        assert shown["authdate"] == "20260302"
        assert shown["capturedate"].startswith("20260302120")
        assert shown["settledate"].startswith("20260302120")


class TestInquireByOrderid:
    def test_of_nothing_is_29_without_a_retref(self, gateway: CardPointeSimulator) -> None:
        shown = gateway.inquire_order("NEVER")

        assert (shown["respproc"], shown["respcode"]) == ("PPS", "29")
        assert "retref" not in shown

    def test_one_is_an_object_and_several_are_a_list(self, gateway: CardPointeSimulator) -> None:
        first = sale(gateway, orderid="SAME")
        assert gateway.inquire_order("SAME")["retref"] == first

        second = sale(gateway, orderid="SAME")

        assert [row["retref"] for row in gateway.inquire_order("SAME")] == [first, second]
        gateway.settings(orderid_answer="latest")
        assert gateway.inquire_order("SAME")["retref"] == second

    def test_without_the_last_part_other_merchants_of_the_site_answer(
        self, gateway: CardPointeSimulator
    ) -> None:
        retref = sale(gateway, orderid="THEIRS", merchid=RPCT_MID)

        own = gateway.send("GET", f"inquireByOrderid/THEIRS/{FNOR_MID}/1").json()
        all_of_them = gateway.send("GET", f"inquireByOrderid/THEIRS/{FNOR_MID}").json()

        assert (own["respcode"], all_of_them["retref"]) == ("29", retref)

    def test_an_orderid_that_could_be_a_card_is_lost(self, gateway: CardPointeSimulator) -> None:
        sale(gateway, orderid="A4111111111111111")
        sale(gateway, orderid="A4111111111111112")

        assert gateway.inquire_order("A4111111111111111")["respcode"] == "29"
        assert gateway.inquire_order("A4111111111111112")["respstat"] == "A"

    def test_is_not_in_the_limit_of_calls(self, gateway: CardPointeSimulator) -> None:
        gateway.settings(rate_limit=1)

        statuses = [
            gateway.send("GET", f"inquireByOrderid/X/{FNOR_MID}/1").status_code for _ in range(3)
        ]

        assert statuses == [200, 200, 200]


class TestLimit:
    def test_is_a_number_of_calls_in_a_virtual_minute(self, gateway: CardPointeSimulator) -> None:
        gateway.settings(rate_limit=2)
        path = f"inquire/1/{FNOR_MID}"

        answers = [gateway.send("GET", path) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[1].headers["X-Rate-Limit-Remaining"] == "0"
        assert 0 < int(answers[2].headers["X-Rate-Limit-Retry-After-Seconds"]) <= 60
        gateway.advance(61)
        assert gateway.send("GET", path).status_code == 200

    def test_counts_each_endpoint_or_all_together(self, gateway: CardPointeSimulator) -> None:
        paths = (f"inquire/1/{FNOR_MID}", f"settlestat?merchid={FNOR_MID}&date=0101")
        gateway.settings(rate_limit=1)
        apart = [gateway.send("GET", path).status_code for path in paths]
        gateway.advance(61)

        gateway.settings(rate_limit_joint=True)
        together = [gateway.send("GET", path).status_code for path in paths]

        assert (apart, together) == ([200, 200], [200, 429])


class TestNoise:
    def test_adds_and_shuffles_fields_and_keeps_every_true_one(
        self, gateway: CardPointeSimulator
    ) -> None:
        retref = sale(gateway)
        noisy = [gateway.inquire(retref) for _ in range(5)]

        gateway.settings(noise=False)
        quiet = gateway.inquire(retref)

        assert quiet == gateway.inquire(retref)
        assert len({tuple(answer) for answer in noisy}) > 1
        for answer in noisy:
            assert quiet.items() <= answer.items()
            invented = set(answer) - set(quiet)
            assert invented
            assert all(name.startswith("dummyField") for name in invented)

    def test_is_the_same_for_the_same_seed(self) -> None:
        seen = []
        for _ in range(2):
            with CardPointeSimulator.start(seed=7) as simulator:
                simulator.reset(now=1_772_452_800)
                sale(simulator)
                seen.append(simulator.send("GET", f"inquireMerchant/{FNOR_MID}").text)

        assert seen[0] == seen[1]

    def test_spells_the_processor_of_a_decline_both_ways(
        self, gateway: CardPointeSimulator
    ) -> None:
        token = gateway.tokenize("4387751111111053")
        body = {"account": token, "expiry": "1230", "amount": "1.00"}

        answers = [gateway.call("auth", body) for _ in range(12)]

        forms = {("respproc" in answer, "cardproc" in answer) for answer in answers}
        assert forms == {(True, False), (True, True), (False, True)}
