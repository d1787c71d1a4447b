"""Asking what became of a refund whose answer was lost: by its payment, with our reference."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing.drivers import registry
from billing.enums import AttemptState, FactKind
from billing.models import PaymentAttempt
from billing.services import facts, projection, refund_debts, reversals
from billing.types import Cause, ChargeSnapshot, Fact
from orgs.models import Organization


def ask(*, attempt: PaymentAttempt, cause: Cause, now: datetime) -> bool:
    """Take over what the provider says of the payment; say whether the refund is among it.

    Raises:
        DriverError: the provider did not answer.
    """
    fetched_at = projection.database_now()
    driver = registry.get_driver(attempt.provider)
    charge = driver.retrieve_payment(attempt.obligation.external_payment_id)
    apply_charge(
        organization_id=attempt.organization_id,
        charge=charge,
        fetched_at=fetched_at,
        cause=cause,
        now=now,
    )
    return any(row.reference == attempt.our_reference for row in charge.refunds)


def apply_charge(
    *,
    organization_id: UUID,
    charge: ChargeSnapshot,
    fetched_at: datetime,
    cause: Cause,
    now: datetime,
) -> None:
    """Apply a payment with its refunds, in a transaction of its own."""
    with transaction.atomic():
        organization = Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
        reversals.converge_charge(
            organization=organization, snapshot=charge, fetched_at=fetched_at, cause=cause, now=now
        )
        if not registry.get_driver(charge.provider).capabilities.signed_webhooks:
            _tell(organization, charge, cause)


def _tell(organization: Organization, charge: ChargeSnapshot, cause: Cause) -> None:
    """Put refunds on the timeline where no webhook will."""
    for refund in charge.refunds:
        if refund.is_given_back:
            fact = Fact(
                kind=FactKind.REFUNDED,
                external_id=refund.external_id,
                occurred_at=refund.created_at,
                amount_minor=refund.amount_minor,
                currency=refund.currency,
                detail={"charge": charge.external_id},
            )
            facts.record_fact(
                provider=charge.provider,
                organization=organization,
                subscription=None,
                fact=fact,
                cause=cause,
            )


def end(
    *, attempt: PaymentAttempt, state: AttemptState, now: datetime, error_code: str = ""
) -> None:
    """Write down that a try gave nothing back, in a transaction of its own."""
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=attempt.organization_id)
        refund_debts.end(attempt=attempt, state=state, now=now, error_code=error_code)
