"""What a hosted page does for its visitor: the same calls that the API has, without HTTP."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.routing import Call, match
from tests.simulators.stripe.wire import Params
from tests.simulators.stripe.world import World


def act(world: World, method: str, path: str, params: Json | None = None) -> Json:
    """Call a route of the API as if a secret key had; refuse as it refuses.

    Values are texts, as they are on the wire.
    """
    found, ids = match(method, path)
    return found.handler(Call(world, Params(params or {}), path, ids))
