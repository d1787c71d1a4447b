"""A line to our server on which whoever uses it is killed: `kill -9` at one of its requests."""

import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import httpx

WITHIN_S = 30.0


class DeadlyLine:
    """Passes requests on; `kill_at` says at which one its victim dies. Use as a context manager."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=40, trust_env=False)
        self._lock = threading.Lock()
        self._victim: subprocess.Popen[str] | None = None
        self._number, self._moment, self._of = 0, "", ""
        line = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                line._pass_on(self)

            def do_POST(self) -> None:
                line._pass_on(self)

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_details: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._http.close()

    def kill_at(
        self, number: int, moment: str, victim: subprocess.Popen[str], *, of: str = ""
    ) -> None:
        """Kill a program at its so manieth request, `before` or `after` the server has heard of it.

        With `of` only those whose path ends so are counted. Returns once it is dead.
        """
        with self._lock:
            self._number, self._moment, self._of = number, moment, of
            self._victim = victim
        _, trouble = victim.communicate(timeout=WITHIN_S)
        assert victim.returncode == -signal.SIGKILL, trouble

    def _pass_on(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        is_fatal = self._is_fatal(handler.path.partition("?")[0])
        if is_fatal and self._moment == "before":
            self._kill(handler)
            return
        kept = ("authorization", "content-type", "idempotency-key")
        headers = {name: text for name, text in handler.headers.items() if name.lower() in kept}
        answer = self._http.request(handler.command, handler.path, content=body, headers=headers)
        if is_fatal:
            self._kill(handler)
            return
        handler.send_response(answer.status_code)
        for name in ("content-type", "retry-after"):
            if name in answer.headers:
                handler.send_header(name, answer.headers[name])
        handler.send_header("Content-Length", str(len(answer.content)))
        handler.end_headers()
        handler.wfile.write(answer.content)

    def _is_fatal(self, path: str) -> bool:
        with self._lock:
            if self._victim is None or not path.endswith(self._of):
                return False
            self._number -= 1
            return self._number == 0

    def _kill(self, handler: BaseHTTPRequestHandler) -> None:
        with self._lock:
            victim, self._victim = self._victim, None
        assert victim is not None
        victim.kill()
        handler.close_connection = True
