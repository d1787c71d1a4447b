"""A process may die anywhere: nothing is charged twice, nothing is forgotten, all is decided.

Each scenario is played for the places it comes by, with the process dying there; then time passes,
the workers do what they do, and whoever asked asks again. Among the other tests that is done for
some of the places, other ones in each scenario; with TEST_EVERY_PLACE=1 for all of them.
"""

import contextlib
import os
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from billing.drivers.base import DriverError
from billing.engine.models import EngineInvoice, EngineRefund
from billing.engine.models.invoices import UNDECIDED
from billing.engine.rails import RefundResult
from billing.enums import LIVE_ATTEMPTS, AttemptState, InvoiceStatus, Provider, SubscriptionStatus
from billing.models import PaymentAttempt, Subscription
from billing.services import recovery, renewals, resolve
from orgs.errors import DomainError
from tests.billing.engine.crash_steps import dying_at
from tests.billing.engine.engine_steps import Clock
from tests.billing.engine.scripted_rail import DECLINED, DOWN, LOST
from tests.billing.engine.service_steps import Tenant, open_tenant

PRICE = 2900
REFUSED = RefundResult("failed", error_code="not_settled")
MOST_PLACES = 200
STRIDE = 1 if os.environ.get("TEST_EVERY_PLACE") else 9
Scenario = Callable[[Tenant], None]


def start(tenant: Tenant) -> None:
    tenant.start(request_key="start")


def renew(tenant: Tenant) -> None:
    renewals.run_due(now=tenant.clock.now)


def pay(tenant: Tenant) -> None:
    tenant.call(recovery.pay_overdue)


def change(tenant: Tenant) -> None:
    if tenant.row.seats == 1:
        tenant.change(seats=2)


def refund(tenant: Tenant) -> None:
    payment = EngineInvoice.objects.filter(organization=tenant.organization).latest("issued_at")
    tenant.driver.refund_payment(
        payment.payment_id,
        amount_minor=PRICE,
        reason="duplicate",
        reference=tenant.organization.pk.hex[:18],
        idempotency_key=f"refund:{tenant.organization.pk}",
    )


def at_period_end(tenant: Tenant) -> None:
    start(tenant)
    end = tenant.row.current_period_end
    assert end is not None
    tenant.clock.now = end


def overdue(tenant: Tenant) -> None:
    at_period_end(tenant)
    tenant.rail.answers = [DECLINED]
    renew(tenant)


def within_period(tenant: Tenant) -> None:
    start(tenant)
    tenant.clock.turn(days=10)


def nothing(tenant: Tenant) -> None:
    """Begin with nothing at all."""


SCENARIOS: dict[str, tuple[Scenario, Scenario]] = {
    "subscribe": (nothing, start),
    "renew": (at_period_end, renew),
    "retry": (overdue, pay),
    "change": (within_period, change),
    "refund": (start, refund),
}


def ask_again(tenant: Tenant, scenario: Scenario) -> None:
    """Let time pass, the workers work, and whoever asked ask again, until it is all done."""
    for _ in range(3):
        tenant.clock.turn(minutes=6)
        resolve.resolve_due(now=tenant.clock.now)
        renewals.run_due(now=tenant.clock.now)
        with contextlib.suppress(DomainError, DriverError):
            scenario(tenant)


def check(tenant: Tenant, died_at: str) -> None:
    """Compare the gateway's books with ours."""
    rail = tenant.rail
    rows = list(EngineInvoice.objects.filter(organization=tenant.organization))
    kept = {ref: res for ref, res in rail.taken.items() if res.external_id not in rail.voided}
    by_invoice: dict[str, list[str]] = {}
    for order in rail.orders:
        if order.reference in kept:
            by_invoice.setdefault(order.description, []).append(order.reference)
    assert all(len(references) == 1 for references in by_invoice.values()), died_at
    paid = {f"Invoice {row.number}" for row in rows if row.charge_external_id}
    assert set(by_invoice) == paid, died_at
    assert not [row for row in rows if row.charge_state in UNDECIDED], died_at
    references = [order.reference for order in rail.orders]
    assert len(references) == len(set(references)), died_at
    attempts = PaymentAttempt.objects.filter(organization=tenant.organization)
    assert not attempts.filter(state__in=LIVE_ATTEMPTS).exists(), died_at
    succeeded = attempts.filter(state=AttemptState.SUCCEEDED, our_reference__in=references)
    assert {row.our_reference for row in succeeded} == set(kept), died_at
    given = EngineRefund.objects.filter(invoice__in=rows, status="succeeded")
    assert sum(row.amount_minor for row in given) <= sum(row.amount_paid_minor for row in rows)
    references = [order.reference for order in rail.refunds]
    assert len(references) == len(set(references)), died_at
    assert not EngineRefund.objects.filter(is_undecided=True, invoice__in=rows).exists(), died_at


@pytest.mark.parametrize(
    "answer",
    [None, DECLINED, LOST, DOWN, "unsent"],
    ids=["paid", "declined", "lost", "down", "unsent"],
)
@pytest.mark.parametrize("name", SCENARIOS)
def test_wherever_a_process_dies(
    db: None, settings: Any, clock: Clock, name: str, answer: Any
) -> None:
    prepare, scenario = SCENARIOS[name]
    began = timezone.now()  # unsent tries are told by the age of their rows
    offset = 1 + (len(name) + len(str(answer))) % STRIDE
    for place in range(offset, MOST_PLACES, STRIDE):
        clock.now = began
        tenant = open_tenant(settings, clock, Provider.CARDCONNECT)
        prepare(tenant)
        tenant.rail.loses_requests = answer == "unsent"
        answers = [] if answer is None else [LOST if answer == "unsent" else answer]
        tenant.rail.answers = answers
        tenant.rail.refund_answers = [REFUSED if row is DECLINED else row for row in answers]
        with dying_at(place) as seams, contextlib.suppress(DomainError, DriverError):
            scenario(tenant)
        tenant.rail.answers, tenant.rail.refund_answers = [], []

        ask_again(tenant, scenario)

        check(tenant, seams.died_at)
        if not seams.died_at:
            break
    assert place < MOST_PLACES - STRIDE, "it never came to its end"


def test_what_was_asked_for_is_there_in_the_end(db: None, settings: Any, clock: Clock) -> None:
    for place in range(1, 12, 5):
        clock.now = timezone.now()
        tenant = open_tenant(settings, clock, Provider.CARDCONNECT)
        with dying_at(place):
            start(tenant)

        ask_again(tenant, start)

        rows = Subscription.objects.filter(organization=tenant.organization)
        live = rows.filter(status=SubscriptionStatus.ACTIVE)
        assert live.count() == 1
        assert tenant.rail.total == PRICE
        invoices = EngineInvoice.objects.filter(organization=tenant.organization)
        assert [row.status for row in invoices] == [InvoiceStatus.PAID]
