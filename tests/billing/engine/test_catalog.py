"""What the engine sells, taxes and numbers, out of its tables."""

import dataclasses
from decimal import Decimal

import pytest

from billing.drivers.base import DriverRejected
from billing.engine.models import Payer, SellerNumbers, TaxEntry
from billing.types import CouponSpec, PriceSpec
from tests.billing.builders import make_organization
from tests.billing.engine.engine_steps import MONTHLY, Shop, new_key

PRICE = PriceSpec("pro", "Pro", 1, "month", "USD", MONTHLY, "pro_v1")
COUPON = CouponSpec("1", "WELCOME", "Welcome", "once", percent_off="20")


class TestEnsurePrice:
    def test_finds_its_price_again(self, shop: Shop) -> None:
        first = shop.driver.ensure_price(PRICE)

        assert shop.driver.ensure_price(PRICE) == first

    def test_refuses_another_price_in_its_place(self, shop: Shop) -> None:
        shop.driver.ensure_price(PRICE)

        with pytest.raises(DriverRejected) as caught:
            shop.driver.ensure_price(dataclasses.replace(PRICE, amount_minor=100))

        assert caught.value.detail == "price_mismatch"


def test_another_coupon_in_its_place_is_refused(shop: Shop) -> None:
    shop.driver.ensure_coupon(COUPON, idempotency_key=new_key())

    with pytest.raises(DriverRejected) as caught:
        shop.driver.ensure_coupon(
            dataclasses.replace(COUPON, percent_off="25"), idempotency_key=new_key()
        )

    assert caught.value.detail == "coupon_mismatch"


class TestTaxes:
    def rate(self, **fields: object) -> None:
        TaxEntry.objects.create(name="VAT", percentage=Decimal(19), country="DE", **fields)

    def in_germany(self, shop: Shop, **fields: object) -> None:
        Payer.objects.filter(external_id=shop.payer).update(country="DE", **fields)

    def test_come_on_top_and_are_in_the_preview_too(self, shop: Shop) -> None:
        self.rate()
        self.in_germany(shop)

        running = shop.start()
        preview = shop.driver.preview_renewal(running.external_id)

        invoice = running.latest_invoice
        assert invoice is not None
        assert (invoice.subtotal_minor, invoice.tax_minor, invoice.total_minor) == (2900, 551, 3451)
        assert shop.rail.total == 3451
        assert preview is not None
        assert (preview.tax_minor, preview.total_minor) == (551, 3451)

    def test_can_be_in_the_price(self, shop: Shop) -> None:
        self.rate(is_inclusive=True)
        self.in_germany(shop)

        invoice = shop.start().latest_invoice

        assert invoice is not None
        assert (invoice.tax_minor, invoice.total_minor) == (463, 2900)

    def test_are_not_asked_of_who_is_exempt(self, shop: Shop) -> None:
        self.rate()
        self.in_germany(shop, is_tax_exempt=True)

        shop.start()

        assert shop.rail.total == MONTHLY

    def test_of_another_seller_are_not_ours(self, shop: Shop) -> None:
        self.rate(organization=make_organization("Globex"))
        self.in_germany(shop)

        shop.start()

        assert shop.rail.total == MONTHLY


def test_a_seller_has_numbers_of_its_own(shop: Shop) -> None:
    SellerNumbers.objects.create(
        organization=shop.organization, prefix="ACME", digits=4, restarts="yearly"
    )
    Payer.objects.filter(external_id=shop.payer).update(seller=shop.organization)

    numbers = [shop.start().latest_invoice for _ in range(2)]

    assert [row.number for row in numbers if row] == ["ACME-2026-0001", "ACME-2026-0002"]


def test_a_change_into_another_currency_is_refused(shop: Shop) -> None:
    euros = shop.driver.ensure_price(
        dataclasses.replace(PRICE, currency="EUR", lookup_key="pro_eur")
    )
    running = shop.start()

    with pytest.raises(DriverRejected) as caught:
        shop.change(running, external_price_id=euros.external_id)

    assert caught.value.detail == "other_currency"
