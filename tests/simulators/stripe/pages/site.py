"""The pages a browser sees."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tests.simulators.stripe.world import World


class Site:
    """Everything that is neither API nor control."""

    def __init__(self, world: World, after_change: Callable[[], None]) -> None:
        self.world, self.after_change = world, after_change

    async def __call__(self, request: Request) -> Response:
        """Answer a request for a page."""
        return PlainTextResponse("Not found", 404)
