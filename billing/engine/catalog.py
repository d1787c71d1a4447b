"""Prices and coupons of the catalogue, as the engine charges them and takes them off."""

from decimal import Decimal

from billing.drivers.base import DriverRejected
from billing.engine import ids
from billing.engine.house import House
from billing.engine.models import EngineCoupon, EnginePrice
from billing.money import percent_text
from billing.types import CouponSpec, ExternalPriceRef, PriceSpec


def ensure_price(house: House, spec: PriceSpec) -> ExternalPriceRef:
    """Find our price by its lookup key, or create it.

    Raises:
        DriverRejected: another one is in its place (`price_mismatch`).
    """
    row, _ = EnginePrice.objects.get_or_create(
        provider=house.provider,
        lookup_key=spec.lookup_key,
        defaults={
            "external_id": ids.new_id(house.provider, "price"),
            "product": spec.plan_code,
            "name": spec.plan_name,
            "interval": spec.interval,
            "currency": spec.currency,
            "unit_amount_minor": spec.amount_minor,
        },
    )
    found = (row.interval, row.interval_count, row.currency, row.unit_amount_minor)
    if found != (spec.interval, 1, spec.currency, spec.amount_minor):
        raise DriverRejected("INVALID_REQUEST", detail="price_mismatch")
    return ExternalPriceRef(row.external_id, f"{ids.PREFIXES[house.provider]}_prod_{row.product}")


def ensure_coupon(house: House, spec: CouponSpec) -> str:
    """Find our coupon by its code, or create it.

    Raises:
        DriverRejected: another one is in its place (`coupon_mismatch`).
    """
    row, _ = EngineCoupon.objects.get_or_create(
        provider=house.provider,
        code=spec.code,
        defaults={
            "external_id": ids.new_id(house.provider, "coupon"),
            "name": spec.name,
            "percent_off": Decimal(spec.percent_off) if spec.percent_off else None,
            "amount_off_minor": spec.amount_off_minor,
            "currency": spec.currency,
            "duration": spec.duration,
            "duration_months": spec.duration_months,
        },
    )
    percent = percent_text(row.percent_off) if row.percent_off is not None else ""
    wanted = percent_text(Decimal(spec.percent_off)) if spec.percent_off else ""
    found = (percent, row.amount_off_minor, row.currency, row.duration, row.duration_months)
    if found != (
        wanted,
        spec.amount_off_minor,
        spec.currency,
        spec.duration,
        spec.duration_months,
    ):
        raise DriverRejected("INVALID_REQUEST", detail="coupon_mismatch")
    return row.external_id
