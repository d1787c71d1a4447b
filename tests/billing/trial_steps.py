"""Plans with a trial, sold at the simulated Stripe."""

from billing.enums import Provider
from billing.models import ExternalPrice, Price
from tests.billing import stripe_builders as build
from tests.factories_billing import PlanFactory, PlanVersionFactory, PriceFactory


def make_trial_price(*, days: int = 14, amount_minor: int = 2900) -> Price:
    """A plan of its own, on sale, with a trial."""
    plan = PlanFactory.create(code=f"trial-{build.new_key()[-12:]}", name="Taster")
    version = PlanVersionFactory.create(plan=plan, version=1, draft=True)
    price = PriceFactory.create(plan_version=version, amount_minor=amount_minor, trial_days=days)
    version.published_at = version.created_at
    version.save(update_fields=["published_at"])
    ref = build.make_price(
        plan_code=plan.code,
        plan_name=plan.name,
        amount_minor=amount_minor,
        lookup_key=f"till_{plan.code}_v1_month_usd",
    )
    ExternalPrice.objects.create(
        price=price,
        provider=Provider.STRIPE,
        external_id=ref.external_id,
        external_product_id=ref.external_product_id,
    )
    return price
