"""The journey's part at a counter: places, readers, and what they are told to do."""

from typing import Any

import stripe


def go(traveller: Any) -> None:
    """Drive every endpoint of this part."""
    location = places(traveller)
    reader = readers(traveller, location)
    payments(traveller, reader)
    inputs(traveller, reader)
    traveller.v1.terminal.readers.delete(reader.id)
    assert traveller.v1.terminal.readers.retrieve(reader.id).deleted
    traveller.v1.terminal.locations.delete(location.id)


def places(traveller: Any) -> Any:
    locations = traveller.v1.terminal.locations
    address = {"country": "US", "city": "X", "line1": "1 Main St", "state": "IL"}
    made = locations.create({"display_name": "Shop", "address": address, "phone": "1"})
    locations.update(made.id, {"display_name": "Store", "metadata": {"a": "1"}})
    locations.retrieve(made.id)
    assert made.id in {row.id for row in locations.list({"limit": 100}).data}
    traveller.v1.terminal.connection_tokens.create()
    token = traveller.v1.terminal.connection_tokens.create({"location": made.id})
    assert token.location == made.id
    return made


def readers(traveller: Any, location: Any) -> Any:
    v1 = traveller.v1.terminal.readers
    made = v1.create(
        {
            "registration_code": "simulated-wpe",
            "label": "Till 1",
            "location": location.id,
            "metadata": {"a": "1"},
        }
    )
    v1.create({"registration_code": "simulated-s700"})
    v1.update(made.id, {"label": "Till 2", "metadata": {"a": ""}})
    v1.retrieve(made.id, {"expand": ["location"]})
    wish = {"location": location.id, "status": "online", "device_type": made.device_type}
    found = v1.list({**wish, "serial_number": made.serial_number})
    assert [row.id for row in found.data] == [made.id]
    return made


def payments(traveller: Any, reader: Any) -> None:
    v1 = traveller.v1
    wish = {
        "amount": 1500,
        "currency": "usd",
        "payment_method_types": ["card_present"],
        "metadata": {"basket": "b1"},
    }
    present = v1.test_helpers.terminal.readers.present_payment_method
    process = v1.terminal.readers.process_payment_intent
    tipped = v1.payment_intents.create(wish)
    config = {"tipping": {"amount_eligible": 1500}, "skip_tipping": False}
    asked = process(reader.id, {"payment_intent": tipped.id, "process_config": config})
    assert asked.action.status == "in_progress"
    v1.terminal.readers.retrieve(
        reader.id, {"expand": ["action.process_payment_intent.payment_intent"]}
    )
    present(reader.id, {"type": "card_present", "amount_tip": 200})
    held = v1.payment_intents.create({**wish, "capture_method": "manual"})
    process(reader.id, {"payment_intent": held.id})
    present(reader.id, {"card_present": {"number": "4000000000000002"}})
    config = {"enable_customer_cancellation": True}
    process(reader.id, {"payment_intent": held.id, "process_config": config})
    v1.terminal.readers.cancel_action(reader.id)
    process(reader.id, {"payment_intent": held.id})
    present(reader.id)
    traveller.refused(stripe.InvalidRequestError, process, reader.id, {"payment_intent": held.id})
    v1.payment_intents.capture(held.id, {"amount_to_capture": 900})
    v1.refunds.create({"payment_intent": held.id, "amount": 400})
    query = {"query": "metadata['basket']:'b1'", "limit": 1, "expand": ["data.latest_charge"]}
    assert v1.payment_intents.search(query).data[0].id == held.id


def inputs(traveller: Any, reader: Any) -> None:
    v1 = traveller.v1
    helpers = v1.test_helpers.terminal.readers
    kinds = ("email", "numeric", "phone", "signature")
    asked = [{"type": kind, "custom_text": {"title": kind}} for kind in kinds]
    choices = [{"id": "a", "text": "A", "style": "primary"}, {"id": "b", "text": "B"}]
    choice = {"type": "selection", "custom_text": {"title": "t"}, "selection": {"choices": choices}}
    wish = {"inputs": [*asked, {**choice, "required": True}], "metadata": {"a": "1"}}
    for skipping in ("none", "all"):
        v1.terminal.readers.collect_inputs(reader.id, wish)
        helpers.succeed_input_collection(reader.id, {"skip_non_required_inputs": skipping})
    text = {"type": "text", "custom_text": {"title": "t", "description": "d", "skip_button": "s"}}
    v1.terminal.readers.collect_inputs(reader.id, {"inputs": [text]})
    helpers.timeout_input_collection(reader.id)
