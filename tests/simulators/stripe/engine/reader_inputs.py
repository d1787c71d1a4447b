"""What a reader asks its customer besides a card: an address, a number, a choice, a signature.

Source: https://docs.stripe.com/terminal/features/collect-inputs
"""

from tests.simulators.stripe import Json
from tests.simulators.stripe.errors import Refusal, missing
from tests.simulators.stripe.wire import Params
from tests.simulators.stripe.world import World

ACTION = "collect_inputs"
# What a customer answers where the test helper has to make something up.
_ANSWERS: Json = {
    "email": "someone@example.com",
    "numeric": "1234",
    "phone": "+15555555555",
    "signature": "file_simulated",
    "text": "Some text",
}
_KINDS = (*_ANSWERS, "selection")
_TEXTS = ("description", "skip_button", "submit_button", "title")
_MOST = 5


def wanted(params: Params) -> list[Json]:
    """Return the inputs that are asked for; refuse what no reader can ask."""
    inputs = [_input(given) for given in params.each("inputs")]
    if not 1 <= len(inputs) <= _MOST:
        raise Refusal(f"Ask for one to {_MOST} inputs.", param="inputs")
    return inputs


def _input(given: Params) -> Json:
    kind = given.choice("type", _KINDS, "")
    custom = given.inside("custom_text")
    custom.need("title")
    made: Json = {
        **dict.fromkeys(_KINDS),
        "custom_text": {name: custom.text(name) for name in _TEXTS},
        "required": given.boolean("required"),
        "skipped": None,
        "toggles": [],
        "type": kind,
    }
    made[kind] = {"value": None}
    if kind == "selection":
        selection = given.inside(kind)
        choices = [_choice(one) for one in selection.each("choices")]
        if not choices:
            raise missing(selection.name("choices"))
        made[kind] = {"choices": choices, "id": None, "text": None}
    return made


def _choice(given: Params) -> Json:
    return {"id": given.need("id"), "style": given.text("style"), "text": given.need("text")}


def begin(world: World, reader: Json, inputs: list[Json], metadata: Json) -> None:
    """Have a reader ask."""
    reader["action"] = {
        "api_error": None,
        ACTION: {"inputs": inputs, "metadata": metadata},
        "failure_code": None,
        "failure_message": None,
        "status": "in_progress",
        "type": ACTION,
    }
    world.touch(reader)


def succeed(world: World, reader: Json, *, skips: bool) -> None:
    """Let the customer answer everything, or (`skips`) no more than has to be."""
    for asked in _waiting(reader)[ACTION]["inputs"]:
        asked["skipped"] = skips and not asked["required"]
        if asked["skipped"]:
            continue
        answer = asked[asked["type"]]
        if asked["type"] == "selection":
            chosen = answer["choices"][0]
            answer.update(id=chosen["id"], text=chosen["text"])
        else:
            answer["value"] = _ANSWERS[asked["type"]]
    reader["action"]["status"] = "succeeded"
    world.touch(reader)
    world.emit("terminal.reader.action_succeeded", reader)


def time_out(world: World, reader: Json) -> None:
    """Let the customer walk away."""
    _waiting(reader).update(
        status="failed",
        failure_code="collect_inputs_timed_out",
        failure_message="The customer did not answer in time.",
    )
    world.touch(reader)
    world.emit("terminal.reader.action_failed", reader)


def _waiting(reader: Json) -> Json:
    action: Json | None = reader["action"]
    if action is None or action["type"] != ACTION or action["status"] != "in_progress":
        raise Refusal("The reader does not ask for any input.", code="input_collection_unexpected")
    return action
