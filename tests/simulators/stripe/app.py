"""The simulator as one ASGI application, and its background work."""

import asyncio
import pathlib
import time

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from tests.simulators.stripe import resources
from tests.simulators.stripe.api import Api, RequestContract
from tests.simulators.stripe.control import Control
from tests.simulators.stripe.deliveries import Deliveries
from tests.simulators.stripe.engine import clockwork
from tests.simulators.stripe.pages.site import Site
from tests.simulators.stripe.persistence import Snapshot
from tests.simulators.stripe.resources.webhook_endpoints import make_endpoint
from tests.simulators.stripe.world import World

_SAVE_DELAY_S = 0.05
_SAVE_ROWS = 300
_TICK_S = 0.5

# Imported for their routes.
RESOURCES = resources.__all__


class Simulator:
    """Everything that runs in the process."""

    def __init__(
        self,
        *,
        public_url: str,
        state_dir: pathlib.Path | None = None,
        contract: RequestContract | None = None,
    ) -> None:
        self.world = World(public_url=public_url)
        self.deliveries = Deliveries(self.world)
        self.api = Api(self.world, contract=contract, after_request=self._save_soon)
        self.control = Control(self.world, self.api, self.deliveries)
        self.site = Site(self.world, self._save_soon)
        self.snapshot: Snapshot | None = None
        self.saving: asyncio.TimerHandle | None = None
        if state_dir is not None:
            self.snapshot = Snapshot(self.world, state_dir)
            self.snapshot.load()

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

    def _save_soon(self) -> None:
        if self.snapshot is not None and self.saving is None:
            loop = asyncio.get_running_loop()
            self.saving = loop.call_later(_SAVE_DELAY_S, self._save)

    def _save(self) -> None:
        self.saving = None
        if self.snapshot is not None and self.snapshot.save(_SAVE_ROWS):
            self._save_soon()

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
            self._save_soon()

    async def background(self) -> None:
        """Run deliveries and the clock until cancelled."""
        self.deliveries.resume()
        await asyncio.gather(self.deliveries.run(), self.tick())

    def close(self) -> None:
        """Write the rest of the state."""
        if self.snapshot is not None:
            self.snapshot.close()
