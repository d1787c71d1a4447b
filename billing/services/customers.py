"""Payers, created at a provider when it is first needed."""

from datetime import datetime, timedelta

from django.db import connection, transaction

from billing.drivers import registry
from billing.enums import Provider
from billing.models import Customer
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
    remember is replaced by a question. Nothing is charged here.

    Raises:
        DriverError: the provider refused or could not be reached.
    """
    if customer.external_id:
        return customer.external_id
    with transaction.atomic():
        _lock(customer)
        customer.refresh_from_db()
        if customer.external_id:
            return customer.external_id
        if customer.requested_at is None:
            customer.requested_at = now
            customer.save(update_fields=["requested_at", "updated_at"])
    driver = registry.get_driver(customer.provider)
    spec = CustomerSpec(
        our_id=str(customer.pk),
        organization_id=str(customer.organization_id),
        email=customer.email,
        name=customer.name,
    )
    external_id = None
    if now - customer.requested_at > _KEY_LIFETIME:
        external_id = driver.find_customer(spec)
        if external_id is None:
            key = f"customer:{customer.pk}:{now:%Y%m%d}"
            external_id = driver.create_customer(spec, idempotency_key=key)
    else:
        external_id = driver.create_customer(spec, idempotency_key=f"customer:{customer.pk}")
    Customer.objects.filter(pk=customer.pk, external_id="").update(
        external_id=external_id, updated_at=now
    )
    customer.refresh_from_db()
    return customer.external_id


def _lock(customer: Customer) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [str(customer.pk)])
