"""The pages a browser sees: Stripe.js, its iframes, the issuer's challenge, the hosted pages."""

import pathlib
import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.pages import (
    challenge,
    frame,
    hosted_checkout,
    hosted_invoice,
    portal,
    reader,
)
from tests.simulators.stripe.pages.html import page
from tests.simulators.stripe.world import World

Page = Callable[[World, Request, str], Awaitable[Response]]

_STATIC = pathlib.Path(__file__).parent / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css"}

_PAGES: tuple[tuple[re.Pattern[str], Page], ...] = (
    (re.compile(r"^/elements/(frame)$"), frame.show),
    (re.compile(r"^/3ds/(\w+)$"), challenge.show),
    (re.compile(r"^/c/pay/(\w+)/return$"), hosted_checkout.come_back),
    (re.compile(r"^/c/pay/(\w+)$"), hosted_checkout.show),
    (re.compile(r"^/i/(\w+)$"), hosted_invoice.show),
    (re.compile(r"^/i/(\w+)/return$"), hosted_invoice.come_back),
    (re.compile(r"^/i/(\w+)/pdf$"), hosted_invoice.pdf),
    (re.compile(r"^/receipts/(\w+)$"), hosted_invoice.receipt),
    (re.compile(r"^/terminal/(readers)$"), reader.show_all),
    (re.compile(r"^/terminal/readers/(\w+)$"), reader.show),
    (re.compile(r"^/p/session/(\w+)(?:/.*)?$"), portal.show),
)


def _static(name: str) -> Response:
    path = _STATIC / name
    if "/" in name or path.suffix not in _TYPES or not path.is_file():
        return PlainTextResponse("Not found", 404)
    return Response(path.read_bytes(), media_type=_TYPES[path.suffix])


def _stripe_js() -> Response:
    names = ("core.js", "elements.js", "checkout.js")
    parts = [(_STATIC / name).read_text(encoding="utf-8") for name in names]
    text = "(() => {\n" + "\n".join(parts) + "\n})();\n"
    headers = {"access-control-allow-origin": "*", "cache-control": "no-cache"}
    return Response(text, media_type="text/javascript", headers=headers)


class Site:
    """Everything that is neither API nor control."""

    def __init__(self, world: World, after_change: Callable[[], None]) -> None:
        self.world, self.after_change = world, after_change

    async def __call__(self, request: Request) -> Response:
        """Answer a request for a page."""
        path = request.url.path
        if re.fullmatch(r"/[\w.]+/(stripe\.js)?", path):
            return _stripe_js()
        if path.startswith("/_static/"):
            return _static(path.removeprefix("/_static/"))
        if path == "/healthz":
            return PlainTextResponse("ok")
        for pattern, show in _PAGES:
            found = pattern.match(path)
            if found is not None and request.method in ("GET", "POST"):
                return await self._show(show, request, found[1])
        return page("Not found", "<main><h1>Not found</h1></main>", status=404)

    async def _show(self, show: Page, request: Request, name: str) -> Response:
        try:
            return await show(self.world, request, name)
        except Refusal as refusal:
            text = "<main><h1>This page is not available</h1></main>"
            return page("Not available", text, status=refusal.status)
        finally:
            self.world.frozen, self.world.clock_id = None, ""
            self.after_change()
