"""The embedded PostgreSQL: its cluster, its roles, its settings."""

import os
import pwd
import shutil
import signal
import struct
from pathlib import Path
from typing import IO, TYPE_CHECKING

from config import embedded_processes as processes
from config.embedded_layout import DATABASE, ROLE, new_secrets, read_secrets, write_secrets
from config.embedded_places import make_private
from config.embedded_server import Server

if TYPE_CHECKING:
    import subprocess


class Postgres(Server):
    """The PostgreSQL server, its superuser `postgres` and the application's role `till`.

    The superuser has no password: it is let in from the account that owns the state directory.
    """

    name = "postgres"
    program = "postgres"
    death_signal = signal.SIGQUIT  # at once, without a checkpoint; the next start recovers
    stop_signals = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))

    def prepare(self, lock: int, log: IO[bytes]) -> None:
        """Make the database cluster if needed; whole or not at all."""
        if not self.data.exists():
            self._make_cluster(lock, log)
        elif not self.layout.secrets_file.exists():
            passwords = new_secrets()
            statement = f"ALTER ROLE {ROLE} PASSWORD '{passwords.postgres}';\n"
            self._run_alone(self.data, statement, lock, log)
            write_secrets(self.layout, passwords)
        # Stale for certain: the previous server's processes are gone. PostgreSQL itself would
        # stumble over a process that has the number now, or was killed and not yet reaped.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        (self.layout.socket_dir / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        self._write_access_rules()

    def _make_cluster(self, lock: int, log: IO[bytes]) -> None:
        if not self.layout.secrets_file.exists():
            write_secrets(self.layout, new_secrets())
        draft = self.data.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        make_private(draft, self.account)
        options = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        options += ["--builtin-locale=C.UTF-8", "--auth=reject", "--username=postgres"]
        options += ["--no-instructions", *([] if self.durable else ["--no-sync"])]
        self.run([self.programs.initdb, *options, "-D", draft], lock, log)
        password = read_secrets(self.layout).postgres
        statements = (
            f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER CREATEDB PASSWORD '{password}';\n"
            f"CREATE DATABASE {DATABASE} OWNER {ROLE};\n"
        )
        self._run_alone(draft, statements, lock, log)
        draft.rename(self.data)

    def _run_alone(self, data: Path, statements: str, lock: int, log: IO[bytes]) -> None:
        """Run statements, one a line, in PostgreSQL's single-user mode."""
        options = ["-c", "log_min_messages=error", "-c", f"fsync={self._switch()}"]
        self.run(
            [self.programs.postgres, "--single", "-D", data, *options, "postgres"],
            lock,
            log,
            statements,
        )

    def _write_access_rules(self) -> None:
        rules = [f"local all {ROLE} scram-sha-256"]
        names: list[str] = []
        try:
            user = pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            pass  # an account without a name: the superuser is reachable from nowhere
        else:
            rules.append("local all postgres peer map=owner")
            names.append(f'owner "{user}" postgres')
        for name, lines in (("pg_hba.conf", rules), ("pg_ident.conf", names)):
            path = self.data / name
            path.write_text("\n".join(lines) + "\n")
            path.chmod(0o600)
            if self.account.switch:
                os.chown(path, self.account.uid, self.account.gid)

    def _switch(self) -> str:
        return "on" if self.durable else "off"

    def launch(self, lock: int, log: IO[bytes]) -> "subprocess.Popen[bytes]":
        """Start the server on its Unix socket only."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.layout.socket_dir),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "fsync": self._switch(),
            "synchronous_commit": self._switch(),
            "full_page_writes": self._switch(),
            "huge_pages": "off",
            # Files in the data folder: nothing stays in /dev/shm after a kill -9.
            "dynamic_shared_memory_type": "mmap",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] %d ",
            "cluster_name": ROLE,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return processes.spawn(
            [self.programs.postgres, "-D", self.data, *options],
            account=self.account,
            cwd=self.data,
            log=log,
            lock=lock,
            death_signal=self.death_signal,
        )

    def answers(self) -> bool:
        """Say whether the server asks for a password (while it recovers, it sends an error)."""
        body = struct.pack("!I", 196608) + f"user\0{ROLE}\0database\0{DATABASE}\0\0".encode()
        greeting = struct.pack("!I", len(body) + 4) + body
        return self.ask(self.layout.postgres_socket, greeting).startswith(b"R")
