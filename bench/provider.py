"""A provider that answers at once: one process, objects made from the number in their id.

It does as little as it can, so that what is measured is the code that asks. `latency_ms` is how
long it waits before each answer. Run as `python -m bench.provider PORT LATENCY_MS`.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from bench import catalogue, ids, objects
from bench.catalogue import Json

_MAKERS: dict[str, Callable[[int], Json]] = {
    "customers": objects.customer,
    "subscriptions": objects.subscription,
    "invoices": objects.invoice,
    "payment_intents": objects.payment_intent,
}
_FIXED: dict[str, Callable[[], Json]] = {
    "account": catalogue.account,
    f"products/{ids.PRODUCT_ID}": catalogue.product,
    f"prices/{ids.PRICE_ID}": catalogue.price,
}


def answer(target: str) -> tuple[int, Json]:
    """Return status and object for a GET of this path and query."""
    url = urlsplit(target)
    path = url.path.removeprefix("/v1/").rstrip("/")
    if path in _FIXED:
        return 200, _FIXED[path]()
    kind, _, object_id = path.partition("/")
    number = ids.number_of(object_id)
    if kind in _MAKERS and number:
        found = _MAKERS[kind](number)
        if any(value.startswith("latest_invoice") for value in _expanded(url.query)):
            found["latest_invoice"] = objects.invoice(number)
        return 200, found
    if path.endswith("/features") or (kind and not object_id):
        return 200, {"object": "list", "data": [], "has_more": False, "url": url.path}
    message = f"No such object: '{object_id}'"
    return 404, {
        "error": {
            "type": "invalid_request_error",
            "code": "resource_missing",
            "message": message,
            "param": "id",
        }
    }


def _expanded(query: str) -> list[str]:
    return [value for name, value in parse_qsl(query) if name.startswith("expand")]


class Answerer(asyncio.Protocol):
    """One keep-alive connection; requests have no body that matters."""

    def __init__(self, latency_s: float) -> None:
        self._latency_s = latency_s
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every complete request head that has come in."""
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode()
            if self._latency_s:
                asyncio.get_running_loop().call_later(self._latency_s, self._answer, target)
            else:
                self._answer(target)

    def _answer(self, target: str) -> None:
        status, content = answer(target)
        if status != 200:
            sys.stderr.write(f"{status} {target}\n")
        body = json.dumps(content, separators=(",", ":")).encode()
        words = b"OK" if status == 200 else b"Not Found"
        self._transport.write(
            b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nRequest-Id: req_bench\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (status, words, len(body), body)
        )


async def serve(port: int, latency_ms: float) -> None:
    """Answer on loopback until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answerer(latency_ms / 1000), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
