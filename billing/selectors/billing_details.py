"""What stands on an organization's invoices beside its name."""

from billing.models import BillingProfile, Customer
from billing.types import Address, BillingDetails
from orgs.models import Organization


def details_of(organization: Organization) -> BillingDetails:
    """Return what an organization has told us; all empty if nothing."""
    row = BillingProfile.objects.for_org(organization).first()
    if row is None:
        return BillingDetails()
    address = Address(row.line1, row.line2, row.city, row.postal_code, row.region, row.country)
    return BillingDetails(address, row.tax_id)


def of_customer(customer: Customer) -> BillingDetails:
    """Return what is known of a payer: of an organization's own customers nothing."""
    if customer.reference is not None:
        return BillingDetails()
    return details_of(customer.organization)
