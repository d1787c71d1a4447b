"""What was paid by a process that died before billing's rows heard of it."""

from datetime import timedelta
from typing import Any

import pytest

from billing.engine import due
from billing.engine.models import EngineInvoice, EngineSubscription
from billing.enums import (
    AttemptKind,
    FactKind,
    InvoiceStatus,
    ObligationKind,
    Provider,
    SubscriptionStatus,
)
from billing.models import Invoice, Obligation, PaymentFact
from billing.services import renewals, settlement
from tests.billing.engine.engine_steps import Clock, new_key
from tests.billing.engine.scripted_rail import DECLINED
from tests.billing.engine.service_steps import Tenant, open_tenant

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def overdue(settings: Any, clock: Clock) -> Tenant:
    """A tenant whose renewal was declined."""
    tenant = open_tenant(settings, clock, Provider.CARDCONNECT)
    tenant.start(request_key="start")
    end = tenant.row.current_period_end
    assert end is not None
    clock.now = end
    tenant.rail.answers = [DECLINED]
    renewals.run_due(now=clock.now)
    assert tenant.row.status == SubscriptionStatus.PAST_DUE
    return tenant


def test_what_was_paid_is_taken_over_by_the_runner(overdue: Tenant) -> None:
    invoice = EngineInvoice.objects.latest("issued_at")
    overdue.driver.pay_invoice(invoice.external_id, payment_method="", idempotency_key=new_key())
    assert overdue.row.status == SubscriptionStatus.PAST_DUE  # nobody has told

    overdue.clock.now += renewals.LEASE + timedelta(seconds=1)
    renewals.run_due(now=overdue.clock.now)

    assert overdue.row.status == SubscriptionStatus.ACTIVE
    assert not EngineSubscription.objects.filter(claimed_at__isnull=False).exists()


def test_what_is_gone_on_from_is_taken_over_first(
    settings: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = open_tenant(settings, clock, Provider.CARDCONNECT)
    tenant.start(request_key="start")
    clock.now += timedelta(days=32)
    with monkeypatch.context() as dying:
        dying.setattr(renewals, "_take_over", lambda *_args: None)
        renewals.run_due(now=clock.now)
    assert Invoice.objects.count() == 1  # and the renewal is in the books, paid
    clock.now += timedelta(days=32)
    # So many were left that others are taken over before this one.
    monkeypatch.setattr(renewals, "take_over_lost", lambda **_now: 0)

    renewals.run_due(now=clock.now)

    known = Invoice.objects.order_by("issued_at").values_list("status", "amount_remaining_minor")
    assert list(known) == [(InvoiceStatus.PAID, 0)] * 3
    paid = PaymentFact.objects.filter(kind=FactKind.PAYMENT_SUCCEEDED)
    assert paid.count() == EngineInvoice.objects.count() - 1  # a start tells of itself
    assert not EngineSubscription.objects.filter(claimed_at__isnull=False).exists()


def test_what_its_payer_is_paying_right_now_is_looked_at_later(overdue: Tenant) -> None:
    debt = Obligation.objects.get(kind=ObligationKind.RENEWAL)
    settlement.new_attempt(obligation=debt, kind=AttemptKind.CARD, provider=Provider.CARDCONNECT)
    invoice = EngineInvoice.objects.latest("issued_at")
    assert invoice.next_attempt_at is not None
    overdue.clock.now = invoice.next_attempt_at

    sent = len(overdue.rail.orders)

    ran = renewals.run_due(now=overdue.clock.now)

    assert sum(ran.values()) == 1
    assert len(overdue.rail.orders) == sent
    overdue.clock.now += due.ASK_AFTER
    assert sum(renewals.run_due(now=overdue.clock.now).values()) == 1
