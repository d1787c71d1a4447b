"""/v1/subscriptions: start, read, list, cancel, resume."""

from collections.abc import Iterable

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import (
    changing,
    ending,
    invoicing,
    resuming,
    standing,
    subscribing,
)
from tests.simulators.stripe.engine.subscribing import Start, Wanted
from tests.simulators.stripe.errors import Refusal, missing
from tests.simulators.stripe.periods import DAY
from tests.simulators.stripe.resources.catalog import make_price
from tests.simulators.stripe.resources.customers import live_customer, require_attached
from tests.simulators.stripe.resources.discounts import redemptions_of
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.store import Store
from tests.simulators.stripe.wire import Params, merge_metadata
from tests.simulators.stripe.world import World

BEHAVIORS = (
    "allow_incomplete",
    "default_incomplete",
    "error_if_incomplete",
    "pending_if_incomplete",
)


def recurring_price(world: World, params: Params) -> Json:
    """Return the recurring price that an item names or describes."""
    refuse_item_discounts(params)
    if params.has("price_data"):
        data = params.inside("price_data")
        product = world.store.get("product", data.need("product"), param=data.name("product"))
        price = make_price(world, data, product=product["id"])
    else:
        price = world.store.get("price", params.need("price"), param=params.name("price"))
    if price["recurring"] is None:
        raise Refusal(
            f"The price specified is set to `type=one_time` but this field only accepts prices "
            f"with `type=recurring`: {price['id']}",
            param=params.name("price"),
        )
    if not price["active"]:
        raise Refusal(
            f"The price specified is inactive. This field only accepts active prices: "
            f"{price['id']}",
            param=params.name("price"),
        )
    return price


def refuse_item_discounts(params: Params) -> None:
    """Refuse what would change the price of one item only."""
    if params.raw("discounts"):
        raise Refusal(
            "The simulator knows discounts of subscriptions and invoices, not of items.",
            param=params.name("discounts"),
        )


def quantity_of(params: Params, default: int = 1) -> int:
    """Return the quantity of an item."""
    quantity = params.integer("quantity")
    if quantity is not None and quantity < 0:
        raise Refusal(
            "Invalid non-negative integer",
            code="parameter_invalid_integer",
            param=params.name("quantity"),
        )
    return default if quantity is None else quantity


def wanted_items(world: World, params: Params) -> list[Wanted]:
    """Return the items a new subscription is to have."""
    wanted = [
        Wanted(recurring_price(world, item), quantity_of(item), merge_metadata({}, item))
        for item in params.each("items")
    ]
    if not wanted:
        raise missing(params.name("items"))
    if len({item.price["currency"] for item in wanted}) > 1:
        raise Refusal(
            "All prices on a subscription must use the same currency.", param=params.name("items")
        )
    return wanted


def refuse_anchor(params: Params) -> None:
    """Refuse a first period that is shorter than the others."""
    if params.text("billing_cycle_anchor") is not None:
        raise Refusal(
            "The simulator does not know `billing_cycle_anchor` of a new subscription yet.",
            param=params.name("billing_cycle_anchor"),
        )


def trial_end(world: World, params: Params) -> int | None:
    """Return when the trial is over, if there is one."""
    days = params.integer("trial_period_days")
    given = params.text("trial_end")
    if days is not None and given is not None:
        raise Refusal(
            "You cannot specify both `trial_end` and `trial_period_days`.", param="trial_end"
        )
    if days is not None and days > 0:
        return world.now() + days * DAY
    if given in (None, "now"):
        return None
    end = params.integer("trial_end") or 0
    if end <= world.now():
        raise Refusal("Invalid timestamp: must be an integer Unix timestamp in the future.")
    return end


def _end_of(params: Params) -> int | str | None:
    """Return the moment, or the name of the moment, at which a subscription is to end."""
    named = params.text("cancel_at")
    if named in ("min_period_end", "max_period_end", "max_billed_until"):
        return named
    return params.integer("cancel_at")


def details(world: World, params: Params) -> Json:
    """Return the plain fields of a subscription that the caller sets."""
    found: Json = {}
    if params.has("description"):
        found["description"] = params.text("description")
    if params.has("days_until_due"):
        found["days_until_due"] = params.integer("days_until_due")
    if params.has("cancel_at_period_end"):
        found["cancel_at_period_end"] = params.boolean("cancel_at_period_end")
    if params.text("cancel_at") is not None:
        found["cancel_at"] = _end_of(params)
    payment = params.inside("payment_settings")
    if payment.data:
        found["payment_settings"] = {
            "payment_method_options": None,
            "payment_method_types": payment.texts("payment_method_types") or None,
            "save_default_payment_method": payment.text("save_default_payment_method") or "off",
        }
    behavior = params.inside("trial_settings").inside("end_behavior")
    if behavior.data:
        choice = behavior.text("missing_payment_method") or "create_invoice"
        found["trial_settings"] = {"end_behavior": {"missing_payment_method": choice}}
    mode = params.inside("billing_mode").text("type")
    if mode == "classic":
        found["billing_mode"] = {"flexible": None, "type": "classic", "updated_at": None}
    return found


@route("POST", "/v1/subscriptions")
def create_subscription(call: Call) -> Json:
    """Start a subscription."""
    world, params = call.world, call.params
    refuse_anchor(params)
    customer = live_customer(world, params.need("customer"), param="customer")
    method_id = params.text("default_payment_method")
    if method_id is not None:
        require_attached(world, customer["id"], method_id, params, "default_payment_method")
    collection = params.choice(
        "collection_method", ("charge_automatically", "send_invoice"), "charge_automatically"
    )
    if collection == "send_invoice" and not params.has("days_until_due"):
        raise missing("days_until_due")
    items = wanted_items(world, params)
    redemptions = redemptions_of(
        world, params, customer=customer, currency=items[0].price["currency"]
    )
    return subscribing.start(
        world,
        Start(
            customer=customer,
            items=items,
            discounts=redemptions or [],
            behavior=params.choice("payment_behavior", BEHAVIORS, "allow_incomplete"),
            collection_method=collection,
            default_payment_method=method_id,
            trial_end=trial_end(world, params),
            off_session=params.boolean("off_session"),
            metadata=merge_metadata({}, params),
            details=details(world, params),
        ),
    )


@route("GET", "/v1/subscriptions/{}")
def get_subscription(call: Call) -> Json:
    """Return a subscription."""
    return call.world.store.get("subscription", call.id)


def _matches(row: Json, status: str | None, price: str | None) -> bool:
    if price is not None and all(i["price"]["id"] != price for i in row["items"]["data"]):
        return False
    if status is None:
        # Without a filter Stripe leaves out what is canceled.
        return bool(row["status"] != "canceled")
    if status == "ended":
        return row["status"] in standing.ENDED
    return status in ("all", row["status"])


@route("GET", "/v1/subscriptions")
def list_subscriptions(call: Call) -> Json:
    """Return subscriptions by customer, status and price."""
    store, params = call.world.store, call.params
    customer, status, price = (params.text(name) for name in ("customer", "status", "price"))
    found = [row for row in _rows_of(store, customer) if _matches(row, status, price)]
    return listing(call, found, kind="subscription")


def _rows_of(store: Store, customer: str | None) -> Iterable[Json]:
    if customer is None:
        return store.rows("subscription")
    store.get("customer", customer, param="customer")
    return store.where("subscription", "customer", customer)


@route("DELETE", "/v1/subscriptions/{}")
def cancel_subscription(call: Call) -> Json:
    """End a subscription at once."""
    world, params = call.world, call.params
    subscription = live_subscription(call)
    for field in ("comment", "feedback"):
        value = params.inside("cancellation_details").text(field)
        if value is not None:
            subscription["cancellation_details"][field] = value
    was_incomplete = subscription["status"] == "incomplete"
    invoice = world.store.find("invoice", subscription["latest_invoice"] or "")
    if was_incomplete and invoice is not None and invoice["status"] == "open":
        invoicing.void(world, invoice)
        return subscription
    last = ending.cancel(
        world,
        subscription,
        prorate=params.boolean("prorate"),
        invoice_now=params.boolean("invoice_now"),
    )
    if last is not None:
        changing.collect_bill(
            world, subscription, last, off_session=False, behavior="allow_incomplete"
        )
    return subscription


def live_subscription(call: Call) -> Json:
    """Return the subscription in the path, or refuse one that has ended."""
    subscription = call.world.store.get("subscription", call.id)
    if subscription["status"] in standing.ENDED:
        raise Refusal(
            f"No such subscription: '{call.id}'", status=404, code="resource_missing", param="id"
        )
    call.world.follow_clock_of(subscription)
    return subscription


@route("POST", "/v1/subscriptions/{}/resume")
def resume_subscription(call: Call) -> Json:
    """Start a paused subscription again; what it costs from now on is invoiced at once."""
    world, params = call.world, call.params
    subscription = live_subscription(call)
    if subscription["status"] != "paused":
        raise Refusal("You can only resume subscriptions that are paused.")
    anchor = params.choice("billing_cycle_anchor", ("now", "unchanged"), "now")
    prorates = params.text("proration_behavior") != "none"
    invoice = resuming.resume(world, subscription, anchor_now=anchor == "now", prorates=prorates)
    if invoice is not None:
        changing.collect_bill(
            world, subscription, invoice, off_session=True, behavior="allow_incomplete"
        )
    return subscription
