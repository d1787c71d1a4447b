"""Coupons, ours and such as staff make in Stripe's dashboard. Codes are never used twice."""

import uuid
from decimal import Decimal
from typing import Any

import pytest

from billing.models import Coupon, Price, Subscription
from billing.services import coupons
from billing.types import CouponSpec
from orgs import clock
from orgs.models import Organization
from tests.simulators.stripe.client import StripeSimulator

EXPIRED = "This coupon has expired."
USED_UP = "This coupon has been used up."
NOT_HERE = "This coupon does not apply to this plan."


def new_code() -> str:
    return f"C{uuid.uuid4().hex[:12].upper()}"


def make_coupon(**changes: Any) -> Coupon:
    """Ours: 20 % off the first invoice, unless told otherwise."""
    fields: dict[str, Any] = {"code": new_code(), "name": "Welcome"}
    if "amount_off_minor" not in changes:
        fields["percent_off"] = Decimal(20)
    return Coupon.objects.create(**{**fields, **changes})


def coupon_spec(**changes: Any) -> CouponSpec:
    fields: dict[str, Any] = {
        "our_id": str(uuid.uuid4()),
        "code": new_code(),
        "name": "Welcome",
        "duration": "once",
        "percent_off": "20",
    }
    return CouponSpec(**{**fields, **changes})


def make_theirs(stripe: StripeSimulator, **changes: Any) -> str:
    """A coupon that only Stripe has; return its id."""
    params = {"id": new_code(), "percent_off": "20", "duration": "once", **changes}
    wanted = {name: value for name, value in params.items() if value is not None}
    answer = stripe.api("POST", "/v1/coupons", wanted)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def make_their_code(stripe: StripeSimulator, coupon_id: str, **changes: Any) -> str:
    """A promotion code for a coupon of Stripe's; return the code."""
    params = {"promotion[type]": "coupon", "promotion[coupon]": coupon_id, "code": new_code()}
    answer = stripe.api("POST", "/v1/promotion_codes", {**params, **changes})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["code"])


def find(organization: Organization, code: str, price: Price, **more: Any) -> coupons.Applicable:
    return coupons.find_coupon(
        code=code, price=price, organization=organization, now=more.pop("now", clock.now()), **more
    )


def why_not(organization: Organization, code: str, price: Price, **more: Any) -> str:
    """Return why a code is refused."""
    with pytest.raises(coupons.CouponRefused) as caught:
        find(organization, code, price, **more)
    assert (caught.value.code, caught.value.status) == ("INVALID_REQUEST", 400)
    assert caught.value.fields == {"coupon": [caught.value.message]}
    return caught.value.message


def charged(stripe: StripeSimulator, row: Subscription) -> int:
    """Return what Stripe took for the first invoice of a subscription."""
    invoice = stripe.api("GET", f"/v1/invoices/{row.latest_invoice_external_id}").json()
    assert invoice["status"] == "paid"
    amount: int = invoice["amount_paid"]
    return amount


def created(stripe: StripeSimulator, since: int = 0) -> list[dict[str, Any]]:
    return [
        entry
        for entry in stripe.requests(since)
        if entry["method"] == "POST" and entry["path"] == "/v1/subscriptions"
    ]
