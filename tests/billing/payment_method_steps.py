"""Cards that a tenant adds, chooses and removes."""

from typing import Any

from billing.enums import Provider
from billing.models import Customer, PaymentMethod
from billing.selectors import payment_methods as methods
from billing.services import payment_methods, remove_method
from orgs import clock
from orgs.models import Organization
from tests.billing.builders import make_organization
from tests.billing.subscribe_steps import CAUSE
from tests.simulators.stripe.client import StripeSimulator


def reachable_organization() -> Organization:
    """A tenant with an address of its own."""
    row: Organization = make_organization()
    row.email = f"{row.slug}@till.test"  # the simulator serves other tests too
    row.save()
    return row


def attach(organization: Organization, name: str = "pm_card_visa", **more: Any) -> PaymentMethod:
    return payment_methods.attach_payment_method(
        organization=organization, payment_method=name, cause=CAUSE, now=clock.now(), **more
    ).method


def choose(method: PaymentMethod) -> payment_methods.Chosen:
    return payment_methods.make_default(
        organization=method.organization, method=method, cause=CAUSE, now=clock.now()
    )


def remove(method: PaymentMethod) -> None:
    remove_method.remove_payment_method(method=method, cause=CAUSE, now=clock.now())


def shown(organization: Organization) -> list[tuple[str, bool]]:
    return [(row.brand, row.is_default) for row in methods.list_methods(organization)]


def at_provider(stripe: StripeSimulator, organization: Organization) -> list[str]:
    """Return the ids of the cards that the provider has for an organization, newest first."""
    customer = Customer.objects.get(organization=organization, provider=Provider.STRIPE)
    answer = stripe.api("GET", f"/v1/customers/{customer.external_id}/payment_methods").json()
    return [row["id"] for row in answer["data"]]
