"""What goes on at a reader: it asks for a card, and somebody is there, or is not.

Source: https://docs.stripe.com/terminal/payments/collect-card-payment?terminal-sdk-platform=server-driven
(actions and how they end; what was not begun is replaced).
"""

from dataclasses import asdict

from tests.simulators.stripe import Json
from tests.simulators.stripe.cards import Decline
from tests.simulators.stripe.engine import charging, in_person, readers
from tests.simulators.stripe.engine.charging import Attempt
from tests.simulators.stripe.engine.in_person import AT_READER, Presented
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.world import World

# What somebody at a reader may do.
DEEDS = ("tap", "insert", "decline", "cancel", "unplug", "tap_unplug", "tap_unheard", "unheard")


def begin(world: World, reader: Json, intent: Json, config: Json) -> None:
    """Have a reader ask for a card; what it asked for before and had not got is replaced."""
    state = readers.state_of(world, reader)
    state["run"] += 1
    details: Json = {"payment_intent": intent["id"]}
    if config:
        details["process_config"] = config
    reader["action"] = {
        "api_error": None,
        "failure_code": None,
        "failure_message": None,
        "process_payment_intent": details,
        "status": "in_progress",
        "type": "process_payment_intent",
    }
    note = {"id": intent["id"], "reader": reader["id"], "location": reader["location"]}
    world.store.put(AT_READER, intent["id"], note)
    world.touch(reader)
    world.store.touch(readers.STATE, reader["id"])
    cardholder = state["cardholder"]
    if cardholder and cardholder["at_once"]:
        act(world, reader, cardholder["does"], presented_by(cardholder))
    elif cardholder:
        due = world.now() + cardholder["after_s"]
        world.schedule(due, "act_at_reader", f"{reader['id']}:{state['run']}")


def presented_by(how: Json) -> Presented:
    """Return the card that somebody holds who was described."""
    return Presented(number=how.get("number"), tip=int(how.get("tip") or 0))


def act(world: World, reader: Json, deed: str, presented: Presented) -> None:
    """Do what somebody at a reader does; refuse what can't be done there now.

    `unplug`, `tap_unplug` and `tap_unheard` lose the reader before a card, after its approval, and
    the answer to its approval; `unheard` is a card that Stripe never heard of.
    """
    if deed not in DEEDS:
        raise ValueError(f"a cardholder does one of {', '.join(DEEDS)}")
    intent = readers.intent_of(world, reader)
    if intent is None or readers.state_of(world, reader)["authorizing"]:
        raise Refusal("The reader does not ask for anything.", code="payment_method_unexpected")
    if reader["status"] != "online":
        raise Refusal("The reader is switched off.", code="terminal_reader_offline")
    if deed == "unplug":
        readers.switch(world, reader, online=False)
    elif deed == "cancel":
        _end(world, reader, "customer_canceled", _ON_READER)
    elif deed == "unheard":
        _end(world, reader, "connection_error", _UNHEARD)
    else:
        _hold_card(world, reader, deed, presented)


_ON_READER = "This action could not be completed due to an error on the card reader."
_UNHEARD = "Could not connect to Stripe."


def _hold_card(world: World, reader: Json, deed: str, presented: Presented) -> None:
    if presented.tip and not readers.asks_for_tip(reader):
        raise Refusal("The reader does not ask for a tip.", param="amount_tip")
    card = asdict(presented)
    card.update(inserted=deed == "insert", declined=presented.declined or deed == "decline")
    state = readers.state_of(world, reader)
    state["authorizing"] = {"deed": deed, "presented": card}
    world.store.touch(readers.STATE, reader["id"])
    if state["authorizes_s"]:
        due = world.now() + state["authorizes_s"]
        world.schedule(due, "finish_at_reader", f"{reader['id']}:{state['run']}")
    else:
        answer(world, reader)


def answer(world: World, reader: Json) -> None:
    """Let the issuer that is asked answer, and the reader hear of it."""
    state = readers.state_of(world, reader)
    going, state["authorizing"] = state["authorizing"], None
    world.store.touch(readers.STATE, reader["id"])
    intent = readers.intent_of(world, reader)
    if going is None or intent is None:
        return
    if intent["status"] != "requires_payment_method":
        _end(world, reader, "intent_invalid_state", "The payment can't be processed any more.")
        return
    decline = pay(world, intent, Presented(**going["presented"]))
    if going["deed"] == "tap_unplug":
        readers.switch(world, reader, online=False)
    if reader["status"] != "online":  # it will never say how it ended
        return
    if going["deed"] == "tap_unheard":
        _end(world, reader, "connection_error", _UNHEARD)
    elif decline is not None:
        _end(world, reader, decline.code, decline.message)
    else:
        reader["action"]["status"] = "succeeded"
        world.touch(reader)
        world.emit("terminal.reader.action_succeeded", reader)


def pay(world: World, intent: Json, presented: Presented) -> Decline | None:
    """Charge a card that is there, tip included; say why not when it was declined."""
    total = intent["amount"] + presented.tip
    decline = in_person.decline_of(presented, total)
    method = in_person.make_method(world, presented)
    intent.update(payment_method=method["id"], last_payment_error=None, next_action=None)
    if decline is not None:
        charging.fail(world, intent, decline)
        return decline
    intent["amount"] = total
    intent["amount_details"] = {"tip": {"amount": presented.tip} if presented.tip else {}}
    charging.succeed(world, intent, Attempt(method["id"]))
    return None


def _end(world: World, reader: Json, code: str, message: str) -> None:
    reader["action"].update(status="failed", failure_code=code, failure_message=message)
    world.touch(reader)
    world.emit("terminal.reader.action_failed", reader)


# ---------------------------------------------------------------- jobs


def act_when_due(world: World, name: str) -> None:
    """Let the cardholder of a reader act, unless something else is asked for by now."""
    reader, state = _of_run(world, name)
    if reader is None or readers.intent_of(world, reader) is None or state["authorizing"]:
        return
    cardholder = state["cardholder"]
    if cardholder and reader["status"] == "online":
        act(world, reader, cardholder["does"], presented_by(cardholder))


def finish_when_due(world: World, name: str) -> None:
    """Let the issuer of a card at a reader answer."""
    reader, _state = _of_run(world, name)
    if reader is not None:
        answer(world, reader)


def _of_run(world: World, name: str) -> tuple[Json | None, Json]:
    reader_id, _, run = name.rpartition(":")
    reader = world.store.find(readers.KIND, reader_id)
    if reader is None:
        return None, {}
    state = readers.state_of(world, reader)
    return (reader if str(state["run"]) == run else None), state
