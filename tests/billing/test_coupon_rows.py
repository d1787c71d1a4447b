"""What the database lets a coupon be, and what of it may change."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from billing.enums import CouponDuration, Provider
from billing.models import Coupon, ExternalCoupon
from billing.selectors import coupons
from billing.services import coupon_links
from tests.billing.builders import NOW
from tests.billing.coupon_steps import make_coupon, new_code
from tests.factories_billing import PlanFactory

pytestmark = pytest.mark.django_db

IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "0 %": {"percent_off": Decimal(0)},
    "101 %": {"percent_off": Decimal(101)},
    "less than nothing": {"percent_off": Decimal(-5)},
    "an amount of 0": {"amount_off_minor": 0, "currency": "USD"},
    "an amount without currency": {"amount_off_minor": 500},
    "both": {"percent_off": Decimal(20), "amount_off_minor": 500, "currency": "USD"},
    "neither": {"percent_off": None},
    "a percentage of a currency": {"percent_off": Decimal(20), "currency": "USD"},
    "months without number": {"duration": CouponDuration.REPEATING},
    "no months": {"duration": CouponDuration.REPEATING, "duration_months": 0},
    "months for once": {"duration_months": 3},
    "a space in the code": {"code": "HALF OFF"},
    "no code": {"code": ""},
    "a long code": {"code": "X" * 41},
}


class TestCoupon:
    @pytest.mark.parametrize("fields", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
    def test_that_makes_no_sense_is_refused_by_form_and_database(
        self, fields: dict[str, Any]
    ) -> None:
        wanted = {"code": new_code(), "name": "Welcome", **fields}
        if "amount_off_minor" not in fields:
            wanted.setdefault("percent_off", Decimal(20))

        with pytest.raises(ValidationError):
            Coupon(**wanted).full_clean()
        if len(wanted["code"]) <= 40:
            with pytest.raises(IntegrityError), transaction.atomic():
                Coupon.objects.create(**wanted)

    @pytest.mark.parametrize("percent", ["0.01", "12.5", "100"])
    def test_takes_any_part_up_to_the_whole(self, percent: str) -> None:
        coupon = make_coupon(percent_off=Decimal(percent))

        coupon.refresh_from_db()
        assert coupon.percent_off == Decimal(percent)
        assert coupon.off == f"{percent} %"

    def test_code_is_one_in_any_case(self) -> None:
        code = new_code()
        coupon = make_coupon(code=f" {code.lower()} ")

        assert coupon.code == code
        assert coupons.by_code(code.lower()) == coupon
        with pytest.raises(IntegrityError), transaction.atomic():
            make_coupon(code=code.lower())


CHANGES: dict[str, Any] = {
    "code": "OTHER",
    "name": "Other",
    "percent_off": Decimal(99),
    "duration": CouponDuration.FOREVER,
    "max_redemptions": 7,
    "final_at": None,
}


class TestFinal:
    @pytest.fixture
    def final(self) -> Coupon:
        return make_coupon(final_at=NOW)

    @pytest.mark.parametrize("field", CHANGES)
    def test_terms_do_not_change(self, final: Coupon, field: str) -> None:
        setattr(final, field, CHANGES[field])

        with pytest.raises(IntegrityError, match="is final"), transaction.atomic():
            final.save()

    def test_amounts_do_not_change(self) -> None:
        final = make_coupon(amount_off_minor=500, currency="USD", final_at=NOW)
        final.amount_off_minor = 501

        with pytest.raises(IntegrityError, match="is final"), transaction.atomic():
            final.save()

    def test_until_when_and_whether_it_is_usable_may_change(self, final: Coupon) -> None:
        final.is_active, final.redeem_by = False, NOW + timedelta(days=1)

        final.save()

        final.refresh_from_db()
        assert (final.is_active, final.redeem_by) == (False, NOW + timedelta(days=1))

    def test_is_not_deleted(self, final: Coupon) -> None:
        with pytest.raises(IntegrityError, match="is final"), transaction.atomic():
            final.delete()

    def test_plans_neither_come_nor_go(self) -> None:
        coupon, plan = make_coupon(), PlanFactory.create()
        coupon.plans.add(plan)
        Coupon.objects.filter(pk=coupon.pk).update(final_at=NOW)

        with pytest.raises(IntegrityError, match="is final"), transaction.atomic():
            coupon.plans.add(PlanFactory.create())
        with pytest.raises(IntegrityError, match="is final"), transaction.atomic():
            coupon.plans.remove(plan)

    def test_until_then_everything_may_change(self) -> None:
        coupon, plan = make_coupon(), PlanFactory.create()
        coupon.plans.add(plan)
        coupon.percent_off = Decimal(50)

        coupon.save()
        coupon.plans.clear()
        coupon.delete()

        assert not Coupon.objects.filter(code=coupon.code).exists()


class TestEnsureCoupon:
    def test_makes_one_that_is_missing_and_leaves_one_that_is_there(self) -> None:
        wanted = coupon_links.NewCoupon(
            code=new_code().lower(),
            name="Welcome",
            duration=CouponDuration.REPEATING,
            percent_off=Decimal(20),
            duration_months=3,
        )
        made = coupon_links.ensure_coupon(wanted=wanted)
        Coupon.objects.filter(pk=made.pk).update(percent_off=Decimal(30))

        again = coupon_links.ensure_coupon(wanted=wanted)

        assert (again.pk, again.percent_off) == (made.pk, Decimal(30))
        assert (made.code, made.duration_months) == (wanted.code.upper(), 3)

    def test_makes_none_that_makes_no_sense(self) -> None:
        wanted = coupon_links.NewCoupon(
            code=new_code(),
            name="Too much",
            duration=CouponDuration.ONCE,
            percent_off=Decimal(101),
        )

        with pytest.raises(ValidationError):
            coupon_links.ensure_coupon(wanted=wanted)

        assert coupons.by_code(wanted.code) is None


class TestToPush:
    def test_are_those_that_can_be_used_and_are_not_known(self) -> None:
        wanted = make_coupon(redeem_by=NOW + timedelta(seconds=1))
        known = make_coupon()
        ExternalCoupon.objects.create(
            coupon=known, provider=Provider.STRIPE, external_id=f"till_{known.code}"
        )
        left = [known, make_coupon(is_active=False), make_coupon(redeem_by=NOW)]

        found = set(coupons.to_push(Provider.STRIPE, NOW))

        assert wanted in found
        assert found.isdisjoint(left)
