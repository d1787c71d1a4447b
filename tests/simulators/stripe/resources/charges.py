"""/v1/charges, /v1/balance_transactions and /v1/refunds."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import refunding
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.expand import includable
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import merge_metadata
from tests.simulators.stripe.world import World, changes


@route("GET", "/v1/charges/{}")
def get_charge(call: Call) -> Json:
    """Return a charge."""
    return call.world.store.get("charge", call.id)


@route("GET", "/v1/charges")
def list_charges(call: Call) -> Json:
    """Return charges, by customer and by PaymentIntent."""
    store, params = call.world.store, call.params
    customer, intent = params.text("customer"), params.text("payment_intent")
    if intent is not None:
        rows = list(store.where("charge", "payment_intent", intent))
    elif customer is not None:
        rows = list(store.where("charge", "customer", customer))
    else:
        rows = list(store.rows("charge"))
    return listing(call, [r for r in rows if customer in (None, r["customer"])], kind="charge")


@route("GET", "/v1/balance_transactions/{}")
def get_balance_transaction(call: Call) -> Json:
    """Return what a charge or refund did to the balance."""
    return call.world.store.get("balance_transaction", call.id)


@route("GET", "/v1/balance_transactions")
def list_balance_transactions(call: Call) -> Json:
    """Return what changed the balance, by its source and type."""
    params = call.params
    filters = {name: params.text(name) for name in ("source", "type", "currency")}
    found = [
        row
        for row in call.world.store.rows("balance_transaction")
        if all(value in (None, row[name]) for name, value in filters.items())
    ]
    return listing(call, found, kind="balance_transaction")


@route("POST", "/v1/charges/{}")
def update_charge(call: Call) -> Json:
    """Change the words about a charge."""
    charge = call.world.store.get("charge", call.id)
    with call.world.change(charge, "charge.updated"):
        for field in ("description", "receipt_email"):
            if call.params.has(field):
                charge[field] = call.params.text(field)
        charge["metadata"] = merge_metadata(charge["metadata"], call.params)
    return charge


@includable("charge", "refunds")
def _refunds(world: World, charge: Json) -> object:
    rows = list(world.store.where("refund", "charge", charge["id"]))
    rows.reverse()
    return {
        "object": "list",
        "data": rows,
        "has_more": False,
        "total_count": len(rows),
        "url": f"/v1/charges/{charge['id']}/refunds",
    }


def _charge_to_refund(call: Call) -> Json:
    store, params = call.world.store, call.params
    intent_id = params.text("payment_intent")
    if intent_id is not None:
        intent = store.get("payment_intent", intent_id, param="payment_intent")
        if intent["status"] != "succeeded" or intent["latest_charge"] is None:
            raise Refusal(
                f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.",
                param="payment_intent",
            )
        return store.get("charge", intent["latest_charge"])
    return store.get("charge", params.need("charge"), param="charge")


@route("POST", "/v1/refunds")
def create_refund(call: Call) -> Json:
    """Give back a captured charge, or part of it."""
    world, params = call.world, call.params
    return refunding.refund(
        world,
        _charge_to_refund(call),
        params.integer("amount"),
        reason=params.text("reason"),
        metadata=merge_metadata({}, params),
    )


@route("GET", "/v1/refunds/{}")
def get_refund(call: Call) -> Json:
    """Return a refund."""
    return call.world.store.get("refund", call.id)


@route("POST", "/v1/refunds/{}")
def update_refund(call: Call) -> Json:
    """Change the metadata of a refund."""
    refund = call.world.store.get("refund", call.id)
    before = dict(refund)
    with call.world.change(refund, "refund.updated"):
        refund["metadata"] = merge_metadata(refund["metadata"], call.params)
    if refund != before:
        # The older name of the same event, for the refunds of a charge.
        call.world.emit("charge.refund.updated", refund, changes(before, refund))
    return refund


@route("GET", "/v1/refunds")
def list_refunds(call: Call) -> Json:
    """Return refunds, by charge or by PaymentIntent."""
    store, params = call.world.store, call.params
    charge, intent = params.text("charge"), params.text("payment_intent")
    if charge is not None:
        rows = list(store.where("refund", "charge", charge))
    elif intent is not None:
        rows = list(store.where("refund", "payment_intent", intent))
    else:
        rows = list(store.rows("refund"))
    return listing(call, rows, kind="refund")
