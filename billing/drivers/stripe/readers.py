"""Readers at Stripe, and the secret with which a till's own SDK reaches one."""

import uuid
from datetime import UTC, datetime

import stripe

from billing.drivers.base import ObjectMissing
from billing.drivers.stripe import calls
from billing.drivers.stripe.calls import Json
from billing.drivers.stripe.snapshots import id_of
from billing.types import ReaderSnapshot

_PER_PAGE = 100
_LOCATION = "tml_"


def retrieve(external_id: str) -> ReaderSnapshot:
    """Ask how a reader is doing. Source: https://docs.stripe.com/api/terminal/readers/object.

    Raises:
        ObjectMissing: there is none, or it was given up.
    """
    return _reader(_read(external_id))


def list_all() -> tuple[ReaderSnapshot, ...]:
    """Ask for every reader. Source: https://docs.stripe.com/api/terminal/readers/list."""
    return tuple(_reader(row) for row in calls.pages(_page))


def connection_token(location: str) -> str:
    """Return the secret for a till's SDK, good for one place if that is one of Stripe's.

    Source: https://docs.stripe.com/api/terminal/connection_tokens/create
    """
    params: stripe.params.terminal.ConnectionTokenCreateParams = {}
    if location.startswith(_LOCATION):
        params["location"] = location
    options = calls.keyed(f"token:{uuid.uuid4()}")
    raw = calls.write(lambda sdk: sdk.v1.terminal.connection_tokens.create(params, options))
    return str(raw["secret"])


def action_about(reader_id: str, intent_id: str) -> Json | None:
    """Return what a reader does, or last did, about an intent; None if that is something else.

    Source: https://docs.stripe.com/api/terminal/readers/object#terminal_reader_object-action
    """
    action: Json | None = _read(reader_id)["action"]
    taken = (action or {}).get("process_payment_intent") or {}
    return action if id_of(taken.get("payment_intent")) == intent_id else None


def _read(external_id: str) -> Json:
    """Ask for a reader; Stripe still knows one that was given up, and says no more of it."""
    raw = calls.read_one("terminal/readers", external_id)
    if raw.get("deleted"):
        raise ObjectMissing("INVALID_REQUEST", detail="resource_missing")
    return raw


def _page(sdk: stripe.StripeClient, after: str | None) -> stripe.StripeObject:
    params: stripe.params.terminal.ReaderListParams = {"limit": _PER_PAGE}
    if after:
        params["starting_after"] = after
    return sdk.v1.terminal.readers.list(params)


def _reader(raw: Json) -> ReaderSnapshot:
    seen = raw.get("last_seen_at")
    return ReaderSnapshot(
        external_id=raw["id"],
        is_online=raw["status"] == "online",
        label=raw["label"] or "",
        device_type=raw["device_type"] or "",
        location=id_of(raw["location"]),
        # In milliseconds, unlike any other moment of Stripe's.
        last_seen_at=None if seen is None else datetime.fromtimestamp(seen / 1000, UTC),
    )
