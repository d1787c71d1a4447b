"""Approvals that nobody waits for: the basket was given up, or is paid by another try.

A case is opened at once; a job voids the sale and resolves it. What can't be voided (it was
captured) waits there for one click.
"""

import logging
from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from billing.drivers import registry
from billing.drivers.base import DriverError, DriverRejected
from billing.enums import AttemptKind, AttemptState, CaseKind, CaseState
from billing.models import Case, PaymentAttempt
from billing.money import Money
from billing.services import cases, settlement, timeline
from billing.types import Cause, SaleSnapshot
from orgs.models import Organization
from terminals import jobs
from terminals.services import rows

logger = logging.getLogger(__name__)


def keep(
    *,
    locked: rows.Locked,
    attempt: PaymentAttempt,
    snapshot: SaleSnapshot,
    cause: Cause,
    now: datetime,
) -> None:
    """Write down an approval that is one too many, and have it voided; once."""
    payment = locked.payment
    settlement.end_attempt(
        attempt=attempt, state=AttemptState.SUCCEEDED, now=now, external_id=snapshot.external_id
    )
    open_case(
        locked=locked,
        external_id=snapshot.external_id,
        amount_minor=snapshot.authorized_minor or payment.amount_minor,
        is_taken=False,
        cause=cause,
        now=now,
    )


def open_case(
    *,
    locked: rows.Locked,
    external_id: str,
    amount_minor: int,
    is_taken: bool,
    cause: Cause,
    now: datetime,
) -> None:
    """Have what nobody wanted given back: by a job, or (`is_taken`) by a person; once."""
    reader = locked.payment.terminal.label
    amount = Money(amount_minor, locked.payment.currency)
    case = cases.open_late_sale(
        organization=locked.organization,
        provider=locked.payment.provider,
        external_id=external_id,
        external_payment_id=external_id if is_taken else "",
        reader=reader,
        amount=amount,
    )
    if case is None:
        return
    line = timeline.Line(
        type="billing.case.opened",
        summary=f"{amount.display()} arrived from {reader} for a payment that was over, and is to "
        "be given back.",
        object_type="case",
        object_id=str(case.pk),
        occurred_at=now,
        provider=locked.payment.provider,
        data={"external_id": external_id, "terminal_payment": str(locked.payment.pk)},
    )
    timeline.record_event(organization=locked.organization, line=line, cause=cause)
    if not is_taken:
        jobs.queue_void(case.pk)


def void(*, case_id: UUID | str, now: datetime) -> bool:
    """Have the provider give up what is one too many; say whether that is over.

    What was captured can't be voided: the case then names the payment, and waits for a person.
    """
    case = _open().filter(pk=case_id).first()
    attempt = _attempt_of(case) if case else None
    if case is None or attempt is None:
        return False
    order = rows.order_of(rows.of_attempt(attempt), attempt)
    driver = registry.get_driver(attempt.provider)
    try:
        snapshot = driver.void_sale(order, idempotency_key=f"{case.pk}:void:{uuid4()}")
    except DriverRejected:
        _leave_to_a_person(case, now)
        return False
    except DriverError as error:
        logger.warning("terminals.late_void", extra={"case": str(case.pk), "code": error.code})
        return False
    if snapshot.state != "canceled":
        return False
    return cases.resolve_case(case=case, now=now)


def void_due(*, now: datetime, limit: int = 50) -> int:
    """Void whatever is one too many; say how many are over."""
    waiting = _open().order_by("created_at").values_list("pk", flat=True)[:limit]
    return sum(void(case_id=case_id, now=now) for case_id in waiting)


def _open() -> QuerySet[Case]:
    """Late winners of readers that nobody has tried to void in vain."""
    made_here = PaymentAttempt.objects.filter(
        organization=OuterRef("organization"),
        kind=AttemptKind.TERMINAL,
        external_id=OuterRef("external_id"),
    )
    return Case.objects.filter(
        Exists(made_here),
        kind=CaseKind.LATE_WINNER,
        state=CaseState.OPEN,
        subscription=None,
        external_payment_id="",
    )


def _attempt_of(case: Case) -> PaymentAttempt | None:
    tries = PaymentAttempt.objects.for_org(case.organization).filter(
        kind=AttemptKind.TERMINAL, external_id=case.external_id
    )
    return tries.order_by("-number").first()


def _leave_to_a_person(case: Case, now: datetime) -> None:
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=case.organization_id)
        Case.objects.filter(pk=case.pk, state=CaseState.OPEN).update(
            external_payment_id=case.external_id, updated_at=now
        )
