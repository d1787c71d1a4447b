"""What a person has to decide: written down, told, and never resolved in silence."""

from datetime import datetime

from billing.enums import CaseKind, CaseState, DisputeStatus
from billing.models import Case, Dispute, ManualPayment, Refund, Subscription
from billing.money import Money
from billing.services import timeline
from billing.types import Cause
from orgs.models import Organization


def open_late_winner(
    *, subscription: Subscription, external_id: str, cause: Cause, now: datetime
) -> bool:
    """A payment went through for a debt that was settled or given up; say whether that is news.

    The caller has locked the organization.
    """
    plan = subscription.plan_version.plan.name
    return _open(
        subscription,
        CaseKind.LATE_WINNER,
        external_id,
        summary=f"A second start of {plan} was paid at {subscription.provider}: "
        "refund it (which ends it there), or move the customer to it.",
        told=f"A second payment for {plan} arrived and is being checked.",
        cause=cause,
        now=now,
    )


def open_other_amount(
    *,
    subscription: Subscription,
    external_id: str,
    quoted: Money,
    charged: Money,
    cause: Cause,
    now: datetime,
) -> bool:
    """The provider charged something else than was quoted; say whether that is news.

    The caller has locked the organization. `external_id` is the provider's invoice.
    """
    sums = f"{charged.display()} instead of {quoted.display()}"
    return _open(
        subscription,
        CaseKind.OTHER_AMOUNT,
        external_id,
        summary=f"{subscription.provider} charged {sums}: refund or credit the difference.",
        told=f"A change was charged {sums} and is being checked.",
        cause=cause,
        now=now,
    )


def _open(
    subscription: Subscription,
    kind: CaseKind,
    external_id: str,
    *,
    summary: str,
    told: str,
    cause: Cause,
    now: datetime,
) -> bool:
    """Open a case once: `summary` is for staff, `told` for the tenant's timeline."""
    case, was_new = Case.objects.get_or_create(
        organization=subscription.organization,
        kind=kind,
        external_id=external_id,
        defaults={"subscription": subscription, "summary": summary},
    )
    if was_new:
        line = timeline.Line(
            type="billing.case.opened",
            summary=told,
            object_type="case",
            object_id=str(case.pk),
            occurred_at=now,
            provider=subscription.provider,
            data={"external_id": external_id},
        )
        timeline.record_event(organization=subscription.organization, line=line, cause=cause)
    return was_new


def open_dispute(*, dispute: Dispute) -> bool:
    """A payer disputes a payment: staff answer at the provider; say whether that is news.

    A case that is open says what is to be done now: answer, or collect what was lost. That it was
    disputed stands on the timeline already. The caller has locked the organization.
    """
    amount = Money(dispute.amount_minor, dispute.currency).display()
    due = dispute.evidence_due_at
    answer = f"answer at {dispute.provider}" + (f" by {due:%-d %B %Y}" if due else "")
    reason = dispute.reason or "no reason given"
    summary = f"A payment of {amount} is disputed ({reason}): {answer}, or accept it."
    if dispute.status == DisputeStatus.LOST:
        summary = (
            f"A payment of {amount} was taken back by the bank ({reason}): "
            "collect it some other way, or accept it."
        )
    case, was_new = Case.objects.get_or_create(
        organization=dispute.organization,
        kind=CaseKind.DISPUTE,
        external_id=dispute.external_id,
        defaults={"summary": summary},
    )
    if case.state == CaseState.OPEN and case.summary != summary:
        case.summary = summary
        case.save(update_fields=["summary", "updated_at"])
    return was_new


def open_refund_failed(*, refund: Refund) -> bool:
    """Money that was given back has come back to us: staff reach the payer some other way.

    That it failed stands on the timeline already. The caller has locked the organization.
    """
    amount = Money(refund.amount_minor, refund.currency).display()
    reason = refund.failure_reason or "no reason given"
    _, was_new = Case.objects.get_or_create(
        organization=refund.organization,
        kind=CaseKind.REFUND_FAILED,
        external_id=refund.external_id,
        defaults={
            "external_payment_id": refund.external_payment_id,
            "summary": f"The bank sent a refund of {amount} back ({reason}): "
            "pay it out some other way.",
        },
    )
    return was_new


def open_paid_twice(*, payment: ManualPayment) -> bool:
    """A transfer came for an invoice that was paid already; say whether that is news.

    What was charged can be given back with one click; a transfer only by another one. The caller
    has locked the organization.
    """
    invoice = payment.invoice
    amount = Money(payment.amount_minor, payment.currency).display()
    way = (
        "refund what was charged, or transfer it back"
        if invoice.external_payment_id
        else "transfer it back"
    )
    _, was_new = Case.objects.get_or_create(
        organization=payment.organization,
        kind=CaseKind.LATE_WINNER,
        external_id=f"{invoice.external_id}:{payment.reference}",
        defaults={
            "subscription": invoice.subscription,
            "external_payment_id": invoice.external_payment_id,
            "summary": f"A transfer of {amount} ({payment.reference}) came for invoice {invoice}, "
            f"which was paid already: {way}.",
        },
    )
    return was_new


def open_late_sale(
    *,
    organization: Organization,
    provider: str,
    external_id: str,
    external_payment_id: str,
    reader: str,
    amount: Money,
) -> Case | None:
    """A reader took a payment that nobody waits for any more; None when that is no news.

    It is given up by a job, or (with `external_payment_id`: it was captured) by a person with one
    click. The caller has locked the organization.
    """
    case, was_new = Case.objects.get_or_create(
        organization=organization,
        kind=CaseKind.LATE_WINNER,
        external_id=external_id,
        defaults={
            "external_payment_id": external_payment_id,
            "summary": f"{amount.display()} were approved at {reader} ({provider}) for a payment "
            "that was over: it is being voided, or has to be refunded.",
        },
    )
    return case if was_new else None


def resolve_case(*, case: Case, now: datetime) -> bool:
    """Mark a case as dealt with; False when it already was."""
    return bool(
        Case.objects.filter(pk=case.pk, state=CaseState.OPEN).update(
            state=CaseState.RESOLVED, resolved_at=now, updated_at=now
        )
    )
