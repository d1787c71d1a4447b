"""What we owe a payer back: how much of a payment is left to give, and what became of a refund.

The caller has locked the organization.
"""

from collections.abc import Iterable
from datetime import datetime

from billing.enums import AttemptState, ObligationKind, ObligationState
from billing.models import Obligation, PaymentAttempt
from billing.services import cases, settlement
from billing.types import ChargeSnapshot, RefundSnapshot
from orgs.models import Organization


def left_minor(
    *, organization: Organization, charge: ChargeSnapshot, besides: Obligation | None = None
) -> int:
    """Return what can still be given back of a payment, whatever is on its way counted as given.

    `charge` was fetched before the lock: what we asked for since then, or what the provider has
    not told yet, is in our own debts. `besides` is the debt the question is about.
    """
    told = {row.reference for row in charge.refunds if row.reference}
    ours = Obligation.objects.for_org(organization).filter(
        kind=ObligationKind.REFUND,
        external_payment_id=charge.external_payment_id,
        state__in=[ObligationState.OPEN, ObligationState.SETTLED],
    )
    if besides is not None:
        ours = ours.exclude(pk=besides.pk)
    untold = ours.exclude(attempts__our_reference__in=told)
    return charge.refundable_minor - sum(untold.values_list("amount_minor", flat=True))


def settle_known(
    *, organization: Organization, refunds: Iterable[RefundSnapshot], now: datetime
) -> None:
    """Carry refunds that bear our references over to their debts, and resolve their cases."""
    by_reference = {row.reference: row for row in refunds if row.reference}
    tries = (
        PaymentAttempt.objects.for_org(organization)
        .select_related("obligation")
        .filter(our_reference__in=by_reference, obligation__kind=ObligationKind.REFUND)
    )
    for attempt in tries:
        _settle(attempt, by_reference[attempt.our_reference], now)


def _settle(attempt: PaymentAttempt, refund: RefundSnapshot, now: datetime) -> None:
    obligation = attempt.obligation
    if not refund.is_given_back:
        # One that came back later has been paid out: its case is `cases.open_refund_failed`.
        if obligation.state == ObligationState.OPEN:
            end(attempt=attempt, state=AttemptState.FAILED, now=now, error_code=refund.status)
        return
    settlement.end_attempt(
        attempt=attempt, state=AttemptState.SUCCEEDED, now=now, external_id=refund.external_id
    )
    if obligation.state == ObligationState.SETTLED:
        return
    obligation.state = ObligationState.SETTLED
    obligation.settled_at = now
    obligation.save(update_fields=["state", "settled_at", "updated_at"])
    for case in obligation.cases.all():
        cases.resolve_case(case=case, now=now)


def end(
    *, attempt: PaymentAttempt, state: AttemptState, now: datetime, error_code: str = ""
) -> None:
    """End a try that gave nothing back, and write its debt off: it takes somebody to ask again."""
    ended = settlement.end_attempt(attempt=attempt, state=state, now=now, error_code=error_code)
    if ended:
        Obligation.objects.filter(pk=attempt.obligation_id, state=ObligationState.OPEN).update(
            state=ObligationState.VOID, updated_at=now
        )
