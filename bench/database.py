"""The one PostgreSQL of a run: the application's database, the peer's, and the bare limit."""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from bench import events
from bench.processes import BenchError
from config import embedded_databases, embedded_places, template_database

_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_FAILED = re.compile(r"number of failed transactions: (\d+)")
PGBENCH_CLIENTS = 8
_INSERT = """\\set n random(1, 1000000000000000)
INSERT INTO billing_inboxevent (provider, account, external_id, type, payload, trace_id)
VALUES ('stripe', NULL, 'evt_' || :client_id || '_' || :n, 'customer.subscription.updated',
        :payload, 'bench') ON CONFLICT DO NOTHING;
"""


Connection = psycopg.Connection[tuple[Any, ...]]


def connect(url: str) -> Connection:
    """Connect to a database, each statement its own transaction."""
    return psycopg.connect(url, autocommit=True)


def execute(
    url: str, statement: LiteralString, values: Sequence[Any] = ()
) -> list[tuple[Any, ...]]:
    """Run one statement in a database; return its rows."""
    with connect(url) as connection:
        cursor = connection.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


def durability(url: str) -> dict[str, str]:
    """Return the server's settings that the figures depend on."""
    with connect(url) as connection:
        return {
            name: str(connection.execute(f"SHOW {name}".encode()).fetchall()[0][0])
            for name in ("server_version", "fsync", "synchronous_commit", "full_page_writes")
        }


@contextmanager
def cloned(admin_url: str, template: str, name: str) -> Iterator[str]:
    """Have a fresh copy of the migrated template for the length of a block; yield its URL."""
    _drop(admin_url, name)
    url = template_database.clone(admin_url, name, template)
    try:
        yield url
    finally:
        _drop(admin_url, name)


def _drop(admin_url: str, name: str) -> None:
    # Nobody is connected any more, and without FORCE an autovacuum in progress is no obstacle.
    statement = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
    with embedded_databases.connected(admin_url) as connection:
        connection.execute(statement)


def backends(url: str) -> list[int]:
    """Return the process ids of the connections to a database, but for the one that asks."""
    statement = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    return [row[0] for row in execute(url, statement)]


def pgbench(url: str, *, seconds: float, folder: Path) -> float:
    """Return the one-row inserts per second of 8 clients that do nothing else.

    Raises:
        BenchError: pgbench failed.
    """
    script = folder / "insert.sql"
    script.write_text(_INSERT)
    parts = urlsplit(url)
    payload = events.body("evt_limit", events.UPDATED, 1).decode()
    programs = embedded_places.find_programs(embedded_places.server_account())
    command: list[str | Path] = [
        programs.postgres.with_name("pgbench"),
        *("-n", "-M", "prepared", "-c", str(PGBENCH_CLIENTS), "-j", "2"),
        *("-T", str(max(1, round(seconds))), "-D", f"payload={payload}", "-f", script),
        *("-h", unquote(parts.hostname or ""), "-p", str(parts.port or 5432)),
        *("-U", parts.username or "", parts.path.lstrip("/")),
    ]
    done = subprocess.run(
        command,
        env={**os.environ, "PGPASSWORD": parts.password or "", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    found, failed = _TPS.search(done.stdout), _FAILED.search(done.stdout)
    if done.returncode or found is None or (failed and int(failed[1])):
        raise BenchError(f"pgbench failed: {done.stdout}{done.stderr}")
    return float(found[1])
