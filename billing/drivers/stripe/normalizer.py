"""What a stored Stripe event is about, in our words. Pure: asks nobody.

Source: https://docs.stripe.com/api/events/types, objects as of the pinned API version.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from billing.drivers.stripe import subjects
from billing.drivers.stripe.snapshots import id_of
from billing.enums import FactKind, Provider
from billing.types import Fact, NormalizedEvent, Subject

Json = Mapping[str, Any]
FactMaker = Callable[[Json, Json, datetime], Fact | None]

OTHER = "billing.provider.other"

# Stripe's object -> ours, and Stripe's verbs (`deleted:canceled` gives one another name).
_VOCABULARY = {
    "customer": ("customer", "created updated deleted"),
    "customer.subscription": (
        "subscription",
        (
            "created updated deleted:canceled paused resumed trial_will_end "
            "pending_update_applied pending_update_expired"
        ),
    ),
    "invoice": (
        "invoice",
        (
            "created updated deleted finalized finalization_failed sent upcoming will_be_due "
            "overdue overpaid paid payment_succeeded:paid payment_failed payment_action_required "
            "payment_attempt_required voided marked_uncollectible"
        ),
    ),
    "invoice_payment": ("invoice_payment", "paid"),
    "invoiceitem": ("invoice_item", "created deleted"),
    "payment_intent": (
        "payment_intent",
        (
            "created processing requires_action succeeded payment_failed canceled "
            "amount_capturable_updated partially_funded"
        ),
    ),
    "payment_method": ("payment_method", "attached detached updated automatically_updated"),
    "setup_intent": ("setup_intent", "created requires_action succeeded setup_failed canceled"),
    "charge": ("charge", "pending succeeded failed captured expired updated refunded"),
    "refund": ("refund", "created updated failed"),
    "charge.dispute": (
        "dispute",
        "created updated closed funds_withdrawn funds_reinstated",
    ),
    "credit_note": ("credit_note", "created updated voided"),
    "checkout.session": (
        "checkout",
        "completed:complete expired async_payment_succeeded async_payment_failed",
    ),
    "product": ("product", "created updated deleted"),
    "price": ("price", "created updated deleted"),
    "subscription_schedule": (
        "schedule",
        "created updated canceled completed released aborted expiring",
    ),
    "terminal.reader": ("reader", "action_succeeded action_failed action_updated"),
}

# The kinds of objects that the mirror copies, by Stripe's own name for them.
_MIRRORED = frozenset(
    {
        "customer",
        "subscription",
        "invoice",
        "payment_intent",
        "payment_method",
        "price",
        "product",
    }
)


def _table() -> dict[str, str]:
    table = {}
    for theirs, (ours, verbs) in _VOCABULARY.items():
        for verb in verbs.split():
            stripe_verb, _, our_verb = verb.partition(":")
            table[f"{theirs}.{stripe_verb}"] = f"billing.{ours}.{our_verb or stripe_verb}"
    return table


TYPES = _table()


def normalize(payload: Json) -> NormalizedEvent:
    """Say what an event is about, what once happened, and what the mirror should copy.

    An event of a type that is not in the table concerns nothing of ours.
    """
    type_ = payload["type"]
    obj: Json = payload["data"]["object"]
    occurred_at = datetime.fromtimestamp(payload["created"], UTC)
    is_known = type_ in TYPES
    return NormalizedEvent(
        provider=Provider.STRIPE,
        external_id=payload["id"],
        type=TYPES.get(type_, OTHER),
        provider_type=type_,
        occurred_at=occurred_at,
        subject=subjects.subject_of(payload) if is_known else None,
        invoices=subjects.invoices_of(payload) if is_known else (),
        external_customer_id=_customer(obj) if is_known else "",
        our_id=subjects.our_id(payload) if is_known else "",
        fact=_fact(payload, obj, occurred_at) if is_known else None,
        mirror=_mirror(type_, obj) if is_known else (),
    )


def _customer(obj: Json) -> str:
    if obj.get("object") == "customer":
        return id_of(obj["id"])
    return id_of(obj.get("customer"))


def _mirror(type_: str, obj: Json) -> tuple[Subject, ...]:
    """Never a deleted customer: dj-stripe answers that one with a deletion at Stripe."""
    kind, external_id = obj.get("object"), obj.get("id")
    if (
        kind not in _MIRRORED
        or not external_id
        or type_ in ("customer.deleted", "invoice.upcoming")
    ):
        return ()
    return (Subject(kind, external_id),)


# --- Facts ------------------------------------------------------------------------------------


def _fact(payload: Json, obj: Json, occurred_at: datetime) -> Fact | None:
    make = _FACTS.get(payload["type"])
    return make(payload, obj, occurred_at) if make else None


def _payment_failed(payload: Json, invoice: Json, occurred_at: datetime) -> Fact:
    return Fact(
        kind=FactKind.PAYMENT_FAILED,
        external_id=_try(payload, invoice),
        occurred_at=occurred_at,
        amount_minor=invoice["amount_due"],
        currency=_currency(invoice),
        detail={"invoice": invoice["id"], "attempt": invoice["attempt_count"]},
    )


def _payment_succeeded(_: Json, invoice: Json, occurred_at: datetime) -> Fact | None:
    """Nothing was paid on a trial's or a credit's invoice over nothing."""
    if not invoice["amount_paid"]:
        return None
    return Fact(
        kind=FactKind.PAYMENT_SUCCEEDED,
        external_id=invoice["id"],
        occurred_at=occurred_at,
        amount_minor=invoice["amount_paid"],
        currency=_currency(invoice),
        detail={"invoice": invoice["id"]},
    )


def _action_required(payload: Json, invoice: Json, occurred_at: datetime) -> Fact:
    return Fact(
        kind=FactKind.ACTION_REQUIRED,
        external_id=_try(payload, invoice),
        occurred_at=occurred_at,
        amount_minor=invoice["amount_due"],
        currency=_currency(invoice),
        detail={"invoice": invoice["id"]},
    )


def _charge_refunded(payload: Json, charge: Json, occurred_at: datetime) -> Fact | None:
    """One refund of a charge, told by how much of the charge it brought back in all.

    The charge names its payer, which a refund does not; the refunds themselves are left out of it.
    Of one that was given up before it was captured nothing came back.
    Source: https://docs.stripe.com/changelog/2022-11-15 (charge.refunds).
    """
    if charge.get("captured") is False:
        return None
    total = charge["amount_refunded"]
    before = payload["data"].get("previous_attributes", {}).get("amount_refunded", 0)
    return Fact(
        kind=FactKind.REFUNDED,
        external_id=f"{charge['id']}:{total}",
        occurred_at=occurred_at,
        amount_minor=total - before,
        currency=_currency(charge),
        detail=_payment_of(charge) | {"charge": charge["id"]},
    )


def _disputed(_: Json, dispute: Json, occurred_at: datetime) -> Fact:
    return Fact(
        kind=FactKind.DISPUTED,
        external_id=dispute["id"],
        occurred_at=occurred_at,
        amount_minor=dispute["amount"],
        currency=_currency(dispute),
        detail=_payment_of(dispute)
        | {"charge": id_of(dispute["charge"]), "reason": dispute["reason"]},
    )


def _trial_ending(_: Json, subscription: Json, occurred_at: datetime) -> Fact:
    """One word for each end of a trial, which may be moved."""
    ends = subscription["trial_end"]
    day = f"{datetime.fromtimestamp(ends, UTC):%Y-%m-%d}" if ends else ""
    return Fact(
        kind=FactKind.TRIAL_ENDING,
        external_id=f"{subscription['id']}:{ends or ''}",
        occurred_at=occurred_at,
        detail={"trial_end": day},
    )


def _try(payload: Json, invoice: Json) -> str:
    """Name one try at an invoice: the count goes up with Stripe's own retries alone.

    Source: https://docs.stripe.com/api/invoices/object#invoice_object-attempt_count
    """
    return f"{invoice['id']}:{invoice['attempt_count']}:{payload['created']}"


def _payment_of(obj: Json) -> dict[str, str | int]:
    intent_id = id_of(obj.get("payment_intent"))
    return {"payment_intent": intent_id} if intent_id else {}


def _currency(obj: Json) -> str:
    return str(obj["currency"]).upper()


_FACTS: dict[str, FactMaker] = {
    "invoice.payment_failed": _payment_failed,
    "invoice.paid": _payment_succeeded,
    "invoice.payment_succeeded": _payment_succeeded,
    "invoice.payment_action_required": _action_required,
    "charge.refunded": _charge_refunded,
    "charge.dispute.created": _disputed,
    "customer.subscription.trial_will_end": _trial_ending,
}
