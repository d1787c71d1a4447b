"""What is on sale in a simulation, and what its tenants may enter as a coupon."""

import json
from datetime import UTC, datetime
from decimal import Decimal

from django.core.management import call_command

from billing.engine.models import DunningPolicy, PlanDunning
from billing.enums import CouponDuration, Interval, Provider
from billing.models import Coupon, MerchantAccount, Plan, Price
from tests.journeys.months import sell
from tests.journeys.simulate import diary
from tests.simulators.cardpointe.merchants import FNOR_MID, PASSWORD, SITE, USER

# No sum of these comes near 1,000.00 to 1,999.99, where the gateway's test amounts are, too often.
PLANS = (("solo", 1999, 14), ("team", 4950, 0), ("firm", 12345, 0))
COUPONS = {
    "ONCE20": diary.Coupon(percent="20"),
    "YEAR33": diary.Coupon(percent="33.33", duration="repeating", months=12),
    "QUARTER": diary.Coupon(amount_minor=777, duration="repeating", months=3),
    "ALWAYS15": diary.Coupon(percent="15", duration="forever"),
    "ALWAYS5": diary.Coupon(amount_minor=500, duration="forever"),
}


def lay_out() -> None:
    """Make plans, coupons, a policy that ends one of the plans, and the gateway's account."""
    for rank, (code, month_minor, trial_days) in enumerate(PLANS):
        sell(code, month_minor, users=1000, trial_days=trial_days, rank=rank)
    ends = DunningPolicy.objects.create(name="Ends", last_notice_day=14, cancel_day=21)
    PlanDunning.objects.create(plan=Plan.objects.get(code="team"), policy=ends)
    for code, coupon in COUPONS.items():
        Coupon.objects.create(
            code=code,
            name=code.title(),
            percent_off=Decimal(coupon.percent) if coupon.percent else None,
            amount_off_minor=coupon.amount_minor or None,
            currency="" if coupon.percent else "USD",
            duration=CouponDuration(coupon.duration),
            duration_months=coupon.months or None,
        )
    account = {"site": SITE, "merchid": FNOR_MID, "api_user": USER, "api_pass": PASSWORD}
    MerchantAccount.objects.create(
        organization=None,
        provider=Provider.CARDCONNECT,
        label="Till",
        credentials=json.dumps(account),
    )
    for provider in Provider.values:
        if provider in (Provider.STRIPE, Provider.CARDCONNECT, Provider.CUSTOM):
            call_command("push_catalogue", provider=provider, verbosity=0)


def price_of(plan: str, months: int) -> Price:
    """Return one of the prices on sale."""
    interval = Interval.YEAR if months == 12 else Interval.MONTH
    return Price.objects.select_related("plan_version__plan").get(
        plan_version__plan__code=plan, interval=interval
    )


def offer_of(price: Price) -> diary.Offer:
    """Return a price as a diary has it."""
    months = 12 if price.interval == Interval.YEAR else 1
    return diary.Offer(price.plan_version.plan.code, months, price.amount_minor)


def beginning(year: int) -> datetime:
    """Return the first new year after one from which two years have a leap day in them."""
    begins = year + 1
    while not any(_is_leap(each) for each in (begins, begins + 1)):
        begins += 1
    return datetime(begins, 1, 1, tzinfo=UTC)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
