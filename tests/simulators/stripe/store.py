"""Everything the simulator knows: rows by kind and id, with the few indexes lists need."""

import json

from tests.simulators.rows import Rows
from tests.simulators.stripe import Json
from tests.simulators.stripe.errors import no_such

# kind -> fields whose value may be asked for; the answer is then not a walk over every row.
_INDEXED: dict[str, tuple[str, ...]] = {
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


class Store(Rows):
    """Rows in memory. Who changes a row in place says so with `touch`."""

    indexed = _INDEXED

    @staticmethod
    def value_of(row: Json, field: str) -> str | None:
        """Return what a row is indexed by, if it is anything."""
        value = row["payment"].get("payment_intent") if field == "intent" else row.get(field)
        return value if isinstance(value, str) else None

    def get(self, kind: str, row_id: str, *, param: str | None = None) -> Json:
        """Return a row; refuse like Stripe when there is none.

        `param` names the request parameter that carried the id; without it the id was in the path.
        """
        row = self.find(kind, row_id)
        if row is None:
            raise no_such(kind, row_id, param=param or "id", status=400 if param else 404)
        return row

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
