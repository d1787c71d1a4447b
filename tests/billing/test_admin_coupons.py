"""Staff makes coupons, pushes them and takes them out of use."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from billing.models import Coupon, ExternalCoupon
from billing.selectors import coupons
from orgs.models import User
from tests import factories_billing as make
from tests.billing.admin_steps import act
from tests.billing.coupon_steps import make_coupon, new_code
from tests.factories_coupons import CouponRedemptionFactory
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db

ADD = "admin:billing_coupon_add"


def form(**changes: Any) -> dict[str, Any]:
    """What the browser sends for a new coupon: 20 % off the first invoice."""
    return {
        "code": new_code(),
        "name": "Welcome",
        "percent_off": "20",
        "amount_off_minor": "",
        "currency": "",
        "duration": "once",
        "duration_months": "",
        "max_redemptions": "",
        "redeem_by_0": "",
        "redeem_by_1": "",
        "is_active": "on",
        "external_coupons-TOTAL_FORMS": 0,
        "external_coupons-INITIAL_FORMS": 0,
        **changes,
    }


def change(client: Client, coupon: Coupon, **changes: Any) -> Any:
    url = reverse("admin:billing_coupon_change", args=[coupon.pk])
    return client.post(url, form(**changes))


class TestMaking:
    def test_takes_code_and_currency_in_any_case(self, client: Client, staff: User) -> None:
        code, plan = new_code(), make.PlanFactory.create()
        fields = {
            "code": f" {code.lower()} ",
            "percent_off": "",
            "amount_off_minor": 500,
            "currency": "usd",
            "duration": "repeating",
            "duration_months": 3,
            "max_redemptions": 100,
            "plans": [str(plan.pk)],
        }

        response = client.post(reverse(ADD), form(**fields))

        assert response.status_code == 302, response.context["errors"]
        coupon = coupons.by_code(code)
        assert coupon is not None
        assert (coupon.code, coupon.currency, coupon.off) == (code, "USD", "$5.00")
        assert (coupon.duration_months, coupon.max_redemptions) == (3, 100)
        assert list(coupon.plans.all()) == [plan]

    @pytest.mark.parametrize(
        "changes",
        [
            {"percent_off": "0"},
            {"percent_off": "101"},
            {"percent_off": "12.345"},
            {"percent_off": ""},
            {"amount_off_minor": "500", "currency": "USD"},
            {"percent_off": "", "amount_off_minor": "500"},
            {"percent_off": "", "amount_off_minor": "0", "currency": "USD"},
            {"percent_off": "", "amount_off_minor": "500", "currency": "U$D"},
            {"duration": "repeating"},
            {"duration_months": "3"},
            {"max_redemptions": "0"},
            {"code": "half off"},
        ],
        ids=str,
    )
    def test_refuses_what_makes_no_sense(
        self, client: Client, staff: User, changes: dict[str, Any]
    ) -> None:
        response = client.post(reverse(ADD), form(**changes))

        assert response.status_code == 200
        assert Coupon.objects.count() == 0

    def test_refuses_a_code_that_is_taken(self, client: Client, staff: User) -> None:
        taken = make_coupon()

        response = client.post(reverse(ADD), form(code=taken.code.lower()))

        assert response.status_code == 200
        assert Coupon.objects.count() == 1


class TestChanging:
    def test_a_draft_is_open(self, client: Client, staff: User) -> None:
        coupon = make_coupon()

        assert change(client, coupon, code=coupon.code, percent_off="30").status_code == 302

        coupon.refresh_from_db()
        assert coupon.percent_off == Decimal(30)

    def test_of_a_final_one_only_its_usability_changes(self, client: Client, staff: User) -> None:
        coupon = make_coupon(final_at=make.NOW)
        data = {"redeem_by_0": "2027-01-01", "redeem_by_1": "12:00:00", "percent_off": "99"}

        assert change(client, coupon, **data).status_code == 302

        coupon.refresh_from_db()
        assert coupon.percent_off == Decimal(20)
        assert coupon.redeem_by is not None
        assert coupon.redeem_by.year == 2027

    def test_the_list_says_how_often_it_was_used(self, client: Client, staff: User) -> None:
        coupon = make_coupon(max_redemptions=7)
        CouponRedemptionFactory.create(coupon=coupon)
        CouponRedemptionFactory.create(
            coupon=coupon, subscription__status="canceled", subscription__activated_at=None
        )

        html = client.get(reverse("admin:billing_coupon_changelist")).content.decode()

        assert "1 of 7" in html
        assert "20 %" in html


class TestPush:
    def test_asks_first(self, client: Client, staff: User, stripe: StripeSimulator) -> None:
        coupon = make_coupon()

        response = act(client, "billing_coupon", "push", coupon)

        assert "are final. Push them?" in response.content.decode()
        assert ExternalCoupon.objects.count() == 0

    def test_makes_stripe_know_them(
        self, client: Client, staff: User, stripe: StripeSimulator
    ) -> None:
        coupon = make_coupon()

        act(client, "billing_coupon", "push", coupon, confirmed="yes")

        assert ExternalCoupon.objects.get().external_id == f"till_{coupon.code}"
        assert stripe.api("GET", f"/v1/coupons/till_{coupon.code}").status_code == 200
        assert LogEntry.objects.get().get_change_message() == "Pushed to Stripe."

    def test_says_what_stripe_did_not_take(
        self, client: Client, staff: User, stripe: StripeSimulator
    ) -> None:
        coupon = make_coupon()
        stripe.add_fault(method="POST", path="/v1/coupons$", status=500)

        response = act(client, "billing_coupon", "push", coupon, confirmed="yes")

        assert f"{coupon.code} was not pushed" in response.content.decode()
        assert ExternalCoupon.objects.count() == 0
        assert LogEntry.objects.count() == 0


class TestDeactivate:
    def test_takes_them_out_of_use_and_leaves_a_log_entry(
        self, client: Client, staff: User
    ) -> None:
        coupon, over = make_coupon(), make_coupon(is_active=False)

        response = act(client, "billing_coupon", "deactivate", coupon, over)

        assert "1 coupons taken out of use." in response.content.decode()
        coupon.refresh_from_db()
        assert not coupon.is_active
        assert LogEntry.objects.get().object_repr == coupon.code
