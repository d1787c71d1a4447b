"""A small HTTP client for webhooks: loopback only, connections kept open."""

import asyncio
from collections import defaultdict
from urllib.parse import urlsplit

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_IDLE: dict[tuple[str, int], list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = defaultdict(
    list
)
_MAX_IDLE = 8


async def post(
    url: str,
    body: bytes,
    headers: dict[str, str],
    *,
    timeout: float,  # noqa: ASYNC109
) -> tuple[int | None, str | None]:
    """Send a POST; return the status, or None and why there is none."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK:
        return None, "the simulator only calls http:// on loopback"
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    lines = [f"POST {target} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    message = "\r\n".join([*lines, "", ""]).encode() + body
    address = (parts.hostname, parts.port or 80)
    try:
        return await asyncio.wait_for(_exchange(address, message), timeout), None
    except TimeoutError:
        return None, "timed out"
    except (OSError, ValueError, EOFError) as error:
        return None, repr(error)


async def _exchange(address: tuple[str, int], message: bytes) -> int:
    idle = _IDLE[address]
    if idle:
        kept = idle.pop()
        try:
            return await _once(address, *kept, message)
        except (OSError, ValueError, EOFError):
            # The other side had closed the kept connection: a fresh one decides.
            kept[1].close()
    reader, writer = await asyncio.open_connection(*address)
    return await _once(address, reader, writer, message)


async def _once(
    address: tuple[str, int],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    message: bytes,
) -> int:
    reusable = False
    try:
        writer.write(message)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split(" ")[1])
        found = {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            found[name.strip().lower()] = value.strip()
        length = found.get("content-length")
        if length is not None:
            await reader.readexactly(int(length))
        reusable = length is not None and found.get("connection", "").lower() != "close"
        return status
    finally:
        if reusable and len(_IDLE[address]) < _MAX_IDLE:
            _IDLE[address].append((reader, writer))
        else:
            writer.close()
