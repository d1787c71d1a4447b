"""The simulator as one ASGI application, and its background work."""

import asyncio
import pathlib
import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from tests.simulators.cardpointe import itoke
from tests.simulators.cardpointe.callbacks import Callbacks
from tests.simulators.cardpointe.cardsecure import CardSecure
from tests.simulators.cardpointe.control import Control
from tests.simulators.cardpointe.gateway import Gateway
from tests.simulators.cardpointe.hpp import PaymentPage
from tests.simulators.cardpointe.persistence import Snapshot
from tests.simulators.cardpointe.terminals.page import ReaderPages
from tests.simulators.cardpointe.terminals.service import Terminals
from tests.simulators.cardpointe.world import World
from tests.simulators.snapshots import SavesItself

_TICK_S = 0.5
_HOST = re.compile(r"(?P<site>[a-z0-9-]+)\.cardconnect\.com(?::\d+)?")
_TERMINAL_HOST = re.compile(r"(?P<site>[a-z0-9-]+)\.cardpointe\.com(?::\d+)?")
_TERMINAL_PATH = re.compile(r"/bolt/(?P<site>[a-z0-9-]+)(?P<rest>/.*)")
_HPP_HOST = re.compile(r"(?P<name>[a-z0-9-]+)\.securepayments\.cardpointe\.com(?::\d+)?")
_HPP_PATH = re.compile(r"/hpp/(?P<name>[a-z0-9-]+)/pay")
_SITE_PATH = re.compile(r"/gw/(?P<site>[a-z0-9-]+)(?P<rest>/.*)")


class Simulator(SavesItself):
    """Everything that runs in the process."""

    def __init__(
        self, *, public_url: str, seed: int = 0, state_dir: pathlib.Path | None = None
    ) -> None:
        super().__init__()
        self.public_url = public_url
        self.world = World(seed=seed)
        self.gateway = Gateway(self.world, self.save_soon)
        self.cardsecure = CardSecure(self.world, self.gateway.faults)
        self.callbacks = Callbacks(self.world)
        self.page = PaymentPage(self.world, self.gateway, self.callbacks, self.save_soon)
        self.terminals = Terminals(self.world, self.gateway, self.save_soon)
        self.readers = ReaderPages(self.world, self.terminals.floor, self.save_soon)
        self.control = Control(
            self.world, self.gateway, self.terminals, self.callbacks, self.save_soon
        )
        if state_dir is not None:
            self.keep_in(Snapshot(self.world, state_dir))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        if scope["path"].startswith("/_sim/"):
            response = await self.control(request)
            await response(scope, receive, send)
            return
        site, path = _meant(request, _TERMINAL_PATH, _TERMINAL_HOST)
        if site and path.startswith("/api/"):
            await self.terminals(scope, receive, send, site=site, path=path)
            return
        if site:
            response = await self.readers(request, site=site, path=path)
            await response(scope, receive, send)
            return
        site, path = _meant(request, _SITE_PATH, _HOST)
        if site and (path == "/cardconnect/rest" or path.startswith("/cardconnect/rest/")):
            await self.gateway(scope, receive, send, site=site, path=path)
        else:
            response = await self._page(request, site, path)
            await response(scope, receive, send)

    async def _page(self, request: Request, site: str, path: str) -> Response:
        """Answer what a browser asks for, and the tokenizer behind its page."""
        if site and path.startswith("/cardsecure/api/v1/"):
            self.save_soon()
            return await self.cardsecure(request, site=site, path=path)
        if site and path.startswith("/itoke/"):
            return itoke.page(path.removeprefix("/itoke/"))
        name = _page_name(request)
        if name:
            return await self.page(request, name=name)
        return JSONResponse({"status": 404, "error": "Not Found", "path": path}, 404)

    async def background(self) -> None:
        """Send callbacks and let the clock run until cancelled."""
        await asyncio.gather(self.callbacks.run(), self.tick())

    async def tick(self) -> None:
        """Let what falls due by itself happen, as time passes."""
        while True:
            await asyncio.sleep(_TICK_S)
            self.gateway.run_due()
            self.terminals.run_due()
            if self.world.store.dirty:
                self.save_soon()


def _page_name(request: Request) -> str:
    """Return whose hosted payment page is meant, if it is one."""
    if (matched := _HPP_PATH.fullmatch(request.url.path)) is not None:
        return matched["name"]
    host = _HPP_HOST.fullmatch(request.headers.get("host", ""))
    return host["name"] if host is not None and request.url.path == "/pay" else ""


def _meant(request: Request, of_path: re.Pattern[str], of_host: re.Pattern[str]) -> tuple[str, str]:
    """Return whose host is meant: by its real name, or by a prefix such as `/gw/<site>`.

    A site's test host is `<site>-uat`; this is a test environment only, so both are the same.
    """
    path = request.scope["path"]
    if (matched := of_path.fullmatch(path)) is not None:
        return matched["site"].removesuffix("-uat"), matched["rest"]
    if (matched := of_host.fullmatch(request.headers.get("host", ""))) is not None:
        return matched["site"].removesuffix("-uat"), path
    return "", path
