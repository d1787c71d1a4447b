"""/v1/test_helpers/test_clocks: a clock of their own for chosen customers."""

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine import clockwork
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.periods import DAY
from tests.simulators.stripe.routing import Call, listing, route

_KIND = "test_helpers.test_clock"


@route("POST", "/v1/test_helpers/test_clocks")
def create_test_clock(call: Call) -> Json:
    """Create a clock that stands still at a moment."""
    call.params.need("frozen_time")
    clock = {
        "id": ids.new_id(_KIND),
        "object": _KIND,
        "created": call.world.now(),
        "deletes_after": call.world.now() + 30 * DAY,
        "frozen_time": call.params.integer("frozen_time"),
        "livemode": False,
        "name": call.params.text("name"),
        "status": "ready",
        "status_details": {},
    }
    return call.world.add(clock, "test_helpers.test_clock.created")


@route("GET", "/v1/test_helpers/test_clocks/{}")
def get_test_clock(call: Call) -> Json:
    """Return a clock."""
    return call.world.store.get(_KIND, call.id)


@route("GET", "/v1/test_helpers/test_clocks")
def list_test_clocks(call: Call) -> Json:
    """Return all clocks."""
    return listing(call, call.world.store.rows(_KIND), kind=_KIND)


@route("POST", "/v1/test_helpers/test_clocks/{}/advance")
def advance_test_clock(call: Call) -> Json:
    """Move a clock on: everything due for its customers happens before the answer."""
    world = call.world
    clock = world.store.get(_KIND, call.id)
    call.params.need("frozen_time")
    target = call.params.integer("frozen_time") or 0
    if target <= clock["frozen_time"]:
        raise Refusal("The frozen time must be after the current one.", param="frozen_time")
    clock["status"] = "advancing"
    world.emit("test_helpers.test_clock.advancing", clock)
    for moment in clockwork.run_due(world, target, call.id):
        clock["frozen_time"] = max(moment, clock["frozen_time"])
    clock.update(frozen_time=target, status="ready")
    world.touch(clock)
    world.emit("test_helpers.test_clock.ready", clock)
    # Stripe answers `advancing` and becomes ready later; here the work is already done.
    return clock


@route("DELETE", "/v1/test_helpers/test_clocks/{}")
def delete_test_clock(call: Call) -> Json:
    """Delete a clock; what hung on it stands still from then on."""
    clock = call.world.store.get(_KIND, call.id)
    call.world.store.remove(_KIND, call.id)
    call.world.agendas.pop(call.id, None)
    call.world.emit("test_helpers.test_clock.deleted", clock)
    return {"id": call.id, "object": _KIND, "deleted": True}
