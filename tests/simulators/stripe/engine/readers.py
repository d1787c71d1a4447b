"""Readers and where they stand: what they are, what they ask for, and when they take no command.

Source: https://docs.stripe.com/terminal/payments/collect-card-payment?terminal-sdk-platform=server-driven
(busy, offline and timed out, and what each of them proves).
"""

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine.in_person import AT_READER
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.world import World

KIND = "terminal.reader"
LOCATION = "terminal.location"
# The reader and its place that a fresh account has.
FIRST_READER, FIRST_LOCATION = "tmr_simulated", "tml_simulated"
STATE = "_reader"
# Readers that were given up.
GONE = "_gone_reader"
_GUIDE = (
    "Reference the integration guide at https://docs.stripe.com/terminal/payments/"
    "collect-card-payment?terminal-sdk-platform=server-driven#handle-errors for details on how "
    "to handle this error."
)


def state_of(world: World, reader: Json) -> Json:
    """Return what is behind a reader and not part of it.

    `busy` with itself; `authorizes_s` is how long a card's issuer takes; `times_out` loses the
    acknowledgement of the next command, "received" or "lost"; `cardholder` acts of itself;
    `authorizing` is what waits for its issuer; `run` counts the actions.
    """
    found = world.store.find(STATE, reader["id"])
    if found is None:
        found = world.store.put(
            STATE,
            reader["id"],
            {
                "id": reader["id"],
                "busy": False,
                "authorizes_s": 0,
                "times_out": None,
                "cardholder": None,
                "authorizing": None,
                "run": 0,
            },
        )
    return found


def make_location(world: World, location_id: str, *, name: str, address: Json) -> Json:
    """Add a place where readers stand."""
    empty = ("city", "country", "line1", "line2", "postal_code", "state")
    return world.add(
        {
            "id": location_id,
            "object": LOCATION,
            "address": {**dict.fromkeys(empty), **address},
            "address_kana": None,
            "address_kanji": None,
            "configuration_overrides": None,
            "display_name": name,
            "display_name_kana": None,
            "display_name_kanji": None,
            "livemode": False,
            "metadata": {},
            "phone": None,
        }
    )


def make_reader(
    world: World, reader_id: str, *, device_type: str, label: str, location: str | None
) -> Json:
    """Add a reader that is switched on."""
    return world.add(
        {
            "id": reader_id,
            "object": KIND,
            "action": None,
            "device_sw_version": "2.44.1.0",
            "device_type": device_type,
            "ip_address": "0.0.0.0",  # noqa: S104 - what Stripe says of a simulated one
            "label": label,
            "last_seen_at": world.now() * 1000,
            "livemode": False,
            "location": location,
            "metadata": {},
            "serial_number": f"SIM{ids.token(10).upper()}",
            "status": "online",
        }
    )


def furnish(world: World) -> None:
    """Give an account that has none its first reader, for whoever wants to try one."""
    if world.store.find(LOCATION, FIRST_LOCATION) is None:
        address = {"city": "Springfield", "country": "US", "line1": "1 Main St", "state": "IL"}
        address["postal_code"] = "62701"
        make_location(world, FIRST_LOCATION, name="Simulated shop", address=address)
        make_reader(
            world,
            FIRST_READER,
            device_type="simulated_wisepos_e",
            label="Simulated reader",
            location=FIRST_LOCATION,
        )


# ---------------------------------------------------------------- commands


def reader_error(code: str, words: str) -> Refusal:
    """Return the refusal of a command that a reader does not take."""
    return Refusal(f"{words} {_GUIDE}", code=code)


def require_free(world: World, reader: Json) -> None:
    """Refuse a command for a reader that can't be reached, or is in the middle of something."""
    state = state_of(world, reader)
    if reader["status"] != "online":
        raise reader_error(
            "terminal_reader_offline",
            "Reader is currently offline, please ensure the reader is powered on and connected to "
            "the internet before retrying your request.",
        )
    reader["last_seen_at"] = world.now() * 1000
    if state["busy"] or state["authorizing"]:
        raise reader_error(
            "terminal_reader_busy", "Reader is currently busy processing another request."
        )
    if state["times_out"] == "lost":
        raise _timed_out(world, state)


def acknowledge(world: World, reader: Json) -> None:
    """Refuse a command that the reader took, if its acknowledgement is to be lost."""
    state = state_of(world, reader)
    if state["times_out"] == "received":
        raise _timed_out(world, state)


def _timed_out(world: World, state: Json) -> Refusal:
    state["times_out"] = None
    world.store.touch(STATE, state["id"])
    return reader_error(
        "terminal_reader_timeout", "There was a timeout when sending this command to the reader."
    )


def stop(world: World, reader: Json) -> None:
    """Have a reader stop asking; nobody is told."""
    reader["action"] = None
    world.touch(reader)


def intent_of(world: World, reader: Json) -> Json | None:
    """Return the intent that a reader asks a card for."""
    action = reader["action"]
    if action is None or action["status"] != "in_progress":
        return None
    asked = action.get("process_payment_intent")
    return world.store.find("payment_intent", asked["payment_intent"]) if asked else None


def is_authorizing(world: World, intent: Json) -> bool:
    """Say whether an issuer is being asked for a card that a reader took for this intent."""
    note = world.store.find(AT_READER, intent["id"])
    reader = world.store.find(KIND, note["reader"]) if note else None
    if reader is None or not state_of(world, reader)["authorizing"]:
        return False
    asked_for = intent_of(world, reader)
    return asked_for is not None and asked_for["id"] == intent["id"]


def asks_for_tip(reader: Json) -> bool:
    """Say whether a reader asks its cardholder for a tip."""
    config = ((reader["action"] or {}).get("process_payment_intent") or {}).get("process_config")
    return bool(config and config.get("tipping") and not config.get("skip_tipping"))


def switch(world: World, reader: Json, *, online: bool) -> None:
    """Switch a reader on or off; what it was asking for is left as it was."""
    reader["status"] = "online" if online else "offline"
    if online:
        reader["last_seen_at"] = world.now() * 1000
    world.touch(reader)
