"""Whatever order a journey's events come in, however often, it ends in the same rows."""

import dataclasses
import json
import os
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, example, given, settings
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
        already = stripe.events_so_far()
        with pytest.raises(errors.CardDeclined):
            self._start("pm_card_chargeCustomerFail")
        self._start("pm_card_authenticationRequired")
        self.last = self._start("pm_card_visa").subscription
        self.events = stripe.events(since=already)
        paid = registry.get_driver(Provider.STRIPE).retrieve_subscription(self.last.external_id)
        # A status that the table of transitions would let through: only its age speaks against it.
        self.old = dataclasses.replace(
            paid, status=SubscriptionStatus.PAST_DUE, latest_payment=None
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
        from billing.models import (  # noqa: PLC0415
            BillingEvent,
            Invoice,
            InvoiceDelivery,
            Obligation,
        )
        from notifications.models import Message  # noqa: PLC0415

        BillingEvent.objects.all().delete()
        InvoiceDelivery.objects.all().delete()
        Invoice.objects.all().delete()
        Message.objects.all().delete()
        Organization.objects.filter(pk=self.organization.pk).update(
            plan_status="PENDING_PAYMENT",
            plan_id=None,
            event_sequence=0,
            access_level="none",
            access_reason="no_subscription",
            access_since=None,
            access_event_id=None,
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
        """A request wakes up and applies what was true long ago (and is news to nobody else)."""
        if Subscription.objects.get(pk=self.last.pk).snapshot_at is None:
            return  # nothing newer is known yet: then it is the truth, and later corrected
        before_all = datetime(2020, 1, 1, tzinfo=UTC)
        projection.converge(
            snapshot=self.old, fetched_at=before_all, cause=Cause("request"), now=NOW
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


class Database(dict[str, Any]):
    """A dump with a short name: a failing example quotes its arguments."""

    def __repr__(self) -> str:
        return "<database>"


@pytest.fixture
def expected(journey: Journey) -> Database:
    """What the events lead to when they come once, in order."""
    with undone():
        for event in journey.events:
            journey.deliver(event)
            dispatch.drain_inbox(now=NOW)
        journey.settle()
        return Database(dump.database())


class undone:  # noqa: N801 - reads as a statement
    """Run something and leave the database as it was."""

    def __enter__(self) -> None:
        self.atomic = transaction.atomic()
        self.atomic.__enter__()

    def __exit__(self, *_details: object) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)


def test_the_reference_run_is_a_whole_journey(journey: Journey, expected: Database) -> None:
    assert len(journey.events) > 15
    assert {row.count("'done'") for row in expected["billing.InboxEvent"]} == {1}
    assert sum("('status', 'active')" in row for row in expected["billing.Subscription"]) == 1
    lines = expected["billing.BillingEvent"]
    assert sum("billing.invoice.payment_failed" in row for row in lines) >= 1
    assert sum("billing.invoice.paid" in row for row in lines) == 1
    assert sum(expected["billing.Invoice"].values()) == 3
    mails = expected["notifications.Message"]
    assert sum("('kind', 'subscription_confirmed')" in row for row in mails) == 1
    assert sum("('kind', 'invoice')" in row for row in mails) == 1
    assert (sum(mails.values()), sum(expected["billing.InvoiceDelivery"].values())) == (2, 1)
    assert sum("'status': 'active'" in row for row in expected["djstripe.Subscription"]) == 1


# More than a journey has; numbers beyond its last event mean nothing and are left out.
MOST = 64
DRAIN, LATE_ANSWER, ASK = -1, -2, -3
_numbers = st.integers(0, MOST - 1)
_others = st.sampled_from([DRAIN, DRAIN, DRAIN, LATE_ANSWER, ASK])
_disturbances = st.lists(st.tuples(_numbers, _numbers | _others), max_size=MOST)


def _steps(
    count: int, order: list[int], lost: set[int], disturbed: list[tuple[int, int]]
) -> list[int]:
    """Put together an order of events with losses and duplicates, and what else goes on."""
    steps = [number for number in order if number not in lost]
    for place, step in disturbed:
        steps.insert(place, step)
    return [step for step in steps if step < count]


@settings(
    max_examples=int(os.environ.get("TILL_SHUFFLES", "6")),
    deadline=None,
    # A divergence is told by its difference; making it smaller would take longer than reading it.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(order=list(range(MOST)), lost=set(), disturbed=[(MOST, DRAIN), (MOST + 1, LATE_ANSWER)])
@given(
    order=st.permutations(range(MOST)),
    lost=st.sets(_numbers, max_size=MOST // 3),
    disturbed=_disturbances,
)
def test_every_order_ends_in_the_same_rows(
    journey: Journey,
    expected: Database,
    order: list[int],
    lost: set[int],
    disturbed: list[tuple[int, int]],
) -> None:
    assert len(journey.events) <= MOST
    with undone():
        for step in _steps(len(journey.events), order, lost, disturbed):
            if step >= 0:
                journey.deliver(journey.events[step])
            else:
                {LATE_ANSWER: journey.late_answer, ASK: journey.ask}.get(step, _drain)()
        journey.settle()
        found = dump.database()

    difference = dump.difference(expected, found)
    assert not difference, "\n".join(difference[:6])


def _drain() -> None:
    dispatch.drain_inbox(now=NOW, limit=3)
