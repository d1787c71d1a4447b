"""What a checkout session sells: its items, and the discounts on them."""

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine import discounting, lines
from tests.simulators.stripe.engine.coupons import Redemption
from tests.simulators.stripe.errors import Refusal, missing
from tests.simulators.stripe.resources.catalog import make_price, make_product
from tests.simulators.stripe.resources.discounts import redemptions_of
from tests.simulators.stripe.wire import Params
from tests.simulators.stripe.world import World


def _price(world: World, params: Params) -> Json:
    if not params.has("price_data"):
        return world.store.get("price", params.need("price"), param=params.name("price"))
    data = params.inside("price_data")
    product_id = data.text("product")
    if product_id is None:
        product_id = make_product(world, data.inside("product_data"))["id"]
    return make_price(world, data, product=product_id)


def line_items(world: World, params: Params, mode: str) -> list[Json]:
    """Make the items that a session is asked to sell."""
    items = []
    for given in params.each("line_items"):
        price = _price(world, given)
        if mode == "payment" and price["recurring"] is not None:
            raise Refusal(
                "You specified `payment` mode but passed a recurring price. Either switch to "
                "`subscription` mode or use only one-time prices.",
                param="line_items",
            )
        quantity = given.integer("quantity") or 1
        amount = lines.amount_of(price, quantity)
        product = world.store.find("product", price["product"])
        items.append(
            {
                "id": ids.new_id("item"),
                "object": "item",
                "adjustable_quantity": None,
                "amount_discount": 0,
                "amount_subtotal": amount,
                "amount_tax": 0,
                "amount_total": amount,
                "currency": price["currency"],
                "description": product["name"] if product else None,
                "metadata": {},
                "price": price,
                "quantity": quantity,
            }
        )
    return items


def discount(
    world: World, params: Params, items: list[Json], customer_id: str | None
) -> list[Redemption]:
    """Take the discounts of a session off its items."""
    if not items:
        return []
    currency = items[0]["currency"]
    customer = world.store.get("customer", customer_id) if customer_id else None
    found = redemptions_of(world, params, customer=customer, currency=currency) or []
    parts = [discounting.Part(item["amount_subtotal"], item["price"]["product"]) for item in items]
    for item, taken in zip(items, discounting.foreseen(world, parts, found, currency), strict=True):
        item["amount_discount"] = taken
        item["amount_total"] -= taken
    return found


def require_items(items: list[Json], mode: str) -> None:
    """Refuse what a session of this mode can not sell."""
    once = [item for item in items if item["price"]["recurring"] is None]
    if mode == "subscription" and 0 < len(once) < len(items):
        raise Refusal("The simulator does not mix one-time and recurring prices yet.")
    if mode != "setup" and not items:
        raise missing("line_items")
    if mode == "subscription" and all(i["price"]["recurring"] is None for i in items):
        raise Refusal(
            "You must provide at least one recurring price in `subscription` mode when using "
            "prices.",
            param="line_items",
        )
