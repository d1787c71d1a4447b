"""Stored events that fail, wait or were left behind."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.drivers import registry
from billing.drivers.base import DriverUnavailable
from billing.enums import InboxState, Provider
from billing.models import (
    InboxEvent,
    Price,
)
from billing.services import retries
from tests.billing.dispatch_steps import NOBODY, about_subscription, drain, store, waiting_start
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


class TestTrouble:
    def test_a_provider_that_fails_is_asked_again_later(
        self, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        external_id = waiting_start(catalogue["starter:month"]).external_id
        row = about_subscription("evt_1", external_id)
        stripe.add_fault(
            method="GET", path=f"/v1/subscriptions/{external_id}", times=10, status=500
        )

        assert drain() == 0

        row.refresh_from_db()
        assert (row.state, row.error) == (
            InboxState.FAILED,
            "DriverUnavailable: API_ERROR api_error",
        )
        stripe.clear_faults()
        InboxEvent.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
        assert drain() == 1

    def test_an_unreadable_payload_fails_alone(self, db: None) -> None:
        broken = InboxEvent.objects.create(
            provider=Provider.STRIPE, external_id="evt_1", type="invoice.paid", payload=[1]
        )
        fine = store("evt_2", "customer.created", {"id": "cus_1", "object": "customer"})

        assert drain() == 1

        broken.refresh_from_db()
        fine.refresh_from_db()
        assert (broken.state, fine.state) == (InboxState.FAILED, InboxState.DONE)

    def test_a_surprise_while_applying_fails_only_that_object(
        self, catalogue: dict[str, Price], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        external_id = waiting_start(catalogue["starter:month"]).external_id
        row = about_subscription("evt_1", external_id)

        def explode(**_: Any) -> None:
            raise RuntimeError("4242424242424242")

        monkeypatch.setattr("billing.services.projection.converge", explode)

        assert drain() == 0

        row.refresh_from_db()
        assert (row.state, row.error) == (InboxState.FAILED, "RuntimeError")

    def test_a_claim_that_was_taken_over_is_not_ours_to_finish(
        self, catalogue: dict[str, Price], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        subscription = waiting_start(catalogue["starter:month"])
        row = about_subscription("evt_1", subscription.external_id)
        driver = registry.get_driver(Provider.STRIPE)
        fetch = driver.retrieve_subscription

        def slow(external_id: str) -> Any:
            later = timezone.now() + timedelta(seconds=1)
            InboxEvent.objects.filter(pk=row.pk).update(claimed_at=later)
            return fetch(external_id)

        monkeypatch.setattr(driver, "retrieve_subscription", slow)

        assert drain() == 0

        row.refresh_from_db()
        assert row.state == InboxState.PROCESSING


class TestReclaim:
    def test_frees_what_a_dead_worker_held(self, db: None) -> None:
        row = about_subscription(
            "evt_1",
            NOBODY,
            state=InboxState.PROCESSING,
            attempts=1,
            claimed_at=timezone.now() - timedelta(seconds=301),
        )
        held = about_subscription(
            "evt_2", NOBODY, state=InboxState.PROCESSING, claimed_at=timezone.now()
        )

        assert retries.reclaim_events(lease_s=300) == 1

        row.refresh_from_db()
        held.refresh_from_db()
        assert (row.state, held.state) == (InboxState.FAILED, InboxState.PROCESSING)

    def test_buries_what_kills_its_worker_every_time(self, db: None) -> None:
        row = about_subscription(
            "evt_1",
            NOBODY,
            state=InboxState.PROCESSING,
            attempts=retries.MAX_ATTEMPTS,
            claimed_at=timezone.now() - timedelta(seconds=301),
        )

        retries.reclaim_events(lease_s=300)

        row.refresh_from_db()
        assert row.state == InboxState.DEAD


class TestPauses:
    def test_grow_to_an_hour(self) -> None:
        assert [retries.pause_s(n) for n in (1, 2, 3, 4)] == [5, 15, 45, 135]
        assert retries.pause_s(99) == 3600

    def test_errors_are_described_without_what_they_quote(self) -> None:
        assert retries.describe(RuntimeError("secret")) == "RuntimeError"
        assert retries.describe(DriverUnavailable("API_ERROR")) == "DriverUnavailable: API_ERROR"
