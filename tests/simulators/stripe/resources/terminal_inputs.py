"""Inputs at a reader: /v1/terminal/readers/{id}/collect_inputs and its test helpers."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import reader_inputs, readers
from tests.simulators.stripe.routing import Call, route
from tests.simulators.stripe.wire import merge_metadata


@route("POST", "/v1/terminal/readers/{}/collect_inputs")
def collect_inputs(call: Call) -> Json:
    """Have a reader ask its customer something."""
    world = call.world
    reader = world.store.get(readers.KIND, call.id)
    inputs = reader_inputs.wanted(call.params)
    readers.require_free(world, reader)
    reader_inputs.begin(world, reader, inputs, merge_metadata({}, call.params))
    readers.acknowledge(world, reader)
    return reader


@route("POST", "/v1/test_helpers/terminal/readers/{}/succeed_input_collection")
def succeed_input_collection(call: Call) -> Json:
    """Answer what a reader asks."""
    reader = call.world.store.get(readers.KIND, call.id)
    skips = call.params.choice("skip_non_required_inputs", ("all", "none"), "none") == "all"
    reader_inputs.succeed(call.world, reader, skips=skips)
    return reader


@route("POST", "/v1/test_helpers/terminal/readers/{}/timeout_input_collection")
def timeout_input_collection(call: Call) -> Json:
    """Leave what a reader asks without an answer."""
    reader = call.world.store.get(readers.KIND, call.id)
    reader_inputs.time_out(call.world, reader)
    return reader
