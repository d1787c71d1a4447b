"""What the provider's books say, beside what tills were told and what our rows say."""

import contextlib
import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterator

from billing.enums import LIVE_ATTEMPTS, AttemptState, CaseKind, CaseState
from billing.models import Case, PaymentAttempt
from billing.services import late_winners
from billing.types import Cause
from orgs.errors import DomainError
from terminals.enums import PaymentStatus
from terminals.models import TerminalPayment
from tests.journeys.counter.books import Sale
from tests.journeys.counter.plan import AMOUNT, Plan
from tests.journeys.counter.stage import CounterStage

_MOST_TIP = 150
_UNPAID = (PaymentStatus.CANCELED, PaymentStatus.DECLINED, PaymentStatus.REQUIRES_TERMINAL)


@dataclasses.dataclass(slots=True)
class Told:
    """What a till was told of a payment."""

    payment: str
    status: str
    code: str

    def __str__(self) -> str:
        """Say it shortly."""
        return f"{self.payment[-4:]} {self.status} {self.code}".strip()


def judge(stage: CounterStage, plan: Plan, told: list[Told]) -> list[str]:
    """Compare everything once all is quiet."""
    sales = stage.books()
    by_basket: dict[str, list[Sale]] = defaultdict(list)
    for sale in sales:
        by_basket[sale.basket].append(sale)
    return [
        *_of_baskets(by_basket, plan),
        *_of_rows(by_basket),
        *_of_words(by_basket, told),
        *_of_what_is_left(),
    ]


def figures(stage: CounterStage) -> dict[str, int]:
    """Return what is counted."""
    sales = stage.books()
    cases = Counter(f"case:{kind}" for kind in Case.objects.values_list("kind", flat=True))
    ends = Counter(
        f"ends:{row}" for row in TerminalPayment.objects.values_list("status", flat=True)
    )
    return {
        "captured": sum(sale.captured for sale in sales),
        "returned": sum(sale.returned for sale in sales),
        **cases,
        **ends,
    }


def is_quiet() -> bool:
    """Say whether nothing is under way any more."""
    undecided = PaymentAttempt.objects.filter(state__in=LIVE_ATTEMPTS)
    is_live = undecided.exclude(state=AttemptState.REQUIRES_ACTION).exists()
    held = TerminalPayment.objects.filter(holds_reader=True).exists()
    unwanted = TerminalPayment.objects.filter(cancel_requested_at__isnull=False).exclude(
        status__in=(PaymentStatus.CANCELED, PaymentStatus.SUCCEEDED)
    )
    voidable = Case.objects.filter(
        kind=CaseKind.LATE_WINNER, state=CaseState.OPEN, external_payment_id=""
    )
    return not (is_live or held or unwanted.exists() or voidable.exists())


def click(stage: CounterStage) -> None:
    """Be staff, and give back what is one too many: the one click of a case."""
    rows = Case.objects.filter(kind=CaseKind.LATE_WINNER, state=CaseState.OPEN)
    for case in rows.select_related("organization", "subscription"):
        with contextlib.suppress(DomainError):
            late_winners.refund_late_winner(
                case=case, cause=Cause("request", id="counter"), now=stage.now
            )


def _of_baskets(by_basket: dict[str, list[Sale]], plan: Plan) -> Iterator[str]:
    """No basket is paid twice, and nothing more is kept than it owes."""
    tip = _MOST_TIP if plan.sold.opening.get("tip") else 0
    for basket, sales in by_basket.items():
        if not basket and any(sale.kept or sale.captured for sale in sales):
            yield "something was taken without having been written down"
        kept = sum(sale.kept for sale in sales)
        if kept > AMOUNT + tip:
            yield f"{kept} was kept for {basket}, which is {AMOUNT}"
        paid = [sale for sale in sales if sale.kept]
        if len(paid) > 1:
            yield f"{basket} was paid {len(paid)} times"


def _of_rows(by_basket: dict[str, list[Sale]]) -> Iterator[str]:
    """Our rows say what the books say."""
    for basket in {*by_basket, *TerminalPayment.objects.values_list("reference", flat=True)}:
        rows = TerminalPayment.objects.filter(reference=basket)
        kept = sum(sale.kept for sale in by_basket.get(basket, []))
        said = sum(_kept(row) for row in rows)
        if kept != said:
            words = [f"{row.status} {row.captured_minor}-{row.refunded_minor}" for row in rows]
            yield f"{kept} was kept for {basket}, and our rows say {words}"


def _kept(row: TerminalPayment) -> int:
    if row.status == PaymentStatus.REQUIRES_CAPTURE:
        return row.authorized_minor
    return 0 if row.status in _UNPAID else row.captured_minor - row.refunded_minor


def _of_words(by_basket: dict[str, list[Sale]], told: list[Told]) -> Iterator[str]:
    """Nobody heard in the end that nothing was taken which is kept, or of a decline of no card."""
    last = {each.payment: each.status for each in told if each.payment}
    baskets = {str(pk): name for pk, name in TerminalPayment.objects.values_list("pk", "reference")}
    for payment, status in last.items():
        sales = by_basket.get(baskets.get(payment, "?"), [])
        others = sum(baskets[pk] == baskets.get(payment) for pk in baskets)
        if status in ("declined", "canceled") and others == 1 and any(s.kept for s in sales):
            yield f"a till was told {status}, and money was kept"
        if status == "succeeded" and not any(sale.is_approved for sale in sales):
            yield "a till was told succeeded, and nothing was taken"
    for payment in {each.payment for each in told if each.status == "declined"}:
        sales = by_basket.get(baskets.get(payment, "?"), [])
        if not any(sale.is_refused for sale in sales):
            yield "a till was told declined, and no card was declined"


def _of_what_is_left() -> Iterator[str]:
    """Nothing is undecided, and no reader is held."""
    for row in PaymentAttempt.objects.filter(state__in=LIVE_ATTEMPTS):
        if row.state != AttemptState.REQUIRES_ACTION:
            yield f"a try ({row.kind}) is {row.state} in the end"
    for payment in TerminalPayment.objects.filter(holds_reader=True):
        yield f"a reader is held in the end by a payment that is {payment.status}"
    for payment in TerminalPayment.objects.filter(
        status__in=(PaymentStatus.IN_PROGRESS, PaymentStatus.UNKNOWN)
    ):
        yield f"a payment is {payment.status} in the end"
    for case in Case.objects.filter(kind=CaseKind.LATE_WINNER, state=CaseState.OPEN):
        yield f"one click did not resolve: {case.summary}"
