"""Giving a payment back, in full or in part: the debt and the try first, then the provider."""

import dataclasses
import logging
from datetime import datetime

from django.db import transaction

from billing.drivers import registry
from billing.drivers.base import DriverError, DriverRejected, ObjectMissing, OutcomeUnknown
from billing.enums import (
    LIVE_ATTEMPTS,
    AttemptKind,
    AttemptState,
    ObligationKind,
    ObligationState,
    RefundReason,
)
from billing.errors import NothingToRefund, PaymentPending, RefundRefused
from billing.models import Case, Customer, Invoice, Obligation, PaymentAttempt
from billing.money import Money
from billing.services import (
    abandon,
    projection,
    refund_debts,
    refund_outcome,
    refusals,
    resolve,
    settlement,
    timeline,
    unanswered,
)
from billing.types import Cause, ChargeSnapshot
from orgs.errors import InvalidRequest, NotFound
from orgs.models import Organization

# After this the process that sent the call is taken for dead, and the provider is asked.
SENT_RESOLVE_AFTER_S = 60

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class RefundRequest:
    """What somebody wants given back; `amount_minor` None is all that is left of the payment.

    The same `request_key` gives back once, however often it is sent. `case` is resolved by it.
    """

    provider: str
    external_payment_id: str
    reason: RefundReason
    amount_minor: int | None = None
    note: str = ""
    request_key: str = ""
    case: Case | None = None


def look_at_payment(
    *, organization: Organization, provider: str, external_payment_id: str
) -> ChargeSnapshot:
    """Ask for a payment of this organization: what was taken, and what was given back of it.

    Raises:
        NotFound: the provider has no such payment, or it is somebody else's.
        ProviderBusy, ProviderFailed: the provider did not answer.
    """
    try:
        charge = registry.get_driver(provider).retrieve_payment(external_payment_id)
    except ObjectMissing:
        raise NotFound from None
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
    if not _belongs(organization, charge):
        raise NotFound
    return charge


def refund(
    *, organization: Organization, request: RefundRequest, cause: Cause, now: datetime
) -> Obligation:
    """Give a payment back; return the debt: settled, or open while the outcome is unknown.

    Σ given back never exceeds what was taken: what is on its way counts.

    Raises:
        NotFound: no such payment of this organization.
        NothingToRefund: nothing (more) was taken than was given back.
        InvalidRequest: more than is left.
        PaymentPending: another refund of this payment is undecided.
        RefundRefused: the provider said no; nothing was given back.
        ProviderBusy, ProviderFailed: provably nothing was given back.
    """
    known = _by_key(organization, request)
    if known is not None and known.state == ObligationState.SETTLED:
        return known
    if known is not None and known.state == ObligationState.OPEN:
        return _resume(known, cause, now)
    charge = look_at_payment(
        organization=organization,
        provider=request.provider,
        external_payment_id=request.external_payment_id,
    )
    attempt = _open(organization, request, charge, cause, now)
    return _send(attempt, charge, cause, now)


def _belongs(organization: Organization, charge: ChargeSnapshot) -> bool:
    payers = Customer.objects.for_org(organization).filter(provider=charge.provider)
    if charge.external_customer_id and payers.filter(external_id=charge.external_customer_id):
        return True
    paid = Invoice.objects.for_org(organization).filter(provider=charge.provider)
    if paid.filter(external_payment_id=charge.external_payment_id).exists():
        return True
    return _was_taken_in_person(organization, charge)


def _was_taken_in_person(organization: Organization, charge: ChargeSnapshot) -> bool:
    """Say whether a reader of theirs took it, also if it was one too many."""
    tries = PaymentAttempt.objects.for_org(organization).filter(
        kind=AttemptKind.TERMINAL, provider=charge.provider
    )
    return tries.filter(external_id=charge.external_payment_id).exists()


def _by_key(organization: Organization, request: RefundRequest) -> Obligation | None:
    if not request.request_key:
        return None
    rows = Obligation.objects.for_org(organization)
    return rows.filter(request_key=request.request_key).first()


def _resume(debt: Obligation, cause: Cause, now: datetime) -> Obligation:
    """Ask again about a refund whose answer is missing; never send it again."""
    attempt = debt.attempts.filter(state__in=LIVE_ATTEMPTS).first()
    if attempt is not None and attempt.state == AttemptState.CREATED:
        raise abandon.pending(attempt)  # its process is at work, or died before it sent anything
    if attempt is not None:
        resolve.resolve_attempt(attempt_id=attempt.pk, now=now, cause=cause, force=True)
    debt.refresh_from_db()
    return debt


def _open(
    organization: Organization,
    request: RefundRequest,
    charge: ChargeSnapshot,
    cause: Cause,
    now: datetime,
) -> PaymentAttempt:
    """Commit the debt and the try, if that much is left."""
    with transaction.atomic():
        locked = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        debt = _by_key(locked, request)
        if debt is not None and debt.state != ObligationState.VOID:
            raise PaymentPending  # the same request came twice at once
        _refuse_while_undecided(locked, charge)
        amount = _amount(locked, request, charge, debt)
        if debt is None:
            debt = Obligation(organization=locked, kind=ObligationKind.REFUND)
        debt.external_payment_id = charge.external_payment_id
        debt.amount_minor, debt.currency = amount, charge.currency
        debt.reason, debt.note = request.reason, request.note
        debt.request_key, debt.state = request.request_key, ObligationState.OPEN
        debt.save()
        if request.case is not None:
            Case.objects.for_org(locked).filter(pk=request.case.pk).update(refund=debt)
        line = timeline.Line(
            type="billing.refund.requested",
            summary=f"A refund of {Money(amount, charge.currency).display()} was asked for.",
            object_type="obligation",
            object_id=str(debt.pk),
            occurred_at=now,
            provider=charge.provider,
            data={"external_payment_id": charge.external_payment_id, "reason": request.reason},
        )
        timeline.record_event(organization=locked, line=line, cause=cause)
        return settlement.new_attempt(
            obligation=debt, kind=AttemptKind.REFUND, provider=charge.provider
        )


def _refuse_while_undecided(organization: Organization, charge: ChargeSnapshot) -> None:
    undecided = PaymentAttempt.objects.for_org(organization).filter(
        obligation__kind=ObligationKind.REFUND,
        obligation__external_payment_id=charge.external_payment_id,
        state__in=LIVE_ATTEMPTS,
    )
    attempt = undecided.first()
    if attempt is not None:
        raise abandon.pending(attempt)


def _amount(
    organization: Organization,
    request: RefundRequest,
    charge: ChargeSnapshot,
    debt: Obligation | None,
) -> int:
    left = refund_debts.left_minor(organization=organization, charge=charge, besides=debt)
    if left <= 0:
        raise NothingToRefund
    amount = left if request.amount_minor is None else request.amount_minor
    if not 1 <= amount <= left:
        most = Money(left, charge.currency).display()
        raise InvalidRequest(fields={"amount": [f"At most {most} can be given back."]})
    return amount


def _send(
    attempt: PaymentAttempt, charge: ChargeSnapshot, cause: Cause, now: datetime
) -> Obligation:
    """Call the provider, with the try committed as sent and no transaction open."""
    debt = attempt.obligation
    if not settlement.mark_sent(attempt=attempt, now=now, resolve_after_s=SENT_RESOLVE_AFTER_S):
        raise abandon.pending(attempt)
    driver = registry.get_driver(attempt.provider)
    fetched_at = projection.database_now()
    try:
        with unanswered.in_time(attempt):
            given = driver.refund_payment(
                debt.external_payment_id,
                amount_minor=debt.amount_minor,
                reason=debt.reason,
                reference=attempt.our_reference,
                idempotency_key=attempt.idempotency_key,
            )
    except OutcomeUnknown:
        resolve.await_answer(attempt=attempt, now=now)
        debt.refresh_from_db()
        return debt
    except DriverError as error:
        raise _refuse(attempt, error, now) from error
    refund_outcome.apply_charge(
        organization_id=attempt.organization_id,
        charge=dataclasses.replace(charge, refunds=(given,)),
        fetched_at=fetched_at,
        cause=cause,
        now=now,
    )
    debt.refresh_from_db()
    return debt


def _refuse(attempt: PaymentAttempt, error: DriverError, now: datetime) -> Exception:
    is_final = isinstance(error, DriverRejected)
    refund_outcome.end(
        attempt=attempt,
        state=AttemptState.FAILED if is_final else AttemptState.NOT_PROCESSED,
        now=now,
        error_code=error.detail or error.code,
    )
    logger.info("refund.refused", extra={"attempt": str(attempt.pk), "code": error.code})
    if is_final:
        return RefundRefused(f"The provider refused to give this back ({error.detail}).")
    return refusals.of_code(error.code, retry_after=error.retry_after)
