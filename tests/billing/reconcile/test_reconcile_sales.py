"""Events about payments in person, of which we were not told."""

import pytest

from billing.drivers.stripe import normalizer
from billing.enums import AttemptKind, ObligationKind, Provider
from billing.models import Obligation
from billing.selectors import reconciliation
from billing.services import settlement
from orgs.models import Organization
from tests.billing.stripe_event_steps import load, obj

pytestmark = pytest.mark.django_db

NAME = "payment_intent.amount_capturable_updated"


def sold(organization: Organization, external_id: str) -> None:
    """Write down a payment in person as its provider knows it."""
    debt = Obligation.objects.create(
        organization=organization, kind=ObligationKind.TERMINAL, amount_minor=1500, currency="USD"
    )
    attempt = settlement.new_attempt(
        obligation=debt, kind=AttemptKind.TERMINAL, provider=Provider.STRIPE
    )
    attempt.external_id = external_id
    attempt.save()


def test_concern_whoever_took_the_payment(organization: Organization) -> None:
    sold(organization, obj(NAME)["id"])
    event = normalizer.normalize(load(NAME))

    found = reconciliation.owners_of_events(Provider.STRIPE, [event])

    assert found == {event.external_id: organization.pk}


@pytest.mark.parametrize("name", ["charge.refunded", "charge.dispute.created"])
def test_what_became_of_its_money_concerns_them_too(organization: Organization, name: str) -> None:
    lost = load(name)
    lost["data"]["object"]["customer"] = None
    sold(organization, lost["data"]["object"]["payment_intent"])
    event = normalizer.normalize(lost)

    found = reconciliation.owners_of_events(Provider.STRIPE, [event])

    assert found == {event.external_id: organization.pk}


def test_concern_nobody_where_the_payment_is_not_ours(organization: Organization) -> None:
    sold(organization, "pi_other")
    event = normalizer.normalize(load(NAME))

    assert reconciliation.owners_of_events(Provider.STRIPE, [event]) == {}
