"""Webhooks that say what is no longer true, and those that come after all."""

import json
from typing import Any

import pytest

from tests.simulators.receiver import Receiver
from tests.simulators.stripe.client import StripeSimulator


class TestStalePayloads:
    def test_sends_stale_payloads(
        self, simulator: StripeSimulator, v1: Any, receiver: Receiver, secret: str
    ) -> None:
        made = v1.customers.create({"name": "old"})
        simulator.wait_for_webhooks()
        simulator.configure_webhooks(stale_payload=True)

        v1.customers.update(made.id, {"name": "new"})
        simulator.wait_for_webhooks()

        last = json.loads(receiver.received[-1].body)
        assert last["type"] == "customer.updated"
        assert last["data"]["object"]["name"] == "old"

    @pytest.mark.parametrize(("stale", "name"), [("first", "one"), ("previous", "two")])
    def test_a_stale_payload_is_the_first_or_the_last_other_one(
        self,
        simulator: StripeSimulator,
        v1: Any,
        receiver: Receiver,
        secret: str,
        stale: str,
        name: str,
    ) -> None:
        made = v1.customers.create({"name": "one"})
        v1.customers.update(made.id, {"name": "two"})
        simulator.wait_for_webhooks()
        simulator.configure_webhooks(stale_payload=stale, retry_base_s=0.01)
        receiver.received.clear()
        receiver.statuses = [500]

        v1.customers.update(made.id, {"name": "three"})
        simulator.wait_for_webhooks()

        bodies = [json.loads(one.body) for one in receiver.received]
        assert [body["data"]["object"]["name"] for body in bodies] == [name, name]
        assert bodies[0]["data"]["previous_attributes"] == {"name": "two"}
        assert simulator.events()[-1]["data"]["object"]["name"] == "three"
        assert simulator.webhooks()["deliveries"][-1]["stale"] is True

    def test_only_the_next_so_many_are_stale(
        self, simulator: StripeSimulator, v1: Any, receiver: Receiver, secret: str
    ) -> None:
        made = v1.customers.create({"name": "one"})
        simulator.wait_for_webhooks()
        simulator.configure_webhooks(stale_payload=1, concurrency=1)
        receiver.received.clear()

        for name in ("two", "three"):
            v1.customers.update(made.id, {"name": name})
        simulator.wait_for_webhooks()

        names = [json.loads(one.body)["data"]["object"]["name"] for one in receiver.received]
        assert names == ["one", "three"]

    def test_a_first_event_has_nothing_older_to_say(
        self, simulator: StripeSimulator, v1: Any, receiver: Receiver, secret: str
    ) -> None:
        simulator.configure_webhooks(stale_payload=True)

        v1.customers.create({"name": "A"})
        simulator.wait_for_webhooks()

        assert json.loads(receiver.received[0].body)["data"]["object"]["name"] == "A"
        assert simulator.webhooks()["deliveries"][0]["stale"] is False


class TestDropped:
    def test_what_was_dropped_is_listed_and_can_still_come(
        self, simulator: StripeSimulator, v1: Any, receiver: Receiver, secret: str
    ) -> None:
        simulator.configure_webhooks(drop=2)
        for name in "abc":
            v1.customers.create({"name": name})
        simulator.wait_for_webhooks()
        lost = [one["id"] for one in simulator.events()[:2]]
        assert [row["event"] for row in simulator.dropped()] == lost
        receiver.received.clear()

        sent = simulator.deliver_dropped()

        assert [json.loads(one.body)["id"] for one in receiver.received] == lost
        assert {row["state"] for row in sent} == {"delivered"}
        assert simulator.dropped() == []
        assert simulator.deliver_dropped() == []
