"""A customer's balance: below zero it is credit that pays later invoices, above it is owed."""

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.world import World

KIND = "customer_balance_transaction"


def foresee(world: World, invoice: Json) -> None:
    """Write on a draft what would be due if it were finalized now."""
    start = world.store.get("customer", invoice["customer"])["balance"]
    invoice["starting_balance"] = start
    due = max(invoice["total"] + start, 0)
    invoice["amount_due"] = invoice["amount_remaining"] = due


def settle(world: World, invoice: Json) -> None:
    """Let an invoice that is finalized use the balance up, or add to it what is to be credited."""
    foresee(world, invoice)
    change = invoice["total"] - invoice["amount_due"]
    invoice["ending_balance"] = invoice["starting_balance"] + change
    if change:
        move(world, invoice["customer"], change, "applied_to_invoice", invoice=invoice)


def give_back(world: World, invoice: Json) -> None:
    """Undo what an invoice that is voided did to the balance."""
    change = (invoice["ending_balance"] or 0) - invoice["starting_balance"]
    if change:
        move(world, invoice["customer"], -change, "unapplied_from_invoice", invoice=invoice)


def move(
    world: World,
    customer_id: str,
    amount: int,
    type_: str,
    *,
    invoice: Json | None = None,
    currency: str | None = None,
    details: Json | None = None,
) -> Json:
    """Change a customer's balance and write down why; `details` are further fields of that."""
    customer = world.store.get("customer", customer_id)
    with world.change(customer, "customer.updated"):
        customer["balance"] += amount
        if customer["currency"] is None:
            customer["currency"] = currency
    row = {
        "id": ids.new_id(KIND),
        "object": KIND,
        "amount": amount,
        "checkout_session": None,
        "created": world.now(),
        "credit_note": None,
        "currency": customer["currency"] or (invoice or {}).get("currency") or "usd",
        "customer": customer_id,
        "customer_account": None,
        "description": None,
        "ending_balance": customer["balance"],
        "invoice": invoice["id"] if invoice is not None else None,
        "livemode": False,
        "metadata": {},
        "type": type_,
        **(details or {}),
    }
    return world.add(row)
