"""Coupons at Stripe: ours, and the codes that staff made in Stripe's dashboard.

A discount always lies on a subscription, never on a customer: dj-stripe breaks on every event
about a customer that holds one.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from billing.drivers.base import DriverRejected, ObjectMissing
from billing.drivers.stripe import calls
from billing.drivers.stripe.calls import Json
from billing.drivers.stripe.discounts import COUPON_KEY
from billing.drivers.stripe.snapshots import id_of
from billing.money import percent_text
from billing.types import CouponSpec, DiscountOffer, DiscountRef

if TYPE_CHECKING:
    import stripe

State = Literal["usable", "expired", "used_up"]


def ensure(spec: CouponSpec, *, idempotency_key: str) -> str:
    """Create our coupon; one that exists already is compared.

    Its id follows from the code, so it exists once. Coupons don't change at Stripe, and what has to
    stay open (until when, how often) is not told.
    Source: https://docs.stripe.com/api/coupons/create and https://docs.stripe.com/api/coupons/update

    Raises:
        DriverRejected: a coupon with this id takes something else off (`coupon_mismatch`).
    """
    coupon_id = f"till_{spec.code}"
    try:
        raw = _create(spec, coupon_id, idempotency_key)
    except DriverRejected as error:
        if error.detail != "resource_already_exists":
            raise
        raw = calls.read_one("coupons", coupon_id)
    if _terms(raw) != _wanted(spec) or not raw["valid"]:
        raise DriverRejected("INVALID_REQUEST", detail="coupon_mismatch")
    return str(raw["id"])


def _create(spec: CouponSpec, coupon_id: str, idempotency_key: str) -> Json:
    params: stripe.params.CouponCreateParams = {
        "id": coupon_id,
        "name": spec.name,
        "duration": spec.duration,
        "metadata": {COUPON_KEY: spec.code},
    }
    if spec.percent_off:
        params["percent_off"] = float(spec.percent_off)
    else:
        params["amount_off"] = spec.amount_off_minor
        params["currency"] = spec.currency.lower()
    if spec.duration == "repeating":
        params["duration_in_months"] = spec.duration_months
    options = calls.keyed(idempotency_key)
    return calls.write(lambda sdk: sdk.v1.coupons.create(params, options))


_Terms = tuple[Decimal, int, str, str, int]


def _wanted(spec: CouponSpec) -> _Terms:
    return (
        Decimal(spec.percent_off or 0),
        spec.amount_off_minor,
        spec.currency,
        spec.duration,
        spec.duration_months,
    )


def _terms(raw: Json) -> _Terms:
    return (
        Decimal(str(raw["percent_off"] or 0)),
        raw["amount_off"] or 0,
        (raw["currency"] or "").upper(),
        raw["duration"],
        raw["duration_in_months"] or 0,
    )


def find(code: str) -> DiscountOffer | None:
    """Look for a promotion code, and then (Stripe's users know coupons by it) for a coupon's id.

    Our own coupons are not found by their id at Stripe: what restricts them is here.
    """
    return _find_promotion_code(code) or _find_coupon(code)


def _find_promotion_code(code: str) -> DiscountOffer | None:
    """Find the code that is active (there is at most one), or the newest that was.

    Source: https://docs.stripe.com/api/promotion_codes/list (codes match in any case).
    """
    params: stripe.params.PromotionCodeListParams = {
        "code": code,
        "limit": 100,
        "expand": ["data.promotion.coupon.applies_to"],
    }
    rows: list[Json] = calls.read(lambda sdk: sdk.v1.promotion_codes.list(params))["data"]
    rows = [row for row in rows if isinstance(row["promotion"]["coupon"], dict)]
    if not rows:
        return None
    row = next((row for row in rows if row["active"]), rows[0])
    coupon, limits = row["promotion"]["coupon"], row["restrictions"]
    return _offer(
        coupon,
        DiscountRef(row["id"], "promotion_code"),
        "usable" if row["active"] else _why_not(row, coupon),
        minimum_minor=limits["minimum_amount"] or 0,
        minimum_currency=(limits["minimum_amount_currency"] or "").upper(),
        external_customer_id=id_of(row["customer"]),
        first_purchase_only=limits["first_time_transaction"],
    )


def _find_coupon(coupon_id: str) -> DiscountOffer | None:
    try:
        raw = calls.read_one("coupons", coupon_id, expand=["applies_to"])
    except ObjectMissing:
        return None
    if COUPON_KEY in (raw["metadata"] or {}):
        return None
    return _offer(raw, DiscountRef(raw["id"]), "usable" if raw["valid"] else _why_not(raw))


def _why_not(*limited: Json) -> State:
    """Say why a code or its coupon is not valid any more; one switched off by hand has expired."""
    for row in limited:
        if row["max_redemptions"] and row["times_redeemed"] >= row["max_redemptions"]:
            return "used_up"
    return "expired"


def _offer(coupon: Json, ref: DiscountRef, state: State, **limits: Any) -> DiscountOffer:
    return DiscountOffer(
        ref=ref,
        external_coupon_id=coupon["id"],
        state=state,
        name=coupon["name"] or "",
        percent_off=percent_text(coupon["percent_off"]) if coupon["percent_off"] else "",
        amount_off_minor=coupon["amount_off"] or 0,
        currency=(coupon["currency"] or "").upper(),
        duration=coupon["duration"],
        duration_months=coupon["duration_in_months"] or 0,
        external_product_ids=tuple((coupon.get("applies_to") or {}).get("products", ())),
        **limits,
    )
