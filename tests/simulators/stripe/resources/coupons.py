"""/v1/coupons and /v1/promotion_codes."""

from decimal import Decimal, InvalidOperation

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine.coupons import (
    DELETED,
    TERMS,
    find_coupon,
    refresh,
    refresh_code,
    terms_of,
)
from tests.simulators.stripe.errors import Refusal, missing
from tests.simulators.stripe.expand import includable
from tests.simulators.stripe.resources.customers import live_customer
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import Params, merge_metadata
from tests.simulators.stripe.world import World

_DURATIONS = ("forever", "once", "repeating")


def _percent(params: Params) -> float | int | None:
    given = params.text("percent_off")
    if given is None:
        return None
    try:
        value = Decimal(given)
    except InvalidOperation:
        raise Refusal(f"Invalid decimal: {given}", param="percent_off") from None
    if not 0 < value <= 100:
        raise Refusal(
            "Invalid percent_off: must be greater than 0 and at most 100.", param="percent_off"
        )
    return int(value) if value == value.to_integral_value() else float(value)


def _duration(params: Params) -> tuple[str, int | None]:
    duration = params.choice("duration", _DURATIONS, "once")
    months = params.integer("duration_in_months")
    if duration == "repeating" and months is None:
        raise missing("duration_in_months")
    if duration != "repeating" and months is not None:
        raise Refusal(
            "duration_in_months can only be set when duration is repeating.",
            param="duration_in_months",
        )
    return duration, months


def _options(params: Params) -> Json | None:
    given = params.inside("currency_options")
    found = {name: given.inside(name).integer("amount_off") for name in given.data}
    return {name: {"amount_off": amount} for name, amount in found.items()} or None


@route("POST", "/v1/coupons")
def create_coupon(call: Call) -> Json:
    """Create a coupon: so many percent, or so much, off."""
    world, params = call.world, call.params
    percent, amount = _percent(params), params.integer("amount_off")
    if (percent is None) == (amount is None):
        raise Refusal("You must pass either percent_off or amount_off.", param="percent_off")
    currency = params.text("currency")
    if amount is not None and currency is None:
        raise missing("currency")
    coupon_id = params.text("id") or ids.token(8)
    if world.store.find("coupon", coupon_id) and not world.store.find(DELETED, coupon_id):
        raise Refusal(
            "Coupon already exists.", code="resource_already_exists", param=params.name("id")
        )
    duration, months = _duration(params)
    products = params.inside("applies_to").texts("products")
    for product in products:
        world.store.get("product", product, param="applies_to[products]")
    coupon = {
        "id": coupon_id,
        "object": "coupon",
        "amount_off": amount,
        "created": world.now(),
        "currency": currency.lower() if currency and amount is not None else None,
        "duration": duration,
        "duration_in_months": months,
        "livemode": False,
        "max_redemptions": params.integer("max_redemptions"),
        "metadata": merge_metadata({}, params),
        "name": params.text("name"),
        "percent_off": percent,
        "redeem_by": params.integer("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
    }
    terms = {
        "id": coupon_id,
        "applies_to": {"products": products} if products else None,
        "currency_options": _options(params),
    }
    world.store.put(TERMS, coupon_id, terms)
    world.store.remove(DELETED, coupon_id)
    world.add(coupon)
    world.emit("coupon.created", refresh(world, coupon))
    return coupon


@route("GET", "/v1/coupons/{}")
def get_coupon(call: Call) -> Json:
    """Return a coupon."""
    return find_coupon(call.world, call.id)


@route("POST", "/v1/coupons/{}")
def update_coupon(call: Call) -> Json:
    """Change what may be changed of a coupon: never what it takes off."""
    coupon = find_coupon(call.world, call.id)
    with call.world.change(coupon, "coupon.updated"):
        if call.params.has("name"):
            coupon["name"] = call.params.text("name")
        if call.params.has("currency_options"):
            terms_of(call.world, coupon)["currency_options"] = _options(call.params)
            call.world.store.touch(TERMS, call.id)
        coupon["metadata"] = merge_metadata(coupon["metadata"], call.params)
    return coupon


@route("DELETE", "/v1/coupons/{}")
def delete_coupon(call: Call) -> Json:
    """Delete a coupon: nobody can redeem it any more, who did keeps the discount."""
    coupon = find_coupon(call.world, call.id)
    call.world.store.put(DELETED, call.id, {"id": call.id})
    call.world.emit("coupon.deleted", coupon)
    return {"id": call.id, "object": "coupon", "deleted": True}


@route("GET", "/v1/coupons")
def list_coupons(call: Call) -> Json:
    """Return all coupons."""
    store = call.world.store
    found = [row for row in store.rows("coupon") if store.find(DELETED, row["id"]) is None]
    return listing(call, [refresh(call.world, row) for row in found], kind="coupon")


@includable("coupon", "applies_to")
def _applies_to(world: World, coupon: Json) -> object:
    return terms_of(world, coupon)["applies_to"]


@includable("coupon", "currency_options")
def _currency_options(world: World, coupon: Json) -> object:
    return terms_of(world, coupon)["currency_options"]


@route("POST", "/v1/promotion_codes")
def create_promotion_code(call: Call) -> Json:
    """Create a code by which customers redeem a coupon."""
    world, params = call.world, call.params
    promotion = params.inside("promotion")
    promotion.choice("type", ("coupon",), "")
    coupon = find_coupon(world, promotion.need("coupon"), param="promotion[coupon]")
    customer = params.text("customer")
    if customer is not None:
        live_customer(world, customer, param="customer")
    code = params.text("code") or ids.token(8).upper()
    for row in world.store.rows("promotion_code"):
        if row["code"].lower() == code.lower() and refresh_code(world, row)["active"]:
            raise Refusal(
                f"An active promotion code with `code: {code}` already exists.",
                code="resource_already_exists",
                param="code",
            )
    restrictions = params.inside("restrictions")
    if restrictions.has("minimum_amount"):
        raise Refusal(
            "The simulator does not know minimum amounts of promotion codes yet.",
            param="restrictions[minimum_amount]",
        )
    row = {
        "id": ids.new_id("promotion_code"),
        "object": "promotion_code",
        "active": params.boolean("active", default=True),
        "code": code,
        "created": world.now(),
        "customer": customer,
        "customer_account": None,
        "expires_at": params.integer("expires_at"),
        "livemode": False,
        "max_redemptions": params.integer("max_redemptions"),
        "metadata": merge_metadata({}, params),
        "promotion": {"coupon": coupon["id"], "type": "coupon"},
        "restrictions": {
            "first_time_transaction": restrictions.boolean("first_time_transaction"),
            "minimum_amount": None,
            "minimum_amount_currency": None,
        },
        "times_redeemed": 0,
    }
    return world.add(row, "promotion_code.created")


@route("GET", "/v1/promotion_codes/{}")
def get_promotion_code(call: Call) -> Json:
    """Return a promotion code."""
    return refresh_code(call.world, call.world.store.get("promotion_code", call.id))


@route("POST", "/v1/promotion_codes/{}")
def update_promotion_code(call: Call) -> Json:
    """Switch a code on or off, change its metadata."""
    row = get_promotion_code(call)
    with call.world.change(row, "promotion_code.updated"):
        if call.params.has("active"):
            row["active"] = call.params.boolean("active")
        row["metadata"] = merge_metadata(row["metadata"], call.params)
    return row


@route("GET", "/v1/promotion_codes")
def list_promotion_codes(call: Call) -> Json:
    """Return promotion codes, by code, coupon, customer and state."""
    world, params = call.world, call.params
    code, coupon, customer = (params.text(name) for name in ("code", "coupon", "customer"))
    active = params.boolean("active") if params.has("active") else None
    found = [
        row
        for row in world.store.rows("promotion_code")
        if active in (None, refresh_code(world, row)["active"])
        and (code is None or row["code"].lower() == code.lower())
        and coupon in (None, row["promotion"]["coupon"])
        and customer in (None, row["customer"])
    ]
    return listing(call, found, kind="promotion_code")
