"""What the gateway says it took and gave back, beside what our rows and answers say.

The gateway is asked, not our tables: what it took and kept must be what is owed, for every debt.
"""

import contextlib
import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from billing.engine.models import EngineInvoice, EngineRefund, EngineSubscription
from billing.engine.models.invoices import UNDECIDED, ChargeState
from billing.enums import (
    FINAL_STATUSES,
    LIVE_ATTEMPTS,
    LIVE_STATUSES,
    AttemptKind,
    AttemptState,
    CaseKind,
    CaseState,
    InvoiceStatus,
    ObligationKind,
    ObligationState,
    SubscriptionStatus,
)
from billing.errors import CardDeclined
from billing.models import Case, Invoice, Obligation, PaymentAttempt, Subscription
from billing.services import late_winners
from orgs.errors import DomainError
from tests.journeys.crashes.faults import Trouble
from tests.journeys.crashes.operations import Operation
from tests.journeys.crashes.tenants import CAUSE, Tenant
from tests.simulators.cardpointe.client import CardPointeSimulator

_NOT_CHARGED = (AttemptState.FAILED, AttemptState.NOT_PROCESSED, AttemptState.CANCELED)
# Beyond these words nobody was told anything.
_DONE, DECLINED = "done", CardDeclined.code


@dataclasses.dataclass(slots=True)
class Told:
    """What somebody was told; nobody tells anything to whoever died."""

    actor: str
    act: str
    words: str = "died"

    def __str__(self) -> str:
        """Say who was told what."""
        return f"{self.actor} {self.act}: {self.words}"


@dataclasses.dataclass(slots=True)
class Verdict:
    """What is wrong, and what was counted."""

    faults: list[str]
    figures: dict[str, int]


@dataclasses.dataclass(slots=True)
class Taken:
    """What the gateway took under one of our references, and gave back of it."""

    captured: int = 0
    returned: int = 0
    approvals: int = 0

    @property
    def kept(self) -> int:
        """Return what it still has."""
        return self.captured - self.returned


def judge(tenant: Tenant, operation: Operation, told: list[Told], trouble: Trouble) -> Verdict:
    """Compare everything once all is quiet."""
    gateway = tenant.stage.gateway
    taken = ask(gateway)
    kept = sum(each.kept for each in taken.values())
    faults = [*of_money(gateway), *_of_subscriptions()]
    if not trouble.refuses:
        faults += _of_words(told, refused=_refused(gateway) - operation.refused_before)
    if kept > operation.most_minor:
        faults.append(f"{kept} was kept of {operation.most_minor}")
    cases = Counter(f"case:{kind}" for kind in Case.objects.values_list("kind", flat=True))
    figures = {
        "captured": sum(each.captured for each in taken.values()),
        "returned": sum(each.returned for each in taken.values()),
        "declined": sum(row.words == DECLINED for row in told),
        "unknown": PaymentAttempt.objects.filter(asked__gt=0).count(),
        **cases,
    }
    return Verdict(faults, figures)


def click(tenant: Tenant) -> None:
    """Be staff, and give back what was paid too much: the one click of a case."""
    rows = Case.objects.filter(kind=CaseKind.LATE_WINNER, state=CaseState.OPEN)
    for case in rows.select_related("organization", "subscription"):
        with contextlib.suppress(DomainError):
            late_winners.refund_late_winner(case=case, cause=CAUSE, now=tenant.stage.now)


def of_money(gateway: CardPointeSimulator) -> list[str]:
    """Compare what was taken with every row that speaks of it."""
    taken = ask(gateway)
    attempts = {
        row.our_reference: row for row in PaymentAttempt.objects.select_related("obligation")
    }
    return [
        *_of_attempts(taken, attempts),
        *_of_debts(taken, attempts),
        *_of_books(taken),
        *_of_refunds(taken),
        *_of_what_is_left(),
    ]


def ask(gateway: CardPointeSimulator) -> dict[str, Taken]:
    """Return what the gateway took and gave back, by our reference."""
    found: dict[str, Taken] = defaultdict(Taken)
    for row in gateway.transactions(kind="auth"):
        if row["asked"] == 0 or row["respstat"] != "A":  # a card that was only looked at, or no
            continue
        taken, is_voided = found[row["orderid"]], row["setlstat"] == "Voided"
        taken.captured += row["amount"]
        taken.returned += row["amount"] if is_voided else row["refunded"]
        taken.approvals += not is_voided
    return found


def _of_attempts(taken: dict[str, Taken], attempts: dict[str, PaymentAttempt]) -> Iterator[str]:
    """Each charge was written down before, happened once, and is what its row says."""
    for reference, each in taken.items():
        if reference not in attempts:
            yield f"{each.captured} was charged without having been written down"
        if each.approvals > 1:
            yield f"one try was charged {each.approvals} times"
    for reference, row in attempts.items():
        each = taken[reference]
        name = f"{row.obligation.kind} {row.number}"
        if row.state in _NOT_CHARGED and each.kept:
            yield f"{name} is {row.state}, and {each.kept} was kept"
        has_paid = row.kind == AttemptKind.CARD and row.state == AttemptState.SUCCEEDED
        if has_paid and each.captured != row.obligation.amount_minor:
            yield f"{name} is paid with {each.captured} of {row.obligation.amount_minor}"


def _of_debts(taken: dict[str, Taken], attempts: dict[str, PaymentAttempt]) -> Iterator[str]:
    """Nobody pays a debt twice, and what counts as settled is."""
    kept: Counter[Any] = Counter()
    paid: Counter[Any] = Counter()
    by_hand = set()
    for reference, row in attempts.items():
        kept[row.obligation_id] += taken[reference].kept
        paid[row.obligation_id] += taken[reference].captured
        if row.kind != AttemptKind.CARD:
            by_hand.add(row.obligation_id)
    for debt in Obligation.objects.exclude(kind=ObligationKind.REFUND):
        name = f"the debt of {debt.kind}"
        if kept[debt.pk] > debt.amount_minor:
            yield f"{name} is {debt.amount_minor}, and {kept[debt.pk]} was kept"
        is_settled = debt.state == ObligationState.SETTLED
        if is_settled and not paid[debt.pk] and debt.amount_minor and debt.pk not in by_hand:
            yield f"{name} is settled, and nothing was taken"
        if not is_settled and kept[debt.pk]:
            yield f"{name} is {debt.state}, and {kept[debt.pk]} was kept"


def _of_books(taken: dict[str, Taken]) -> Iterator[str]:
    """Invoices that are paid were paid, once, whichever way; others were not."""
    rows = EngineInvoice.objects.select_related("attempt")
    copies = {row.external_id: row for row in Invoice.objects.all()}
    for row in rows:
        tries = PaymentAttempt.objects.filter(
            obligation__invoice_external_id=row.external_id
        ).values_list("our_reference", flat=True)
        references = {*tries, *([row.attempt.our_reference] if row.attempt else [])}
        kept = sum(taken[each].kept for each in references)
        captured = row.amount_due_minor - row.paid_by_hand_minor
        now = taken[row.attempt.our_reference].captured if row.attempt else 0
        if row.status == InvoiceStatus.PAID and captured and now != captured:
            yield f"an invoice over {row.amount_due_minor} is paid with {now}"
        if kept + row.paid_by_hand_minor > row.amount_due_minor:
            yield f"{kept} was kept for an invoice over {row.amount_due_minor}"
        if row.status != InvoiceStatus.PAID and kept:
            yield f"an invoice is {row.status}, and {kept} was kept"
        copy = copies.get(row.external_id)
        if copy is not None and copy.status != row.status:
            yield f"an invoice is {row.status} in the books, and {copy.status} for its payer"


def _of_subscriptions() -> Iterator[str]:
    """One runs at most, as it does in the books; nothing unfinished is left beside it."""
    rows = list(Subscription.objects.all())
    books = {row.our_id: row for row in EngineSubscription.objects.all()}
    live = [row for row in rows if row.status in LIVE_STATUSES]
    if len(live) > 1:
        yield f"{len(live)} subscriptions run"
    for row in rows:
        book = books.get(str(row.pk))
        if book is not None and row.external_id and not _agree(book.status, row.status):
            yield f"a subscription is {book.status} in the books, and {row.status} here"
        if live and row.status == SubscriptionStatus.INCOMPLETE:
            yield "a start is unfinished beside what runs"


def _agree(there: str, here: str) -> bool:
    """Say whether two statuses mean the same: what is over is over.

    A start that was given up here before anything was known there ends there by itself.
    """
    return there == here or (there in FINAL_STATUSES and here in FINAL_STATUSES)


def _of_what_is_left() -> Iterator[str]:
    """Nothing is undecided, unless a person was asked to look."""
    asked = set(
        Case.objects.filter(kind=CaseKind.UNKNOWN_OUTCOME).values_list("external_id", flat=True)
    )
    for row in PaymentAttempt.objects.filter(state__in=LIVE_ATTEMPTS):
        if row.our_reference not in asked:
            yield f"a try is {row.state} in the end"
    for invoice in EngineInvoice.objects.filter(charge_state__in=UNDECIDED):
        if invoice.attempt is None or invoice.attempt.our_reference not in asked:
            yield f"a charge is {invoice.charge_state} in the end"
    if EngineRefund.objects.filter(is_undecided=True).exists():
        yield "a refund is undecided in the end"
    if EngineSubscription.objects.filter(claimed_at__isnull=False).exists():
        yield "a claim is left"
    for case in Case.objects.filter(kind=CaseKind.LATE_WINNER, state=CaseState.OPEN):
        yield f"one click did not resolve: {case.summary}"


def _refused(gateway: CardPointeSimulator) -> int:
    """Return how many charges the gateway refused."""
    return sum(row["respstat"] == "C" for row in gateway.transactions(kind="auth"))


def _of_words(told: list[Told], *, refused: int) -> Iterator[str]:
    """Nobody hears that a card was declined which was not."""
    heard = [row for row in told if row.words == DECLINED]
    if len(heard) > refused:
        yield f"{heard[0]}, one of {len(heard)}, and {refused} charges were refused"


def _of_refunds(taken: dict[str, Taken]) -> Iterator[str]:
    """What we say was given back was given back, once."""
    debts: dict[str, list[Any]] = defaultdict(list)
    for debt in Obligation.objects.filter(kind=ObligationKind.REFUND):
        debts[debt.external_payment_id].append(debt)
    for invoice in EngineInvoice.objects.exclude(attempt=None).select_related("attempt"):
        # One that was paid by hand may have had a charge that was taken back at once.
        is_ours = invoice.charge_state == ChargeState.SUCCEEDED
        if invoice.attempt is None or invoice.status != InvoiceStatus.PAID or not is_ours:
            continue
        each = taken[invoice.attempt.our_reference]
        rows = debts[invoice.payment_id]
        settled = sum(row.amount_minor for row in rows if row.state == ObligationState.SETTLED)
        if settled != each.returned:
            states = [f"{row.amount_minor} {row.state}" for row in rows]
            yield f"{each.returned} was given back, and our debts say {states}"
