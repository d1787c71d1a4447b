"""The owner: one process per state directory that holds both servers as its children.

It ends with the last user. Every user holds `users.lock` shared; the owner tries to take it
exclusively, and keeps it once it has decided to end: a newcomer waits for the lock, finds no
owner and starts the next one. `owner.lock` is handed over, already held, by the process that
starts the owner, and the kernel frees it however the owner ends.
"""

import contextlib
import json
import logging
import os
import selectors
import shutil
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from config import embedded_processes as processes
from config.embedded_layout import Layout, ServicesError
from config.embedded_places import find_home, find_programs, make_private, server_account
from config.embedded_postgres import Postgres
from config.embedded_valkey import Valkey

if TYPE_CHECKING:
    from config.embedded_server import Server

TICK_SECONDS = 0.2
LINGER_SECONDS = 1.2
RESTARTS = 5
RESTARTS_SECONDS = 60.0
ABANDONED_SECONDS = 10.0

logger = logging.getLogger(__name__)


def own(state_dir: Path, *, durable: bool, lock: int, report: int) -> None:
    """Become the owner of a state directory, in the background, and return when it has ended.

    `lock` is the held descriptor of `owner.lock`; `report` a pipe's end to which one line is
    written: `ready`, or why the services cannot be had. The calling process ends at once.
    """
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    os.umask(0o077)
    os.set_inheritable(lock, False)  # noqa: FBT003 - positional only
    os.set_inheritable(report, False)  # noqa: FBT003 - same
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    owner = Owner(Layout.of(state_dir), lock, durable=durable)
    try:
        owner.start()
    except ServicesError as error:
        logger.error("%s", error)  # noqa: TRY400 - the message says it all
        answer = str(error)
    else:
        answer = "ready"
    with contextlib.suppress(BrokenPipeError), os.fdopen(report, "w") as pipe:
        pipe.write(answer)
    try:
        if answer == "ready":
            owner.serve()
    finally:
        owner.stop()


class Owner:
    """The state of the owner process."""

    def __init__(self, layout: Layout, lock: int, *, durable: bool) -> None:
        self.layout = layout
        self.lock = lock
        self.durable = durable
        self.servers: list[Server] = []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.users = processes.open_lock(layout.users_lock)
        self.restarts: deque[float] = deque(maxlen=RESTARTS)
        self.is_asked_to_stop = False
        self.is_abandoned = False

    def start(self) -> None:
        """Start both servers.

        Raises:
            ServicesError: one of them cannot be started.
        """
        signal.signal(signal.SIGTERM, self._note_stop)
        signal.signal(signal.SIGINT, self._note_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake the wait up
        account = server_account()
        self._wait_for_abandoned()
        make_private(self.layout.socket_dir, account)
        programs = find_programs(account)
        home = find_home(self.layout, account)
        self.servers = [
            kind(self.layout, home, account, programs, durable=self.durable)
            for kind in (Postgres, Valkey)
        ]
        for server in self.servers:
            server.start()
            logger.info("%s started", server.name)
        self.layout.control_socket.unlink(missing_ok=True)
        self.listener.bind(str(self.layout.control_socket))
        self.listener.listen(128)
        self.listener.settimeout(0)

    def serve(self) -> None:
        """Answer, restart what died, and return when nobody uses the services any more."""
        unused_since: float | None = None
        with self._alarm() as wait:
            while not self.is_asked_to_stop:
                wait()
                self.is_abandoned = not self._is_at_home()
                if self.is_abandoned or not self._revive():
                    return
                self._answer()
                if not processes.try_lock(self.users):
                    unused_since = None
                    continue
                unused_since = unused_since or time.monotonic()
                if time.monotonic() - unused_since >= LINGER_SECONDS:
                    return  # with the lock held: whoever comes now waits until we are gone
                processes.unlock(self.users)

    def stop(self) -> None:
        """Stop both servers and remove the sockets."""
        if not self.is_abandoned:
            self.listener.close()
        for server in reversed(self.servers):
            server.stop()
            logger.info("%s stopped", server.name)
        if not self.is_abandoned:
            shutil.rmtree(self.layout.socket_dir, ignore_errors=True)
        self.listener.close()

    def _note_stop(self, *_signal: object) -> None:
        self.is_asked_to_stop = True

    def _is_at_home(self) -> bool:
        """Say whether the state directory still is the one this owner was started for."""
        return processes.is_same_file(self.lock, self.layout.owner_lock) and processes.is_same_file(
            self.users, self.layout.users_lock
        )

    def _wait_for_abandoned(self) -> None:
        """Wait until the owner of a state directory that was deleted has noticed and ended."""

        def is_gone() -> bool:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                return probe.connect_ex(str(self.layout.control_socket)) != 0

        if not processes.wait_until(is_gone, ABANDONED_SECONDS):
            raise ServicesError(
                f"Servers of an earlier {self.layout.state_dir} still run. Stop them by hand "
                f"(they use {self.layout.socket_dir}) and try again."
            )

    def _revive(self) -> bool:
        """Start a server that died once more; say whether both serve."""
        for server in self.servers:
            if not server.has_ended():
                continue
            now = time.monotonic()
            if len(self.restarts) == RESTARTS and now - self.restarts[0] < RESTARTS_SECONDS:
                logger.error("%s died again; giving up", server.name)
                return False
            self.restarts.append(now)
            try:
                server.start()
            except ServicesError as error:
                logger.error("%s", error)  # noqa: TRY400 - the message says it all
                return False
            logger.warning("%s had died and was started again", server.name)
        return True

    def _answer(self) -> None:
        """Send the status to everyone who has connected, or nothing when a server is silent.

        A server that was just killed may still look alive: so each is asked.
        """
        waiting = list(self._accept())
        if not waiting:
            return
        pids = {server.name: server.child.pid for server in self.servers if server.child}
        status = {
            "pid": os.getpid(),
            "durable": self.durable,
            "lock": os.fstat(self.lock).st_ino,
            **pids,
        }
        text = json.dumps(status) if all(server.answers() for server in self.servers) else ""
        for connection in waiting:
            with connection, contextlib.suppress(OSError):
                connection.sendall(text.encode())

    def _accept(self) -> Iterator[socket.socket]:
        with contextlib.suppress(BlockingIOError):
            while True:
                yield self.listener.accept()[0]

    @contextlib.contextmanager
    def _alarm(self) -> Iterator[Callable[[], None]]:
        """Offer a wait of one tick that a signal or a connection ends early."""
        wake, woken = socket.socketpair()
        with wake, woken, selectors.DefaultSelector() as selector:
            for end in (wake, woken):
                end.settimeout(0)
            signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
            selector.register(wake, selectors.EVENT_READ)
            selector.register(self.listener, selectors.EVENT_READ)

            def wait() -> None:
                selector.select(TICK_SECONDS)
                with contextlib.suppress(BlockingIOError):
                    wake.recv(4096)

            try:
                yield wait
            finally:
                signal.set_wakeup_fd(-1)
