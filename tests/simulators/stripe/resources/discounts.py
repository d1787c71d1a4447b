"""`discounts` as a parameter, and DELETE /v1/subscriptions/{}/discount."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import coupons
from tests.simulators.stripe.engine.coupons import Redemption
from tests.simulators.stripe.errors import Refusal, no_such
from tests.simulators.stripe.routing import Call, route
from tests.simulators.stripe.wire import Params
from tests.simulators.stripe.world import World


def redemptions_of(
    world: World,
    params: Params,
    *,
    customer: Json | None,
    currency: str,
    current: list[str] | None = None,
) -> list[Redemption] | None:
    """Return what `discounts` asks for; None when it was not sent, nothing when it is empty."""
    if not params.has("discounts"):
        return None
    if params.raw("discounts") == "":
        return []
    return [
        _redemption(world, entry, customer=customer, currency=currency, current=current or [])
        for entry in params.each("discounts")
    ]


def _redemption(
    world: World, params: Params, *, customer: Json | None, currency: str, current: list[str]
) -> Redemption:
    given = [name for name in ("coupon", "promotion_code", "discount") if params.has(name)]
    if len(given) != 1:
        raise Refusal(
            "You must specify exactly one of coupon, promotion_code, discount.",
            param=params.path,
        )
    value, param = params.need(given[0]), params.name(given[0])
    if given[0] == "coupon":
        return coupons.redeem_coupon(world, value, currency=currency, param=param)
    if given[0] == "promotion_code":
        return coupons.redeem_code(world, value, customer=customer, currency=currency, param=param)
    discount = world.store.get("discount", value, param=param)
    if value not in current:
        raise no_such("discount", value, param=param, status=400)
    return Redemption(coupons.coupon_of(world, discount), kept=discount)


@route("DELETE", "/v1/subscriptions/{}/discount")
def delete_subscription_discount(call: Call) -> Json:
    """Take the discounts off a subscription."""
    world = call.world
    subscription = world.store.get("subscription", call.id)
    world.follow_clock_of(subscription)
    found = [world.store.get("discount", row_id) for row_id in subscription["discounts"]]
    if not found:
        raise Refusal(
            f"No active discount for subscription: {call.id}", status=404, code="resource_missing"
        )
    for discount in found:
        coupons.take_off(world, discount)
    return {**found[-1], "deleted": True}
