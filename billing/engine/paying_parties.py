"""Payers and their methods: the rows are ours, the cards the rail's."""

from typing import Any
from uuid import UUID

from django.db import transaction

from billing.drivers.base import DriverRejected
from billing.engine import ids
from billing.engine.house import House
from billing.engine.models import EngineSubscription, Payer
from billing.engine.starting import check_method
from billing.enums import FINAL_STATUSES
from billing.models import Customer
from billing.types import BillingDetails, CardDetails, CustomerSpec, PayerSnapshot
from orgs.models import Organization
from orgs.selectors import parse_uuid

_LONGEST_NAME = 200


def create(house: House, spec: CustomerSpec) -> str:
    """Create a payer, once for each id of ours; return its name.

    Raises:
        DriverRejected: no such organization (`organization_missing`).
    """
    organization = _organization(parse_uuid(spec.organization_id))
    row, _ = Payer.objects.get_or_create(
        provider=house.provider,
        our_id=spec.our_id,
        defaults={
            "organization": organization,
            "seller": _seller(parse_uuid(spec.our_id), organization),
            "external_id": ids.new_id(house.provider, "cus"),
            "email": spec.email,
            "name": spec.name[:_LONGEST_NAME],
            **_of_details(spec.details),
        },
    )
    return row.external_id


def _organization(organization_id: UUID | None) -> Organization:
    if organization_id is not None:
        found = Organization.objects.filter(pk=organization_id).first()
        if found is not None:
            return found
    raise DriverRejected("INVALID_REQUEST", detail="organization_missing")


def _seller(customer_id: UUID | None, organization: Organization) -> Organization | None:
    """Return who sells: to its own end customers the organization, to itself the platform."""
    if customer_id is None:
        return None
    rows = Customer.objects.filter(pk=customer_id, organization=organization)
    return organization if rows.exclude(reference=None).exists() else None


def find(house: House, spec: CustomerSpec) -> str | None:
    """Look for the payer that carries our id."""
    rows = Payer.objects.filter(provider=house.provider, our_id=spec.our_id)
    return rows.values_list("external_id", flat=True).first()


def update(
    house: House, external_id: str, *, email: str, name: str, details: BillingDetails | None
) -> None:
    """Take over where bills go and to whom; an empty value stays as it is."""
    row = house.payer(external_id)
    changes: dict[str, Any] = {
        "email": email or row.email,
        "name": name[:_LONGEST_NAME] or row.name,
        **(_of_details(details) if details else {}),
    }
    for field, value in changes.items():
        setattr(row, field, value)
    row.save(update_fields=[*changes, "updated_at"])


def _of_details(details: BillingDetails) -> dict[str, Any]:
    """Return the columns that say what stands on an invoice, and where it is taxed."""
    address = details.address
    place = " ".join(filter(None, (address.postal_code, address.city, address.region)))
    lines = (address.line1, address.line2, place, address.country)
    return {
        "address": [line for line in lines if line],
        "country": address.country,
        "region": address.region,
        "tax_ids": [details.tax_id] if details.tax_id else [],
    }


def retrieve(house: House, external_id: str) -> PayerSnapshot:
    """Ask for a payer with everything it can pay with."""
    row = house.payer(external_id)
    methods = (
        house.rail.methods_of(organization_id=row.organization_id, payer_id=row.external_id)
        if house.rail
        else []
    )
    known = {method.external_id for method in methods}
    return PayerSnapshot(
        provider=house.provider,
        external_id=row.external_id,
        our_id=row.our_id,
        email=row.email,
        methods=tuple(methods),
        default_method_id=row.default_method_id if row.default_method_id in known else "",
    )


def attach(
    house: House, payment_method: str, *, payer: str, card: CardDetails | None, key: str
) -> str:
    """Give a payer a card; return our name of it.

    Raises:
        DriverRejected: it was declined, or nobody moves money here.
    """
    row = house.payer(payer)
    saved = house.need_rail().save_method(
        organization_id=row.organization_id,
        payer_id=row.external_id,
        payment_method=payment_method,
        card=card,
        idempotency_key=key,
    )
    return saved.external_id


def set_default(
    house: House, *, payer: str, payment_method: str, external_subscription_id: str
) -> None:
    """Have a payer's invoices charged to a method it has, those of a subscription included."""
    row = house.payer(payer)
    check_method(house, row, payment_method)
    with transaction.atomic():
        Payer.objects.filter(pk=row.pk).update(default_method_id=payment_method)
        if external_subscription_id:
            found = EngineSubscription.objects.filter(
                payer=row, external_id=external_subscription_id
            ).exclude(status__in=FINAL_STATUSES)
            found.update(default_method_id=payment_method)


def detach(house: House, method_id: str) -> None:
    """Forget a card, for good; nothing is charged to it any more."""
    house.need_rail().forget_method(method_id)
    Payer.objects.filter(provider=house.provider, default_method_id=method_id).update(
        default_method_id=""
    )
    EngineSubscription.objects.filter(provider=house.provider, default_method_id=method_id).update(
        default_method_id=""
    )
