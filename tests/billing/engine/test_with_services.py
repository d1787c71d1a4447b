"""Billing's services over the engine: above the drivers nobody knows whose invoices these are."""

from typing import Any

import pytest

from billing.enums import (
    AttemptState,
    Effective,
    InvoiceStatus,
    ObligationKind,
    ObligationState,
    Provider,
    SubscriptionStatus,
)
from billing.errors import CardDeclined, PaymentPending, ProviderFailed
from billing.models import Invoice, Obligation, PaymentAttempt
from billing.services import endings, projection, recovery, resolve
from billing.types import Cause
from tests.billing.engine.engine_steps import Clock
from tests.billing.engine.scripted_rail import DECLINED, DOWN, LOST
from tests.billing.engine.service_steps import Tenant, open_tenant

S = SubscriptionStatus


@pytest.fixture
def tenant(db: None, settings: Any, clock: Clock) -> Tenant:
    """Pays by card."""
    return open_tenant(settings, clock, Provider.CARDCONNECT)


@pytest.fixture
def by_invoice(db: None, settings: Any, clock: Clock) -> Tenant:
    """Pays by invoice."""
    return open_tenant(settings, clock, Provider.CUSTOM)


def debts(tenant: Tenant) -> list[tuple[str, str, int]]:
    rows = Obligation.objects.filter(organization=tenant.organization).order_by("created_at")
    return [(row.kind, row.state, row.amount_minor) for row in rows]


def tries(tenant: Tenant) -> list[tuple[str, str]]:
    rows = PaymentAttempt.objects.filter(organization=tenant.organization).order_by("created_at")
    return [(row.obligation.kind, row.state) for row in rows]


def invoices(tenant: Tenant) -> list[tuple[str, int]]:
    rows = Invoice.objects.filter(organization=tenant.organization).order_by("issued_at")
    return [(row.status, row.total_minor) for row in rows]


class TestStart:
    def test_is_paid_with_the_attempt_that_was_committed(self, tenant: Tenant) -> None:
        started = tenant.start(seats=2)

        assert started.subscription.status == S.ACTIVE
        assert debts(tenant) == [("subscription_start", "settled", 5800)]
        attempt = PaymentAttempt.objects.get(organization=tenant.organization)
        assert attempt.state == AttemptState.SUCCEEDED
        assert [order.reference for order in tenant.rail.orders] == [attempt.our_reference]
        assert invoices(tenant) == [("paid", 5800)]

    def test_a_decline_takes_nothing_and_leaves_nothing_open(self, tenant: Tenant) -> None:
        tenant.rail.answers = [DECLINED]

        with pytest.raises(CardDeclined):
            tenant.start()

        assert tenant.row.status == S.INCOMPLETE_EXPIRED
        assert tries(tenant) == [("subscription_start", "failed")]
        attempt = PaymentAttempt.objects.get(organization=tenant.organization)
        assert attempt.decline_code == "insufficient_funds"

    def test_an_unknown_outcome_is_resolved_by_asking(self, tenant: Tenant) -> None:
        tenant.rail.answers = [LOST]
        started = tenant.start()
        assert (started.subscription.status, started.resolve_after is None) == (S.INCOMPLETE, False)

        tenant.clock.turn(seconds=45)
        assert resolve.resolve_due(now=tenant.clock.now) == 1

        assert tenant.row.status == S.ACTIVE
        assert tries(tenant) == [("subscription_start", "succeeded")]
        assert len(tenant.rail.orders) == 1

    def test_one_that_never_arrived_is_tried_again_by_the_same_key(self, tenant: Tenant) -> None:
        tenant.rail.answers, tenant.rail.loses_requests = [LOST], True
        tenant.start(request_key="k1")
        tenant.clock.turn(seconds=100)
        resolve.resolve_due(now=tenant.clock.now)

        again = tenant.start(request_key="k1")

        assert again.subscription.status == S.ACTIVE
        assert tries(tenant) == [
            ("subscription_start", "not_processed"),
            ("subscription_start", "succeeded"),
        ]
        assert tenant.rail.total == 2900

    def test_an_outage_is_told_and_the_same_key_tries_again(self, tenant: Tenant) -> None:
        tenant.rail.answers = [DOWN]
        with pytest.raises(ProviderFailed):
            tenant.start(request_key="k1")

        assert tenant.start(request_key="k1").subscription.status == S.ACTIVE
        assert tenant.rail.total == 2900

    def test_who_pays_by_invoice_owes_the_invoice_and_no_start(self, by_invoice: Tenant) -> None:
        started = by_invoice.start()

        assert started.subscription.status == S.ACTIVE
        assert debts(by_invoice) == [("subscription_start", "settled", 0)]
        assert invoices(by_invoice) == [("open", 2900)]


class TestChange:
    def test_what_was_quoted_is_charged(self, tenant: Tenant) -> None:
        tenant.start()
        tenant.clock.turn(days=10)
        quote = tenant.quote(seats=3)
        tenant.clock.turn(minutes=5)

        changed = tenant.change(quote, seats=3)

        assert changed.subscription.seats == 3
        assert tenant.rail.orders[-1].amount_minor == quote.amount_due_minor > 0
        assert tries(tenant)[-1] == ("change", "succeeded")
        assert tenant.rail.orders[-1].reference in set(
            PaymentAttempt.objects.values_list("our_reference", flat=True)
        )

    def test_a_decline_leaves_everything_as_it_was(self, tenant: Tenant) -> None:
        tenant.start()
        tenant.clock.turn(days=10)
        tenant.rail.answers = [DECLINED]

        with pytest.raises(CardDeclined):
            tenant.change(seats=3)

        assert (tenant.row.seats, tenant.row.pending_change, tenant.row.status) == (
            1,
            None,
            "active",
        )
        assert invoices(tenant)[-1][0] == InvoiceStatus.VOID

    def test_an_unknown_one_is_resolved_by_asking(self, tenant: Tenant) -> None:
        tenant.start()
        tenant.clock.turn(days=10)
        tenant.rail.answers = [LOST]
        tenant.change(seats=3)
        tenant.clock.turn(seconds=45)

        resolve.resolve_due(now=tenant.clock.now)

        assert tenant.row.seats == 3
        assert tries(tenant)[-1] == ("change", "succeeded")

    def test_at_the_end_of_the_period_it_costs_what_was_quoted(self, tenant: Tenant) -> None:
        tenant.start()
        quote = tenant.quote(seats=3, effective=Effective.PERIOD_END)
        tenant.change(quote, seats=3)
        end = tenant.row.current_period_end
        assert end is not None
        tenant.clock.now = end

        tenant.advance()

        assert (tenant.row.seats, tenant.row.pending_change) == (3, None)
        assert tenant.rail.orders[-1].amount_minor == quote.total_minor == 3 * 2900

    def test_by_invoice_it_is_done_at_once_and_owed_by_its_invoice(
        self, by_invoice: Tenant
    ) -> None:
        by_invoice.start()
        by_invoice.clock.turn(days=10)

        changed = by_invoice.change(seats=3)

        assert (changed.subscription.seats, changed.subscription.pending_change) == (3, None)
        assert debts(by_invoice)[-1] == ("change", "settled", 0)
        assert [status for status, _ in invoices(by_invoice)] == ["open", "open"]


class TestOverdue:
    @pytest.fixture
    def overdue(self, tenant: Tenant) -> Tenant:
        """A renewal that was declined, as our rows have it."""
        tenant.start()
        end = tenant.row.current_period_end
        assert end is not None
        tenant.clock.now = end
        tenant.rail.answers = [DECLINED]
        tenant.advance()
        return tenant

    def test_shows_everywhere_and_is_paid_by_another_card(self, overdue: Tenant) -> None:
        assert (overdue.row.status, invoices(overdue)[-1]) == (S.PAST_DUE, ("open", 2900))

        overdue.call(recovery.pay_overdue)

        assert overdue.row.status == S.ACTIVE
        assert tries(overdue)[1:] == [("renewal", "failed"), ("renewal", "succeeded")]
        assert debts(overdue)[-1] == ("renewal", "settled", 2900)

    def test_a_second_decline_leaves_it_open(self, overdue: Tenant) -> None:
        overdue.rail.answers = [DECLINED]

        with pytest.raises(CardDeclined):
            overdue.call(recovery.pay_overdue)

        assert (overdue.row.status, debts(overdue)[-1][1]) == (S.PAST_DUE, ObligationState.OPEN)

    def test_an_unknown_payment_is_resolved_by_asking(self, overdue: Tenant) -> None:
        overdue.rail.answers = [LOST]
        with pytest.raises(PaymentPending):
            overdue.call(recovery.pay_overdue)
        with pytest.raises(PaymentPending):
            overdue.call(recovery.pay_overdue)
        overdue.clock.turn(seconds=45)

        resolve.resolve_due(now=overdue.clock.now)

        assert overdue.row.status == S.ACTIVE
        assert len(overdue.rail.orders) == 3

    def test_an_invoice_that_staff_saw_paid_settles_it(self, by_invoice: Tenant) -> None:
        by_invoice.start()
        by_invoice.clock.turn(days=30)
        by_invoice.advance()
        assert by_invoice.row.status == S.PAST_DUE
        invoice = by_invoice.row.latest_invoice_external_id

        by_invoice.driver.settle_by_hand(
            invoice, amount_minor=2900, reference="ZB-1", idempotency_key="k"
        )
        projection.converge(
            snapshot=by_invoice.driver.retrieve_subscription(by_invoice.row.external_id),
            fetched_at=projection.database_now(),
            cause=Cause("staff"),
            now=by_invoice.clock.now,
        )

        assert (by_invoice.row.status, invoices(by_invoice)) == (S.ACTIVE, [("paid", 2900)])
        renewal = Obligation.objects.get(
            organization=by_invoice.organization, kind=ObligationKind.RENEWAL
        )
        assert (renewal.state, renewal.amount_minor) == (ObligationState.SETTLED, 2900)


class TestEndings:
    def test_pause_resume_cancel_and_keep(self, tenant: Tenant) -> None:
        tenant.start()

        seen: list[object] = []
        tenant.call(endings.pause_subscription)
        seen.append(tenant.row.status)
        tenant.call(endings.resume_subscription)
        seen.append(tenant.row.status)
        tenant.call(endings.cancel_subscription, mode=Effective.PERIOD_END)
        seen.append(tenant.row.cancel_at_period_end)
        tenant.call(endings.resume_subscription)
        seen.append(tenant.row.cancel_at_period_end)
        tenant.call(endings.cancel_subscription, mode=Effective.NOW)
        seen.append(tenant.row.status)

        assert seen == [S.PAUSED, S.ACTIVE, True, False, S.CANCELED]
        assert len(tenant.rail.orders) == 1
