"""Everything the simulator knows: rows by kind and id, with the few indexes lists need."""

import json
from collections.abc import Iterable, Iterator

from tests.simulators.stripe import Json
from tests.simulators.stripe.errors import no_such

# kind -> fields whose value may be asked for; the answer is then not a walk over every row.
INDEXED: dict[str, tuple[str, ...]] = {
    "_checkout": ("awaits",),
    "charge": ("customer", "payment_intent"),
    "checkout.session": ("customer", "subscription", "payment_intent"),
    "credit_note": ("invoice", "customer"),
    "customer": ("email",),
    "customer_balance_transaction": ("customer",),
    "dispute": ("charge", "payment_intent"),
    "discount": ("subscription",),
    "invoice": ("customer",),
    "invoice_payment": ("invoice", "intent"),
    "invoiceitem": ("customer",),
    "payment_intent": ("customer",),
    "payment_method": ("customer",),
    "promotion_code": ("code",),
    "price": ("product", "lookup_key"),
    "refund": ("charge", "payment_intent"),
    "setup_intent": ("customer",),
    "subscription": ("customer",),
    "subscription_schedule": ("customer",),
}


def value_of(row: Json, field: str) -> str | None:
    """Return what a row is indexed by, if it is anything."""
    value = row["payment"].get("payment_intent") if field == "intent" else row.get(field)
    return value if isinstance(value, str) else None


class Store:
    """Rows in memory. Who changes a row in place says so with `touch`."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Json]] = {}
        self.index: dict[tuple[str, str, str], dict[str, None]] = {}
        self.dirty: dict[tuple[str, str], None] = {}

    def put(self, kind: str, row_id: str, row: Json) -> Json:
        """Add a row."""
        self.tables.setdefault(kind, {})[row_id] = row
        self.touch(kind, row_id)
        return row

    def touch(self, kind: str, row_id: str) -> None:
        """Note that a row changed: it is indexed again and written with the next snapshot."""
        self.dirty[kind, row_id] = None
        fields = INDEXED.get(kind)
        if fields:
            row = self.tables[kind][row_id]
            for field in fields:
                value = value_of(row, field)
                if value is not None:
                    # Entries of former values stay; readers compare the row again.
                    self.index.setdefault((kind, field, value), {})[row_id] = None

    def remove(self, kind: str, row_id: str) -> None:
        """Forget a row."""
        self.tables.get(kind, {}).pop(row_id, None)
        self.dirty[kind, row_id] = None

    def find(self, kind: str, row_id: str) -> Json | None:
        """Return a row or nothing."""
        table = self.tables.get(kind)
        return table.get(row_id) if table is not None else None

    def get(self, kind: str, row_id: str, *, param: str | None = None) -> Json:
        """Return a row; refuse like Stripe when there is none.

        `param` names the request parameter that carried the id; without it the id was in the path.
        """
        row = self.find(kind, row_id)
        if row is None:
            raise no_such(kind, row_id, param=param or "id", status=400 if param else 404)
        return row

    def rows(self, kind: str) -> Iterable[Json]:
        """Return all rows of a kind, oldest first."""
        return self.tables.get(kind, {}).values()

    def where(self, kind: str, field: str, value: str) -> Iterator[Json]:
        """Yield the rows whose indexed field has this value, oldest first."""
        table = self.tables.get(kind, {})
        for row_id in list(self.index.get((kind, field, value), ())):
            row = table.get(row_id)
            if row is not None and value_of(row, field) == value:
                yield row

    def clear(self) -> None:
        """Forget everything."""
        for kind, table in self.tables.items():
            for row_id in table:
                self.dirty[kind, row_id] = None
        self.tables.clear()
        self.index.clear()

    def relink(self) -> None:
        """After loading: items and prices are shared between rows, not copied into them."""
        prices = self.tables.get("price", {})
        items: dict[str, Json] = {}
        for subscription in self.rows("subscription"):
            for item in subscription["items"]["data"]:
                item["price"] = prices.get(item["price"]["id"], item["price"])
                items[item["id"]] = item
        for item in self.tables.get("subscription_item", {}).values():
            items.setdefault(item["id"], item)
        self.tables["subscription_item"] = items


def copied(row: Json) -> Json:
    """Return a deep copy of a row of plain JSON."""
    result: Json = json.loads(json.dumps(row))
    return result
