"""Invoice items that wait for the next invoice of their customer or subscription."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import lines
from tests.simulators.stripe.world import World


def entries_for(world: World, customer: str, subscription: str | None = None) -> list[Json]:
    """Return the entries not yet invoiced, of a subscription or of the customer alone."""
    found = []
    for entry in world.store.where("invoiceitem", "customer", customer):
        details = (entry["parent"] or {}).get("subscription_details") or {}
        if entry["invoice"] is None and details.get("subscription") == subscription:
            found.append(entry)
    return found


def lines_for(world: World, subscription: Json) -> list[Json]:
    """Return lines for what waits for the subscription's next invoice."""
    entries = entries_for(world, subscription["customer"], subscription["id"])
    return [lines.line_of_invoiceitem(entry) for entry in entries]


def lines_for_customer(world: World, customer: str) -> list[Json]:
    """Return lines for what waits for the customer's next invoice, whichever that is."""
    return [lines.line_of_invoiceitem(entry) for entry in entries_for(world, customer)]


def claim_items(world: World, invoice: Json) -> None:
    """Note on the invoice items that they are on this invoice now."""
    for line in invoice["lines"]["data"]:
        entry_id = lines.invoiceitem_of(line)
        entry = world.store.find("invoiceitem", entry_id) if entry_id else None
        if entry is not None:
            entry["invoice"] = invoice["id"]
            world.touch(entry)
