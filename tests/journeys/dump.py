"""What the database says in the end, without what legitimately differs between two runs."""

from collections import Counter
from typing import Any

from django.apps import apps
from django.db import models

APPS = ("orgs", "billing", "notifications", "djstripe")
# Row keys made here, the order things were noticed in, and the moments at which they were.
VOLATILE = {
    "Organization": {"access_event_id"},
    "BillingEvent": {"id", "sequence", "cause"},
    "PaymentFact": {"id"},
    "Case": {"id"},
    "Message": {"id", "next_attempt_at", "claimed_at"},
    "InboxEvent": {"id", "received_at", "next_attempt_at", "claimed_at", "handled_at", "attempts"},
    "MirrorTodo": {"id", "generation", "next_attempt_at"},
    "Subscription": {"snapshot_at"},
    "Customer": {"snapshot_at"},
    "PaymentMethod": {"id"},
    "Invoice": {"id", "snapshot_at"},
    "InvoiceLine": {"id"},
    "InvoiceDelivery": {"id"},
    "CreditNote": {"id", "snapshot_at"},
    "Refund": {"id", "snapshot_at"},
    "Dispute": {"id", "snapshot_at"},
    "PaymentAttempt": {"asked"},
    "APIKey": {"id"},  # dj-stripe makes one up
}
EVERYWHERE = {"created_at", "updated_at", "djstripe_id", "djstripe_created", "djstripe_updated"}
# Objects that get a new key in every run: events name them by it.
MADE_HERE = {
    "payment_fact",
    "payment_method",
    "case",
    "invoice",
    "credit_note",
    "refund",
    "dispute",
}
# Rows with such a key are told by what they are called, not by the key: table and column.
NAMED = {
    "invoice_id": ("billing", "Invoice", "external_id"),
    "message_id": ("notifications", "Message", "key"),
}


def _names() -> dict[Any, str]:
    """Return what to write for the keys that rows point with."""
    return {
        pk: name
        for app, model, column in NAMED.values()
        for pk, name in apps.get_model(app, model)._default_manager.values_list("pk", column)
    }


def _row(model: type[models.Model], values: dict[str, Any], names: dict[Any, str]) -> str:
    hidden = VOLATILE.get(model.__name__, set()) | EVERYWHERE
    shown = {name: value for name, value in values.items() if name not in hidden}
    for column in NAMED.keys() & shown.keys():
        shown[column] = names.get(shown[column])
    if model.__name__ == "BillingEvent" and shown["object_type"] in MADE_HERE:
        shown.pop("object_id")
    if model._meta.app_label == "djstripe":
        # Keys among the mirror's own rows are numbers given out in the order of copying.
        own = {f.attname for f in model._meta.fields if f.is_relation and _is_numbered(f)}
        shown = {name: value for name, value in shown.items() if name not in own}
    return repr(sorted(shown.items()))


def _is_numbered(field: Any) -> bool:
    return bool(field.target_field.name == "djstripe_id")


def database() -> dict[str, Counter[str]]:
    """Return every table's rows as a multiset of texts."""
    tables = {}
    names = _names()
    for label in APPS:
        for model in apps.get_app_config(label).get_models():
            rows = Counter(_row(model, values, names) for values in model._default_manager.values())
            if rows:
                tables[model._meta.label] = rows
    return tables


def difference(expected: dict[str, Counter[str]], found: dict[str, Counter[str]]) -> list[str]:
    """Return what one database has and the other has not, in lines a person can read."""
    lines = []
    for table in sorted(expected.keys() | found.keys()):
        wanted, got = expected.get(table, Counter()), found.get(table, Counter())
        lines += [f"missing in {table}: {row}" for row in (wanted - got).elements()]
        lines += [f"too much in {table}: {row}" for row in (got - wanted).elements()]
    return lines
