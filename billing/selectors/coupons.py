"""Reads of coupons and of their uses."""

from datetime import datetime
from uuid import UUID

from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from billing.enums import FINAL_STATUSES, Provider, SubscriptionStatus
from billing.models import Coupon, CouponRedemption, ExternalCoupon, Subscription
from billing.types import DiscountRef
from orgs.models import Organization

# A start that came to nothing gives back what it used.
_GIVEN_BACK = Q(subscription__status__in=FINAL_STATUSES, subscription__activated_at=None)


def by_code(code: str) -> Coupon | None:
    """Return our coupon with a code, in any case."""
    return Coupon.objects.filter(code=code.upper()).first()


def uses(coupon: Coupon, *, unfinished_of: UUID | None = None) -> int:
    """Return how often a coupon was used.

    The unfinished starts of the organization `unfinished_of` are left out.
    """
    rows = CouponRedemption.objects.filter(coupon=coupon).exclude(_GIVEN_BACK)
    unfinished = Q(organization=unfinished_of, subscription__status=SubscriptionStatus.INCOMPLETE)
    return (rows.exclude(unfinished) if unfinished_of else rows).count()


def with_uses(coupons: QuerySet[Coupon]) -> QuerySet[Coupon]:
    """Return coupons with what `uses` says of each, as `used`."""
    counted = (
        CouponRedemption.objects.filter(coupon=OuterRef("pk"))
        .exclude(_GIVEN_BACK)
        .order_by()
        .values("coupon")
        .annotate(used=Count("pk"))
        .values("used")
    )
    return coupons.annotate(used=Coalesce(Subquery(counted, output_field=IntegerField()), 0))


def had_a_plan(organization: Organization) -> bool:
    """Say whether an organization ever had a plan that is paid for."""
    rows = Subscription.objects.for_org(organization).of_payer()
    return rows.filter(is_free=False).exclude(activated_at=None).exists()


def redemption_of(subscription: Subscription) -> CouponRedemption | None:
    """Return the coupon a subscription used last."""
    return subscription.coupon_redemptions.order_by("-redeemed_at", "-created_at").first()


def discount_ref(subscription: Subscription) -> DiscountRef | None:
    """Return the discount that a provider is asked for when a subscription is started."""
    row = redemption_of(subscription)
    if row is None:
        return None
    if row.external_code_id:
        return DiscountRef(row.external_code_id, "promotion_code")
    return DiscountRef(row.external_coupon_id)


def external_id(coupon: Coupon, provider: Provider | str) -> str:
    """Return what a provider calls a coupon; empty if it was not pushed there."""
    row = ExternalCoupon.objects.filter(coupon=coupon, provider=provider).first()
    return row.external_id if row else ""


def to_push(provider: Provider | str, now: datetime) -> QuerySet[Coupon]:
    """Return the coupons that can be used and that the provider does not know yet."""
    linked = ExternalCoupon.objects.filter(provider=provider).values("coupon_id")
    return (
        Coupon.objects.filter(Q(redeem_by=None) | Q(redeem_by__gt=now), is_active=True)
        .exclude(pk__in=linked)
        .order_by("code")
    )


def exhausted() -> Q:
    """Return the condition under which a row of `with_uses` is used up."""
    return Q(max_redemptions__isnull=False, used__gte=F("max_redemptions"))
