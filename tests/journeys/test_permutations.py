"""Whatever order a journey's events come in, however often, it ends in the same rows."""

import json
import os
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import errors
from billing.drivers import registry
from billing.enums import Provider, SubscriptionStatus
from billing.models import InboxEvent, PaymentAttempt, Price, Subscription
from billing.services import dispatch, inbox, mirror, projection, resolve, subscribe
from billing.types import Cause, VerifiedWebhook
from orgs.models import Organization
from tests.billing.builders import make_organization
from tests.journeys import dump
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Journey:
    """A decline, a card that needs confirming and is given up, then success; all events kept.

    The rows are then set back to where a worker leaves them that died after its calls were sent:
    everything that follows has to come from events, the late answer, or the resolver.
    """

    def __init__(self, stripe: StripeSimulator, catalogue: dict[str, Price]) -> None:
        self.price = catalogue["starter:month"]
        self.organization = make_organization()
        already = {event["id"] for event in stripe.events()}
        with pytest.raises(errors.CardDeclined):
            self._start("pm_card_chargeCustomerFail")
        self._start("pm_card_authenticationRequired")
        self.last = self._start("pm_card_visa").subscription
        self.events = [event for event in stripe.events() if event["id"] not in already]
        self.snapshot = registry.get_driver(Provider.STRIPE).retrieve_subscription(
            self.last.external_id
        )
        self._forget()

    def _start(self, method: str) -> subscribe.Started:
        return subscribe.start_subscription(
            organization=self.organization,
            request=subscribe.StartRequest(price=self.price, payment_method=method),
            cause=Cause("request"),
            now=NOW,
        )

    def _forget(self) -> None:
        from billing.models import BillingEvent, Obligation  # noqa: PLC0415
        from notifications.models import Message  # noqa: PLC0415

        BillingEvent.objects.all().delete()
        Message.objects.all().delete()
        Organization.objects.filter(pk=self.organization.pk).update(
            plan_status="PENDING_PAYMENT", plan_id=None, event_sequence=0
        )
        Subscription.objects.update(
            status=SubscriptionStatus.INCOMPLETE,
            external_id="",
            snapshot_at=None,
            activated_at=None,
            ended_at=None,
            canceled_at=None,
            current_period_start=None,
            current_period_end=None,
            latest_invoice_external_id="",
        )
        PaymentAttempt.objects.update(
            state="sent",
            external_id="",
            error_code="",
            decline_code="",
            resolved_at=None,
            resolve_after=NOW,
        )
        Obligation.objects.update(state="open", settled_at=None)

    def deliver(self, event: dict[str, Any]) -> None:
        inbox.receive_event(
            provider=Provider.STRIPE,
            account=None,
            webhook=VerifiedWebhook(event["id"], event["type"], json.dumps(event)),
            trace_id="",
        )

    def late_answer(self) -> None:
        """The request that started it wakes up and applies what it was told long ago."""
        before_all = datetime(2020, 1, 1, tzinfo=UTC)
        projection.converge(
            snapshot=self.snapshot, fetched_at=before_all, cause=Cause("request"), now=NOW
        )

    def ask(self) -> None:
        resolve.resolve_due(now=NOW)

    def settle(self) -> None:
        """Deliver again what is missing (a provider retries), and let everything run dry."""
        known = set(InboxEvent.objects.values_list("external_id", flat=True))
        for event in self.events:
            if event["id"] not in known:
                self.deliver(event)
        dispatch.drain_inbox(now=NOW)
        while mirror.drain_mirror():
            pass


@pytest.fixture
def journey(stripe: StripeSimulator, catalogue: dict[str, Price]) -> Journey:
    return Journey(stripe, catalogue)


@pytest.fixture
def expected(journey: Journey) -> dict[str, Any]:
    """What the events lead to when they come once, in order."""
    with undone():
        for event in journey.events:
            journey.deliver(event)
            dispatch.drain_inbox(now=NOW)
        journey.settle()
        return dump.database()


class undone:  # noqa: N801 - reads as a statement
    """Run something and leave the database as it was."""

    def __enter__(self) -> None:
        self.atomic = transaction.atomic()
        self.atomic.__enter__()

    def __exit__(self, *details: object) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(*details)


def test_the_reference_run_is_a_whole_journey(journey: Journey, expected: dict[str, Any]) -> None:
    assert len(journey.events) > 15
    assert {row.count("'done'") for row in expected["billing.InboxEvent"]} == {1}
    assert sum("('status', 'active')" in row for row in expected["billing.Subscription"]) == 1
    assert sum("billing.payment.failed" in row for row in expected["billing.BillingEvent"]) >= 1
    assert sum(expected["notifications.Message"].values()) == 1
    assert sum("'status': 'active'" in row for row in expected["djstripe.Subscription"]) == 1


def _happenings(count: int) -> st.SearchStrategy[list[int]]:
    """Orders of the journey's events with duplicates and losses, and of what else goes on.

    -1 drains the inbox, -2 is the request's own late answer, -3 the resolver.
    """
    events = st.integers(0, count - 1)
    others = st.sampled_from([-1, -1, -1, -2, -3])
    places = st.integers(0, 2 * count)
    disturbed = st.lists(st.tuples(places, st.one_of(events, others)), max_size=2 * count)
    lost = st.sets(events, max_size=count // 3)
    return st.tuples(st.permutations(range(count)), lost, disturbed).map(
        lambda drawn: _interleaved(*drawn)
    )


def _interleaved(order: list[int], lost: set[int], disturbed: list[tuple[int, int]]) -> list[int]:
    steps = [number for number in order if number not in lost]
    for place, step in disturbed:
        steps.insert(place, step)
    return steps


@settings(
    max_examples=int(os.environ.get("TILL_SHUFFLES", "20")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_every_order_ends_in_the_same_rows(
    journey: Journey, expected: dict[str, Any], data: st.DataObject
) -> None:
    steps = data.draw(_happenings(len(journey.events)))
    with undone():
        for step in steps:
            if step >= 0:
                journey.deliver(journey.events[step])
            else:
                {-2: journey.late_answer, -3: journey.ask}.get(step, _drain)()
        journey.settle()
        found = dump.database()

    assert dump.difference(expected, found) == []


def _drain() -> None:
    dispatch.drain_inbox(now=NOW, limit=3)
