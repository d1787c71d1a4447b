"""Paying: confirming intents, collecting invoices, and letting each follow the other."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.cards import FAILED_AUTHENTICATION, Decline
from tests.simulators.stripe.engine import (
    cardholding,
    charging,
    disputing,
    invoicing,
    pending,
    standing,
)
from tests.simulators.stripe.engine.charging import Attempt
from tests.simulators.stripe.periods import DAY
from tests.simulators.stripe.world import World

NO_METHOD = Decline(
    "missing",
    "Cannot charge a customer that has no active card",
)


def invoice_of(world: World, intent: Json) -> Json | None:
    """Return the invoice an intent pays."""
    for payment in world.store.where("invoice_payment", "intent", intent["id"]):
        return world.store.find("invoice", payment["invoice"])
    return None


def confirm(world: World, intent: Json, attempt: Attempt) -> Decline | None:
    """Try to pay an intent; say why not when the card was declined."""
    decline = charging.try_card(world, intent, attempt)
    _follow(world, intent, method=attempt.payment_method, retry=False)
    return decline


def answer_challenge(world: World, intent: Json, *, passed: bool) -> Decline | None:
    """Go on with an intent after the cardholder's challenge."""
    method = intent["payment_method"]
    if passed:
        return confirm(world, intent, Attempt(method, authenticated=True))
    charging.fail(world, intent, FAILED_AUTHENTICATION, charged=False)
    _follow(world, intent, method=method, retry=False)
    return FAILED_AUTHENTICATION


def collect(
    world: World,
    invoice: Json,
    *,
    off_session: bool,
    payment_method: str | None = None,
    retry: bool = False,
) -> Decline | None:
    """Charge the default card for an open invoice. `retry`: an automatic attempt by schedule."""
    subscription = standing.subscription_of(world, invoice)
    own = invoice["default_payment_method"] or (
        subscription["default_payment_method"] if subscription is not None else None
    )
    method = payment_method or cardholding.default_of(world, invoice["customer"], own)
    intent = invoicing.intent_of(world, invoice)
    if intent is None:
        return None
    if method is None:
        _record_failure(world, invoice, retry=retry)
        return NO_METHOD
    decline = charging.try_card(world, intent, Attempt(method, off_session=off_session))
    _follow(world, intent, method=method, retry=retry)
    return decline


def _dispute(world: World, intent: Json, method: str) -> None:
    """Let the holder of a disputing test card do so as soon as the money was taken."""
    card, _memory = cardholding.card_of(world, method)
    if intent["status"] == "succeeded" and card.disputes is not None:
        charge = world.store.get("charge", intent["latest_charge"])
        disputing.open_dispute(world, charge, reason=card.disputes, inquiry=card.inquiry)


def _follow(world: World, intent: Json, *, method: str, retry: bool) -> None:
    _follow_invoice(world, intent, method=method, retry=retry)
    _dispute(world, intent, method)


def _follow_invoice(world: World, intent: Json, *, method: str, retry: bool) -> None:
    invoice = invoice_of(world, intent)
    if invoice is None or invoice["status"] != "open":
        return
    if intent["status"] == "succeeded":
        _count_attempt(invoice, retry=retry)
        invoicing.mark_paid(world, invoice)
        standing.save_default(world, invoice, method)
    elif intent["status"] == "requires_action":
        _record_failure(world, invoice, retry=retry, event="invoice.payment_action_required")
    elif intent["last_payment_error"] is not None:
        _record_failure(world, invoice, retry=retry)


def _count_attempt(invoice: Json, *, retry: bool) -> None:
    # Stripe counts the first attempt of any kind, afterwards only automatic retries.
    if retry or invoice["attempt_count"] == 0:
        invoice["attempt_count"] += 1
    invoice["attempted"] = True


def _record_failure(
    world: World, invoice: Json, *, retry: bool, event: str = "invoice.payment_failed"
) -> None:
    first = invoice["billing_reason"] == "subscription_create"
    first = first or pending.of_invoice(world, invoice) is not None
    due: int | None = None
    with world.change(invoice, "invoice.updated"):
        _count_attempt(invoice, retry=retry)
        delays: list[int] = world.settings["retry_days"]
        tries = invoice["attempt_count"]
        automatic = invoice["collection_method"] == "charge_automatically"
        if not first and automatic and tries <= len(delays):
            planned = invoice["next_payment_attempt"]
            due = planned if planned and not retry else world.now() + delays[tries - 1] * DAY
        invoice["next_payment_attempt"] = due
    world.emit(event, invoice)
    standing.follow_failed(world, invoice)
    if due is not None:
        world.schedule(due, "retry_invoice", invoice["id"])
    elif not first and retry:
        standing.exhaust(world, invoice)
