"""What PostgreSQL and Valkey have in common as children of the owner."""

import os
import signal
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import IO, ClassVar

from config import embedded_processes as processes
from config.embedded_layout import Layout, ServicesError
from config.embedded_places import Programs

READY_SECONDS = 60.0
PREPARE_SECONDS = 120.0
PREVIOUS_SECONDS = 3.0
LOG_BYTES = 10_000_000


class Server(ABC):
    """One server over the files in `home`; used from the main thread of the owner only."""

    name: ClassVar[str]
    program: ClassVar[str]
    death_signal: ClassVar[signal.Signals]
    stop_signals: ClassVar[Sequence[tuple[signal.Signals, float]]]

    def __init__(
        self,
        layout: Layout,
        home: Path,
        account: processes.Account,
        programs: Programs,
        *,
        durable: bool,
    ) -> None:
        self.layout = layout
        self.account = account
        self.programs = programs
        self.durable = durable
        self.data = home / self.name
        self.child: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self, lock: int, log: IO[bytes]) -> None:
        """Make the data folder if needed and remove what a killed server left."""

    @abstractmethod
    def launch(self, lock: int, log: IO[bytes]) -> "subprocess.Popen[bytes]":
        """Start the server process."""

    @abstractmethod
    def answers(self) -> bool:
        """Say whether the server serves now."""

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            ServicesError: it ended or did not answer in time; the message has the log's end.
        """
        path = self.layout.log(self.name)
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".log.old"))
        lock = processes.open_lock(self.layout.state_dir / f"{self.name}.lock")
        try:
            self._end_previous(lock)
            with path.open("ab") as log:
                begin = log.tell()
                self.prepare(lock, log)
                self.child = self.launch(lock, log)
        finally:
            os.close(lock)  # from here on only the server's own processes hold it
        processes.wait_until(lambda: self.has_ended() or self.answers(), READY_SECONDS)
        if self.has_ended() or not self.answers():
            self.stop()
            raise self.failure("did not start", begin)

    def has_ended(self) -> bool:
        """Say whether the server process is gone."""
        return self.child is None or self.child.poll() is not None

    def stop(self) -> None:
        """Stop the server cleanly if it can be done in time, else kill it."""
        if self.child is not None:
            processes.stop(self.child, self.stop_signals)
            self.child = None

    def run(self, argv: Sequence[str | Path], lock: int, log: IO[bytes], sql: str = "") -> None:
        """Run a program over the data to its end.

        Raises:
            ServicesError: it failed; the message has the log's end.
        """
        begin = os.fstat(log.fileno()).st_size
        with tempfile.TemporaryFile() as commands:  # not an argument: others could read it there
            commands.write(sql.encode())
            commands.seek(0)
            child = processes.spawn(
                argv,
                account=self.account,
                cwd=self.data.parent,
                log=log,
                lock=lock,
                death_signal=signal.SIGKILL,
                stdin=commands,
            )
            try:
                child.wait(PREPARE_SECONDS)
            except subprocess.TimeoutExpired:
                processes.stop(child, ())
        report = processes.tail(self.layout.log(self.name), start=begin)
        if child.returncode != 0 or "ERROR: " in report or "FATAL: " in report:
            raise self.failure(f"could not be prepared by {Path(argv[0]).name}", begin)

    def leftovers(self) -> list[int]:
        """List processes of an earlier server that still work in the data folder."""
        return processes.processes_in(self.data, self.program)

    def _end_previous(self, lock: int) -> None:
        """Wait for the processes of the previous server, then end them: never two writers.

        All of them inherited the lock, so that the kernel knows when the last one is gone.
        """

        def is_gone() -> bool:
            return processes.try_lock(lock) and not self.leftovers()

        if processes.try_lock(lock):
            # Nobody of ours is left: whoever still works there was started by hand.
            processes.send(self.leftovers(), self.death_signal)
        if processes.wait_until(is_gone, PREVIOUS_SECONDS):
            return
        processes.send(self.leftovers(), self.death_signal)
        if processes.wait_until(is_gone, PREVIOUS_SECONDS):
            return
        processes.send(self.leftovers(), signal.SIGKILL)
        if not processes.wait_until(is_gone, PREVIOUS_SECONDS):
            raise ServicesError(
                f"Another {self.program} still works in {self.data} and could not be stopped. "
                "Stop it by hand and try again."
            )

    def failure(self, what: str, begin: int) -> ServicesError:
        """Say what went wrong, with the end of the log that was written after `begin`."""
        path = self.layout.log(self.name)
        return ServicesError(
            f"{self.program} {what}. The end of {path}:\n{processes.tail(path, start=begin)}\n"
            "Correct what it names; to start afresh (this loses the data), delete "
            f"{self.layout.state_dir}."
        )

    def ask(self, path: Path, message: bytes) -> bytes:
        """Send a message to a Unix socket and return the first bytes of the answer, if any."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(str(path))
                connection.sendall(message)
                return connection.recv(64)
            except OSError:
                return b""
