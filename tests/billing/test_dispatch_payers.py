"""Stored events about payers: in any order, twice, or one for all, they end in the same rows."""

import itertools
from typing import Any

import pytest

from billing.enums import InboxState, Provider
from billing.models import BillingEvent, Customer, InboxEvent
from billing.services import customers
from orgs import clock
from tests.billing import stripe_builders as build
from tests.billing.builders import make_organization
from tests.billing.dispatch_steps import drain, store
from tests.billing.payer_steps import methods
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_redis", "short_pauses"),
]


@pytest.fixture
def customer(stripe: StripeSimulator) -> Customer:
    row = customers.get_or_create_customer(
        organization=make_organization(), provider=Provider.STRIPE
    )
    customers.ensure_external(customer=row, now=clock.now())
    return row


def events_of(stripe: StripeSimulator, customer: Customer) -> list[dict[str, Any]]:
    """Return what the provider would tell about a payer's methods and default."""
    return [
        event
        for event in stripe.events(about=customer.external_id)
        if event["type"].startswith(("payment_method.", "customer.updated"))
        and customer.external_id in str(event["data"])
    ]


def keep(events: list[dict[str, Any]]) -> None:
    for number, event in enumerate(events):
        store(f"{event['id']}_{number}", event["type"], event["data"]["object"])
        row = InboxEvent.objects.get(external_id=f"{event['id']}_{number}")
        row.payload["data"] = event["data"]
        row.save()


def story(customer: Customer) -> tuple[str, str]:
    """Two cards; the second one becomes the default, the first one goes."""
    driver, payer = build.driver(), customer.external_id
    first, second = build.attach(payer), build.attach(payer, "pm_card_mastercard")
    for method in (first, second):
        driver.set_default_payment_method(
            external_customer_id=payer, payment_method=method, idempotency_key=build.new_key()
        )
    driver.detach_payment_method(first, idempotency_key=build.new_key())
    return first, second


class TestEventsAboutPayers:
    def test_every_order_with_duplicates_ends_in_the_same_rows(
        self, customer: Customer, stripe: StripeSimulator
    ) -> None:
        first, second = story(customer)
        told = events_of(stripe, customer)
        assert len(told) == 5

        for order in itertools.islice(itertools.permutations(told), 0, None, 17):
            keep([*order, order[0]])
            assert drain() == len(told) + 1
            InboxEvent.objects.all().delete()
            assert methods(customer) == {second: "default"}

        lines = BillingEvent.objects.for_org(customer.organization)
        assert lines.filter(type="billing.payment_method.attached").count() == 1
        assert first not in methods(customer)

    @pytest.mark.parametrize("number", range(5))
    def test_any_one_of_them_is_enough(
        self, customer: Customer, stripe: StripeSimulator, number: int
    ) -> None:
        _, second = story(customer)

        keep([events_of(stripe, customer)[number]])
        drain()

        assert methods(customer) == {second: "default"}
        assert InboxEvent.objects.get().organization_id == customer.organization_id

    def test_a_deleted_payer_can_pay_with_nothing(
        self, customer: Customer, stripe: StripeSimulator
    ) -> None:
        _, second = story(customer)
        keep(events_of(stripe, customer))
        drain()
        stripe.api("DELETE", f"/v1/customers/{customer.external_id}")

        store(
            "evt_deleted",
            "customer.deleted",
            {"id": customer.external_id, "object": "customer", "metadata": {}},
        )
        drain()

        customer.refresh_from_db()
        assert customer.deleted_at is not None
        assert methods(customer) == {second: "detached"}

    def test_somebody_elses_payer_is_done_with_at_once(self, stripe: StripeSimulator) -> None:
        theirs = build.make_customer()
        obj = {"id": "pm_1", "object": "payment_method", "customer": theirs}
        store("evt_theirs", "payment_method.attached", obj)

        drain()

        row = InboxEvent.objects.get()
        assert (row.state, row.organization_id) == (InboxState.DONE, None)
