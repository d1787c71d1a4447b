"""The simulator as a process: it starts, keeps its state, serves a secret it was given, ends."""

import functools
import pathlib
import signal
import socket
import time

import pytest
import stripe

from tests.simulators.receiver import Receiver
from tests.simulators.stripe.client import StripeSimulator

GIVEN_SECRET = "whsec_given0000000000000000000000000"


def subscribe(simulator: StripeSimulator) -> str:
    product = simulator.api("POST", "/v1/products", {"name": "P"}).json()
    price = simulator.api(
        "POST",
        "/v1/prices",
        {
            "product": product["id"],
            "currency": "usd",
            "unit_amount": 500,
            "recurring[interval]": "month",
        },
    ).json()
    customer = simulator.api("POST", "/v1/customers", {"name": "A"}).json()
    made = simulator.api(
        "POST",
        "/v1/subscriptions",
        {
            "customer": customer["id"],
            "items[0][price]": price["id"],
            "payment_behavior": "default_incomplete",
        },
    )
    return str(made.json()["id"])


class TestState:
    @pytest.mark.parametrize("ending", ["stop", "kill"])
    def test_survives_the_process(self, tmp_path: pathlib.Path, ending: str) -> None:
        first = StripeSimulator.start(state_dir=tmp_path)
        subscription = subscribe(first)
        first.api("POST", "/v1/customers", {"name": "K"}, headers={"Idempotency-Key": "k"})
        first.advance(3600)
        before = first.api("GET", f"/v1/subscriptions/{subscription}").json()
        offset = first.control("GET", "clock")["offset_s"]
        if ending == "kill":
            time.sleep(0.3)  # what changed is written shortly after the answer
        getattr(first, ending)()

        with StripeSimulator.start(state_dir=tmp_path) as second:
            assert second.api("GET", f"/v1/subscriptions/{subscription}").json() == before
            assert second.control("GET", "clock")["offset_s"] == offset
            again = second.api(
                "POST", "/v1/customers", {"name": "K"}, headers={"Idempotency-Key": "k"}
            )
            assert again.headers["idempotent-replayed"] == "true"
            second.advance(24 * 3600)
            after = second.api("GET", f"/v1/subscriptions/{subscription}").json()
            assert after["status"] == "incomplete_expired"

    def test_items_still_share_their_price_after_a_restart(self, tmp_path: pathlib.Path) -> None:
        with StripeSimulator.start(state_dir=tmp_path) as first:
            subscription = subscribe(first)

        with StripeSimulator.start(state_dir=tmp_path) as second:
            (price,) = second.objects("price")
            second.api("POST", f"/v1/prices/{price['id']}", {"nickname": "renamed"})
            shown = second.api("GET", f"/v1/subscriptions/{subscription}").json()
            assert shown["items"]["data"][0]["price"]["nickname"] == "renamed"

    def test_undelivered_webhooks_are_sent_after_a_restart(
        self, tmp_path: pathlib.Path, receiver: Receiver
    ) -> None:
        receiver.statuses = [500] * 20
        start = functools.partial(
            StripeSimulator.start,
            state_dir=tmp_path,
            webhook_url=receiver.url,
            webhook_secret=GIVEN_SECRET,
        )
        with start() as first:
            first.api("POST", "/v1/customers", {"name": "A"})
            receiver.wait_for(lambda received: len(received) >= 1)
        receiver.statuses = []
        receiver.received.clear()

        with start() as second:
            second.wait_for_webhooks()
            (one,) = receiver.received
            header = one.headers["Stripe-Signature"]
            assert stripe.WebhookSignature.verify_header(one.body.decode(), header, GIVEN_SECRET)
            assert len(second.webhooks()["endpoints"]) == 1

    def test_a_second_process_may_not_share_a_state(self, tmp_path: pathlib.Path) -> None:
        with StripeSimulator.start(state_dir=tmp_path), pytest.raises(RuntimeError, match="ended"):
            StripeSimulator.start(state_dir=tmp_path)


class TestProcess:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_ends_it_at_once_and_cleanly(self, number: signal.Signals) -> None:
        simulator = StripeSimulator.start()
        assert simulator.process is not None
        # An open connection and a call that is being held must not keep it alive.
        simulator.api("GET", "/v1/customers")
        simulator.add_fault(action="timeout_before", hold_s=60)
        idle = socket.create_connection(("127.0.0.1", int(simulator.base_url.rpartition(":")[2])))
        idle.sendall(b"GET /v1/customers HTTP/1.1\r\nHost: x\r\n\r\n")

        began = time.monotonic()
        simulator.process.child.send_signal(number)
        code = simulator.process.child.wait(5)

        assert code == 0
        assert time.monotonic() - began < 1.5
        idle.close()
        simulator.stop()

    def test_listens_on_loopback_only(self) -> None:
        with StripeSimulator.start() as simulator:
            port = int(simulator.base_url.rpartition(":")[2])
            listening = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
            addresses = [
                line.split()[1] for line in listening if line.split()[1].endswith(f":{port:04X}")
            ]

        assert addresses
        assert all(address.startswith("0100007F") for address in addresses)
