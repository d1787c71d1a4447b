"""Reading and paying Stripe's invoices through the driver."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from billing.drivers.base import DriverRejected, ObjectMissing
from billing.drivers.stripe import calls, invoices
from billing.enums import InvoiceStatus, Provider, SubscriptionStatus
from billing.types import InvoiceLineSnapshot, InvoiceSnapshot
from tests.billing import stripe_builders as build
from tests.billing.stripe_invoice_cases import unpaid
from tests.simulators.stripe.client import StripeSimulator

PAID = Path(__file__).parent.parent / "fixtures" / "stripe" / "events" / "invoice.paid.json"


def raw(**changes: Any) -> dict[str, Any]:
    """A paid invoice over two seats, as the driver asks for it."""
    found = json.loads(PAID.read_text(encoding="utf-8"))["data"]["object"]
    payment = {"type": "payment_intent", "payment_intent": "pi_1"}
    payments = [{"id": "inpay_1", "status": "paid", "is_default": True, "payment": payment}]
    return {**found, "payments": {"object": "list", "data": payments}, **changes}


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


class TestSnapshot:
    def test_says_all_that_is_kept_of_an_invoice(self) -> None:
        found = invoices.snapshot(raw())

        day = moment(1795237514)
        assert found == InvoiceSnapshot(
            provider=Provider.STRIPE,
            external_id="in_G2OE2FOEjkfjwFNppbEr6tSG",
            status=InvoiceStatus.PAID,
            currency="USD",
            subtotal_minor=5800,
            total_minor=5800,
            amount_due_minor=5800,
            amount_paid_minor=5800,
            amount_remaining_minor=0,
            number="BM7IIMOH-0001",
            billing_reason="subscription_create",
            external_customer_id="cus_GV7kvPIj4bJDSp",
            external_subscription_id="sub_y6Hta9uaMJLPYWHChujToWgH",
            external_payment_id="pi_1",
            organization_id="22222222-2222-4222-8222-222222222222",
            created_at=day,
            finalized_at=day,
            paid_at=day,
            period_start=day,
            period_end=day,
            attempt_count=1,
            hosted_url="https://stripe.example/i/in_G2OE2FOEjkfjwFNppbEr6tSG",
            pdf_url="https://stripe.example/i/in_G2OE2FOEjkfjwFNppbEr6tSG/pdf",
            payer_name="Acme",
            payer_email="acme@example.com",
            lines=(
                InvoiceLineSnapshot(
                    external_id="il_hbmsyj5mjAKQ4NmfHf6Gp62f",
                    description="2 × Starter (at $29.00 / month)",  # noqa: RUF001 - Stripe's own
                    quantity=2,
                    amount_minor=5800,
                    period_start=day,
                    period_end=moment(1797829514),
                    external_price_id="price_hd1eKYQFA7XTrAmwZv3rfy4r",
                ),
            ),
        )

    def test_adds_up_discounts_taxes_and_credit_notes(self) -> None:
        found = invoices.snapshot(
            raw(
                total_discount_amounts=[
                    {"amount": 500, "discount": "di_1"},
                    {"amount": 80, "discount": "di_2"},
                ],
                total_taxes=[{"amount": 418}, {"amount": 100}],
                pre_payment_credit_notes_amount=200,
                post_payment_credit_notes_amount=300,
                amount_paid_off_stripe=40,
            )
        )

        assert found.discount_minor == 580
        assert found.tax_minor == 518
        assert found.credited_minor == 500
        assert found.paid_elsewhere_minor == 40

    def test_takes_the_payers_address_from_the_invoice(self) -> None:
        address = {
            "line1": "Rua Augusta 1",
            "line2": None,
            "postal_code": "1100-048",
            "city": "Lisboa",
            "state": None,
            "country": "PT",
        }
        tax_ids = [{"type": "eu_vat", "value": "PT123456789"}, {"type": "br_cpf", "value": None}]

        found = invoices.snapshot(
            raw(customer_name="Łódź Καφές", customer_address=address, customer_tax_ids=tax_ids)
        )

        assert found.payer_name == "Łódź Καφές"
        assert found.payer_address == ("Rua Augusta 1", "1100-048 Lisboa", "PT")
        assert found.payer_tax_ids == ("PT123456789",)

    def test_an_invoice_for_no_subscription_names_its_payer(self) -> None:
        metadata = {"till_organization_id": "22222222-2222-4222-8222-222222222222"}

        found = invoices.snapshot(
            raw(parent=None, metadata=metadata, number=None, billing_reason=None)
        )

        assert found.external_subscription_id == ""
        assert found.organization_id == metadata["till_organization_id"]
        assert found.external_customer_id == "cus_GV7kvPIj4bJDSp"
        assert (found.number, found.billing_reason) == ("", "")

    def test_says_that_lines_are_missing(self) -> None:
        lines = {**raw()["lines"], "has_more": True}

        assert not invoices.snapshot(raw(lines=lines)).has_all_lines


class TestRetrieveInvoice:
    def test_a_subscription_brings_its_latest_invoice_along(self, stripe: StripeSimulator) -> None:
        started = unpaid()

        alone = build.driver().retrieve_invoice(started.latest_invoice_id)

        assert started.latest_invoice == alone
        assert alone.status is InvoiceStatus.OPEN
        assert alone.external_subscription_id == started.external_id
        assert alone.external_payment_id.startswith("pi_")
        assert alone.has_all_lines

    def test_a_stranger_is_missing(self, stripe: StripeSimulator) -> None:
        with pytest.raises(ObjectMissing):
            build.driver().retrieve_invoice("in_of_nobody")

    def test_asks_for_the_lines_that_were_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        first, second, third = ({**raw()["lines"]["data"][0], "id": f"il_{n}"} for n in (1, 2, 3))
        part = raw(lines={"object": "list", "data": [first], "has_more": True})
        rest = [
            {"data": [second], "has_more": True},
            {"data": [third], "has_more": False},
        ]
        asked: list[str | None] = []

        class Sdk:
            """What the driver asks for further lines."""

            def __init__(self) -> None:
                self.v1 = self.invoices = self.line_items = self

            def list(self, external_id: str, params: dict[str, Any]) -> dict[str, Any]:
                assert external_id == part["id"]
                asked.append(params["starting_after"])
                return rest[len(asked) - 1]

        monkeypatch.setattr(calls, "read_one", lambda *_args, **_options: copy.deepcopy(part))
        monkeypatch.setattr(calls, "read", lambda ask: ask(Sdk()))

        found = invoices.retrieve(part["id"])

        assert [line.external_id for line in found.lines] == ["il_1", "il_2", "il_3"]
        assert asked == ["il_1", "il_2"]
        assert found.has_all_lines


class TestPayInvoice:
    def test_charges_the_card_and_returns_the_invoice(self, stripe: StripeSimulator) -> None:
        started = unpaid()
        method = build.attach(started.external_customer_id)

        paid = build.driver().pay_invoice(
            started.latest_invoice_id, payment_method=method, idempotency_key=build.new_key()
        )

        assert paid.status is InvoiceStatus.PAID
        assert paid.amount_paid_minor == 2900
        subscription = build.driver().retrieve_subscription(started.external_id)
        assert subscription.status is SubscriptionStatus.ACTIVE

    @pytest.mark.parametrize(
        ("card", "detail"),
        [
            (build.DECLINED_AT_CHARGE, "card_declined"),
            (build.ASKS_EVERY_TIME, "invoice_payment_intent_requires_action"),
        ],
    )
    def test_a_refused_or_asking_card_is_a_decline(
        self, stripe: StripeSimulator, card: str, detail: str
    ) -> None:
        started = unpaid()
        method = build.attach(started.external_customer_id, card)

        with pytest.raises(DriverRejected) as caught:
            build.driver().pay_invoice(
                started.latest_invoice_id, payment_method=method, idempotency_key=build.new_key()
            )

        assert (caught.value.code, caught.value.detail) == ("CARD_DECLINED", detail)

    def test_one_that_is_paid_already_is_returned_as_it_is(self, stripe: StripeSimulator) -> None:
        started = unpaid()
        method = build.attach(started.external_customer_id)
        paid = [
            build.driver().pay_invoice(
                started.latest_invoice_id, payment_method=method, idempotency_key=build.new_key()
            )
            for _ in range(2)
        ]

        assert paid[0].status is InvoiceStatus.PAID
        assert paid[1] == paid[0]
        assert len(stripe.objects("charge")) == _charges(stripe, started.external_customer_id)

    def test_a_void_one_can_not_be_paid(self, stripe: StripeSimulator) -> None:
        started = unpaid()
        build.driver().abandon_subscription(started.external_id, idempotency_key=build.new_key())

        with pytest.raises(DriverRejected) as caught:
            build.driver().pay_invoice(
                started.latest_invoice_id,
                payment_method=build.attach(started.external_customer_id),
                idempotency_key=build.new_key(),
            )

        assert caught.value.code == "INVALID_REQUEST"


def _charges(stripe: StripeSimulator, customer: str) -> int:
    """Everybody's charges, this payer's counted once."""
    others = [row for row in stripe.objects("charge") if row["customer"] != customer]
    return len(others) + 1
