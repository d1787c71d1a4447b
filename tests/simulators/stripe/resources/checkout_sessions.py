"""/v1/checkout/sessions."""

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine import clockwork
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.expand import includable
from tests.simulators.stripe.periods import DAY
from tests.simulators.stripe.resources import checkout_items
from tests.simulators.stripe.resources.customers import live_customer
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import Params, merge_metadata
from tests.simulators.stripe.world import World

_KIND = "checkout.session"
_MIN_LIFE, _MAX_LIFE = 30 * 60, DAY


def _expiry(world: World, params: Params) -> int:
    now = world.now()
    given = params.integer("expires_at")
    if given is None:
        return now + _MAX_LIFE
    if not now + _MIN_LIFE - 60 <= given <= now + _MAX_LIFE:
        raise Refusal(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout "
            "Session creation.",
            param="expires_at",
        )
    return given


def _urls(params: Params, ui_mode: str) -> Json:
    if ui_mode == "hosted_page":
        return {"success_url": params.need("success_url"), "cancel_url": params.text("cancel_url")}
    if ui_mode != "embedded_page":
        return {"return_url": params.text("return_url")}
    redirects = params.choice(
        "redirect_on_completion", ("always", "if_required", "never"), "always"
    )
    url = params.text("return_url") if redirects == "never" else params.need("return_url")
    return {"redirect_on_completion": redirects, "return_url": url}


@route("POST", "/v1/checkout/sessions")
def create_checkout_session(call: Call) -> Json:
    """Open a session and its hosted page."""
    world, params = call.world, call.params
    mode = params.choice("mode", ("payment", "setup", "subscription"), "payment")
    ui_mode = params.choice(
        "ui_mode", ("hosted_page", "embedded_page", "elements", "form"), "hosted_page"
    )
    customer_id = params.text("customer")
    if customer_id is not None:
        live_customer(world, customer_id, param="customer")
    items = checkout_items.line_items(world, params, mode)
    checkout_items.require_items(items, mode)
    redemptions = checkout_items.discount(world, params, items, customer_id)
    session = _blank(world, mode, ui_mode, items)
    session["discounts"] = [
        {
            "coupon": None if row.promotion_code else row.coupon["id"],
            "promotion_code": row.promotion_code["id"] if row.promotion_code else None,
        }
        for row in redemptions
    ] or None
    session.update(_urls(params, ui_mode))
    session["customer"] = customer_id
    session["customer_email"] = params.text("customer_email")
    session["client_reference_id"] = params.text("client_reference_id")
    session["expires_at"] = _expiry(world, params)
    session["metadata"] = merge_metadata({}, params)
    session["locale"] = params.text("locale")
    if params.has("customer_creation"):
        session["customer_creation"] = params.text("customer_creation")
    if params.has("payment_method_collection"):
        session["payment_method_collection"] = params.text("payment_method_collection")
    if mode == "setup":
        session["currency"] = params.text("currency")
    world.store.put(
        "_checkout",
        session["id"],
        {
            "id": session["id"],
            "items": [
                {"price": item["price"]["id"], "quantity": item["quantity"]} for item in items
            ],
            "line_items": items,
            "data": params.table(f"{'payment_intent' if mode == 'payment' else mode}_data")
            if mode != "setup"
            else params.table("setup_intent_data"),
            "subscription": None,
            "customer": customer_id,
            "discounts": params.table("discounts"),
        },
    )
    world.add(session)
    world.schedule(session["expires_at"], "expire_checkout", session["id"])
    return session


def _blank(world: World, mode: str, ui_mode: str, items: list[Json]) -> Json:
    session_id = ids.new_id(_KIND)
    total = sum(item["amount_total"] for item in items) if items else None
    discount = sum(item["amount_discount"] for item in items)
    hosted = ui_mode == "hosted_page"
    return {
        "id": session_id,
        "object": _KIND,
        "adaptive_pricing": None,
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": None if total is None else total + discount,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": None,
        "client_reference_id": None,
        "client_secret": None if hosted else f"{session_id}_secret_{ids.token(40)}",
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": world.now(),
        "currency": items[0]["currency"] if items else None,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": None,
        "customer_account": None,
        "customer_creation": None if mode == "subscription" else "if_required",
        "customer_details": None,
        "customer_email": None,
        "discounts": None,
        "expires_at": world.now() + DAY,
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": None,
        "metadata": {},
        "mode": mode,
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "always",
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "no_payment_required" if mode == "setup" else "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "redirect_on_completion": None,
        "return_url": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": None,
        "total_details": {"amount_discount": discount, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": ui_mode,
        "url": f"{world.public_url}/c/pay/{session_id}" if hosted else None,
        "wallet_options": None,
    }


@route("GET", "/v1/checkout/sessions/{}")
def get_checkout_session(call: Call) -> Json:
    """Return a session."""
    return call.world.store.get(_KIND, call.id)


@route("POST", "/v1/checkout/sessions/{}")
def update_checkout_session(call: Call) -> Json:
    """Change the metadata of a session."""
    session = call.world.store.get(_KIND, call.id)
    session["metadata"] = merge_metadata(session["metadata"], call.params)
    call.world.touch(session)
    return session


@route("GET", "/v1/checkout/sessions")
def list_checkout_sessions(call: Call) -> Json:
    """Return sessions by customer, subscription, PaymentIntent and status."""
    store, params = call.world.store, call.params
    filters = {
        name: params.text(name) for name in ("customer", "subscription", "payment_intent", "status")
    }
    found = [
        row
        for row in store.rows(_KIND)
        if all(value in (None, row[name]) for name, value in filters.items())
    ]
    return listing(call, found, kind=_KIND)


@route("POST", "/v1/checkout/sessions/{}/expire")
def expire_checkout_session(call: Call) -> Json:
    """End an open session."""
    session = call.world.store.get(_KIND, call.id)
    if session["status"] != "open":
        raise Refusal(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of {session['status']}.",
            param="session",
        )
    clockwork.expire_session(call.world, session)
    return session


@route("GET", "/v1/checkout/sessions/{}/line_items")
def list_checkout_line_items(call: Call) -> Json:
    """Return what a session sells."""
    call.world.store.get(_KIND, call.id)
    rows = list(call.world.store.get("_checkout", call.id)["line_items"])
    rows.reverse()
    return listing(call, rows, kind="item")


@includable(_KIND, "line_items")
def _included_line_items(world: World, session: Json) -> object:
    return {
        "object": "list",
        "data": world.store.get("_checkout", session["id"])["line_items"],
        "has_more": False,
        "url": f"/v1/checkout/sessions/{session['id']}/line_items",
    }
