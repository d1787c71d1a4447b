"""Gives a new state directory the migrated template that the tests have already built.

Building it again would take a minute. This copies its contents to the other server as SQL; the demo
then finds the template under its name and clones it as it would its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
from psycopg import sql

from config import embedded, embedded_databases, embedded_places, template_database

PROJECT = Path(__file__).resolve().parents[2]


def give_template(state_dir: Path) -> None:
    """Copy this process' template into the servers of `state_dir`, then let these stop."""
    admin_url = os.environ["DATABASE_URL"]
    template = template_database.ensure_template(admin_url)
    dump = state_dir.parent / "template.sql"
    copy = f"till_dump_{os.getpid()}"
    template_database.drop(admin_url, copy)
    url = template_database.clone(admin_url, copy, template)
    try:
        dump.write_text(_statements(url))
    finally:
        template_database.drop(admin_url, copy)
    subprocess.run(  # noqa: S603 - this module
        [sys.executable, "-m", "tests.config.demo_template", str(state_dir), template, str(dump)],
        cwd=PROJECT,
        check=True,
        timeout=120,
    )


def _statements(url: str) -> str:
    programs = embedded_places.find_programs(embedded_places.server_account())
    done = subprocess.run(  # noqa: S603 - the program that comes with the server
        [programs.postgres.with_name("pg_dump"), "--inserts", "--no-owner", "--no-privileges", url],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    # Lines with a backslash are for psql.
    return "".join(line for line in done.stdout.splitlines(True) if not line.startswith("\\"))


def _load(state_dir: Path, name: str, dump: Path) -> None:
    services = embedded.acquire(state_dir)
    with embedded_databases.connected(services.database_url) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = embedded_databases.database_url(services.database_url, name)
        with psycopg.connect(url) as filled:
            filled.execute(dump.read_bytes())
        connection.execute(
            sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false").format(sql.Identifier(name))
        )


if __name__ == "__main__":
    _load(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
