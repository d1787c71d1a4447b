"""The journey over real HTTP, a real worker and real webhooks: calm, disturbed, and cut short."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.management import call_command
from django.test import override_settings

from billing.enums import InboxState
from billing.models import BillingEvent, InboxEvent
from billing.services import retries
from config import processes
from tests.stack import Stack

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("stack")]

WITHIN_SECONDS = 20


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path) as running:
        call_command("seed_plans", verbosity=0)
        with override_settings(STRIPE_API_BASE=running.simulator.base_url):
            call_command("push_catalogue", verbosity=0)
        yield running


class Client:
    """A server of ours that talks to Till over HTTP."""

    def __init__(self, stack: Stack) -> None:
        self.http = httpx.Client(base_url=f"{stack.base_url}/api/v1", timeout=30, trust_env=False)
        registered = self.http.post(
            "/auth/register",
            json={
                "organization_name": "Bistro",
                "email": "owner@bistro.example",
                "password": "correct horse battery staple",
            },
        ).json()
        self.organization_id = registered["organization"]["id"]
        self.http.headers["Authorization"] = f"Bearer {registered['token']}"

    def subscribe(self, token: str) -> httpx.Response:
        return self.http.post("/billing/subscribe", json={"plan_slug": "starter", "token": token})

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.get("/billing/status").json()
        return answer


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    made = Client(stack)
    yield made
    made.http.close()


def until_done(stack: Stack) -> None:
    """Wait until every webhook has arrived and every event was handled."""
    stack.simulator.wait_for_webhooks(WITHIN_SECONDS)
    processes.wait_until(
        lambda: not InboxEvent.objects.exclude(state=InboxState.DONE).exists(),
        what="Handling the events",
        seconds=WITHIN_SECONDS,
    )


def test_from_registration_to_active_with_every_webhook_doubled_and_shuffled(
    stack: Stack, client: Client
) -> None:
    stack.simulator.configure_webhooks(duplicate=2, reorder=True, delay_ms=20, seed=7)

    declined = client.subscribe("pm_card_chargeCustomerFail")
    paid = client.subscribe("pm_card_visa")

    assert (declined.status_code, declined.json()["error"]["code"]) == (402, "CARD_DECLINED")
    assert (paid.status_code, paid.json()["status"]) == (201, "active")
    assert client.status()["plan_status"] == "ACTIVE"
    until_done(stack)
    events = {event["id"] for event in stack.simulator.events()}
    assert InboxEvent.objects.count() <= len(events)
    timeline = BillingEvent.objects.filter(organization_id=client.organization_id)
    assert list(timeline.order_by("sequence").values_list("sequence", flat=True)) == list(
        range(1, timeline.count() + 1)
    )
    assert timeline.filter(type="billing.subscription.activated").count() == 1
    assert timeline.filter(type="billing.invoice.payment_failed").count() == 1
    processes.wait_until(lambda: bool(stack.mails()), what="The mail", seconds=WITHIN_SECONDS)
    time.sleep(0.5)
    # The invoice goes out in a mail of its own, sooner or later.
    assert sum("Subject: Starter is active" in mail for mail in stack.mails()) == 1


def test_a_worker_that_is_killed_while_it_handles_an_event_loses_nothing(
    stack: Stack, client: Client
) -> None:
    stack.simulator.configure_webhooks(hold=True)
    client.subscribe("pm_card_visa")
    stack.simulator.add_fault(method="GET", path="^/v1/subscriptions/", latency_ms=10_000, times=1)
    stack.simulator.configure_webhooks(hold=False)
    stack.simulator.wait_for_webhooks(WITHIN_SECONDS)
    processes.wait_until(
        lambda: InboxEvent.objects.filter(state=InboxState.PROCESSING).exists(),
        what="Claiming an event",
        seconds=WITHIN_SECONDS,
    )

    stack.kill_worker()

    held = InboxEvent.objects.filter(state=InboxState.PROCESSING)
    assert held.exists()
    stack.start_worker()
    assert retries.reclaim_events(lease_s=0) > 0  # what beat does once the lease is over
    with override_settings(REDIS_URL=stack.redis_url):
        until_done(stack)
    assert client.status()["access"]["level"] == "full"
