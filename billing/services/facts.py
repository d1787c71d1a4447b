"""Keeping what happened once at a provider and would not show in a later snapshot."""

from datetime import date

from billing.enums import FactKind
from billing.models import PaymentFact, Subscription
from billing.money import Money
from billing.services import timeline
from billing.types import Cause, Fact
from orgs.base import insert_once
from orgs.models import Organization

# A payment that succeeded has no line of its own: its invoice's says that it was paid.
_WORDS = {
    FactKind.PAYMENT_FAILED: ("billing.invoice.payment_failed", "A payment{amount} failed."),
    FactKind.ACTION_REQUIRED: (
        "billing.invoice.payment_action_required",
        "A payment{amount} waits for a confirmation by the card holder.",
    ),
    FactKind.REFUNDED: ("billing.payment.refunded", "A payment{amount} was refunded."),
    FactKind.DISPUTED: ("billing.payment.disputed", "A payment{amount} was disputed."),
    FactKind.TRIAL_ENDING: ("billing.trial.ending", "The trial ends{day}."),
}


def record_fact(
    *,
    provider: str,
    organization: Organization,
    subscription: Subscription | None,
    fact: Fact,
    cause: Cause,
    record: timeline.Recorder = timeline.record_event,
) -> bool:
    """Keep a fact once, with its line on the timeline; say whether it was new.

    The caller has locked the organization.
    """
    row = PaymentFact(
        provider=provider,
        kind=fact.kind,
        external_id=fact.external_id,
        organization=organization,
        subscription=subscription,
        amount_minor=fact.amount_minor,
        currency=fact.currency,
        occurred_at=fact.occurred_at,
        detail=dict(fact.detail),
    )
    was_new = insert_once(row)
    if was_new and fact.kind in _WORDS:
        type_, words = _WORDS[fact.kind]
        line = timeline.Line(
            type=type_,
            summary=words.format(amount=_amount(fact), day=_day(fact)),
            object_type="payment_fact",
            object_id=str(row.pk),
            occurred_at=fact.occurred_at,
            provider=row.provider,
            data={"external_id": fact.external_id, **fact.detail},
        )
        record(organization=organization, line=line, cause=cause)
    return was_new


def _day(fact: Fact) -> str:
    ends = fact.detail.get("trial_end")
    return f" on {date.fromisoformat(str(ends)):%-d %B %Y}" if ends else ""


def _amount(fact: Fact) -> str:
    if fact.amount_minor is None or not fact.currency:
        return ""
    return f" of {Money(fact.amount_minor, fact.currency.upper()).display()}"
