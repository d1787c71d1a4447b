"""What holds for a payer's invoices: discounts, taxes and credit, out of the tables."""

from collections.abc import Iterable
from datetime import datetime

from billing.engine.discounting import Discount
from billing.engine.drafting import Terms
from billing.engine.holdings import Held
from billing.engine.models import CreditEntry, EngineCoupon, EngineDiscount, Payer, TaxEntry
from billing.engine.models.subscriptions import EngineSubscription
from billing.engine.taxes import Place, TaxRate, TaxService, TaxTable
from billing.enums import CouponDuration
from orgs.models import Organization

NEW_DISCOUNT = "new"


def terms_of(
    payer: Payer, currency: str, discounts: Iterable[Discount] = (), *, has_credit: bool = True
) -> Terms:
    """Return the terms of an invoice. The caller has locked the payer, unless it only previews.

    Without `has_credit` the payer is known to have none.
    """
    return Terms(
        currency=currency,
        discounts=tuple(discounts),
        taxes=tax_service(payer.seller) if payer.country else TaxTable(),
        place=Place(payer.country, payer.region) if payer.country else None,
        is_tax_exempt=payer.is_tax_exempt,
        credit_minor=credit_of(payer, currency) if has_credit else 0,
    )


def tax_service(seller: Organization | None) -> TaxService:
    """Return who knows a seller's tax rates: its own table. A service outside is plugged in here.

    One that asks a network has to be asked before the transaction in which the invoice is written.
    """
    return TaxTable(
        tuple(
            TaxRate(
                id=str(row.pk),
                name=row.name,
                percentage=row.percentage,
                is_inclusive=row.is_inclusive,
                country=row.country,
                region=row.region,
                valid_from=row.valid_from,
                valid_until=row.valid_until,
            )
            for row in TaxEntry.objects.filter(organization=seller).order_by("created_at")
        )
    )


def credit_of(payer: Payer, currency: str) -> int:
    """Return what a payer has with us, in minor units."""
    last = CreditEntry.objects.filter(payer=payer, currency=currency).order_by("-number").first()
    return last.balance_minor if last else 0


def discount_rows(subscription: EngineSubscription) -> list[EngineDiscount]:
    """Return the coupons that lie on a subscription and were not taken off it, oldest first."""
    if Held.DISCOUNTS in subscription.lacks:
        return []
    rows = EngineDiscount.objects.filter(subscription=subscription, removed_at=None)
    return list(rows.select_related("coupon").order_by("created_at"))


def usable(rows: Iterable[EngineDiscount]) -> list[Discount]:
    """Return what can still be taken off: a coupon that holds once is used up by one invoice."""
    return [
        _discount(str(row.pk), row.coupon, row.starts_at, row.ends_at)
        for row in rows
        if row.used_by_id is None
    ]


def new_discount(coupon: EngineCoupon, starts_at: datetime, ends_at: datetime | None) -> Discount:
    """Return the discount that a coupon would be if it were redeemed now."""
    return _discount(NEW_DISCOUNT, coupon, starts_at, ends_at)


def _discount(
    id_: str, coupon: EngineCoupon, starts_at: datetime, ends_at: datetime | None
) -> Discount:
    return Discount(
        id=id_,
        duration=CouponDuration(coupon.duration),
        starts_at=starts_at,
        percent_off=coupon.percent_off,
        amount_off_minor=coupon.amount_off_minor,
        currency=coupon.currency,
        ends_at=ends_at,
    )
