"""/v1/customers/{}/balance_transactions: credit that pays invoices, and what is owed."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import balances
from tests.simulators.stripe.errors import missing, no_such
from tests.simulators.stripe.resources.customers import live_customer
from tests.simulators.stripe.routing import Call, listing, route
from tests.simulators.stripe.wire import merge_metadata


@route("POST", "/v1/customers/{}/balance_transactions")
def create_balance_transaction(call: Call) -> Json:
    """Credit a customer (below zero) or note what is owed."""
    params = call.params
    customer = live_customer(call.world, call.id)
    amount = params.integer("amount")
    if amount is None:
        raise missing("amount")
    return balances.move(
        call.world,
        customer["id"],
        amount,
        "adjustment",
        currency=params.need("currency").lower(),
        details={
            "description": params.text("description"),
            "metadata": merge_metadata({}, params),
        },
    )


@route("GET", "/v1/customers/{}/balance_transactions")
def list_balance_transactions(call: Call) -> Json:
    """Return what changed a customer's balance."""
    customer = live_customer(call.world, call.id)
    invoice = call.params.text("invoice")
    found = [
        row
        for row in call.world.store.where(balances.KIND, "customer", customer["id"])
        if invoice in (None, row["invoice"])
    ]
    return listing(call, found, kind=balances.KIND)


@route("GET", "/v1/customers/{}/balance_transactions/{}")
def get_balance_transaction(call: Call) -> Json:
    """Return one change of a customer's balance."""
    row = call.world.store.get(balances.KIND, call.ids[1])
    if row["customer"] != call.id:
        raise no_such(balances.KIND, call.ids[1])
    return row


@route("POST", "/v1/customers/{}/balance_transactions/{}")
def update_balance_transaction(call: Call) -> Json:
    """Change the words about a change of the balance."""
    row = get_balance_transaction(call)
    if call.params.has("description"):
        row["description"] = call.params.text("description")
    row["metadata"] = merge_metadata(row["metadata"], call.params)
    call.world.touch(row)
    return row
