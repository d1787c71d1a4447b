"""Credit notes of the engine: one for each refund that was given, numbered without gaps."""

import threading
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from billing.drivers.base import DriverUnavailable, ObjectMissing
from billing.engine import credit_notes
from billing.engine.models import EngineCreditNote, EngineInvoice, EngineRefund, NumberSeries
from billing.engine.rails import RefundResult
from billing.enums import RefundReason
from billing.models import BillingEvent, CreditNote, Invoice
from billing.selectors import invoices
from billing.services import credit_note_pdf, invoice_refresh, refunds
from billing.types import Cause, RefundSnapshot
from orgs.models import Role
from tests.billing.engine.engine_steps import Shop, new_key
from tests.billing.engine.renewal_steps import Tenant
from tests.billing.engine.scripted_rail import DOWN, LOST
from tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db


def give_back(shop: Shop, amount: int, key: str = "") -> RefundSnapshot:
    row = EngineInvoice.objects.get(organization=shop.organization)
    return shop.driver.refund_payment(
        row.payment_id,
        amount_minor=amount,
        reason="requested_by_customer",
        reference=new_key()[4:22],
        idempotency_key=key or new_key(),
    )


def numbers() -> list[str]:
    return list(EngineCreditNote.objects.order_by("number").values_list("number", flat=True))


class TestIssuing:
    def test_each_refund_has_one_and_they_are_counted_by_themselves(self, shop: Shop) -> None:
        shop.start()

        given = [give_back(shop, amount) for amount in (500, 700)]

        assert numbers() == ["CN-TILL-000001", "CN-TILL-000002"]
        invoice = EngineInvoice.objects.get()
        assert invoice.number == "TILL-000001"
        found = [row.credit_note for row in given]
        assert [(row.number, row.amount_minor) for row in found if row] == [
            ("CN-TILL-000001", 500),
            ("CN-TILL-000002", 700),
        ]

    def test_the_same_refund_has_no_second_one(self, shop: Shop) -> None:
        shop.start()
        key = new_key()
        give_back(shop, 500, key)
        give_back(shop, 500, key)

        credit_notes.issue(EngineRefund.objects.get(), now=shop.clock.now)

        assert numbers() == ["CN-TILL-000001"]

    @pytest.mark.parametrize("answer", [DOWN, RefundResult("pending", "ref1")], ids=["no", "yet"])
    def test_what_was_not_given_has_none(self, shop: Shop, answer: Any) -> None:
        shop.start()
        shop.rail.refund_answers = [answer]

        if answer is DOWN:
            with pytest.raises(DriverUnavailable):
                give_back(shop, 500)
        else:
            assert give_back(shop, 500).credit_note is None

        assert numbers() == []
        assert not NumberSeries.objects.filter(series__startswith="credit:").exists()

    def test_one_that_was_found_later_has_one(self, shop: Shop) -> None:
        shop.start()
        shop.rail.refund_answers = [LOST]
        with pytest.raises(type(LOST)):
            give_back(shop, 500)
        assert numbers() == []

        shop.driver.retrieve_payment(EngineInvoice.objects.get().payment_id)

        assert numbers() == ["CN-TILL-000001"]

    def test_can_be_asked_for(self, shop: Shop) -> None:
        shop.start()
        given = give_back(shop, 500).credit_note
        assert given is not None

        assert shop.driver.retrieve_credit_note(given.external_id) == given
        with pytest.raises(ObjectMissing):
            shop.driver.retrieve_credit_note("cc_cn_none")


class TestTakenOver:
    def refund(self, tenant: Tenant, amount: int) -> Invoice:
        invoice = Invoice.objects.get(organization=tenant.organization)
        request = refunds.RefundRequest(
            provider=invoice.provider,
            external_payment_id=invoice.external_payment_id,
            reason=RefundReason.REQUESTED_BY_CUSTOMER,
            amount_minor=amount,
        )
        refunds.refund(
            organization=tenant.organization,
            request=request,
            cause=Cause("staff", id="7"),
            now=tenant.now,
        )
        invoice.refresh_from_db()
        return invoice

    def test_like_those_of_any_provider(self, tenant: Tenant) -> None:
        invoice = self.refund(tenant, 900)

        note = CreditNote.objects.get()
        assert (note.number, note.amount_minor, note.invoice) == ("CN-TILL-000001", 900, invoice)
        assert (invoice.credited_minor, invoice.refunded_minor) == (900, 900)
        lines = BillingEvent.objects.for_org(tenant.organization)
        said = lines.filter(type="billing.invoice.credited").values_list("summary", flat=True)
        assert list(said) == [f"$9.00 of invoice {invoice} was credited."]

    def test_what_was_credited_stays_when_the_invoice_is_looked_at(self, tenant: Tenant) -> None:
        invoice = self.refund(tenant, 900)
        tenant.shop.clock.turn(minutes=1)

        invoice_refresh.refresh_invoice(invoice=invoice, cause=Cause("staff"), now=tenant.now)
        tenant.to_period_end()
        tenant.run()

        invoice.refresh_from_db()
        assert invoice.credited_minor == 900

    def test_a_page_and_a_file(self, tenant: Tenant, client: Client) -> None:
        invoice = self.refund(tenant, 900)
        note = CreditNote.objects.get()
        user = UserFactory.create()
        MembershipFactory.create(organization=tenant.organization, user=user, role=Role.VIEWER)
        client.force_login(user)
        page = f"/settings/billing/invoices/{invoice.pk}"

        text = client.get(page).content.decode()
        file = client.get(f"{page}/credit-notes/{note.pk}/pdf")

        assert f'href="{page}/credit-notes/{note.pk}/pdf">Credit note CN-TILL-000001 (PDF)' in text
        assert file["Content-Type"] == "application/pdf"
        expected = 'attachment; filename="credit-note-CN-TILL-000001.pdf"'
        assert file["Content-Disposition"] == expected
        assert file.content == credit_note_pdf.render(note)

    def test_nobody_else_gets_the_file(self, tenant: Tenant, client: Client) -> None:
        invoice = self.refund(tenant, 900)
        note = CreditNote.objects.get()
        stranger = MembershipFactory.create()
        client.force_login(stranger.user)
        page = f"/settings/billing/invoices/{invoice.pk}/credit-notes"

        for note_id in (note.pk, invoice.pk, "x"):
            assert client.get(f"{page}/{note_id}/pdf").status_code == 404

    def test_the_tax_within_them_sums_to_the_invoice_s(self, tenant: Tenant) -> None:
        for amount in (333, 333, 334, 1900):
            tenant.shop.clock.turn(minutes=1)
            self.refund(tenant, amount)
        Invoice.objects.update(tax_minor=463)

        notes = CreditNote.objects.select_related("invoice").order_by("issued_at")
        parts = [invoices.credited_tax(note) for note in notes]

        assert sum(parts) == 463
        assert parts[:3] == [53, 53, 54]


@pytest.mark.django_db(transaction=True)
def test_several_at_once_leave_no_gap(shop: Shop) -> None:
    shop.start()

    def work() -> None:
        try:
            give_back(shop, 100)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert numbers() == [f"CN-TILL-{count:06}" for count in range(1, 6)]
