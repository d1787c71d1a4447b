"""The embedded Valkey."""

import signal
import tempfile
from typing import IO, TYPE_CHECKING

from config import embedded_processes as processes
from config.embedded_layout import read_secrets
from config.embedded_places import make_private
from config.embedded_server import Server

if TYPE_CHECKING:
    import subprocess


class Valkey(Server):
    """The Valkey server: every write goes to the append-only file, synced once a second."""

    name = "valkey"
    program = "valkey"
    death_signal = signal.SIGTERM
    stop_signals = ((signal.SIGTERM, 10.0),)

    def prepare(self, lock: int, log: IO[bytes]) -> None:  # noqa: ARG002 - needs no program
        """Make the data folder if needed."""
        make_private(self.data, self.account)

    def launch(self, lock: int, log: IO[bytes]) -> "subprocess.Popen[bytes]":
        """Start the server; it reads its settings, the password among them, from stdin."""
        settings = {
            "port": "0",
            "unixsocket": str(self.layout.valkey_socket),
            "unixsocketperm": "700",
            "requirepass": read_secrets(self.layout).valkey,
            "databases": "64",
            "save": '""',
            "appendonly": "yes",
            "appendfsync": "everysec" if self.durable else "no",
            "dir": ".",
            "daemonize": "no",
        }
        self.layout.valkey_socket.unlink(missing_ok=True)
        with tempfile.TemporaryFile() as file:
            file.write("".join(f"{name} {value}\n" for name, value in settings.items()).encode())
            file.seek(0)
            return processes.spawn(
                [self.programs.valkey, "-"],
                account=self.account,
                cwd=self.data,
                log=log,
                lock=lock,
                death_signal=self.death_signal,
                stdin=file,
            )

    def answers(self) -> bool:
        """Say whether the server has loaded its file and serves."""
        password = read_secrets(self.layout).valkey
        answer = self.ask(self.layout.valkey_socket, f"AUTH {password}\r\n".encode())
        return answer.startswith(b"+OK")
