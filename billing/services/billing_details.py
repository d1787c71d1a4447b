"""Changing what stands on an organization's invoices, and where it is taxed."""

import dataclasses
import uuid
from datetime import datetime

from babel import Locale
from django.db import transaction

from billing.drivers import registry
from billing.drivers.base import DriverError
from billing.models import BillingProfile, Customer
from billing.selectors import billing_details
from billing.services import payers, refusals, timeline
from billing.types import BillingDetails, Cause
from orgs.errors import InvalidRequest
from orgs.models import Organization

# Codes that are in the list of territories and are no countries.
_NO_COUNTRIES = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}
_ALPHA_2 = 2


def countries() -> dict[str, str]:
    """Return the countries by their two letters, with their English names, sorted by name."""
    names = {
        code: name
        for code, name in Locale.parse("en").territories.items()
        if len(code) == _ALPHA_2 and code.isalpha() and code not in _NO_COUNTRIES
    }
    return dict(sorted(names.items(), key=lambda entry: entry[1]))


def change_details(
    *, organization: Organization, details: BillingDetails, cause: Cause, now: datetime
) -> BillingDetails:
    """Replace an organization's details: its providers are told first, then our row follows.

    They count from the next invoice on. Asked again after a failure it does the same once more.

    Raises:
        InvalidRequest: no such country, or an address without one; by field.
        ProviderRefused, ProviderBusy, ProviderFailed: nothing was changed here.
    """
    details = _checked(details)
    if details == billing_details.details_of(organization):
        return details
    for customer in _told(organization):
        _tell(customer, details, cause, now)
    _write(organization, details, cause, now)
    return details


def _checked(details: BillingDetails) -> BillingDetails:
    given = {name: value.strip() for name, value in dataclasses.asdict(details.address).items()}
    given["country"], given["region"] = given["country"].upper(), given["region"].upper()
    if given["country"] and given["country"] not in countries():
        raise InvalidRequest(fields={"country": ["Two letters of a country, for example US."]})
    if any(given.values()) and not given["country"]:
        raise InvalidRequest(fields={"country": ["Say which country this is in."]})
    address = dataclasses.replace(details.address, **given)
    return BillingDetails(address, details.tax_id.strip())


def _told(organization: Organization) -> list[Customer]:
    rows = Customer.objects.for_org(organization).filter(reference=None, deleted_at=None)
    known = rows.exclude(external_id="").order_by("provider")
    return [row for row in known if registry.is_configured(row.provider)]


def _tell(customer: Customer, details: BillingDetails, cause: Cause, now: datetime) -> None:
    driver = registry.get_driver(customer.provider)
    key = f"details:{uuid.uuid4()}"
    try:
        payers.ask_for_payer(
            customer=customer,
            ask=lambda external_id: driver.update_customer(
                external_id,
                email=customer.email,
                name=customer.name,
                details=details,
                idempotency_key=key,
            ),
            cause=cause,
            now=now,
        )
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error


def _write(
    organization: Organization, details: BillingDetails, cause: Cause, now: datetime
) -> None:
    with transaction.atomic():
        locked = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        columns = {**dataclasses.asdict(details.address), "tax_id": details.tax_id}
        BillingProfile.objects.update_or_create(organization=locked, defaults=columns)
        line = timeline.Line(
            type="billing.customer.updated",
            summary="The billing address was changed.",
            object_type="organization",
            object_id=str(locked.pk),
            occurred_at=now,
        )
        timeline.record_event(organization=locked, line=line, cause=cause)
