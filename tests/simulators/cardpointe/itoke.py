"""The hosted tokenizer: the page a shop frames, with the provider's ids and messages."""

import pathlib

from starlette.responses import Response

_WEB = pathlib.Path(__file__).with_name("web")
_FILES = {
    "ajax-tokenizer.html": "text/html; charset=utf-8",
    "tokenizer.js": "text/javascript; charset=utf-8",
    "tokenizer.css": "text/css; charset=utf-8",
}


def page(name: str) -> Response:
    """Return a file of the tokenizer."""
    kind = _FILES.get(name)
    if kind is None:
        return Response("Not Found", 404)
    headers = {"content-type": kind, "cache-control": "no-store"}
    return Response((_WEB / name).read_bytes(), headers=headers)
