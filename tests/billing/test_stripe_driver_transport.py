"""Sent or not sent: what the driver knows when the line itself fails.

Where the simulator always speaks HTTP, these servers are sockets that misbehave."""

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from billing.drivers.base import DriverUnavailable, OutcomeUnknown
from tests.billing import stripe_builders as build
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.usefixtures("short_pauses")

CUSTOMER = b'{"id": "cus_1", "object": "customer", "metadata": {}}'


def answer(body: bytes, *, status: str = "200 OK", kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class LineServer:
    """Accepts connections and does to each what the test says; counts them."""

    def __init__(self, behave: Callable[[socket.socket, int], None]) -> None:
        self.behave = behave
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection, contextlib.suppress(OSError):
                self.behave(connection, self.connections)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


@pytest.fixture
def serve(settings: Any) -> Iterator[Callable[[Callable[[socket.socket, int], None]], LineServer]]:
    """Start a server that behaves as told, and let the driver talk to it."""
    servers = []

    def start(behave: Callable[[socket.socket, int], None]) -> LineServer:
        server = LineServer(behave)
        servers.append(server)
        settings.STRIPE_API_BASE = server.base_url
        settings.STRIPE_READ_TIMEOUT_SECONDS = 0.5
        return server

    yield start
    for server in servers:
        server.close()


def write() -> str:
    return build.make_customer()


def ask() -> object:
    return build.driver().retrieve_subscription("sub_1")


def _receive(connection: socket.socket) -> None:
    """Take one whole request: its head and its body may come in two pieces."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += _some(connection)
    head, _, body = got.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    while length and len(body) < int(length[1]):
        body += _some(connection)


def _some(connection: socket.socket) -> bytes:
    piece = connection.recv(65_536)
    if not piece:
        raise ConnectionError
    return piece


class TestNotSent:
    def test_a_refused_connection_is_provably_not_processed(self, settings: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        settings.STRIPE_API_BASE = f"http://127.0.0.1:{port}"

        with pytest.raises(DriverUnavailable) as caught:
            write()

        assert type(caught.value) is DriverUnavailable
        assert (caught.value.code, caught.value.detail) == ("API_ERROR", "not_sent")

    @pytest.mark.parametrize(
        "error",
        [
            httpx.ConnectError("no such host"),
            httpx.ConnectTimeout("nobody answers"),
            httpx.PoolTimeout("all connections are busy"),
            httpx.ProxyError("the proxy refuses"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_nor_is_anything_else_before_the_first_byte(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        settings.STRIPE_API_BASE = "http://127.0.0.1:9"
        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", _raising(error))

        with pytest.raises(DriverUnavailable):
            write()

    def test_a_question_is_repeated(
        self, stripe: StripeSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        customer = build.make_customer()
        spec = build.customer_spec()
        really, failures = httpx.HTTPTransport.handle_request, iter([1, 1])

        def flaky(self: Any, request: httpx.Request) -> httpx.Response:
            if next(failures, None):
                raise httpx.ConnectError("down")
            return really(self, request)

        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", flaky)

        assert customer
        assert build.driver().find_customer(spec) is None


def _raising(error: Exception) -> Callable[..., httpx.Response]:
    def handle(*_: object) -> httpx.Response:
        raise error

    return handle


class TestAnswerLost:
    def test_a_connection_that_closes_without_an_answer(self, serve: Any) -> None:
        server = serve(lambda connection, _: _receive(connection))

        with pytest.raises(OutcomeUnknown):
            write()

        assert server.connections == 1

    @pytest.mark.parametrize(
        "sent",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
            b"HTTP/1.1 200",
            b"SSH-2.0-OpenSSH\r\n",
        ],
        ids=["half a body", "half a head", "no HTTP"],
    )
    def test_half_an_answer_is_none(self, serve: Any, sent: bytes) -> None:
        def behave(connection: socket.socket, _: int) -> None:
            _receive(connection)
            connection.sendall(sent)

        serve(behave)

        with pytest.raises(OutcomeUnknown):
            write()

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"<html>Bad gateway</html>", "502 Bad Gateway"),
            (b"<html>Welcome to the hotel's network</html>", "200 OK"),
            (b"<html>Moved</html>", "302 Found"),
            (b"{}", "418 I'm a teapot"),
            (b'{"error": "text"}', "400 Bad Request"),
            (b'{"error": "Too many requests"}', "429 Too Many Requests"),
            (b'{"ok": true}', "200 OK"),
            (b"[]", "404 Not Found"),
            (b"", "500 Internal Server Error"),
        ],
    )
    def test_an_answer_that_is_not_stripes_says_nothing(
        self, serve: Any, body: bytes, status: str
    ) -> None:
        def behave(connection: socket.socket, _: int) -> None:
            _receive(connection)
            connection.sendall(answer(body, status=status, kind="text/html"))

        serve(behave)

        with pytest.raises(OutcomeUnknown):
            write()
        with pytest.raises(DriverUnavailable):
            ask()

    def test_a_kept_connection_that_breaks_is_not_silently_used_again(self, serve: Any) -> None:
        def behave(connection: socket.socket, _: int) -> None:
            _receive(connection)
            connection.sendall(answer(CUSTOMER))
            _receive(connection)  # takes the second request, then hangs up

        server = serve(behave)
        assert write() == "cus_1"

        with pytest.raises(OutcomeUnknown):
            write()

        assert server.connections == 1

    def test_one_that_was_closed_meanwhile_is_replaced(self, serve: Any) -> None:
        def behave(connection: socket.socket, _: int) -> None:
            _receive(connection)
            connection.sendall(answer(CUSTOMER))

        server = serve(behave)

        assert write() == "cus_1"
        _until(lambda: server.connections == 1)
        assert write() == "cus_1"
        assert server.connections == 2


def _until(condition: Callable[[], bool]) -> None:
    # The server closes right after its answer; a moment later the driver can see that.
    pause = threading.Event()
    for _ in range(20):
        pause.wait(0.01)
    assert condition()
