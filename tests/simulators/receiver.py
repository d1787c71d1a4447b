"""A small HTTP server on loopback that takes webhooks, or shows a page to a browser."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.time)


class Receiver:
    """Keeps what it is sent; answers with the next of `statuses`, afterwards with 200."""

    def __init__(self, pages: dict[str, tuple[str, str]] | None = None, policy: str = "") -> None:
        self.received: list[Received] = []
        self.statuses: list[int] = []
        self.pages = pages or {}
        self.policy = policy
        self.lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with receiver.lock:
                    receiver.received.append(Received(self.path, dict(self.headers), body))
                    status = receiver.statuses.pop(0) if receiver.statuses else 200
                self._send(status, "application/json", b"{}")

            def do_GET(self) -> None:
                kind, text = receiver.pages.get(self.path.partition("?")[0], ("text/plain", ""))
                self._send(200, kind, text.encode())

            def _send(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                if receiver.policy:
                    self.send_header("Content-Security-Policy", receiver.policy)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def wait_for(self, enough: Callable[[list[Received]], bool], seconds: float = 5) -> None:
        """Wait until enough has come in."""
        deadline = time.monotonic() + seconds
        while not enough(self.received):
            if time.monotonic() > deadline:
                raise TimeoutError(f"only {len(self.received)} requests within {seconds} s")
            time.sleep(0.01)

    def close(self) -> None:
        """Stop answering."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
