"""What of Stripe has to be asked for again because of an event: one subject, and its invoices."""

from collections.abc import Mapping
from typing import Any

from billing.drivers.stripe.snapshots import PAYMENT_KEY, id_of
from billing.types import Subject

Json = Mapping[str, Any]

# An upcoming invoice is a preview: nobody can ask for it.
_PREVIEWS = frozenset({"invoice.upcoming"})
# A payer is asked for when what it can pay with may have changed; one that was just created has
# nothing to tell.
_OF_PAYERS = frozenset(
    {
        "customer.updated",
        "customer.deleted",
        "payment_method.attached",
        "payment_method.detached",
        "payment_method.updated",
        "payment_method.automatically_updated",
    }
)


def subject_of(payload: Json) -> Subject | None:
    """Return what an event of a known type is about; None when nothing of ours follows from it.

    An invoice's subject is its subscription, which brings its latest invoice along. A payment in
    person is told by its intent, and by the reader that takes it.
    """
    type_: str = payload["type"]
    obj: Json = payload["data"]["object"]
    kind = obj.get("object")
    if type_ in _OF_PAYERS:
        return _payer(payload, obj)
    if kind in ("invoice", "invoice_payment"):
        return _of_invoice(type_, obj)
    if kind in ("charge", "refund"):
        # Refunds are told by their charge, which names the payer. One of something else has none.
        charge = obj["id"] if kind == "charge" else id_of(obj.get("charge"))
        is_about_refunds = kind == "refund" or type_ == "charge.refunded"
        return Subject("charge", charge) if charge and is_about_refunds else None
    if kind == "payment_intent":
        return Subject("sale", obj["id"]) if our_id(payload) else None
    if kind == "terminal.reader":
        return _at_reader(obj)
    ours = _AS_THEY_ARE.get(str(kind))
    return Subject(ours, obj["id"]) if ours else None


def our_id(payload: Json) -> str:
    """Return our id of the payment in person that an intent carries; empty for any other."""
    obj: Json = payload["data"]["object"]
    if obj.get("object") != "payment_intent":
        return ""
    return str((obj.get("metadata") or {}).get(PAYMENT_KEY, ""))


def _at_reader(reader: Json) -> Subject | None:
    """Return the payment that a reader takes, or just took: which may be somebody else's.

    Source: https://docs.stripe.com/api/terminal/readers/object#terminal_reader_object-action
    """
    action = reader.get("action") or {}
    intent = id_of((action.get("process_payment_intent") or {}).get("payment_intent"))
    return Subject("sale", intent) if intent else None


_AS_THEY_ARE = {
    "subscription": "subscription",
    "checkout.session": "checkout_session",
    "credit_note": "credit_note",
    "dispute": "dispute",
}


def invoices_of(payload: Json) -> tuple[str, ...]:
    """Return the ids of invoices that an event is about beside its subject."""
    obj: Json = payload["data"]["object"]
    kind = obj.get("object")
    if kind == "credit_note":
        return (id_of(obj["invoice"]),)
    subject = subject_of(payload)
    if kind not in ("invoice", "invoice_payment") or payload["type"] in _PREVIEWS:
        return ()
    if subject is None or subject.kind == "invoice":
        return ()
    return (id_of(obj["invoice"] if kind == "invoice_payment" else obj["id"]),)


def _of_invoice(type_: str, obj: Json) -> Subject | None:
    # A payment says only which invoice it is for, unless that was expanded; the invoice's own
    # events tell the same.
    invoice = obj["invoice"] if obj["object"] == "invoice_payment" else obj
    if not isinstance(invoice, Mapping):
        return None
    details = (invoice.get("parent") or {}).get("subscription_details") or {}
    subscription_id = id_of(details.get("subscription"))
    if subscription_id:
        return Subject("subscription", subscription_id)
    return None if type_ in _PREVIEWS else Subject("invoice", invoice["id"])


def _payer(payload: Json, obj: Json) -> Subject | None:
    """Return the payer of a customer or method; a detached method names it as it was."""
    if obj["object"] == "customer":
        return Subject("customer", obj["id"])
    before = payload["data"].get("previous_attributes") or {}
    customer = id_of(obj.get("customer")) or id_of(before.get("customer"))
    return Subject("customer", customer) if customer else None
