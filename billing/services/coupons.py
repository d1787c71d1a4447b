"""Using a coupon: finding it, refusing it, and writing down that it was used."""

import dataclasses
import re
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.drivers import registry
from billing.drivers.base import DriverError
from billing.enums import CouponDuration, Provider
from billing.models import Coupon, CouponRedemption, Customer, ExternalPrice, Price, Subscription
from billing.money import percent_text
from billing.selectors import coupons
from billing.services import coupon_links, discounts, refusals
from billing.types import DiscountOffer, DiscountRef, DiscountSnapshot
from orgs.errors import DomainError, InvalidRequest
from orgs.models import Organization

UNKNOWN = "This coupon does not exist."
EXPIRED = "This coupon has expired."
USED_UP = "This coupon has been used up."
NOT_HERE = "This coupon does not apply to this plan."

# Source: https://docs.stripe.com/api/promotion_codes/create#create_promotion_code-code
_CODE = re.compile(r"[A-Za-z0-9_-]{1,100}")


class CouponRefused(InvalidRequest):
    """This coupon can't be used."""

    def __init__(self, why: str) -> None:
        """Say why, beside the field."""
        super().__init__(why, fields={"coupon": [why]})


@dataclasses.dataclass(frozen=True, slots=True)
class Applicable:
    """A coupon that may be used: what to ask the provider for, and what it takes off.

    Without `coupon` it is one that only the provider has.
    """

    code: str
    ref: DiscountRef
    external_coupon_id: str
    discount: DiscountSnapshot
    duration: CouponDuration
    duration_months: int = 0
    coupon: Coupon | None = None

    @property
    def description(self) -> str:
        """Say what it takes off and how long: `20 % off for 3 months`."""
        off = discounts.off(self.discount)
        if self.duration is CouponDuration.FOREVER:
            return off
        if self.duration is CouponDuration.ONCE:
            return f"{off} the first invoice"
        return f"{off} for {self.duration_months} month{'s' if self.duration_months != 1 else ''}"

    def as_json(self) -> dict[str, Any]:
        """Return what a page that was not paid yet shows of it."""
        return {
            **self.discount.as_json(),
            "terms": self.description,
            "lasts": self.duration.value,
        }

    def amount_after(self, amount_minor: int) -> int:
        """Return what an invoice over an amount will ask for (minor units)."""
        return amount_minor - discounts.taken_off(self.discount, amount_minor)


def find_coupon(
    *,
    code: str,
    price: Price,
    organization: Organization,
    seats: int = 1,
    provider: Provider = Provider.STRIPE,
    now: datetime,
) -> Applicable:
    """Find what a code takes off a price for an organization: ours first, then the provider's.

    Nothing is written for the payer. The provider is asked only for codes that are not ours, or
    when it has to get to know one of ours; so no transaction may be open.

    Raises:
        CouponRefused: it does not exist, has expired, is used up or is not for this.
        ProviderFailed: the provider can't be asked (or its busy and refusing kin).
    """
    entered = code.strip()
    if not _CODE.fullmatch(entered):
        raise CouponRefused(UNKNOWN)
    if price.is_free:
        raise CouponRefused(NOT_HERE)
    coupon = coupons.by_code(entered)
    if coupon is not None:
        return _ours(coupon, price, organization, provider, now)
    try:
        offer = registry.get_driver(provider).find_discount(entered)
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
    if offer is None:
        raise CouponRefused(UNKNOWN)
    _check_offer(offer, price, seats, organization, provider)
    return _of_offer(entered, offer)


def find_if_entered(
    *,
    code: str,
    price: Price,
    organization: Organization,
    seats: int = 1,
    provider: Provider = Provider.STRIPE,
    now: datetime,
) -> Applicable | None:
    """Find what was entered; None where nothing was.

    Raises:
        DomainError: whatever `find_coupon` raises.
    """
    if not code:
        return None
    return find_coupon(
        code=code,
        price=price,
        organization=organization,
        seats=seats,
        provider=provider,
        now=now,
    )


# --- Ours -------------------------------------------------------------------------------------


def _ours(
    coupon: Coupon, price: Price, organization: Organization, provider: Provider, now: datetime
) -> Applicable:
    _check(coupon, organization.pk, now)
    plan_ids = set(coupon.plans.values_list("pk", flat=True))
    if plan_ids and price.plan_version.plan_id not in plan_ids:
        raise CouponRefused(NOT_HERE)
    if coupon.currency and coupon.currency != price.currency:
        raise CouponRefused(NOT_HERE)
    external_id = coupon_links.external_coupon_id(coupon=coupon, provider=provider, now=now)
    return Applicable(
        code=coupon.code,
        ref=DiscountRef(external_id),
        external_coupon_id=external_id,
        discount=DiscountSnapshot(
            coupon=coupon.code,
            name=coupon.name,
            percent_off="" if coupon.percent_off is None else percent_text(coupon.percent_off),
            amount_off_minor=coupon.amount_off_minor or 0,
            currency=coupon.currency,
        ),
        duration=CouponDuration(coupon.duration),
        duration_months=coupon.duration_months or 0,
        coupon=coupon,
    )


def _check(coupon: Coupon, organization_id: UUID, now: datetime) -> None:
    """Refuse one that can't be used any more; the count is decided under its lock.

    What an unfinished start of the organization itself holds is about to be given back.
    """
    if not coupon.is_active or (coupon.redeem_by is not None and coupon.redeem_by <= now):
        raise CouponRefused(EXPIRED)
    if coupon.max_redemptions is None:
        return
    if coupons.uses(coupon, unfinished_of=organization_id) >= coupon.max_redemptions:
        raise CouponRefused(USED_UP)


# --- The provider's ---------------------------------------------------------------------------


def _check_offer(
    offer: DiscountOffer,
    price: Price,
    seats: int,
    organization: Organization,
    provider: Provider,
) -> None:
    if offer.external_customer_id and offer.external_customer_id not in _payers(
        organization, provider
    ):
        raise CouponRefused(UNKNOWN)  # somebody else's: no need to know that it exists
    if offer.state == "expired":
        raise CouponRefused(EXPIRED)
    if offer.state == "used_up":
        raise CouponRefused(USED_UP)
    if not _fits(offer, price, seats, provider):
        raise CouponRefused(NOT_HERE)
    if offer.first_purchase_only and coupons.had_a_plan(organization):
        raise CouponRefused(NOT_HERE)


def _payers(organization: Organization, provider: Provider) -> set[str]:
    rows = Customer.objects.for_org(organization).filter(provider=provider, reference=None)
    return set(rows.values_list("external_id", flat=True))


def _fits(offer: DiscountOffer, price: Price, seats: int, provider: Provider) -> bool:
    """Say whether the provider would take this off that price.

    Where we don't know the price's product, a coupon for certain products is not taken to fit:
    the provider would silently take nothing off.
    """
    if not offer.percent_off and offer.currency != price.currency:
        return False
    if offer.minimum_minor and (
        offer.minimum_currency != price.currency or price.amount_minor * seats < offer.minimum_minor
    ):
        return False
    if not offer.external_product_ids:
        return True
    link = ExternalPrice.objects.filter(price=price, provider=provider).first()
    return link is not None and link.external_product_id in offer.external_product_ids


def _of_offer(entered: str, offer: DiscountOffer) -> Applicable:
    return Applicable(
        code=entered,
        ref=offer.ref,
        external_coupon_id=offer.external_coupon_id,
        discount=DiscountSnapshot(
            coupon=offer.external_coupon_id,
            name=offer.name,
            percent_off=offer.percent_off,
            amount_off_minor=offer.amount_off_minor,
            currency=offer.currency,
        ),
        duration=CouponDuration(offer.duration),
        duration_months=offer.duration_months,
    )


# --- Uses -------------------------------------------------------------------------------------


def redeem(*, applicable: Applicable, subscription: Subscription, now: datetime) -> None:
    """Write down that a subscription uses a coupon; the caller has locked its organization.

    The coupon is locked last, so of two payers the second sees what the first took. A start that
    comes to nothing gives its use back by itself.

    Raises:
        CouponRefused: it was taken out of use or used up since it was found, or this subscription
            has used it before.
    """
    if applicable.coupon is not None:
        locked = Coupon.objects.select_for_update(no_key=True).get(pk=applicable.coupon.pk)
        _check(locked, subscription.organization_id, now)
    _, was_new = CouponRedemption.objects.get_or_create(
        subscription=subscription,
        external_coupon_id=applicable.external_coupon_id,
        defaults={
            "organization_id": subscription.organization_id,
            "coupon": applicable.coupon,
            "code": applicable.code,
            "external_code_id": (
                applicable.ref.external_id if applicable.ref.kind == "promotion_code" else ""
            ),
            "redeemed_at": now,
        },
    )
    if not was_new:
        raise CouponRefused(USED_UP)


def give_back(*, applicable: Applicable, subscription: Subscription) -> None:
    """Undo `redeem` after the provider refused the discount for a subscription that runs."""
    CouponRedemption.objects.filter(
        subscription=subscription, external_coupon_id=applicable.external_coupon_id
    ).delete()


def refused_by_provider(error: DriverError) -> DomainError | None:
    """Return the refusal for a provider's no that is about the coupon, None for any other.

    Source: https://docs.stripe.com/error-codes#coupon-expired
    """
    return CouponRefused(EXPIRED) if error.detail == "coupon_expired" else None
