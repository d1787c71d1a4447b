"""Payments in person at Stripe: one intent for each, whatever happens at the reader.

An intent is paid once at most, so trying it again never takes a basket twice.
Source: https://docs.stripe.com/terminal/payments/collect-card-payment?terminal-sdk-platform=server-driven
"""

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from billing.drivers.base import DriverRejected, ObjectMissing, OutcomeUnknown
from billing.drivers.stripe import calls, errors, readers, sale_snapshots
from billing.drivers.stripe.calls import Json
from billing.drivers.stripe.snapshots import ORGANIZATION_KEY, PAYMENT_KEY
from billing.types import SaleOrder, SaleSnapshot

if TYPE_CHECKING:
    import stripe

_INTENTS = "payment_intents"
_EXPAND = ["latest_charge"]
_PAST_IT = "payment_intent_unexpected_state"
_NOT_OPEN = "intent_invalid_state"
# Stripe's own clients give up after 80 s, and a new object can be searched for within a minute:
# after this "there is none" means that there will be none.
# Source: https://github.com/stripe/stripe-python (default time-out of the HTTP client),
# https://docs.stripe.com/search#data-freshness
_ABSENT_AFTER = timedelta(seconds=90)


def open_one(order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
    """Make the intent that a reader, or a till's own SDK, is to take a card for.

    Source: https://docs.stripe.com/api/payment_intents/create
    """
    params: stripe.params.PaymentIntentCreateParams = {
        "amount": order.amount_minor,
        "currency": order.currency.lower(),
        "payment_method_types": ["card_present"],
        "capture_method": "automatic" if order.is_captured_at_once else "manual",
        "metadata": {
            **order.metadata,
            PAYMENT_KEY: str(order.payment_id),
            ORGANIZATION_KEY: str(order.organization_id),
        },
    }
    options = calls.keyed(idempotency_key)
    raw = calls.write(lambda sdk: sdk.v1.payment_intents.create(params, options))
    return sale_snapshots.sale(raw)


def run(order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
    """Have a reader ask for a card; what it asked for before and had not got is replaced.

    An intent that is past this is returned as it is. After `ReaderBusy` and `ReaderOffline` another
    try needs another key: Stripe keeps refusals too.
    Source: https://docs.stripe.com/api/terminal/readers/process_payment_intent
    """
    config: stripe.params.terminal.ReaderProcessPaymentIntentParamsProcessConfig = {
        "enable_customer_cancellation": True,
        "skip_tipping": not order.asks_for_tip,
    }
    if order.asks_for_tip:
        config["tipping"] = {"amount_eligible": order.amount_minor}
    params: stripe.params.terminal.ReaderProcessPaymentIntentParams = {
        "payment_intent": order.external_id,
        "process_config": config,
    }
    options = calls.keyed(idempotency_key)
    reader = order.reader.external_id
    try:
        raw = calls.write(
            lambda sdk: sdk.v1.terminal.readers.process_payment_intent(reader, params, options)
        )
    except DriverRejected as error:
        if error.detail != _NOT_OPEN:
            raise
        with errors.after_write():
            return sale_snapshots.sale(_read(order.external_id))
    if (raw["action"] or {}).get("status") == "in_progress":
        return SaleSnapshot(order.external_id, "in_progress", order.currency)
    with errors.after_write():  # it was over before it was answered
        return _as_it_is(order, _read(order.external_id))


def find(order: SaleOrder, *, sent_at: datetime | None, now: datetime) -> SaleSnapshot | None:
    """Ask the intent and, while it has no card, the reader.

    `requires_terminal` after a start: no reader asks for it (any more), it may be started again.
    """
    try:
        raw = _read(order.external_id) if order.external_id else _search(order)
    except ObjectMissing:
        return None
    if raw is not None:
        return _as_it_is(order, raw)
    if sent_at is not None and now - sent_at < _ABSENT_AFTER:
        raise OutcomeUnknown("API_ERROR", detail="may_still_arrive")
    return None


def stop(order: SaleOrder) -> None:
    """Have the reader stop asking for this card; what else it does is left alone.

    While an issuer is being asked it can't be stopped: `ReaderBusy`. Each call has another key: the
    same payment may be started, and have to be stopped, more than once.
    Source: https://docs.stripe.com/api/terminal/readers/cancel_action
    """
    action = _action(order, order.external_id)
    if action is not None and action["status"] == "in_progress":
        reader = order.reader.external_id
        options = calls.keyed(f"stop:{uuid.uuid4()}")
        calls.write(lambda sdk: sdk.v1.terminal.readers.cancel_action(reader, {}, options))


def capture(order: SaleOrder, *, amount_minor: int, idempotency_key: str) -> SaleSnapshot:
    """Take what is held, or a part of it. Source: https://docs.stripe.com/api/payment_intents/capture."""
    params: stripe.params.PaymentIntentCaptureParams = {
        "amount_to_capture": amount_minor,
        "expand": _EXPAND,
    }
    options = calls.keyed(idempotency_key)
    intent = order.external_id
    try:
        raw = calls.write(lambda sdk: sdk.v1.payment_intents.capture(intent, params, options))
    except DriverRejected as error:
        raw = _unless_in(order, error, "succeeded")
    return sale_snapshots.sale(raw)


def void(order: SaleOrder, *, idempotency_key: str) -> SaleSnapshot:
    """End an intent that took nothing. Source: https://docs.stripe.com/api/payment_intents/cancel.

    One that has ended already is returned as it is.
    """
    params: stripe.params.PaymentIntentCancelParams = {"expand": _EXPAND}
    options = calls.keyed(idempotency_key)
    intent = order.external_id
    try:
        raw = calls.write(lambda sdk: sdk.v1.payment_intents.cancel(intent, params, options))
    except DriverRejected as error:
        raw = _unless_in(order, error, "canceled")
    return sale_snapshots.sale(raw)


def _unless_in(order: SaleOrder, error: DriverRejected, status: str) -> Json:
    """Return an intent that is where it was to go already; refuse as Stripe did otherwise."""
    if error.detail != _PAST_IT:
        raise error
    with errors.after_write():
        raw = _read(order.external_id)
    if raw["status"] != status:
        raise error
    return raw


def _read(external_id: str) -> Json:
    return calls.read_one(_INTENTS, external_id, expand=_EXPAND)


def _search(order: SaleOrder) -> Json | None:
    """Look for the intent that carries our id. Source: https://docs.stripe.com/search."""
    query = f"metadata['{PAYMENT_KEY}']:'{order.payment_id}'"
    params: stripe.params.PaymentIntentSearchParams = {
        "query": query,
        "expand": [f"data.{name}" for name in _EXPAND],
    }
    found: list[Json] = calls.read(lambda sdk: sdk.v1.payment_intents.search(params))["data"]
    return found[0] if found else None


def _as_it_is(order: SaleOrder, raw: Json) -> SaleSnapshot:
    if raw["status"] != sale_snapshots.OPEN:
        return sale_snapshots.sale(raw)
    action = _action(order, raw["id"])
    if action is not None and action["status"] != "in_progress":
        raw = _read(raw["id"])  # it may have ended after the intent was read
    return sale_snapshots.sale(raw, action)


def _action(order: SaleOrder, intent_id: str) -> Json | None:
    try:
        return readers.action_about(order.reader.external_id, intent_id)
    except ObjectMissing:  # the reader was given up: nothing is going on there
        return None
