"""Payers, created at a provider when it is first needed, and only once."""

from datetime import timedelta

import pytest

from billing.enums import Provider
from billing.services import customers
from orgs import clock
from orgs.models import Organization
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


def created(stripe: StripeSimulator, organization: Organization) -> int:
    return len([c for c in stripe.objects("customer") if c.get("email") == organization.email])


@pytest.fixture
def organization(org: Organization, stripe: StripeSimulator) -> Organization:
    org.email = f"{org.pk.hex}@acme.example"  # the simulator serves other tests too
    org.save()
    return org


def test_is_created_once(organization: Organization, stripe: StripeSimulator) -> None:
    customer = customers.get_or_create_customer(organization=organization, provider=Provider.STRIPE)

    first = customers.ensure_external(customer=customer, now=clock.now())
    again = customers.get_or_create_customer(organization=organization, provider=Provider.STRIPE)

    assert customers.ensure_external(customer=again, now=clock.now()) == first
    assert created(stripe, organization) == 1


def test_another_process_that_was_faster_is_believed(
    organization: Organization, stripe: StripeSimulator
) -> None:
    slow = customers.get_or_create_customer(organization=organization, provider=Provider.STRIPE)
    fast = customers.get_or_create_customer(organization=organization, provider=Provider.STRIPE)
    external_id = customers.ensure_external(customer=fast, now=clock.now())

    assert customers.ensure_external(customer=slow, now=clock.now()) == external_id
    assert created(stripe, organization) == 1


def test_an_answer_lost_a_day_ago_is_asked_for_and_not_sent_again(
    organization: Organization, stripe: StripeSimulator
) -> None:
    customer = customers.get_or_create_customer(organization=organization, provider=Provider.STRIPE)
    external_id = customers.ensure_external(customer=customer, now=clock.now())
    customer.external_id = ""
    customer.requested_at = clock.now() - timedelta(hours=24)
    customer.save()

    assert customers.ensure_external(customer=customer, now=clock.now()) == external_id
    assert created(stripe, organization) == 1


def test_one_that_never_arrived_is_sent_under_a_new_key_after_a_day(
    organization: Organization, stripe: StripeSimulator
) -> None:
    customer = customers.get_or_create_customer(organization=organization, provider=Provider.STRIPE)
    customer.requested_at = clock.now() - timedelta(hours=24)
    customer.save()

    assert customers.ensure_external(customer=customer, now=clock.now()).startswith("cus_")
    assert created(stripe, organization) == 1
