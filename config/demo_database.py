"""The demo's database: a clone of the migrated template, kept from run to run."""

from pathlib import Path

import psycopg

from config import template_database

_VERSION_FILE = "database-version"


def make_if_empty(url: str, *, redis_url: str, say: template_database.Say) -> None:
    """Fill the application's own database from the template unless it was ever migrated.

    Raises:
        TemplateError: the template could not be built.
    """
    if _was_migrated(url):
        return
    template = template_database.ensure_template(url, redis_url=redis_url, say=say)
    name = url.rpartition("/")[2]
    template_database.drop(url, name)
    template_database.clone(url, name, template)


def is_current(state_dir: Path) -> bool:
    """Say whether the database has all migrations of this code, as `note_current` noted."""
    try:
        return (state_dir / _VERSION_FILE).read_text() == _version()
    except FileNotFoundError:
        return False


def note_current(state_dir: Path) -> None:
    """Note that all migrations of this code are applied: the next start need not look."""
    (state_dir / _VERSION_FILE).write_text(_version())


def _was_migrated(url: str) -> bool:
    with psycopg.connect(url, connect_timeout=10) as connection:
        found = connection.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
        return found.fetchone() == (True,)


def _version() -> str:
    return template_database.our_hash(template_database.third_party_hash())
