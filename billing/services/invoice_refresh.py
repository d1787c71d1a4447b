"""Asking a provider for one invoice, when somebody wants it now."""

from datetime import datetime

from django.db import transaction

from billing.drivers import registry
from billing.drivers.base import DriverError
from billing.models import Invoice
from billing.services import projection, refusals, standalone
from billing.types import Cause


def refresh_invoice(*, invoice: Invoice, cause: Cause, now: datetime) -> None:
    """Take over an invoice as its provider has it now, with all its lines.

    Raises:
        DomainError: the provider does not have it, or could not be asked.
    """
    fetched_at = projection.database_now()
    try:
        snapshot = registry.get_driver(invoice.provider).retrieve_invoice(invoice.external_id)
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
    with transaction.atomic():
        standalone.converge_standalone(
            snapshot=snapshot, along=(), happened=(), fetched_at=fetched_at, cause=cause, now=now
        )
    invoice.refresh_from_db()
