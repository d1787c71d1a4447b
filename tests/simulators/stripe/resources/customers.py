"""/v1/account and /v1/customers."""

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine import balances, cardholding, standing
from tests.simulators.stripe.engine.cardholding import EMPTY_ADDRESS
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.expand import includable
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import Params, merge_metadata
from tests.simulators.stripe.world import World

ACCOUNT_ID = "acct_simulator0000000"
_TEXTS = ("description", "email", "name", "phone")


@route("GET", "/v1/account")
def get_account(call: Call) -> Json:
    """Return the one account the simulator plays."""
    return {
        "id": ACCOUNT_ID,
        "object": "account",
        "business_profile": {"name": "Simulator", "url": call.world.public_url},
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "country": "US",
        "created": 1_700_000_000,
        "default_currency": "usd",
        "details_submitted": True,
        "email": "simulator@example.test",
        "metadata": {},
        "payouts_enabled": True,
        "settings": {
            "branding": {
                "icon": None,
                "logo": None,
                "primary_color": None,
                "secondary_color": None,
            },
            "card_payments": {
                "decline_on": {"avs_failure": False, "cvc_failure": False},
                "statement_descriptor_prefix": None,
                "statement_descriptor_prefix_kana": None,
                "statement_descriptor_prefix_kanji": None,
            },
            "payments": {
                "statement_descriptor": "SIMULATOR",
                "statement_descriptor_kana": None,
                "statement_descriptor_kanji": None,
            },
            "dashboard": {"display_name": "Simulator", "timezone": "Etc/UTC"},
        },
        "type": "standard",
    }


def make_customer(world: World, *, email: str | None, name: str | None = None) -> Json:
    """Return a new customer; the caller adds it to the world."""
    return {
        "id": ids.new_id("customer"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": world.now(),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": email,
        "invoice_prefix": ids.token(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": name,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def _assign(world: World, customer: Json, params: Params) -> None:
    for field in _TEXTS:
        if params.has(field):
            customer[field] = params.text(field)
    if params.has("address"):
        given = params.table("address")
        customer["address"] = {**EMPTY_ADDRESS, **given} if given else None
    if params.has("preferred_locales"):
        customer["preferred_locales"] = params.texts("preferred_locales")
    if params.has("tax_exempt"):
        customer["tax_exempt"] = params.text("tax_exempt") or "none"
    settings = params.inside("invoice_settings")
    if settings.has("default_payment_method"):
        method_id = settings.text("default_payment_method")
        if method_id is not None:
            require_attached(world, customer["id"], method_id, settings, "default_payment_method")
        customer["invoice_settings"]["default_payment_method"] = method_id
    customer["metadata"] = merge_metadata(customer["metadata"], params)


def require_attached(
    world: World, customer_id: str, method_id: str, params: Params, key: str
) -> None:
    """Refuse a card that is not saved to the customer."""
    method = world.store.find("payment_method", method_id)
    if method is None or method["customer"] != customer_id:
        raise Refusal(
            f"The customer does not have a payment method with the ID {method_id}. "
            "The payment method must be attached to the customer.",
            code="resource_missing",
            param=params.name(key),
        )


@route("POST", "/v1/customers")
def create_customer(call: Call) -> Json:
    """Create a customer, with a first card if one is named."""
    customer = make_customer(call.world, email=None)
    clock_id = call.params.text("test_clock")
    if clock_id is not None:
        call.world.store.get("test_helpers.test_clock", clock_id, param="test_clock")
        customer["test_clock"] = clock_id
        call.world.follow_clock_of(customer)
        customer["created"] = call.world.now()
    _attach_first_card(call, customer)
    _assign(call.world, customer, call.params)
    call.world.add(customer, "customer.created")
    _set_balance(call, customer)
    return customer


def _attach_first_card(call: Call, customer: Json) -> None:
    """Save the named card, so that the same request may make it the default by the same name."""
    named = call.params.text("payment_method")
    if named is None:
        return
    method = cardholding.resolve(call.world, named, param="payment_method")
    cardholding.attach(call.world, method, customer["id"])
    settings = call.params.inside("invoice_settings").data
    if settings.get("default_payment_method") == named:
        settings["default_payment_method"] = method["id"]


def _set_balance(call: Call, customer: Json) -> None:
    balance = call.params.integer("balance")
    if balance is not None and balance != customer["balance"]:
        balances.move(call.world, customer["id"], balance - customer["balance"], "adjustment")


def live_customer(world: World, customer_id: str, *, param: str | None = None) -> Json:
    """Return a customer that was not deleted."""
    customer = world.store.get("customer", customer_id, param=param)
    if customer.get("deleted"):
        raise Refusal(
            f"No such customer: '{customer_id}'",
            status=400 if param else 404,
            code="resource_missing",
            param=param or "id",
        )
    world.follow_clock_of(customer)
    return customer


@route("GET", "/v1/customers/{}")
def get_customer(call: Call) -> Json:
    """Return a customer (a deleted one only as that)."""
    return call.world.store.get("customer", call.id)


@route("POST", "/v1/customers/{}")
def update_customer(call: Call) -> Json:
    """Change a customer."""
    customer = live_customer(call.world, call.id)
    with call.world.change(customer, "customer.updated"):
        _assign(call.world, customer, call.params)
    _set_balance(call, customer)
    return customer


@route("DELETE", "/v1/customers/{}")
def delete_customer(call: Call) -> Json:
    """Delete a customer: its subscriptions end at once."""
    world = call.world
    customer = live_customer(world, call.id)
    for subscription in world.store.where("subscription", "customer", call.id):
        if subscription["status"] not in standing.ENDED:
            standing.end(world, subscription, reason="cancellation_requested")
    world.emit("customer.deleted", customer)
    gone = {"id": call.id, "object": "customer", "deleted": True}
    world.store.put("customer", call.id, gone)
    return gone


@route("GET", "/v1/customers")
def list_customers(call: Call) -> Json:
    """Return customers, all or those of one email address."""
    store, email = call.world.store, call.params.text("email")
    found = store.where("customer", "email", email) if email else store.rows("customer")
    return listing(call, [row for row in found if not row.get("deleted")], kind="customer")


@route("GET", "/v1/customers/{}/payment_methods")
def list_customer_payment_methods(call: Call) -> Json:
    """Return the cards saved to a customer."""
    live_customer(call.world, call.id)
    wanted = call.params.text("type")
    found = [
        row
        for row in call.world.store.where("payment_method", "customer", call.id)
        if wanted in (None, row["type"])
    ]
    return listing(call, found, kind="payment_method")


@route("GET", "/v1/customers/{}/payment_methods/{}")
def get_customer_payment_method(call: Call) -> Json:
    """Return one card of a customer."""
    live_customer(call.world, call.id)
    method = call.world.store.get("payment_method", call.ids[1])
    if method["customer"] != call.id:
        return call.world.store.get("payment_method", "none")
    return method


def _embedded(url: str, rows: list[Json]) -> Json:
    return {"object": "list", "data": rows, "has_more": False, "url": url}


@includable("customer", "subscriptions")
def _subscriptions(world: World, customer: Json) -> object:
    rows = [
        row
        for row in world.store.where("subscription", "customer", customer["id"])
        if row["status"] not in standing.ENDED
    ]
    return _embedded(f"/v1/customers/{customer['id']}/subscriptions", rows)


@includable("customer", "sources")
def _sources(world: World, customer: Json) -> object:
    return _embedded(f"/v1/customers/{customer['id']}/sources", [])


@includable("customer", "tax_ids")
def _tax_ids(world: World, customer: Json) -> object:
    return _embedded(f"/v1/customers/{customer['id']}/tax_ids", [])
