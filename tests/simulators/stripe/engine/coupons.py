"""Coupons and promotion codes being redeemed: the discounts of a subscription or an invoice."""

from dataclasses import dataclass

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine import standing
from tests.simulators.stripe.errors import Refusal, no_such
from tests.simulators.stripe.periods import after
from tests.simulators.stripe.world import World

DELETED = "_deleted_coupon"
# What is only in an answer when it is asked for: `applies_to` and `currency_options`.
TERMS = "_coupon_terms"


@dataclass(frozen=True)
class Redemption:
    """What is to be redeemed: a coupon, by its code or without, or a discount that is kept."""

    coupon: Json
    promotion_code: Json | None = None
    kept: Json | None = None


def refresh(world: World, coupon: Json) -> Json:
    """Bring `valid` up to date with the clock and the count."""
    over = coupon["redeem_by"] is not None and coupon["redeem_by"] <= world.now()
    most = coupon["max_redemptions"]
    used_up = most is not None and coupon["times_redeemed"] >= most
    valid = not over and not used_up
    if coupon["valid"] != valid:
        coupon["valid"] = valid
        world.touch(coupon)
    return coupon


def refresh_code(world: World, code: Json) -> Json:
    """Bring `active` of a promotion code up to date."""
    over = code["expires_at"] is not None and code["expires_at"] <= world.now()
    most = code["max_redemptions"]
    used_up = most is not None and code["times_redeemed"] >= most
    if code["active"] and (over or used_up):
        code["active"] = False
        world.touch(code)
    return code


def find_coupon(world: World, coupon_id: str, *, param: str | None = None) -> Json:
    """Return a coupon that was not deleted."""
    coupon = world.store.get("coupon", coupon_id, param=param)
    if world.store.find(DELETED, coupon_id) is not None:
        raise no_such("coupon", coupon_id, param=param or "id", status=400 if param else 404)
    return refresh(world, coupon)


def redeem_coupon(world: World, coupon_id: str, *, currency: str, param: str) -> Redemption:
    """Return the redemption of a coupon, or refuse one that is over."""
    coupon = find_coupon(world, coupon_id, param=param)
    _refuse_invalid(coupon, param)
    if coupon["amount_off"] is not None and amount_off(world, coupon, currency) is None:
        raise Refusal(
            f"The coupon {coupon_id} is in {coupon['currency']} and cannot be applied to an "
            f"amount in {currency}.",
            param=param,
        )
    return Redemption(coupon)


def _refuse_invalid(coupon: Json, param: str) -> None:
    if not coupon["valid"]:
        raise Refusal(f"Coupon expired: {coupon['id']}", code="coupon_expired", param=param)


def terms_of(world: World, coupon: Json) -> Json:
    """Return the terms of a coupon that it does not show by itself."""
    return world.store.get(TERMS, coupon["id"])


def amount_off(world: World, coupon: Json, currency: str) -> int | None:
    """Return how much a coupon takes off in a currency."""
    if coupon["currency"] == currency:
        found: int | None = coupon["amount_off"]
        return found
    options = terms_of(world, coupon)["currency_options"] or {}
    other: int | None = options.get(currency, {}).get("amount_off")
    return other


def redeem_code(
    world: World, code_id: str, *, customer: Json | None, currency: str, param: str
) -> Redemption:
    """Return the redemption of a promotion code, or refuse one that does not hold here."""
    code = refresh_code(world, world.store.get("promotion_code", code_id, param=param))
    coupon = refresh(world, world.store.get("coupon", code["promotion"]["coupon"]))
    _refuse_invalid(coupon, param)
    if not code["active"]:
        raise Refusal(
            f"This promotion code is expired or inactive: {code_id}",
            code="coupon_expired",
            param=param,
        )
    owner = customer["id"] if customer is not None else None
    if code["customer"] not in (None, owner):
        raise Refusal(f"The promotion code {code_id} is for another customer.", param=param)
    if code["restrictions"]["first_time_transaction"] and _has_paid(world, owner):
        raise Refusal(
            "This promotion code cannot be redeemed because the associated customer has prior "
            "transactions.",
            param=param,
        )
    redeem_coupon(world, coupon["id"], currency=currency, param=param)
    return Redemption(coupon, code)


def _has_paid(world: World, customer: str | None) -> bool:
    return customer is not None and any(
        charge["status"] == "succeeded"
        for charge in world.store.where("charge", "customer", customer)
    )


def make_discount(world: World, redemption: Redemption, **owner: str | None) -> Json:
    """Redeem: add the discount and count it."""
    coupon, code, now = redemption.coupon, redemption.promotion_code, world.now()
    end = None
    if coupon["duration"] == "repeating":
        end = after(now, "month", coupon["duration_in_months"], 1)
    discount = {
        "id": ids.new_id("discount"),
        "object": "discount",
        "checkout_session": None,
        "customer": None,
        "customer_account": None,
        "end": end,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": code["id"] if code is not None else None,
        "source": {"coupon": coupon["id"], "type": "coupon"},
        "start": now,
        "subscription": None,
        "subscription_item": None,
        **owner,
    }
    world.add(discount)
    for counted in filter(None, (coupon, code)):
        counted["times_redeemed"] += 1
        world.touch(counted)
    refresh(world, coupon)
    if code is not None:
        refresh_code(world, code)
    return discount


def coupon_of(world: World, discount: Json) -> Json:
    """Return the coupon behind a discount, even if it was deleted since."""
    return world.store.get("coupon", discount["source"]["coupon"])


def put_on(world: World, subscription: Json, redemptions: list[Redemption]) -> None:
    """Let a subscription have these discounts and no others; the caller notes the change."""
    former = list(subscription["discounts"])
    wanted = []
    for redemption in redemptions:
        discount = redemption.kept
        if discount is None:
            discount = make_discount(
                world,
                redemption,
                customer=subscription["customer"],
                subscription=subscription["id"],
            )
            world.emit("customer.discount.created", discount)
            if discount["end"] is not None:
                world.schedule(discount["end"], "end_discount", discount["id"])
        wanted.append(discount["id"])
    subscription["discounts"] = wanted
    for discount_id in former:
        if discount_id not in wanted:
            world.emit("customer.discount.deleted", world.store.get("discount", discount_id))


def take_off(world: World, discount: Json) -> None:
    """End a discount of a subscription: it was used up, removed, or its time is over."""
    subscription = world.store.find("subscription", discount["subscription"] or "")
    if subscription is None or discount["id"] not in subscription["discounts"]:
        return
    with world.change(subscription, standing.UPDATED):
        subscription["discounts"].remove(discount["id"])
    if discount["end"] is None:
        discount["end"] = world.now()
    world.touch(discount)
    world.emit("customer.discount.deleted", discount)


def running(world: World, subscription: Json) -> list[Json]:
    """Return the discounts that hold for what a subscription is charged now."""
    found = [world.store.get("discount", row_id) for row_id in subscription["discounts"]]
    return [row for row in found if row["end"] is None or row["end"] > world.now()]
