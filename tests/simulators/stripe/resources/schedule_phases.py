"""The phases of a subscription schedule as parameters."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import schedules
from tests.simulators.stripe.engine.schedules import PhaseWish
from tests.simulators.stripe.errors import Refusal, missing
from tests.simulators.stripe.resources import subscriptions
from tests.simulators.stripe.resources.discounts import redemptions_of
from tests.simulators.stripe.resources.subscription_changes import PRORATIONS
from tests.simulators.stripe.wire import Params, merge_metadata
from tests.simulators.stripe.world import World


def phases_asked_for(world: World, params: Params, customer: Json) -> list[PhaseWish]:
    """Return the phases that the parameters describe."""
    wishes = [_phase(world, phase, customer) for phase in params.each("phases")]
    if not wishes:
        raise missing("phases")
    return wishes


def moment_in(world: World, params: Params, key: str) -> int | None:
    """Return a moment, which may be called now."""
    return world.now() if params.text(key) == "now" else params.integer(key)


# They would change what is charged: better refused than passed over.
_NOT_SIMULATED = ("add_invoice_items", "billing_thresholds", "default_tax_rates", "transfer_data")


def _discounts(world: World, params: Params, customer: Json, currency: str) -> list[Json]:
    for name in _NOT_SIMULATED:
        if params.raw(name):
            raise Refusal(f"The simulator does not know `{name}` yet.", param=params.name(name))
    known = [row["id"] for row in world.store.rows("discount")]
    found = redemptions_of(world, params, customer=customer, currency=currency, current=known)
    return [
        schedules.phase_discount(discount=row.kept["id"])
        if row.kept is not None
        else schedules.phase_discount(
            coupon=None if row.promotion_code else row.coupon["id"],
            code=row.promotion_code["id"] if row.promotion_code else None,
        )
        for row in found or []
    ]


def _phase(world: World, params: Params, customer: Json) -> PhaseWish:
    items, currency = [], ""
    for item in params.each("items"):
        price = subscriptions.recurring_price(world, item)
        currency = price["currency"]
        items.append(
            schedules.phase_item(price, subscriptions.quantity_of(item), merge_metadata({}, item))
        )
    if not items:
        raise missing(params.name("items"))
    if params.has("end_date") and params.has("duration"):
        raise Refusal(
            "You may only specify one of these parameters: end_date, duration.",
            param=params.name("duration"),
        )
    duration = None
    if params.has("duration"):
        given = params.inside("duration")
        duration = given.need("interval"), given.integer("interval_count") or 1
    details: Json = {
        "discounts": _discounts(world, params, customer, currency),
        "metadata": merge_metadata({}, params),
    }
    for field in ("collection_method", "default_payment_method", "description"):
        if params.has(field):
            details[field] = params.text(field)
    return PhaseWish(
        items=items,
        currency=currency,
        start=moment_in(world, params, "start_date"),
        end=moment_in(world, params, "end_date"),
        duration=duration,
        proration=params.choice("proration_behavior", PRORATIONS, PRORATIONS[0]),
        anchor=params.text("billing_cycle_anchor"),
        trial_end=moment_in(world, params, "trial_end"),
        trial=params.boolean("trial"),
        param=params.path,
        details=details,
    )
