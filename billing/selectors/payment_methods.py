"""Reads of what an organization can pay with; each starts at the organization."""

from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from billing.drivers import registry
from billing.enums import Provider
from billing.models import Customer, PaymentMethod
from billing.selectors import subscriptions
from orgs import selectors
from orgs.models import Organization


def list_methods(organization: Organization) -> QuerySet[PaymentMethod]:
    """Return what the organization itself can pay with, newest first."""
    rows = PaymentMethod.objects.for_org(organization).of_payer().attached()
    return rows.select_related("customer").order_by("-created_at", "-pk")


def default_method(organization: Organization) -> PaymentMethod | None:
    """Return what the next invoice is charged to; the paying provider's, where there are two."""
    provider = paying_provider(organization)
    defaults = {row.provider: row for row in list_methods(organization).filter(is_default=True)}
    return defaults.get(provider) or next(iter(defaults.values()), None)


def by_id(organization: Organization, method_id: str | UUID) -> PaymentMethod | None:
    """Find a method by our id or by the provider's; None for what is removed or another's."""
    rows = list_methods(organization)
    parsed = selectors.parse_uuid(method_id)
    if parsed is not None:
        return rows.filter(pk=parsed).first()
    text = str(method_id)
    return None if "\x00" in text else rows.filter(external_id=text).first()


def of_customer(customer: Customer, external_id: str) -> PaymentMethod | None:
    """Find one of a payer's methods by the provider's id."""
    return _attached(customer).filter(external_id=external_id).first()


def others_of(method: PaymentMethod) -> QuerySet[PaymentMethod]:
    """Return what else the payer has with the same provider, newest first."""
    return _attached(method.customer).exclude(pk=method.pk)


def twins_of(method: PaymentMethod) -> list[PaymentMethod]:
    """Return further entries of the same card, as its fingerprint tells."""
    if not method.fingerprint:
        return []
    return list(others_of(method).filter(kind=method.kind, fingerprint=method.fingerprint))


def paying_provider(organization: Organization) -> Provider:
    """Return who charges the organization: its subscription's provider, else the default one."""
    live = subscriptions.live(organization)
    if live is not None and live.provider in settings.PAYMENT_DRIVERS:
        return Provider(live.provider)
    return Provider(settings.DEFAULT_PROVIDER)


def takes_payments(provider: str) -> bool:
    """Say whether payers can pay through a provider by themselves."""
    if not registry.is_configured(provider):
        return False
    return registry.get_driver(provider).capabilities.automatic_collection


def has_own_checkout(provider: Provider) -> bool:
    """Say whether a provider has a checkout page of its own; else ours stands in for it."""
    return registry.get_driver(provider).capabilities.hosted_checkout


def has_portal(organization: Organization) -> bool:
    """Say whether whoever charges the organization has a page of its own for payers."""
    return registry.get_driver(paying_provider(organization)).capabilities.portal


def unseen_payers(organization: Organization) -> list[Customer]:
    """Return the payers whose methods were never asked for, of providers that keep some."""
    return list(
        Customer.objects.for_org(organization)
        .filter(
            reference=None,
            snapshot_at=None,
            deleted_at=None,
            provider__in=settings.PAYMENT_DRIVERS,
        )
        .exclude(external_id="")
    )


def _attached(customer: Customer) -> QuerySet[PaymentMethod]:
    rows = PaymentMethod.objects.filter(customer=customer).attached()
    return rows.select_related("customer").order_by("-created_at", "-pk")
