"""Invoice items: single amounts that wait for an invoice, or are put on a draft at once."""

from dataclasses import dataclass, field

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine import bills, lines
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.world import World


@dataclass(frozen=True)
class Amount:
    """What an invoice item costs: by a price, or just so much."""

    total: int
    quantity: int
    currency: str
    price: str | None = None
    product: str | None = None
    unit: str | None = None

    @property
    def pricing(self) -> Json:
        """Return how the amount came about, as Stripe shows it."""
        details = None
        if self.price is not None:
            details = {"price": self.price, "product": self.product}
        unit = self.unit if self.unit is not None else str(self.total)
        return {"price_details": details, "type": "price_details", "unit_amount_decimal": unit}


@dataclass(frozen=True)
class ItemWish:
    """An invoice item as it is asked for."""

    customer: Json
    amount: Amount
    description: str | None = None
    subscription: str | None = None
    period: tuple[int, int] | None = None
    discountable: bool | None = None
    metadata: Json = field(default_factory=dict)


def add_item(world: World, wish: ItemWish, invoice: Json | None = None) -> Json:
    """Add an invoice item, with a line if it goes on a draft at once."""
    now = world.now()
    start, end = wish.period or (now, now)
    amount = wish.amount
    parent = None
    if wish.subscription is not None:
        parent = {
            "subscription_details": {"subscription": wish.subscription, "subscription_item": None},
            "type": "subscription_details",
        }
    entry = {
        "id": ids.new_id("invoiceitem"),
        "object": "invoiceitem",
        "amount": amount.total,
        "currency": amount.currency,
        "customer": wish.customer["id"],
        "customer_account": None,
        "date": now,
        "description": wish.description,
        "discountable": amount.total >= 0 if wish.discountable is None else wish.discountable,
        "discounts": [],
        "invoice": invoice["id"] if invoice is not None else None,
        "livemode": False,
        "metadata": wish.metadata,
        "net_amount": amount.total,
        "parent": parent,
        "period": {"end": end, "start": start},
        "pricing": amount.pricing,
        "proration": False,
        "proration_details": None,
        "quantity": amount.quantity,
        "quantity_decimal": str(amount.quantity),
        "tax_rates": [],
        "test_clock": wish.customer["test_clock"],
    }
    world.add(entry, "invoiceitem.created")
    if invoice is not None:
        with world.change(invoice, "invoice.updated"):
            invoice["lines"]["data"].append(lines.line_of_invoiceitem(entry))
            bills.reckon(world, invoice)
    return entry


def require_open_to_change(world: World, entry: Json) -> Json | None:
    """Return the draft an item is on; refuse one whose invoice is finalized."""
    invoice = world.store.find("invoice", entry["invoice"]) if entry["invoice"] else None
    if invoice is not None and invoice["status"] != "draft":
        raise Refusal(
            "This invoice item is on an invoice that can no longer be modified: "
            f"{invoice['id']} is {invoice['status']}.",
            code="invoice_not_editable",
        )
    return invoice


def rewrite_line(world: World, invoice: Json, entry: Json, *, removed: bool = False) -> None:
    """Let the line of an item on a draft follow it."""
    with world.change(invoice, "invoice.updated"):
        found = invoice["lines"]["data"]
        for index, line in enumerate(found):
            if lines.invoiceitem_of(line) == entry["id"]:
                found[index] = {**lines.line_of_invoiceitem(entry), "id": line["id"]}
                if removed:
                    del found[index]
                break
        bills.reckon(world, invoice)


def put_on(world: World, entry: Json, invoice: Json) -> None:
    """Put an item that waits on a draft."""
    if entry["invoice"] is not None:
        raise Refusal(f"The invoice item {entry['id']} is on an invoice already.")
    entry["invoice"] = invoice["id"]
    world.touch(entry)
    with world.change(invoice, "invoice.updated"):
        invoice["lines"]["data"].append(lines.line_of_invoiceitem(entry))
        bills.reckon(world, invoice)
