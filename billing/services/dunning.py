"""Carrying a dunning policy out: notices, asking for a card, the next try, the end.

Called for a subscription that a runner has claimed, so for one invoice by one process at a time.
What was done is kept in the invoice's `DunningState`; each step may be called again.
"""

import dataclasses
import logging
from datetime import datetime, timedelta

from billing.drivers.base import DriverUnavailable, OutcomeUnknown
from billing.engine import dunning_policy, giving_up, paying, policies, renewing
from billing.engine.dunning_policy import Overdue, Policy
from billing.engine.house import House
from billing.engine.models import DunningState, EngineInvoice, EngineSubscription
from billing.engine.models.invoices import BillingReason, ChargeState
from billing.engine.rails import DeclineKind
from billing.engine.renewing import Move
from billing.engine.time_steps import Happened, facts_of
from billing.enums import FactKind, InvoiceStatus
from billing.models import Plan, Subscription
from billing.services import card_news, circuits, dunning_notices
from billing.services.circuits import Account, Gate
from billing.types import Fact
from orgs.selectors import parse_uuid

END_REASON = "payment_failed"
_LOOK_FOR_CARD_EVERY = timedelta(days=1)
_ONE_CHARGES_TROUBLE = timedelta(minutes=30)
_ANSWERS = (FactKind.PAYMENT_FAILED, FactKind.PAYMENT_SUCCEEDED)

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Desk:
    """Where a runner is at work: whose rows, on which account, and whether that answers."""

    house: House
    account: Account
    gate: Gate

    @property
    def may_charge(self) -> bool:
        """Say whether the rail may be called."""
        return self.house.rail is not None and self.gate.may_call

    def has_answered(self, move: Move) -> bool:
        """Say whether the account gave an answer: a decline is one."""
        return any(fact.kind in _ANSWERS for fact in move.facts)

    def note(self, step: Move, *, sent_at: datetime | None = None, now: datetime) -> None:
        """Tell the circuit what a step says of the account.

        `sent_at` is when a charge was sent that the account can't tell the outcome of: after a
        while that is one charge's trouble, and a person looks at it.
        """
        if self.has_answered(step):
            circuits.note_answer(self.account, now=now)
        elif _is_failure(step, sent_at, now):
            circuits.note_failure(self.account, now=now)


def _is_failure(step: Move, sent_at: datetime | None, now: datetime) -> bool:
    """Say whether the account failed us: not that it refused us."""
    if isinstance(step.error, DriverUnavailable):
        return step.error.detail != "charge_undecided"
    is_recent = sent_at is None or now - sent_at < _ONE_CHARGES_TROUBLE
    return isinstance(step.error, OutcomeUnknown) and is_recent


def deal_with(desk: Desk, external_invoice_id: str, *, now: datetime) -> tuple[Fact, ...]:
    """Do what is due for an unpaid invoice, and set when it is looked at next; return its facts.

    Only a renewal that was declined is tried again: nothing goes on with a change or with an end.
    """
    invoice = _find(desk.house, external_invoice_id)
    if invoice.status != InvoiceStatus.OPEN or invoice.subscription is None:
        return ()
    if invoice.due_at is None and invoice.billing_reason != BillingReason.CYCLE:
        return facts_of(invoice)
    policy = policies.policy_of(
        Plan.objects.filter(code=invoice.subscription.price.product).first()
    )
    known = facts_of(invoice)  # whoever learned of a decline may have had nobody to tell
    state = _state(invoice, now)
    overdue = state.overdue(paused=circuits.paused(desk.account, since=state.since, now=now))
    if dunning_policy.is_over(policy, overdue, now):
        _end(desk.house, invoice, now)
        return known
    if desk.may_charge and card_news.came(desk.house, invoice, now=now):
        return (*known, *_retry(desk, state, policy, now))  # and its holder need not be asked
    _tell(state, policy, overdue, now)
    retry_at = _retry_at(desk, state, policy, overdue, now)
    if retry_at is None or retry_at > now or not desk.may_charge:
        _plan(desk, state, policy, overdue, retry_at, now)
        return known
    return (*known, *_retry(desk, state, policy, now))


def _retry(desk: Desk, state: DunningState, policy: Policy, now: datetime) -> tuple[Fact, ...]:
    step = renewing.retry(desk.house, state.invoice.external_id, now=now)
    desk.note(step, now=now)
    invoice = _find(desk.house, state.invoice.external_id)
    if invoice.status != InvoiceStatus.OPEN or invoice.is_undecided:
        return step.facts
    if step.happened is Happened.NOT_CHARGED:
        return step.facts  # the engine has said when it may be tried again
    state = _state(invoice, now)
    overdue = state.overdue(paused=circuits.paused(desk.account, since=state.since, now=now))
    _tell(state, policy, overdue, now)
    _plan(desk, state, policy, overdue, dunning_policy.next_retry(policy, overdue), now)
    return step.facts


def _find(house: House, external_id: str) -> EngineInvoice:
    return EngineInvoice.objects.select_related(
        "payer", "subscription__payer", "subscription__price"
    ).get(provider=house.provider, external_id=external_id)


def _state(invoice: EngineInvoice, now: datetime) -> DunningState:
    """Return where an invoice stands, its last decline counted once."""
    is_charged = invoice.charge_state != ChargeState.NONE or invoice.due_at is None
    since = (invoice.first_failed_at if is_charged else invoice.due_at) or now
    state, _ = DunningState.objects.select_related("invoice").get_or_create(
        invoice=invoice, defaults={"organization_id": invoice.organization_id, "since": since}
    )
    state.invoice = invoice
    failed_at = invoice.last_failed_at
    is_new = failed_at is not None and failed_at != state.last_tried_at
    if invoice.charge_state == ChargeState.FAILED and failed_at is not None and is_new:
        kind = DeclineKind(invoice.decline_kind or DeclineKind.SOFT)
        state.take(
            dunning_policy.after_decline(
                state.overdue(paused=timedelta()),
                kind,
                at=failed_at,
                not_before=invoice.retry_not_before,
            )
        )
        state.save()
    return state


def _retry_at(
    desk: Desk, state: DunningState, policy: Policy, overdue: Overdue, now: datetime
) -> datetime | None:
    """Return when the card is tried next; another card than the one that was refused, at once."""
    if dunning_policy.asks_for(overdue) is not None:
        method, refused = paying.method_of(state.invoice), state.invoice.charge_method_id
        return now if method and method != refused else None
    if desk.gate.is_open:  # a probe goes by the time as if the account had answered all along
        paused = circuits.paused(desk.account, since=state.since, now=now, counts_running=False)
        overdue = dataclasses.replace(overdue, paused=paused)
    return dunning_policy.next_retry(policy, overdue)


def _tell(state: DunningState, policy: Policy, overdue: Overdue, now: datetime) -> None:
    """Queue what the payer has to be told by now."""
    subscription = subscription_of(state.invoice.subscription)
    if subscription is None:
        return
    invoice = state.invoice
    ask = dunning_policy.asks_for(overdue)
    if ask is not None and (state.asked_at is None or state.asked_at != overdue.last_tried_at):
        dunning_notices.queue_ask(
            subscription=subscription,
            invoice=invoice,
            ask=ask,
            policy=policy,
            overdue=overdue,
            now=now,
        )
        state.asked_at = overdue.last_tried_at
    mark = dunning_policy.notice_due(policy, overdue, now)
    if mark is not None and (state.noticed_day is None or state.noticed_day < mark.day):
        dunning_notices.queue_notice(
            subscription=subscription,
            invoice=invoice,
            mark=mark,
            policy=policy,
            overdue=overdue,
            now=now,
        )
        state.noticed_day = mark.day
    state.save(update_fields=["asked_at", "noticed_day", "updated_at"])


def _plan(
    desk: Desk,
    state: DunningState,
    policy: Policy,
    overdue: Overdue,
    retry_at: datetime | None,
    now: datetime,
) -> None:
    """Set when the invoice is looked at next."""
    at = dunning_policy.next_look(policy, overdue, after=now)
    moments = [at] if at else []
    if retry_at is not None:
        waits_until = desk.gate.probe_at if desk.gate.is_open else retry_at
        moments.append(max(retry_at, waits_until or retry_at))
        moments = [moment for moment in moments if moment > now] or [now + circuits.PROBE_EVERY]
    last_day = overdue.moment_of(dunning_policy.LAST_RETRY_DAY)
    if dunning_policy.asks_for(overdue) is not None and now < last_day:
        moments.append(now + _LOOK_FOR_CARD_EVERY)
    state.retry_at = retry_at
    state.save(update_fields=["retry_at", "updated_at"])
    renewing.plan_retry(desk.house, state.invoice.external_id, at=min(moments, default=None))


def _end(house: House, invoice: EngineInvoice, now: datetime) -> None:
    """End the subscription for want of payment, and give the invoice up."""
    if giving_up.end_unpaid(house, invoice.external_id, reason=END_REASON, now=now):
        logger.info("dunning.ended", extra={"invoice": invoice.external_id})


def _plan_of(row: EngineSubscription) -> Plan | None:
    return Plan.objects.filter(code=row.price.product).first()


def subscription_of(row: EngineSubscription | None) -> Subscription | None:
    """Return billing's row of a subscription, where there is one in the same organization."""
    our_id = parse_uuid(row.our_id) if row else None
    if row is None or our_id is None:
        return None
    return (
        Subscription.objects.select_related("organization", "plan_version__plan")
        .filter(pk=our_id, organization_id=row.organization_id, provider=row.provider)
        .first()
    )
