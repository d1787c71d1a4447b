"""The till's line to our server: cut anywhere, and a server that dies while it answers."""

from collections.abc import Callable
from typing import Any

import httpx

from config import wsgi
from tests.journeys.crashes import seams

BASE_URL = "http://127.0.0.1/api/v1/payments/terminal/"


class Line(httpx.BaseTransport):
    """Requests reach our application in this process, or not; answers come back, or not.

    `before` is called with each request and says how its line is cut (`Plan.cut`); `server` makes
    the process that answers it, and `heard` is told what came back.
    """

    def __init__(
        self,
        cut: Callable[[], str],
        server: Callable[[], seams.Actor],
        heard: Callable[[httpx.Request, httpx.Response], None],
    ) -> None:
        self._cut, self._server, self._heard = cut, server, heard
        self._application = httpx.WSGITransport(app=wsgi.application, raise_app_exceptions=True)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Raises:
            httpx.TransportError: the line was cut, or the server died.
        """
        cut = self._cut()
        if cut == "before":
            raise httpx.ConnectError("cut before the request", request=request)
        actor, answer = self._server(), None
        with seams.acting(actor):
            answer = self._application.handle_request(request)
            answer.read()
        if answer is None:
            raise httpx.ReadError(f"the server died {actor.died_at}", request=request)
        if cut == "after":
            raise httpx.ReadError("cut before the answer", request=request)
        if cut:
            raise httpx.RemoteProtocolError("cut in the answer", request=request)
        self._heard(request, answer)
        return answer


def client(line: Line, key: str) -> httpx.Client:
    """Return what a till sends with."""
    headers: dict[str, Any] = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=BASE_URL, headers=headers, transport=line)
