"""Making coupons, and making providers know them."""

import dataclasses
import logging
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Literal

from django.db import IntegrityError, transaction

from billing.drivers import registry
from billing.drivers.base import DriverError, DriverRejected
from billing.enums import CouponDuration, Provider
from billing.errors import ProviderFailed
from billing.models import Coupon, ExternalCoupon
from billing.money import percent_text
from billing.selectors import coupons
from billing.services import refusals
from billing.types import CouponSpec

_DURATIONS: dict[CouponDuration, Literal["once", "repeating", "forever"]] = {
    CouponDuration.ONCE: "once",
    CouponDuration.REPEATING: "repeating",
    CouponDuration.FOREVER: "forever",
}

logger = logging.getLogger(__name__)


class CouponNotLinked(ProviderFailed):
    """This coupon can't be used right now. Please contact support."""


class CouponNotPushed(Exception):
    """A provider did not take a coupon; the message says which, and why."""


@dataclasses.dataclass(frozen=True, slots=True)
class NewCoupon:
    """A coupon to make; `percent_off`, or an amount and its currency."""

    code: str
    name: str
    duration: CouponDuration
    percent_off: Decimal | None = None
    amount_off_minor: int | None = None
    currency: str = ""
    duration_months: int | None = None


def ensure_coupon(*, wanted: NewCoupon) -> Coupon:
    """Return the coupon with a code; make it if there is none (one that exists stays as it is).

    Raises:
        ValidationError: no coupon can be like this.
    """
    known = coupons.by_code(wanted.code)
    if known is not None:
        return known
    coupon = Coupon(**dataclasses.asdict(wanted))
    coupon.code = coupon.code.strip().upper()
    coupon.full_clean()
    coupon.save(force_insert=True)
    return coupon


def push_coupon(*, coupon: Coupon, provider: Provider, now: datetime) -> str:
    """Make a provider know a coupon; return what it calls it. No transaction is open meanwhile.

    From here on the coupon is final: that is written down before the provider is called.

    Raises:
        DriverError: the provider refused, or can't be reached.
    """
    known = coupons.external_id(coupon, provider)
    if known:
        return known
    Coupon.objects.filter(pk=coupon.pk, final_at=None).update(final_at=now, updated_at=now)
    coupon.refresh_from_db()
    external_id = registry.get_driver(provider).ensure_coupon(
        _spec(coupon), idempotency_key=f"coupon:{coupon.pk}"
    )
    try:
        with transaction.atomic():
            ExternalCoupon.objects.get_or_create(
                coupon=coupon, provider=provider, defaults={"external_id": external_id}
            )
    except IntegrityError:
        raise DriverRejected("INVALID_REQUEST", detail="coupon_mismatch") from None
    return external_id


def _spec(coupon: Coupon) -> CouponSpec:
    percent = coupon.percent_off
    return CouponSpec(
        our_id=str(coupon.pk),
        code=coupon.code,
        name=coupon.name,
        duration=_DURATIONS[CouponDuration(coupon.duration)],
        percent_off="" if percent is None else percent_text(percent),
        amount_off_minor=coupon.amount_off_minor or 0,
        currency=coupon.currency,
        duration_months=coupon.duration_months or 0,
    )


def push_coupons(*, provider: Provider, now: datetime) -> Iterator[Coupon]:
    """Make a provider know every coupon that can be used; yield those it did not know.

    Each stands by itself, so a run that breaks off is simply started again.

    Raises:
        CouponNotPushed: the provider refused one, or can't be reached.
    """
    for coupon in list(coupons.to_push(provider, now)):
        try:
            push_coupon(coupon=coupon, provider=provider, now=now)
        except DriverError as error:
            raise CouponNotPushed(
                f"{provider} did not take the coupon {coupon} ({error})."
            ) from error
        yield coupon


def external_coupon_id(*, coupon: Coupon, provider: Provider, now: datetime) -> str:
    """Return the provider's id of a coupon that a payer wants to use, pushing it if need be.

    Raises:
        CouponNotLinked: the provider has something else in its place.
        ProviderFailed: the provider can't be reached (or its busy kin).
    """
    try:
        return push_coupon(coupon=coupon, provider=provider, now=now)
    except DriverRejected as error:
        # A mistake of ours, or somebody changed the coupon in the provider's dashboard.
        logger.error("coupon.not_linked", extra={"coupon": coupon.code, "detail": error.detail})  # noqa: TRY400 - no stack needed
        raise CouponNotLinked from error
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error


def deactivate_coupon(*, coupon: Coupon, now: datetime) -> bool:
    """Take a coupon out of use; whoever has it keeps it. Say whether it was in use."""
    return bool(
        Coupon.objects.filter(pk=coupon.pk, is_active=True).update(is_active=False, updated_at=now)
    )
