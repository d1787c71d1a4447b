"""The client of the driver: built once, its connections pooled."""

import logging
import os
import threading
from typing import Any

import pytest
import stripe as sdk

from billing.drivers.stripe import client
from billing.drivers.stripe.transport import PooledClient
from tests.billing import stripe_builders as build
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.usefixtures("short_pauses")


class TestClient:
    def test_is_built_once_for_the_same_settings(self, settings: Any) -> None:
        first = client.get_client()

        assert client.get_client() is first
        settings.STRIPE_API_BASE = "http://127.0.0.1:9"
        assert client.get_client() is not first

    def test_is_not_shared_with_a_fork(self, monkeypatch: pytest.MonkeyPatch) -> None:
        first = client.get_client()
        monkeypatch.setattr(os, "getpid", lambda: -1)

        assert client.get_client() is not first

    def test_closes_its_connections_at_the_end_but_not_its_parents(self) -> None:
        http = PooledClient(connect_timeout=1, read_timeout=1, is_loopback=True)
        closed = []

        for process in (os.getpid() + 1, os.getpid()):
            client._close(http, process)
            closed.append(http._pool.is_closed)

        assert closed == [False, True]

    def test_threads_share_its_connections(self, stripe: StripeSimulator) -> None:
        spec = build.subscription_spec()
        created = build.driver().create_subscription(spec, idempotency_key=build.new_key())
        seen: list[object] = []

        def look() -> None:
            seen.append(build.driver().retrieve_subscription(created.external_id))

        threads = [threading.Thread(target=look) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert seen == [created] * 16

    def test_talks_to_stripe_itself_when_that_is_its_base(self, settings: Any) -> None:
        settings.STRIPE_API_BASE = "https://api.stripe.com/"

        addresses = client.get_client()._requestor.base_addresses

        assert addresses["api"] == "https://api.stripe.com"
        assert addresses["files"] == "https://files.stripe.com"

    def test_every_address_follows_another_base(self, settings: Any) -> None:
        settings.STRIPE_API_BASE = "http://127.0.0.1:9"

        addresses = client.get_client()._requestor.base_addresses

        assert set(addresses.values()) == {"http://127.0.0.1:9"}

    def test_the_sdks_globals_follow_too(self, settings: Any) -> None:
        settings.STRIPE_API_BASE = "http://127.0.0.1:9"

        client.prepare_sdk()

        assert sdk.api_base == "http://127.0.0.1:9"
        assert sdk.max_network_retries == 0
        assert sdk.default_http_client is client._get().http

    def test_keeps_addresses_and_messages_out_of_the_logs(
        self, stripe: StripeSimulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        spec = build.customer_spec(email="alice@example.com")

        with caplog.at_level(logging.INFO):
            build.driver().find_customer(spec)

        assert "alice" not in caplog.text

    @pytest.mark.parametrize(
        ("base", "expected"),
        [
            ("http://127.0.0.1:8001", True),
            ("http://localhost", True),
            ("http://[::1]:8001", True),
            ("https://api.stripe.com", False),
            ("https://127.0.0.1.example.com", False),
            ("", False),
        ],
    )
    def test_knows_this_machine(self, base: str, expected: bool) -> None:  # noqa: FBT001
        assert client.is_loopback(base) is expected
