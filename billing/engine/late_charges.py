"""Charges whose answer was lost when they had already been taken for absent.

A process may stand still after it wrote a charge down. Whoever asked meanwhile was told that there
is none. So the charge must not leave any more (`rails.LEAVE_WITHIN`); one that was on its way for
very long all the same is asked about again, and is given back where something else has been tried.
"""

import logging
from datetime import datetime, timedelta

from billing.engine import attempts, outcomes
from billing.engine.models import EngineInvoice, LateCharge
from billing.engine.models.invoices import ChargeState
from billing.engine.rails import ChargeOrder
from billing.enums import AttemptState
from billing.models import PaymentAttempt
from orgs.base import insert_once

FIRST_QUESTION_AFTER = timedelta(seconds=5)
_DECIDED = (AttemptState.SUCCEEDED, AttemptState.FAILED)

logger = logging.getLogger(__name__)


def note_unknown(
    invoice: EngineInvoice, attempt: PaymentAttempt, order: ChargeOrder, *, now: datetime
) -> None:
    """Write down that a charge had no usable answer; its invoice is locked by the caller.

    One that counts as absent by now is undecided again, so that nothing is charged before it was
    asked about. If something else was tried since, it is asked about on its own.
    """
    is_current = invoice.attempt_id == attempt.pk
    if is_current and invoice.is_undecided:
        outcomes.unknown(invoice, now=now)
    elif is_current and invoice.charge_state != ChargeState.NOT_PROCESSED:
        return  # somebody has asked, and was told
    elif is_current and invoice.remaining_minor > 0:
        _reopen(invoice, attempt, now)
    else:
        _put_aside(invoice, attempt, order, now)


def _reopen(invoice: EngineInvoice, attempt: PaymentAttempt, now: datetime) -> None:
    """Let a charge that counted as absent be undecided again."""
    logger.warning("engine.charge_not_absent", extra={"invoice": invoice.external_id})
    invoice.charge_state, invoice.charge_sent_at = ChargeState.UNKNOWN, now
    invoice.save(update_fields=["charge_state", "charge_sent_at", "updated_at"])
    attempts.reopen(attempt, now=now)
    outcomes.plan(invoice.subscription, now=now)


def _put_aside(
    invoice: EngineInvoice, attempt: PaymentAttempt, order: ChargeOrder, now: datetime
) -> None:
    state = PaymentAttempt.objects.values_list("state", flat=True).get(pk=attempt.pk)
    if state in _DECIDED:
        return
    insert_once(
        LateCharge(
            organization_id=invoice.organization_id,
            invoice=invoice,
            attempt=attempt,
            method_id=order.method_id,
            by_payer=order.initiator == "payer",
            amount_minor=order.amount_minor,
            currency=order.currency,
            sent_at=now,
            ask_at=now + FIRST_QUESTION_AFTER,
        )
    )
    logger.warning("engine.charge_put_aside", extra={"invoice": invoice.external_id})
