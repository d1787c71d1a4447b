"""The migrated template and its clones."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db.migrations.loader import MigrationLoader

from config import embedded_databases as databases
from config import template_database
from tests import environment
from tests.config import embedded_steps as steps
from tests.config.embedded_steps import User, names

NAME = f"till_testing_{os.getpid()}"


@pytest.fixture
def real_url() -> str:
    """The server of the whole test run."""
    return os.environ["DATABASE_URL"]


@pytest.fixture
def clone_url(real_url: str) -> Iterator[str]:
    template = template_database.ensure_template(real_url)
    yield template_database.clone(real_url, NAME, template)
    template_database.drop(real_url, NAME)


class TestRealTemplate:
    def test_has_every_migration_of_every_app(self, clone_url: str) -> None:
        with psycopg.connect(clone_url) as connection:
            applied = set(connection.execute("SELECT app, name FROM django_migrations"))

        assert applied == set(MigrationLoader(None).disk_migrations)

    def test_is_found_again_without_building(self, real_url: str) -> None:
        said: list[str] = []

        first = template_database.ensure_template(real_url, say=said.append)
        again = template_database.ensure_template(real_url, say=said.append)

        assert first == again
        assert set(said) <= {"waiting for another process that prepares its database …"}

    def test_lets_nobody_connect(self, real_url: str) -> None:
        template = template_database.ensure_template(real_url)

        with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
            psycopg.connect(databases.database_url(real_url, template))


class TestClone:
    def test_is_independent_of_its_template(self, real_url: str, clone_url: str) -> None:
        with psycopg.connect(clone_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE scribble ()")
        template_database.drop(real_url, NAME)

        template_database.clone(real_url, NAME, template_database.ensure_template(real_url))

        with psycopg.connect(clone_url) as connection:
            assert connection.execute("SELECT to_regclass('scribble')").fetchone() == (None,)

    def test_never_replaces_a_database(self, real_url: str, clone_url: str) -> None:
        with pytest.raises(psycopg.errors.DuplicateDatabase):
            template_database.clone(real_url, NAME, template_database.ensure_template(real_url))


class TestDrop:
    def test_ends_the_connections(self, real_url: str, clone_url: str) -> None:
        with psycopg.connect(clone_url) as connection:
            template_database.drop(real_url, NAME)

            with pytest.raises(psycopg.OperationalError, match="terminating connection"):
                connection.execute("SELECT 1")
        assert NAME not in names(real_url)

    def test_does_not_mind_a_missing_database(self, real_url: str) -> None:
        template_database.drop(real_url, NAME)

        assert NAME not in names(real_url)


class TestMigrate:
    def test_shows_the_end_of_the_output_when_it_fails(self, real_url: str) -> None:
        build = template_database._Build(real_url, "", "config.settings", print)

        with pytest.raises(
            template_database.TemplateError, match=r"failed while [^$]*no_such_file"
        ):
            build.migrate("nowhere", ["no_such_file.py"])


CLONE = """
import json, sys
from pathlib import Path
from config import embedded, template_database
template_database._ensure = lambda connection, build: "template0"
services = embedded.acquire(Path(sys.argv[1]), durable=False)
url = template_database.clone_for_tests(services, "gw7")
print(json.dumps({"database_url": url, "redis_url": services.redis_url}), flush=True)
sys.stdin.read()
"""


def clones(user: User) -> set[str]:
    prefix = template_database.CLONE_PREFIX
    return {name for name in names(user.database_url) if name.startswith(prefix)}


class TestCloneForTests:
    def test_gives_every_process_its_own(self, state_dir: Path) -> None:
        one, other = User(state_dir, script=CLONE), User(state_dir, script=CLONE)

        found = {user.query("SELECT current_database()")[0][0] for user in (one, other)}

        assert found == {f"till_test_gw7_{user.process.pid}" for user in (one, other)}

    def test_is_dropped_when_the_process_ends(self, state_dir: Path) -> None:
        watcher = User(state_dir)
        user = User(state_dir, script=CLONE)
        assert user.query("SELECT 1") == [(1,)]

        user.leave()

        assert clones(watcher) == set()
        assert list((state_dir / "clones").iterdir()) == []

    def test_is_dropped_by_the_next_when_the_process_was_killed(self, state_dir: Path) -> None:
        watcher = User(state_dir)
        killed, alive = User(state_dir, script=CLONE), User(state_dir, script=CLONE)
        assert killed.query("SELECT 1") == alive.query("SELECT 1")
        killed.kill()

        other = User(state_dir, script=CLONE)

        assert other.query("SELECT 1") == [(1,)]
        living = {f"till_test_gw7_{user.process.pid}" for user in (alive, other)}
        assert clones(watcher) == living


class TestImports:
    def test_finding_the_template_does_not_load_django(self) -> None:
        command = "import sys; from config import template_database; print('django' in sys.modules)"

        done = subprocess.run(  # noqa: S603 - ourselves
            [sys.executable, "-c", command],
            cwd=steps.PROJECT,
            env=environment.unmeasured(),
            capture_output=True,
            text=True,
            check=True,
        )

        assert done.stdout == "False\n"
