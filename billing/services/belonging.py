"""Whose matter it is: the organization and the payer that a provider's object belongs to."""

import dataclasses
from uuid import UUID

from billing.models import Customer, Invoice, PaymentAttempt
from orgs.models import Organization


class UnknownCustomer(LookupError):
    """Something about a payer who is not (yet) one of ours."""


@dataclasses.dataclass(frozen=True, slots=True)
class Owner:
    """The organization, locked, and its payer where the provider names one."""

    organization: Organization
    customer: Customer | None


def lock_owner(*, provider: str, external_customer_id: str, external_payment_id: str = "") -> Owner:
    """Find whose it is, by the payer or (where none is named) by the payment, and lock them.

    Raises:
        UnknownCustomer: nobody's of ours (yet).
    """
    customer: Customer | None = None
    organization_id: UUID | None
    if external_customer_id:
        rows = Customer.objects.filter(provider=provider, external_id=external_customer_id)
        customer = rows.first()
        organization_id = customer.organization_id if customer else None
    else:
        organization_id = _by_payment(provider, external_payment_id)
    if organization_id is None:
        raise UnknownCustomer(external_customer_id or external_payment_id)
    organization = Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
    if customer is not None:
        customer.organization = organization
    return Owner(organization, customer)


def _by_payment(provider: str, external_payment_id: str) -> UUID | None:
    if not external_payment_id:
        return None
    tries = PaymentAttempt.objects.filter(provider=provider, external_id=external_payment_id)
    found = tries.values_list("organization_id", flat=True).first()
    if found is None:
        paid = Invoice.objects.filter(provider=provider, external_payment_id=external_payment_id)
        found = paid.values_list("organization_id", flat=True).first()
    return found
