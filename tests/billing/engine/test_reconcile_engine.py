"""The engine's rows beside billing's: compared like any other provider's."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.drivers.custom.driver import CustomDriver
from billing.enums import RefundStatus
from billing.models import Customer, Difference, InboxEvent, Invoice, Reconciliation, Subscription
from billing.services import reconcile, reconcile_remedies
from billing.services.reconcile_session import Limits
from billing.types.differences import DifferenceKind as Kind
from billing.types.differences import Scope
from tests.billing.engine.engine_steps import Clock, new_key
from tests.billing.engine.renewal_steps import Tenant, subscribe, use_driver
from tests.billing.engine.scripted_rail import ScriptedDriver
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

SWIFT = Limits(calls=1000, per_second=100_000, history_days=1000)


@pytest.fixture
def tenant(driver: ScriptedDriver, clock: Clock) -> Tenant:
    """An organization that is charged each month, its rows and the engine's of one mind."""
    return agreed(subscribe(driver, clock))


def agreed(tenant: Tenant) -> Tenant:
    """Give billing's payer the address that the engine has."""
    email = tenant.shop.driver.retrieve_payer(tenant.shop.payer).email
    Customer.objects.filter(organization=tenant.organization).update(email=email)
    return tenant


def compare(tenant: Tenant, scope: Scope = Scope.FULL, **more: Any) -> Reconciliation:
    """Compare an hour after everything happened."""
    return reconcile.reconcile_provider(
        provider=tenant.row.provider,
        scope=scope,
        now=timezone.now() + timedelta(hours=1),
        limits=SWIFT,
        **more,
    )


def found(tenant: Tenant) -> dict[str, str]:
    """Return what stands: kind → the object it is about."""
    rows = Difference.objects.filter(organization=tenant.organization).standing()
    return {row.kind: row.external_id for row in rows}


def renewed(tenant: Tenant) -> None:
    tenant.to_period_end()
    tenant.run()


class TestReconcileEngine:
    def test_finds_nothing_after_a_year_of_renewals(self, tenant: Tenant) -> None:
        for _month in range(12):
            renewed(tenant)

        run = compare(tenant)

        assert (found(tenant), run.state, run.postponed) == ({}, "done", 0)
        assert run.compared >= 14  # the payer, the subscription, and thirteen invoices

    def test_finds_nothing_where_invoices_are_sent(
        self, db: None, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        driver = CustomDriver()
        use_driver(monkeypatch, driver)
        tenant = agreed(subscribe(driver, clock))
        renewed(tenant)

        assert compare(tenant).state == "done"
        assert found(tenant) == {}

    def test_finds_what_a_process_that_died_left_behind(self, tenant: Tenant) -> None:
        """The engine's rows were written, billing's were not."""
        external_id = tenant.seen().external_id
        tenant.shop.driver.end_at_period_end(
            external_id, reason="", comment="", idempotency_key=new_key()
        )

        run = compare(tenant, Scope.RECENT)

        assert found(tenant) == {Kind.CANCELLATION: external_id}
        assert run.postponed == 0

    def test_leaves_alone_what_the_engine_changed_a_moment_ago(self, tenant: Tenant) -> None:
        Subscription.objects.filter(pk=tenant.row.pk).update(
            seats=9, updated_at=timezone.now() - timedelta(hours=2)
        )

        run = reconcile.reconcile_provider(
            provider=tenant.row.provider, scope=Scope.FULL, now=timezone.now(), limits=SWIFT
        )

        assert (found(tenant), run.postponed) == ({}, 1)

    def test_no_event_is_ever_missed(self, tenant: Tenant) -> None:
        compare(tenant, Scope.RECENT)

        assert not Difference.objects.filter(kind=Kind.EVENT_MISSED).exists()

    @pytest.mark.parametrize(
        ("values", "kind"),
        [
            ({"seats": 9}, Kind.SEATS),
            ({"status": "past_due"}, Kind.STATUS),
            ({"payment_method_external_id": "cc_pm_other"}, Kind.DEFAULT_METHOD),
        ],
    )
    def test_finds_a_row_of_billings_that_was_changed(
        self, tenant: Tenant, values: dict[str, Any], kind: Kind
    ) -> None:
        Subscription.objects.filter(pk=tenant.row.pk).update(**values)

        compare(tenant)

        assert found(tenant) == {kind: tenant.seen().external_id}

    def test_finds_an_invoice_that_billing_has_lost(self, tenant: Tenant) -> None:
        lost = Invoice.objects.get(organization=tenant.organization)
        lost.deliveries.all().delete()
        lost.delete()

        compare(tenant)

        assert found(tenant) == {Kind.INVOICE_UNKNOWN: lost.external_id}
        staff = UserFactory.create(staff=True)
        row = Difference.objects.get(organization=tenant.organization)
        state = reconcile_remedies.adopt_provider(difference=row, actor_id=staff.pk, now=tenant.now)
        assert state == "resolved"
        assert Invoice.objects.get(organization=tenant.organization).total_minor == 2900

    def test_finds_a_refund_that_billing_has_lost(self, tenant: Tenant) -> None:
        payment = Invoice.objects.get(organization=tenant.organization).external_payment_id
        given = tenant.shop.driver.refund_payment(
            payment, amount_minor=900, reason="", reference=new_key(), idempotency_key=new_key()
        )
        assert given.status == RefundStatus.SUCCEEDED

        compare(tenant)

        assert found(tenant) == {Kind.REFUND_UNKNOWN: payment}

    def test_leaves_alone_what_a_notice_in_the_inbox_is_about(self, tenant: Tenant) -> None:
        payment = Invoice.objects.get(organization=tenant.organization).external_payment_id
        tenant.shop.driver.refund_payment(
            payment, amount_minor=900, reason="", reference=new_key(), idempotency_key=new_key()
        )
        notice = {"id": "cc:charge.refunded:1", "type": "charge.refunded", "charge": payment}
        InboxEvent.objects.create(
            provider=tenant.row.provider,
            external_id=notice["id"],
            type=notice["type"],
            payload=notice,
        )

        assert compare(tenant).postponed == 1
        assert found(tenant) == {}

    def test_pushes_our_address_to_the_engine(self, tenant: Tenant) -> None:
        Customer.objects.filter(organization=tenant.organization).update(email="ours@acme.example")
        compare(tenant)
        row = Difference.objects.get(organization=tenant.organization, kind=Kind.CUSTOMER_EMAIL)
        staff = UserFactory.create(staff=True)

        state = reconcile_remedies.push_local(difference=row, actor_id=staff.pk, now=tenant.now)

        assert state == "resolved"
        assert tenant.shop.driver.retrieve_payer(tenant.shop.payer).email == "ours@acme.example"
