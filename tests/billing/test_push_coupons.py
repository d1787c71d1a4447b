"""push_catalogue makes Stripe know our coupons, and the demo has one."""

import io
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from billing.enums import CouponDuration
from billing.models import Coupon, ExternalCoupon, Price
from billing.services import coupon_links
from tests.billing.coupon_steps import make_coupon, make_theirs
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


def push() -> list[str]:
    out = io.StringIO()
    call_command("push_catalogue", stdout=out)
    return out.getvalue().splitlines()


class TestPushCatalogue:
    def test_makes_stripe_know_each_coupon_once(
        self, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        coupon = make_coupon()

        assert push()[-1] == f"Coupon {coupon.code}: known to stripe."
        assert push() == ["Every price has its name."]

        raw = stripe.api("GET", f"/v1/coupons/till_{coupon.code}").json()
        assert (raw["percent_off"], raw["duration"]) == (20, "once")
        assert ExternalCoupon.objects.get(coupon=coupon).external_id == raw["id"]

    def test_names_the_one_that_something_else_stands_in_place_of(
        self, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        coupon = make_coupon()
        make_theirs(stripe, id=f"till_{coupon.code}", percent_off="50")

        with pytest.raises(CommandError, match=rf"the coupon {coupon.code} \(.*coupon_mismatch"):
            push()

        assert not ExternalCoupon.objects.filter(coupon=coupon).exists()
        coupon_links.deactivate_coupon(coupon=coupon, now=coupon.created_at)
        assert push() == ["Every price has its name."]


def test_the_demo_has_a_coupon_to_try(stripe: StripeSimulator, tmp_path: Path) -> None:
    for _ in range(2):
        call_command("seed_demo", str(tmp_path / "people.json"), stdout=io.StringIO())

    welcome = Coupon.objects.get()
    assert (welcome.code, welcome.percent_off) == ("WELCOME20", Decimal(20))
    assert (welcome.duration, welcome.duration_months) == (CouponDuration.REPEATING, 3)
    known = ExternalCoupon.objects.order_by("provider").values_list("provider", "external_id")
    assert [provider for provider, _ in known] == ["cardconnect", "custom", "stripe"]
    assert dict(known)["stripe"] == "till_WELCOME20"
    assert stripe.api("GET", "/v1/coupons/till_WELCOME20").json()["percent_off"] == 20
