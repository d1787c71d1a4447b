"""Creating, cloning and dropping databases on one server, one caller at a time."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

LOCK_KEY = 0x7111
LOCK_SECONDS = 1800

Connection = psycopg.Connection[tuple[Any, ...]]


def database_url(url: str, name: str) -> str:
    """Return the same URL with another database's name."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@contextlib.contextmanager
def connected(admin_url: str) -> Iterator[Connection]:
    """Connect to the maintenance database: nobody may be connected to what is cloned."""
    url = database_url(admin_url, "postgres")
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        yield connection


@contextlib.contextmanager
def locked(admin_url: str, say: Callable[[str], object]) -> Iterator[Connection]:
    """Connect as the only one who builds, drops or clones templates on this server.

    Raises:
        psycopg.errors.LockNotAvailable: somebody else has been at it for half an hour.
    """
    with connected(admin_url) as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY]).fetchone()
        if row != (True,):
            say("waiting for another process that prepares its database …")
            bound = f"{LOCK_SECONDS}s"
            connection.execute("SELECT set_config('lock_timeout', %s, false)", [bound])
            connection.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        yield connection


def names(connection: Connection) -> list[str]:
    """List the databases' names, the newest first."""
    rows = connection.execute("SELECT datname FROM pg_database ORDER BY oid DESC").fetchall()
    return [str(name) for (name,) in rows]


def create(connection: Connection, name: str, template: str) -> None:
    """Make a database from a template by copying its files.

    Raises:
        psycopg.errors.DuplicateDatabase: there is a database of that name.
    """
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
    connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))


def drop(connection: Connection, name: str) -> None:
    """Drop a database if it exists, ending the connections to it."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    connection.execute(statement.format(sql.Identifier(name)))


def finish(connection: Connection, draft: str, name: str) -> None:
    """Make a draft the template of this name, to which nobody can connect any more."""
    old, new = sql.Identifier(draft), sql.Identifier(name)
    connection.execute(sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false").format(old))
    connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(old, new))
