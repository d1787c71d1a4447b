"""The simulator as one ASGI application, and its background work."""

import asyncio
import pathlib
import time

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from tests.simulators.snapshots import SavesItself
from tests.simulators.stripe import resources
from tests.simulators.stripe.api import Api, RequestContract
from tests.simulators.stripe.control import Control
from tests.simulators.stripe.deliveries import Deliveries
from tests.simulators.stripe.engine import clockwork, readers
from tests.simulators.stripe.pages.site import Site
from tests.simulators.stripe.persistence import Snapshot
from tests.simulators.stripe.resources.webhook_endpoints import make_endpoint
from tests.simulators.stripe.world import World

_TICK_S = 0.5

# Imported for their routes.
RESOURCES = resources.__all__


class Simulator(SavesItself):
    """Everything that runs in the process."""

    rows_at_once = 300

    def __init__(
        self,
        *,
        public_url: str,
        state_dir: pathlib.Path | None = None,
        contract: RequestContract | None = None,
    ) -> None:
        super().__init__()
        self.world = World(public_url=public_url)
        self.deliveries = Deliveries(self.world)
        self.api = Api(self.world, contract=contract, after_request=self.save_soon)
        self.control = Control(self.world, self.api, self.deliveries)
        self.site = Site(self.world, self.save_soon)
        if state_dir is not None:
            self.keep_in(Snapshot(self.world, state_dir))
        readers.furnish(self.world)

    def use_endpoint(self, url: str, secret: str) -> None:
        """Send all events to a URL, as if an endpoint had been created for it."""
        for row in self.world.store.rows("webhook_endpoint"):
            if row["url"] == url:
                endpoint = row
                break
        else:
            endpoint = make_endpoint(self.world, url=url, enabled_events=["*"])
        self.world.store.put("_endpoint_secret", endpoint["id"], {"secret": secret})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        if path.startswith("/v1/"):
            await self.api(scope, receive, send)
        elif path.startswith("/_sim/"):
            response = await self.control(Request(scope, receive))
            await response(scope, receive, send)
        else:
            response = await self.site(Request(scope, receive))
            await response(scope, receive, send)

    async def tick(self) -> None:
        """Let what falls due by itself happen, as time passes."""
        while True:
            await asyncio.sleep(_TICK_S)
            if self.control.advancing.locked():
                continue
            until = int(time.time()) + self.world.offset
            for count, _moment in enumerate(clockwork.run_due(self.world, until)):
                if count % 20 == 19:
                    await asyncio.sleep(0)
            self.save_soon()

    async def background(self) -> None:
        """Run deliveries and the clock until cancelled."""
        self.deliveries.resume()
        await asyncio.gather(self.deliveries.run(), self.tick())
