"""The same till at both providers, over real processes: whatever happens, each basket is paid once.

The till is the one that we hand out (`docs/examples/pos.py`).
"""

from contextlib import suppress

import pytest

from tests.journeys import shop
from tests.journeys.deadly_line import WITHIN_S, DeadlyLine
from tests.journeys.sample_till import pos
from tests.journeys.shop import Counter, Sale
from tests.journeys.shop_counters import CardPointeCounter

pytestmark = [pytest.mark.xdist_group("stack")]

MINUTES = 4 * 60


class TestCards:
    def test_a_card_is_taken(self, counter: Counter) -> None:
        basket, amount = shop.basket()
        counter.expect("approve")

        paid = counter.till().pay(basket, amount)

        assert (paid["status"], paid["amount_captured"]) == ("succeeded", amount)
        assert paid["receipt"]["total"] == amount
        assert counter.books() == [Sale(amount)]
        assert counter.till().pay(basket, amount)["id"] == paid["id"]
        assert counter.books() == [Sale(amount)]

    def test_a_declined_card_and_another_one(self, counter: Counter) -> None:
        basket, amount = shop.basket()
        till = counter.till()
        counter.expect("decline")

        declined = till.pay(basket, amount)
        assert declined["status"] == "declined"
        assert declined["decline"]["code"]
        assert counter.books() == []
        counter.expect("approve")
        paid = till.try_again(basket)

        assert (paid["status"], paid["id"]) == ("succeeded", declined["id"])
        assert counter.books() == [Sale(amount)]

    def test_a_tip(self, counter: Counter) -> None:
        basket, amount = shop.basket()
        counter.expect("approve", tip=200)

        paid = counter.till().pay(basket, amount, tip=True)

        assert (paid["amount_tip"], paid["amount_captured"]) == (200, amount + 200)
        assert paid["receipt"]["tip"] == 200
        assert counter.books() == [Sale(amount + 200)]

    def test_what_is_given_back(self, counter: Counter) -> None:
        basket, amount = shop.basket()
        till = counter.till()
        counter.expect("approve")
        paid = till.pay(basket, amount)

        part = [till.refund(paid["id"], "cold soup", 300) for _ in range(2)]
        with pytest.raises(pos.Refused, match="INVALID_REQUEST"):
            till.refund(paid["id"], "too much", amount)
        rest = till.refund(paid["id"], "the rest")
        counter.settle()

        assert [given["amount"] for given in (*part, rest)] == [300, 300, amount - 300]
        assert till.follow(paid["id"])["amount_refunded"] == amount
        assert counter.books() == [Sale(amount, returned=amount)]


class TestCapture:
    def test_in_full(self, counter: Counter) -> None:
        basket, amount = shop.basket()
        till = counter.till()
        counter.expect("approve")

        held = till.pay(basket, amount, capture_method="manual")
        assert (held["status"], counter.books()) == ("requires_capture", [Sale(held=amount)])
        taken = till.capture(held["id"])

        assert (taken["status"], taken["amount_captured"]) == ("succeeded", amount)
        assert counter.books() == [Sale(amount)]

    def test_in_part(self, counter: Counter) -> None:
        basket, amount = shop.basket()
        till = counter.till()
        counter.expect("approve")
        held = till.pay(basket, amount, capture_method="manual")

        with pytest.raises(pos.Refused, match="INVALID_REQUEST"):
            till.capture(held["id"], amount + 1)
        taken = [till.capture(held["id"], amount - 400) for _ in range(2)]

        assert [row["amount_captured"] for row in taken] == [amount - 400] * 2
        assert counter.books() == [Sale(amount - 400)]


class TestCancel:
    def test_by_the_customer(self, counter: Counter) -> None:
        basket, amount = shop.basket()
        counter.expect("cancel")

        assert counter.till().pay(basket, amount)["status"] == "canceled"

        assert counter.books() == []

    def test_by_the_cashier_before_the_card(self, counter: Counter) -> None:
        basket, amount = shop.basket()
        with counter.asking(basket, amount) as paying:
            canceled = counter.till().cancel(counter.find(basket)["id"])
            assert paying.result()["status"] == "canceled"

        assert canceled["status"] == "canceled"
        assert (counter.is_asking(), counter.books()) == (False, [])

    def test_by_the_cashier_while_the_card_is_read(self, counter: Counter) -> None:
        basket, amount = shop.basket()
        counter.slow_down(2)
        with counter.asking(basket, amount) as paying:
            counter.hold_card()
            canceled = counter.till().cancel(counter.find(basket)["id"])
            assert paying.result()["status"] == canceled["status"]

        assert canceled["status"] == "canceled"
        counter.wait_until(lambda: shop.net(counter.books()) == [], "Nothing being kept")

    def test_by_the_cashier_after_the_card(self, counter: Counter) -> None:
        basket, amount = shop.basket()
        till = counter.till()
        counter.expect("approve")
        held = till.pay(basket, amount, capture_method="manual")

        assert till.cancel(held["id"])["status"] == "canceled"

        assert shop.net(counter.books()) == []
        with pytest.raises(pos.Refused, match="CONFLICT"):
            till.capture(held["id"])


class TestReaders:
    def test_one_that_is_switched_off(self, counter: Counter) -> None:
        basket, amount = shop.basket()
        counter.expect("approve")
        counter.plug(is_plugged=False)

        with pytest.raises(pos.Undecided):
            counter.till(patience_s=1.5).pay(basket, amount)
        waiting = counter.find(basket)
        assert waiting["status"] in ("requires_terminal", "in_progress")
        assert counter.books() == []
        counter.plug(is_plugged=True)
        resumed = list(counter.till().resume())

        assert [(name, row["status"]) for name, row in resumed] == [(basket, "succeeded")]
        assert counter.books() == [Sale(amount)]

    def test_one_that_is_busy_with_something_else(self, counter: Counter) -> None:
        basket, amount = shop.basket()
        counter.expect("approve")
        leave = counter.occupy()
        try:
            with counter.paying(basket, amount) as paying:
                found = counter.find(basket)
                counter.wait_for_trouble(basket, "reader_busy")
                assert counter.books() == []
                leave()
                paid = paying.result()
        finally:
            leave()

        assert (paid["status"], paid["id"]) == ("succeeded", found["id"])
        assert counter.books() == [Sale(amount)]

    def test_one_that_is_unplugged_before_the_card(self, counter: Counter) -> None:
        basket, amount = shop.basket()
        counter.expect("unplug_before")
        till = counter.till()
        with pytest.raises(pos.Undecided):
            counter.till(patience_s=2.5).pay(basket, amount)
        assert counter.find(basket)["status"] in ("in_progress", "unknown")

        with suppress(pos.Undecided):  # nobody may know yet
            counter.till(patience_s=0.5).cancel(counter.find(basket)["id"])
        shop.later(MINUTES)
        canceled = till.follow(counter.find(basket)["id"])

        assert (canceled["status"], counter.books()) == ("canceled", [])
        assert [row["status"] for _, row in till.resume()] == ["canceled"]
        counter.plug(is_plugged=True)
        counter.expect("approve")
        assert till.pay(f"{basket}-again", amount)["status"] == "succeeded"
        assert counter.books() == [Sale(amount)]

    def test_one_that_is_unplugged_after_the_card(self, counter: Counter) -> None:
        basket, amount = shop.basket()
        counter.expect("unplug_after")

        paid = counter.till().pay(basket, amount)

        assert (paid["status"], paid["amount_captured"]) == ("succeeded", amount)
        assert counter.books() == [Sale(amount)]

    def test_one_with_two_tills(self, counter: Counter) -> None:
        (first, small), (second, large) = shop.basket(), shop.basket()
        with counter.asking(first, small) as paying:
            holder = counter.find(first)
            body = {"terminal_id": counter.terminal, "amount": large, "process": True}
            busy = counter.http.post("payments/terminal/intent", json=body)
            with counter.paying(second, large) as waiting:
                counter.hold_card()
                assert paying.result()["status"] == "succeeded"
                counter.expect("approve")
                if counter.is_asking():
                    counter.hold_card()
                assert waiting.result()["status"] == "succeeded"

        assert (busy.status_code, busy.json()["error"]["code"]) == (409, "TERMINAL_BUSY")
        assert busy.json()["error"]["fields"]["payment_id"] == [holder["id"]]
        assert int(busy.headers["Retry-After"]) > 0
        assert counter.books() == [Sale(small), Sale(large)]


class TestSession:
    """CardConnect's readers have sessions of ten minutes."""

    def test_that_ends_before_the_card(self, terrace: CardPointeCounter) -> None:
        basket, amount = shop.basket()
        with terrace.asking(basket, amount) as paying:
            terrace.outlast_session()
            terrace.wait_until(
                lambda: terrace.find(basket)["status"] == "unknown", "Nobody knowing"
            )
            assert terrace.books() == []
            terrace.expect("approve")
            shop.later(MINUTES)
            paid = paying.result()

        assert paid["status"] == "succeeded"
        assert terrace.books() == [Sale(amount)]

    def test_that_ends_after_the_card(self, terrace: CardPointeCounter) -> None:
        (basket, amount), (other, more) = shop.basket(), shop.basket()
        terrace.slow_down(700)
        with terrace.asking(basket, amount) as paying:
            terrace.hold_card()
            terrace.outlast_session()
            terrace.stack.cardpointe.advance(100)
            assert paying.result()["status"] == "succeeded"

        terrace.slow_down(0)
        terrace.expect("approve")
        assert terrace.till().pay(other, more)["status"] == "succeeded"
        assert terrace.books() == [Sale(amount), Sale(more)]


class TestKilledTill:
    """`kill -9` at each request that a till sends, before and after the server has heard of it."""

    def test_pays_once_however_often_it_dies(self, counter: Counter) -> None:
        basket, amount = shop.basket()
        with DeadlyLine(counter.stack.base_url) as line:
            words = ["pay", basket, str(amount)]
            for number, moment in ((1, "before"), (1, "after"), (2, "before")):
                line.kill_at(number, moment, counter.run_pos(line.url, *words))
                words = ["resume"]
            counter.wait_until(counter.is_asking, "The reader asking")
            counter.hold_card()
            line.kill_at(2, "after", counter.run_pos(line.url, "resume"))
            told, trouble = counter.run_pos(line.url, "resume").communicate(timeout=WITHIN_S)

        assert shop.ended(told) == [(basket, "succeeded")], trouble
        assert counter.books() == [Sale(amount)]

    def test_starts_a_reader_once_however_often_it_dies(self, counter: Counter) -> None:
        basket, amount = shop.basket()
        counter.expect("approve")
        counter.plug(is_plugged=False)
        with DeadlyLine(counter.stack.base_url) as line:
            opening = counter.run_pos(line.url, "pay", basket, str(amount))
            line.kill_at(1, "before", opening, of="/process")
            line.kill_at(1, "after", counter.run_pos(line.url, "resume"), of="/process")
            counter.wait_until(
                lambda: counter.find(basket)["status"] == "requires_terminal", "Its end"
            )
            counter.plug(is_plugged=True)
            line.kill_at(1, "after", counter.run_pos(line.url, "resume"), of="/process")
            told, trouble = counter.run_pos(line.url, "resume").communicate(timeout=WITHIN_S)

        assert shop.ended(told) == [(basket, "succeeded")], trouble
        assert counter.books() == [Sale(amount)]
