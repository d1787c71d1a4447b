"""A payment that is overdue is paid by a new card, in the request that adds it."""

import dataclasses
from typing import Any

import pytest

from billing.drivers.stripe.driver import StripeDriver
from billing.enums import Provider, SubscriptionStatus
from billing.models import Customer, Price, Subscription
from billing.services import customers, payment_methods, projection
from orgs import clock
from orgs.models import Organization
from tests.billing.builders import make_organization
from tests.billing.subscribe_steps import CAUSE, start
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("short_pauses")]

MONTH_S = 33 * 24 * 3600


@dataclasses.dataclass
class Overdue:
    organization: Organization
    subscription: Subscription


@pytest.fixture
def overdue(catalogue: dict[str, Price], stripe: StripeSimulator) -> Overdue:
    """Starter, whose card was refused at the first renewal; time passed for this payer alone."""
    organization = make_organization()
    own = stripe.api("POST", "/v1/test_helpers/test_clocks", {"frozen_time": stripe.now()}).json()
    customer = customers.get_or_create_customer(organization=organization, provider=Provider.STRIPE)
    made = stripe.api(
        "POST",
        "/v1/customers",
        {"test_clock": own["id"], "metadata[till_customer_id]": str(customer.pk)},
    ).json()
    Customer.objects.filter(pk=customer.pk).update(external_id=made["id"])
    row = start(organization, catalogue["starter:month"], "pm_card_visa").subscription
    attach(organization, "pm_card_chargeCustomerFail", set_default=True)
    stripe.api(
        "POST",
        f"/v1/test_helpers/test_clocks/{own['id']}/advance",
        {"frozen_time": own["frozen_time"] + MONTH_S},
    )
    projection.converge(
        snapshot=StripeDriver().retrieve_subscription(row.external_id),
        fetched_at=projection.database_now(),
        cause=CAUSE,
        now=clock.now(),
    )
    row.refresh_from_db()
    assert row.status == SubscriptionStatus.PAST_DUE
    return Overdue(organization, row)


def attach(organization: Organization, card: str, **more: Any) -> payment_methods.Chosen:
    return payment_methods.attach_payment_method(
        organization=organization, payment_method=card, cause=CAUSE, now=clock.now(), **more
    )


def test_a_good_card_brings_the_subscription_back(overdue: Overdue) -> None:
    chosen = attach(overdue.organization, "pm_card_mastercard", set_default=True)

    assert (chosen.is_recovered, chosen.refusal) == (True, None)
    overdue.subscription.refresh_from_db()
    assert overdue.subscription.status == SubscriptionStatus.ACTIVE
    assert overdue.subscription.payment_method_external_id == chosen.method.external_id


def test_another_bad_card_is_the_default_and_pays_nothing(overdue: Overdue) -> None:
    chosen = attach(overdue.organization, "pm_card_threeDSecureRequiredChargeDeclined")
    assert chosen.overdue is None

    chosen = payment_methods.make_default(
        organization=overdue.organization, method=chosen.method, cause=CAUSE, now=clock.now()
    )

    assert chosen.method.is_default
    assert not chosen.is_recovered
    overdue.subscription.refresh_from_db()
    assert overdue.subscription.status == SubscriptionStatus.PAST_DUE
