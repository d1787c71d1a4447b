"""Finding and locking the rows of one payment, and what a driver is told of it.

Lock order: Organization, Obligation, PaymentAttempt, TerminalPayment.
"""

import dataclasses
from uuid import UUID

from django.db import transaction

from billing.enums import LIVE_ATTEMPTS, AttemptKind, AttemptState
from billing.models import Obligation, PaymentAttempt
from billing.services import settlement
from billing.types import ReaderRef, SaleOrder
from orgs.models import Organization
from terminals.enums import CaptureMethod
from terminals.models import Terminal, TerminalPayment

# Sent, and not decided: a reader or a gateway may still be at it.
UNDECIDED = (AttemptState.SENT, AttemptState.UNKNOWN)


@dataclasses.dataclass(slots=True)
class Locked:
    """A payment with its debt and all tries at it, oldest first."""

    organization: Organization
    debt: Obligation
    attempts: list[PaymentAttempt]
    payment: TerminalPayment

    @property
    def live(self) -> PaymentAttempt | None:
        """The one try that may still take the money."""
        return next((row for row in self.attempts if row.state in LIVE_ATTEMPTS), None)

    def attempt(self, attempt_id: UUID) -> PaymentAttempt:
        """Return one of the tries."""
        return next(row for row in self.attempts if row.pk == attempt_id)

    def settle(self, attempt: PaymentAttempt | None) -> settlement.Debt:
        """Return the debt as `settlement` takes it, with the try that ended it."""
        return settlement.Debt(self.debt, attempt)


def lock(payment_id: UUID) -> Locked:
    """Lock a payment in the caller's transaction, as it is now."""
    known = TerminalPayment.objects.values("organization_id", "obligation_id").get(pk=payment_id)
    organization = Organization.objects.select_for_update(no_key=True).get(
        pk=known["organization_id"]
    )
    debt = Obligation.objects.select_for_update(of=("self",)).get(pk=known["obligation_id"])
    attempts = PaymentAttempt.objects.select_for_update(of=("self",)).filter(obligation=debt)
    rows = list(attempts.order_by("number"))
    payment = (
        TerminalPayment.objects.select_for_update(of=("self",))
        .select_related("terminal")
        .get(pk=payment_id)
    )
    for row in rows:
        row.obligation = debt
    payment.organization, payment.obligation = organization, debt
    return Locked(organization, debt, rows, payment)


def of_attempt(attempt: PaymentAttempt) -> TerminalPayment:
    """Return the payment that a try is about, with its reader."""
    rows = TerminalPayment.objects.select_related("terminal", "organization")
    return rows.get(obligation=attempt.obligation_id)


def attempt_about(payment: TerminalPayment, external_id: str = "") -> PaymentAttempt | None:
    """Return the try that a word about a payment is about.

    That is the one that is live, else the one that is known to have made this sale, else the last.
    """
    tries = PaymentAttempt.objects.filter(
        organization_id=payment.organization_id, obligation=payment.obligation_id
    )
    rows = list(tries.order_by("-number"))
    live = [row for row in rows if row.state in LIVE_ATTEMPTS]
    made_it = [row for row in rows if external_id and row.external_id == external_id]
    return next(iter([*live, *made_it, *rows]), None)


def reader_of(terminal: Terminal) -> ReaderRef:
    """Return a reader as drivers know it."""
    return ReaderRef(terminal.external_id, terminal.account_id)


def order_of(payment: TerminalPayment, attempt: PaymentAttempt) -> SaleOrder:
    """Return what a driver is told of one try; of a capture, the try that is captured."""
    if attempt.kind == AttemptKind.CAPTURE:
        attempt = _captured_by(attempt)
    return SaleOrder(
        organization_id=payment.organization_id,
        payment_id=payment.pk,
        reference=attempt.our_reference,
        reader=reader_of(payment.terminal),
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        is_captured_at_once=payment.capture_method == CaptureMethod.AUTOMATIC,
        asks_for_tip=payment.asks_for_tip,
        external_id=attempt.external_id or payment.external_id,
        metadata=payment.metadata,
    )


def name(payment: TerminalPayment, attempt: PaymentAttempt, external_id: str) -> SaleOrder:
    """Keep what a provider calls a payment, in a transaction of its own; return the order with it.

    A provider that makes none beforehand has no name for it yet.
    """
    if external_id:
        with transaction.atomic():
            locked = lock(payment.pk)
            locked.payment.external_id = external_id
            locked.payment.save(update_fields=["external_id", "updated_at"])
    payment.external_id = external_id
    return order_of(payment, attempt)


def _captured_by(capture: PaymentAttempt) -> PaymentAttempt:
    tries = PaymentAttempt.objects.filter(
        organization_id=capture.organization_id,
        obligation=capture.obligation_id,
        kind=AttemptKind.TERMINAL,
        state=AttemptState.SUCCEEDED,
    )
    return tries.order_by("number")[:1].get()
