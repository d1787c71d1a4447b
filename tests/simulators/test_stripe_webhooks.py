"""Webhooks: signed, filtered, at least once, and disturbed on request."""

import json
from typing import Any

import pytest
import stripe

from tests.simulators.receiver import Received, Receiver
from tests.simulators.stripe import API_VERSION
from tests.simulators.stripe.client import StripeSimulator


def types(received: list[Received]) -> list[str]:
    return [json.loads(one.body)["type"] for one in received]


def ids(received: list[Received]) -> list[str]:
    return [json.loads(one.body)["id"] for one in received]


class TestDelivery:
    def test_is_signed_as_stripe_signs(
        self, simulator: StripeSimulator, v1: Any, receiver: Receiver, secret: str
    ) -> None:
        v1.customers.create({"name": "A"}, {"idempotency_key": "k1"})
        simulator.wait_for_webhooks()

        (one,) = receiver.received
        text, header = one.body.decode(), one.headers["Stripe-Signature"]
        assert stripe.WebhookSignature.verify_header(text, header, secret, tolerance=5)
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.WebhookSignature.verify_header(text + " ", header, secret)
        assert one.path == "/hooks?x=1"

    def test_carries_a_full_event(
        self, simulator: StripeSimulator, v1: Any, receiver: Receiver, secret: str
    ) -> None:
        made = v1.customers.create({"name": "A"}, {"idempotency_key": "k1"})
        v1.customers.update(made.id, {"name": "B", "metadata": {"x": "1"}})
        simulator.wait_for_webhooks()

        receiver.received.sort(key=lambda one: types([one]))
        created, updated = (json.loads(one.body) for one in receiver.received)
        assert created["api_version"] == API_VERSION
        assert created["request"]["idempotency_key"] == "k1"
        assert created["request"]["id"].startswith("req_")
        assert created["pending_webhooks"] == 1
        assert created["data"]["object"]["name"] == "A"
        assert updated["data"]["previous_attributes"] == {"metadata": {"x": None}, "name": "A"}

    def test_the_secret_is_shown_once(self, v1: Any, secret: str) -> None:
        assert secret.startswith("whsec_")
        assert "secret" not in v1.webhook_endpoints.list().data[0]

    def test_only_enabled_events_are_sent(
        self, simulator: StripeSimulator, v1: Any, receiver: Receiver
    ) -> None:
        v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["product.created"]})

        v1.customers.create({"name": "A"})
        v1.products.create({"name": "P"})
        simulator.wait_for_webhooks()

        assert types(receiver.received) == ["product.created"]

    def test_is_tried_again_until_it_is_taken(
        self, simulator: StripeSimulator, v1: Any, receiver: Receiver, secret: str
    ) -> None:
        simulator.configure_webhooks(retry_base_s=0.02)
        receiver.statuses = [500, 503]

        v1.customers.create({"name": "A"})
        simulator.wait_for_webhooks()

        assert len(receiver.received) == 3
        assert len(set(ids(receiver.received))) == 1
        (delivery,) = simulator.webhooks()["deliveries"]
        assert (delivery["state"], delivery["attempts"]) == ("delivered", 3)

    def test_gives_up_in_the_end(
        self, simulator: StripeSimulator, v1: Any, receiver: Receiver, secret: str
    ) -> None:
        simulator.configure_webhooks(retry_base_s=0.01, max_attempts=2)
        receiver.statuses = [500, 500, 500]

        v1.customers.create({"name": "A"})
        simulator.wait_for_webhooks()

        (delivery,) = simulator.webhooks()["deliveries"]
        assert (delivery["state"], delivery["last_status"]) == ("failed", 500)

    def test_never_calls_anything_but_loopback(self, simulator: StripeSimulator, v1: Any) -> None:
        simulator.configure_webhooks(max_attempts=1)
        v1.webhook_endpoints.create(
            {"url": "http://192.0.2.1/hooks", "enabled_events": ["customer.created"]}
        )

        v1.customers.create({"name": "A"})
        simulator.wait_for_webhooks()

        (delivery,) = simulator.webhooks()["deliveries"]
        assert delivery["last_error"] == "the simulator only calls http:// on loopback"


class TestDisturbances:
    def test_duplicates(
        self, simulator: StripeSimulator, v1: Any, receiver: Receiver, secret: str
    ) -> None:
        simulator.configure_webhooks(duplicate=2)

        v1.customers.create({"name": "A"})
        simulator.wait_for_webhooks()

        assert len(receiver.received) == 3
        assert len(set(ids(receiver.received))) == 1

    def test_reorders(
        self, simulator: StripeSimulator, v1: Any, receiver: Receiver, secret: str
    ) -> None:
        simulator.configure_webhooks(reorder=True, seed=7)

        made = [v1.customers.create({"name": str(n)}).id for n in range(8)]
        simulator.wait_for_webhooks()

        came = [json.loads(one.body)["data"]["object"]["id"] for one in receiver.received]
        assert sorted(came) == sorted(made)
        assert came != made

    @pytest.mark.parametrize(("drop", "left"), [(1, 2), ("all", 0), (0, 3)])
    def test_drops(
        self,
        simulator: StripeSimulator,
        v1: Any,
        receiver: Receiver,
        secret: str,
        drop: Any,
        left: int,
    ) -> None:
        simulator.configure_webhooks(drop=drop)

        for name in "abc":
            v1.customers.create({"name": name})
        simulator.wait_for_webhooks()

        assert len(receiver.received) == left
        assert len(simulator.events("customer.created")) == 3

    def test_drops_at_a_rate(
        self, simulator: StripeSimulator, v1: Any, receiver: Receiver, secret: str
    ) -> None:
        simulator.configure_webhooks(drop=0.5, seed=3)

        for name in "abcdefghijkl":
            v1.customers.create({"name": name})
        simulator.wait_for_webhooks()

        states = [delivery["state"] for delivery in simulator.webhooks()["deliveries"]]
        assert set(states) == {"dropped", "delivered"}
        assert len(receiver.received) == states.count("delivered")

    def test_holds_and_releases(
        self, simulator: StripeSimulator, v1: Any, receiver: Receiver, secret: str
    ) -> None:
        simulator.configure_webhooks(hold=True)
        v1.customers.create({"name": "A"})
        assert simulator.webhooks()["deliveries"][0]["state"] == "held"
        assert receiver.received == []

        simulator.configure_webhooks(hold=False)
        simulator.wait_for_webhooks()

        assert types(receiver.received) == ["customer.created"]

    def test_delays(
        self, simulator: StripeSimulator, v1: Any, receiver: Receiver, secret: str
    ) -> None:
        simulator.configure_webhooks(delay_ms=150)

        made = v1.customers.create({"name": "A"})
        simulator.wait_for_webhooks()

        assert receiver.received[0].at - made.created >= 0.15
        assert simulator.webhooks()["deliveries"][0]["attempts"] == 1

    def test_redelivers_in_the_asked_order(
        self, simulator: StripeSimulator, v1: Any, receiver: Receiver, secret: str
    ) -> None:
        for name in "ab":
            v1.customers.create({"name": name})
        simulator.wait_for_webhooks()
        receiver.received.clear()
        first, second = (event["id"] for event in simulator.events("customer.created"))

        sent = simulator.deliver([second, first], times=2)

        assert ids(receiver.received) == [second, second, first, first]
        assert {delivery["last_status"] for delivery in sent} == {200}

    def test_switched_off_nothing_is_sent(
        self, simulator: StripeSimulator, v1: Any, receiver: Receiver, secret: str
    ) -> None:
        simulator.configure_webhooks(enabled=False)

        v1.customers.create({"name": "A"})

        assert simulator.webhooks()["deliveries"] == []
        assert len(simulator.events()) == 1


class TestEvents:
    def test_are_listed_by_type_and_time(self, v1: Any) -> None:
        v1.customers.create({"name": "A"})
        product = v1.products.create({"name": "P"})

        found = v1.events.list({"types": ["product.created"], "created": {"gte": product.created}})

        assert [event.data.object.id for event in found.data] == [product.id]

    def test_keep_the_object_as_it_was(self, simulator: StripeSimulator, v1: Any) -> None:
        made = v1.customers.create({"name": "then"})
        v1.customers.update(made.id, {"name": "now"})

        event = v1.events.retrieve(simulator.events("customer.created")[0]["id"])

        assert event.data.object.name == "then"
