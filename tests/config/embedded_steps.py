"""Steps that the tests of the embedded services share: users are processes of their own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest
import redis

from config import embedded, embedded_places, embedded_processes
from config import embedded_databases as databases
from config.embedded_layout import Layout

PROJECT = Path(__file__).resolve().parents[2]
GONE_SECONDS = 30.0
STAY = """
import json, sys
from pathlib import Path
from config import embedded
try:
    services = embedded.acquire(Path(sys.argv[1]), durable=sys.argv[2] == "durable")
except embedded.ServicesError as error:
    print(json.dumps({"error": str(error)}), flush=True)
else:
    print(json.dumps({"database_url": services.database_url, "redis_url": services.redis_url}),
          flush=True)
    sys.stdin.read()
"""


class User:
    """A process that acquires the services and stays until it is told to leave.

    Whoever has not left when the test's `ending` comes is killed.
    """

    present: "ClassVar[list[User]]" = []

    def __init__(
        self,
        state_dir: Path,
        *,
        durable: bool = False,
        script: str = STAY,
        uid: int | None = None,
        python: str | None = None,
    ) -> None:
        self.state_dir = state_dir
        self.process = subprocess.Popen(  # noqa: S603 - ourselves
            [
                python or sys.executable,
                "-c",
                script,
                str(state_dir),
                "durable" if durable else "fast",
            ],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
            env={
                **os.environ,
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONPATH": os.pathsep.join([str(PROJECT), sysconfig.get_path("purelib")]),
            },
        )
        self._answer: dict[str, str] | None = None
        self.present.append(self)

    @property
    def answer(self) -> dict[str, str]:
        if self._answer is None:
            assert self.process.stdout is not None
            self._answer = json.loads(self.process.stdout.readline())
        return self._answer

    @property
    def database_url(self) -> str:
        assert "error" not in self.answer, self.answer["error"]
        return self.answer["database_url"]

    @property
    def redis_url(self) -> str:
        assert "error" not in self.answer, self.answer["error"]
        return self.answer["redis_url"]

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True, connect_timeout=10) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def valkey(self) -> Iterator["redis.Redis"]:
        with redis.Redis.from_url(
            self.redis_url, decode_responses=True, socket_timeout=5
        ) as client:
            yield client

    def leave(self) -> None:
        if self in self.present:
            self.present.remove(self)
            self.process.communicate(b"", timeout=10)

    def kill(self) -> None:
        self.process.kill()
        self.leave()


def write_facts(user: User) -> None:
    user.query("DROP TABLE IF EXISTS facts")
    user.query("CREATE TABLE facts AS SELECT 'committed' AS fact")
    with user.valkey() as client:
        client.set("fact", "written")


def read_facts(user: User) -> tuple[list[tuple[Any, ...]], object]:
    with user.valkey() as client:
        return user.query("SELECT fact FROM facts"), client.get("fact")


FACTS = ([("committed",)], "written")


def live(state_dir: Path) -> embedded.Status:
    found: list[embedded.Status] = []

    def serves() -> bool:
        status = embedded.status(state_dir)
        found.extend([status] if status else [])
        return bool(found)

    wait_until(serves)
    return found[0]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def kill_and_wait(*pids: int, number: signal.Signals = signal.SIGKILL) -> None:
    embedded_processes.send(pids, number)
    wait_until(lambda: not any(map(is_running, pids)))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def processes_of(state_dir: Path) -> list[int]:
    """List what runs for a state directory: its owners and all processes of its servers."""
    layout = Layout.of(state_dir)
    pointer = layout.home_pointer
    home = Path(pointer.read_text()) if pointer.exists() else layout.state_dir
    found = [
        pid
        for name in ("postgres", "postgres.new", "valkey")
        for pid in embedded_processes.processes_in(home / name, name.partition(".")[0])
    ]
    return found + owners_of(state_dir)


def owners_of(state_dir: Path) -> list[int]:
    wanted = [b"own", os.fsencode(os.path.realpath(state_dir))]
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[3:5] == wanted:
            found.append(int(entry.name))
    return found


def is_nothing_left(state_dir: Path) -> bool:
    return not processes_of(state_dir) and not Layout.of(state_dir).socket_dir.exists()


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """Make a folder that every user can pass through (pytest's own is private)."""
    folder = Path(tempfile.mkdtemp(prefix="tilltest", dir="/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def ending(state_dir: Path) -> Iterator[Path]:
    """Leave nothing running, whatever the test did."""
    layout = Layout.of(state_dir)
    try:
        yield state_dir
    finally:
        for user in list(User.present):
            if os.path.realpath(user.state_dir) == str(layout.state_dir):
                user.kill()
        embedded.stop(state_dir)
        for pid in processes_of(state_dir):
            kill_and_wait(pid)
        if layout.home_pointer.exists():
            shutil.rmtree(layout.home_pointer.read_text())
        shutil.rmtree(layout.socket_dir, ignore_errors=True)


IS_ROOT = os.geteuid() == 0
SERVER_UID = embedded_places.server_account().uid


def run_as(account: embedded_processes.Account, command: list[str | Path]) -> None:
    subprocess.run(  # noqa: S603 - our own programs
        command,
        cwd="/",
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        stdout=subprocess.DEVNULL,
        check=True,
    )


def python_for(account: embedded_processes.Account) -> str:
    """Return an interpreter that another user can run too."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        if account.can(os.X_OK, Path(candidate)) and account.can(os.R_OK, PROJECT / "manage.py"):
            return candidate
    pytest.skip("neither the interpreter nor the project can be reached by another user")


def names(admin_url: str) -> list[str]:
    with databases.connected(admin_url) as connection:
        return databases.names(connection)
