"""A payment too many: ending what it started, and giving it back, in one step."""

import contextlib
import dataclasses
from datetime import datetime

from billing.drivers import registry
from billing.drivers.base import DriverError, ObjectMissing
from billing.enums import (
    FINAL_STATUSES,
    AttemptKind,
    CaseKind,
    CaseState,
    InvoiceStatus,
    ObligationState,
    RefundReason,
)
from billing.errors import NotPossibleNow
from billing.models import Case, Obligation, PaymentAttempt
from billing.money import Money
from billing.services import cases, projection, refunds, refusals
from billing.types import Cause, SubscriptionSnapshot


@dataclasses.dataclass(frozen=True, slots=True)
class Remedy:
    """What resolves a case: an end at the provider (empty for none), and money back (or none)."""

    provider: str
    external_subscription_id: str = ""
    external_payment_id: str = ""
    amount: Money | None = None
    payer: str = ""

    @property
    def gives_money_back(self) -> bool:
        """Say whether anything is left to give back."""
        return self.amount is not None and self.amount.amount_minor > 0


def find_remedy(*, case: Case) -> Remedy:
    """Ask the provider what a late winner took, and what it would charge again.

    Raises:
        NotPossibleNow: the case is of another kind, or was resolved.
        NotFound: the payment is gone, or not this organization's.
        ProviderBusy, ProviderFailed: the provider did not answer.
    """
    provider = _provider(case)
    if case.kind != CaseKind.LATE_WINNER or case.state != CaseState.OPEN or not provider:
        raise NotPossibleNow("This case has nothing to give back.")
    if case.external_payment_id:
        return _with_payment(case, Remedy(provider, "", case.external_payment_id))
    try:
        found = registry.get_driver(provider).retrieve_subscription(case.external_id)
    except ObjectMissing:
        raise NotPossibleNow(
            "Nothing was charged: transfer it back by hand, then mark the case as resolved."
        ) from None
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
    ends = "" if found.status in FINAL_STATUSES else found.external_id
    return _with_payment(case, Remedy(provider, ends, _payment_of(found)))


def refund_late_winner(*, case: Case, cause: Cause, now: datetime) -> Obligation | None:
    """End what a late winner started and give its payment back; its case is resolved by that.

    Clicked twice, it is done once. None when nothing was taken; a debt that is still open when
    the provider's answer is missing: the case is resolved as soon as it is known.

    Raises:
        NotPossibleNow, NotFound: see `find_remedy`.
        ProviderBusy, ProviderFailed: the provider could not be told; click again.
        DomainError: whatever `refunds.refund` raises; the case stays open.
    """
    remedy = find_remedy(case=case)
    if remedy.external_subscription_id:
        _end(case, remedy, cause, now)
    debt = None
    if remedy.gives_money_back or case.refund_id:
        request = refunds.RefundRequest(
            provider=remedy.provider,
            external_payment_id=remedy.external_payment_id,
            reason=RefundReason.DUPLICATE,
            note=case.summary,
            request_key=f"case:{case.pk}",
            case=case,
        )
        debt = refunds.refund(organization=case.organization, request=request, cause=cause, now=now)
    if debt is None or debt.state == ObligationState.SETTLED:
        cases.resolve_case(case=case, now=now)
    return debt


def _provider(case: Case) -> str:
    """Return who took the payment; empty while nothing is known that could be given back."""
    if case.subscription is not None:
        return case.subscription.provider
    tries = PaymentAttempt.objects.for_org(case.organization).filter(kind=AttemptKind.TERMINAL)
    taken = tries.filter(external_id=case.external_payment_id) if case.external_payment_id else None
    return (taken.values_list("provider", flat=True).first() or "") if taken is not None else ""


def _with_payment(case: Case, remedy: Remedy) -> Remedy:
    if not remedy.external_payment_id:
        return remedy
    charge = refunds.look_at_payment(
        organization=case.organization,
        provider=remedy.provider,
        external_payment_id=remedy.external_payment_id,
    )
    row = case.subscription
    email = (row.billing_email or row.customer.email) if row else ""
    return dataclasses.replace(
        remedy,
        amount=Money(charge.refundable_minor, charge.currency),
        payer=email or charge.external_customer_id or "the card it was taken from",
    )


def _payment_of(snapshot: SubscriptionSnapshot) -> str:
    invoice = snapshot.latest_invoice
    if invoice is None or invoice.status is not InvoiceStatus.PAID:
        return ""
    return invoice.external_payment_id


def _end(case: Case, remedy: Remedy, cause: Cause, now: datetime) -> None:
    """End it before the money goes back: it must not charge again."""
    fetched_at = projection.database_now()
    try:
        ended = registry.get_driver(remedy.provider).cancel_subscription(
            remedy.external_subscription_id, idempotency_key=f"{case.pk}:end"
        )
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
    with contextlib.suppress(projection.UnknownSubscription):
        projection.converge(snapshot=ended, fetched_at=fetched_at, cause=cause, now=now)
