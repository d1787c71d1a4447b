"""Payers, created at a provider when it is first needed."""

from datetime import datetime, timedelta

from django.db import transaction

from billing.drivers import registry
from billing.enums import Provider
from billing.models import Customer
from billing.selectors import billing_details
from billing.types import CustomerSpec
from orgs.models import Organization

# Providers forget idempotency keys after a day; past this we ask instead of sending again.
_KEY_LIFETIME = timedelta(hours=23)


def get_or_create_customer(
    *, organization: Organization, provider: Provider, reference: str | None = None
) -> Customer:
    """Return the payer's row; the constraint decides when two requests race for it."""
    customer, _ = Customer.objects.get_or_create(
        organization=organization,
        reference=reference,
        provider=provider,
        defaults={"email": organization.email, "name": organization.name},
    )
    return customer


def ensure_external(*, customer: Customer, now: datetime) -> str:
    """Return the provider's id of a payer, creating it there at the first need.

    Sending twice is harmless: the key is the row's own id, and a key too old for the provider to
    remember is replaced by a question. Nothing is charged here. A payer whom somebody deleted
    there is created anew, once, and keeps its row.

    Raises:
        DriverError: the provider refused or could not be reached.
    """
    requested_at = _first_requested(customer, now)
    if requested_at is None:
        return customer.external_id
    driver = registry.get_driver(customer.provider)
    spec = CustomerSpec(
        our_id=str(customer.pk),
        organization_id=str(customer.organization_id),
        email=customer.email,
        name=customer.name,
        details=billing_details.of_customer(customer),
    )
    before = customer.external_id
    key = f"customer:{customer.pk}:{before}" if before else f"customer:{customer.pk}"
    external_id = None
    if now - requested_at > _KEY_LIFETIME:
        external_id = driver.find_customer(spec)
        key = f"{key}:{now:%Y%m%d}"
    if external_id is None:
        external_id = driver.create_customer(spec, idempotency_key=key)
    Customer.objects.filter(pk=customer.pk, external_id=before).update(
        external_id=external_id, deleted_at=None, updated_at=now
    )
    customer.refresh_from_db()
    return customer.external_id


def _first_requested(customer: Customer, now: datetime) -> datetime | None:
    """Commit when the provider is first asked; None if it has answered already."""
    with transaction.atomic():
        row = Customer.objects.select_for_update(no_key=True).get(pk=customer.pk)
        is_there = bool(row.external_id) and row.deleted_at is None
        if row.requested_at is None and not is_there:
            row.requested_at = now
            row.save(update_fields=["requested_at", "updated_at"])
    customer.refresh_from_db()
    return None if is_there else row.requested_at
