"""The same till at both providers, over real processes: whatever happens, each basket is paid once.

The till is the one that we hand out (`docs/examples/pos.py`).
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any
from unittest import mock

import pytest
from django.core.management import call_command
from django.test import override_settings

from billing.drivers.cardconnect import voiding
from orgs.permissions import Scope
from tests.billing.cardconnect import gateway_steps
from tests.factories import OrganizationFactory, make_api_key
from tests.journeys import shop
from tests.journeys.deadly_line import WITHIN_S, DeadlyLine
from tests.journeys.sample_till import pos
from tests.journeys.shop import Counter, Sale
from tests.journeys.shop_counters import CardPointeCounter, StripeCounter
from tests.simulators.cardpointe.merchants import API_KEY
from tests.stack import Stack

pytestmark = [pytest.mark.xdist_group("stack")]

MINUTES = 4 * 60


@pytest.fixture(scope="module")
def database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Our database, committed to by all of these tests; emptied when nobody uses it any more."""
    with django_db_blocker.unblock():
        yield
        call_command("flush", verbosity=0, interactive=False)


@pytest.fixture(scope="module")
def counters(
    database: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Counter]]:
    """Both counters of one shop."""
    directory = tmp_path_factory.mktemp("shop")
    with ExitStack() as ends:
        stack = ends.enter_context(Stack(directory, with_cardpointe=True, with_readers=True))
        ends.enter_context(
            override_settings(
                STRIPE_API_BASE=stack.simulator.base_url,
                STRIPE_API_HOST=stack.simulator.base_url,
                CARDCONNECT_API_BASE=stack.cardpointe.base_url,
                CARDCONNECT_MODE="test",
            )
        )
        ends.enter_context(mock.patch.object(voiding, "PAUSE_S", 0))
        stack.cardpointe.settings(rate_limit=0)
        organization = OrganizationFactory.create(name="The Shop", slug="the-shop", active=True)
        gateway_steps.open_account(terminal_api_key=API_KEY)
        key = make_api_key(organization, *Scope, name="Till 1")[1]
        made: list[Counter] = [
            StripeCounter(stack, key, directory / "front"),
            CardPointeCounter(stack, key, directory / "terrace"),
        ]
        for counter in made:
            ends.callback(counter.close)
        yield {counter.provider: counter for counter in made}


@pytest.fixture(params=["stripe", "cardconnect"])
def counter(request: pytest.FixtureRequest, counters: dict[str, Counter]) -> Iterator[Counter]:
    """One of them, on a quiet morning; in the evening its reader is free."""
    found = counters[request.param]
    found.calm()
    yield found
    found.calm()
    found.wait_until(found.is_free, "The reader being free")


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
        with counter.paying(basket, amount) as paying:
            counter.wait_until(counter.is_asking, "The reader asking")
            canceled = counter.till().cancel(counter.find(basket)["id"])
            assert paying.result()["status"] == "canceled"

        assert canceled["status"] == "canceled"
        assert (counter.is_asking(), counter.books()) == (False, [])

    def test_by_the_cashier_while_the_card_is_read(self, counter: Counter) -> None:
        basket, amount = shop.basket()
        counter.slow_down(2)
        with counter.paying(basket, amount) as paying:
            counter.wait_until(counter.is_asking, "The reader asking")
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
                counter.wait_until(
                    lambda: (
                        (counter.find(basket)["not_started"] or {}).get("code") == "reader_busy"
                    ),
                    "The till hearing of it",
                )
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
        with counter.paying(first, small) as paying:
            counter.wait_until(counter.is_asking, "The reader asking")
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

    @pytest.fixture
    def terrace(self, counters: dict[str, Counter]) -> Iterator[CardPointeCounter]:
        found = counters["cardconnect"]
        assert isinstance(found, CardPointeCounter)
        found.calm()
        yield found
        found.calm()

    def test_that_ends_before_the_card(self, terrace: CardPointeCounter) -> None:
        basket, amount = shop.basket()
        with terrace.paying(basket, amount) as paying:
            terrace.wait_until(terrace.is_asking, "The reader asking")
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
        with terrace.paying(basket, amount) as paying:
            terrace.wait_until(terrace.is_asking, "The reader asking")
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

        assert [_ended(row) for row in told.splitlines()] == [(basket, "succeeded")], trouble
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

        assert [_ended(row) for row in told.splitlines()] == [(basket, "succeeded")], trouble
        assert counter.books() == [Sale(amount)]


def _ended(line: str) -> tuple[str, str]:
    told = json.loads(line)
    return told["basket"], told["status"]
