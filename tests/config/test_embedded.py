"""The embedded services as their users see them."""

import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import environ
import psycopg
import pytest
import redis

from config.embedded_layout import Layout
from tests import environment
from tests.config import embedded_steps as steps
from tests.config.embedded_steps import User


@pytest.fixture(scope="module")
def shared_user() -> Iterator[User]:
    with steps.reachable_folder() as folder, steps.ending(folder / "state") as state_dir:
        user = User(state_dir, durable=True)
        yield user


class TestDatabase:
    def test_belongs_to_a_role_that_may_create_databases_and_nothing_else(
        self, shared_user: User
    ) -> None:
        role = "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles"
        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"

        assert shared_user.query(f"{role} WHERE rolname = current_user") == [
            ("till", False, True, False)
        ]
        assert shared_user.query(owner) == [("till",)]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("server_encoding", "UTF8"),
            ("TimeZone", "UTC"),
            ("listen_addresses", ""),
            ("max_connections", "200"),
            ("fsync", "on"),
            ("synchronous_commit", "on"),
            ("full_page_writes", "on"),
        ],
    )
    def test_has_the_settings(self, shared_user: User, name: str, value: str) -> None:
        assert shared_user.query(f"SELECT current_setting('{name}')") == [(value,)]

    def test_sorts_by_code_point_and_knows_every_letter(self, shared_user: User) -> None:
        assert shared_user.query("SELECT upper('é'), 'B' < 'a'") == [("É", True)]

    def test_refuses_a_wrong_password(self, shared_user: User) -> None:
        password = shared_user.database_url.partition("@")[0].rpartition(":")[2]

        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(shared_user.database_url.replace(password, "wrong"))

    def test_has_a_url_that_django_understands(self, shared_user: User) -> None:
        settings = environ.Env.db_url_config(shared_user.database_url)

        with psycopg.connect(
            host=unquote(settings["HOST"]),
            user=settings["USER"],
            password=settings["PASSWORD"],
            dbname=settings["NAME"],
        ) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("till",)


class TestValkey:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("port", "0"),
            ("databases", "64"),
            ("save", ""),
            ("appendonly", "yes"),
            ("appendfsync", "everysec"),
        ],
    )
    def test_has_the_settings(self, shared_user: User, name: str, value: str) -> None:
        with shared_user.valkey() as client:
            assert client.config_get(name) == {name: value}

    def test_refuses_a_wrong_password(self, shared_user: User) -> None:
        password = shared_user.redis_url.partition("@")[0].rpartition(":")[2]

        with (
            redis.Redis.from_url(shared_user.redis_url.replace(password, "wrong")) as client,
            pytest.raises(redis.AuthenticationError),
        ):
            client.ping()


class TestPrivacy:
    def test_no_server_listens_on_a_port(self, shared_user: User) -> None:
        assert shared_user.database_url
        listening = {
            f"socket:[{line.split()[9]}]"
            for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
            if table.exists()
            for line in table.read_text().splitlines()[1:]
        }
        status = steps.live(shared_user.state_dir)

        open_files = {
            str(descriptor.readlink())
            for pid in (status.pid, status.postgres, status.valkey)
            for descriptor in Path(f"/proc/{pid}/fd").iterdir()
        }

        assert any(name.startswith("socket:") for name in open_files)
        assert not open_files & listening

    def test_only_the_user_reads_the_passwords_and_reaches_the_sockets(
        self, shared_user: User
    ) -> None:
        assert shared_user.database_url
        layout = Layout.of(shared_user.state_dir)

        assert stat.S_IMODE(layout.secrets_file.stat().st_mode) == 0o600
        assert layout.secrets_file.stat().st_uid == os.geteuid()
        assert stat.S_IMODE(layout.socket_dir.stat().st_mode) == 0o700
        assert layout.socket_dir.stat().st_uid == steps.SERVER_UID
        assert str(layout.socket_dir) == str(layout.socket_dir).lower()

    def test_no_password_is_on_a_command_line(self, shared_user: User) -> None:
        status = steps.live(shared_user.state_dir)
        secrets = [
            url.partition("@")[0].rpartition(":")[2].encode()
            for url in (shared_user.database_url, shared_user.redis_url)
        ]

        lines = b"".join(
            Path(f"/proc/{pid}/cmdline").read_bytes()
            for pid in (status.pid, status.postgres, status.valkey)
        )

        assert [secret in lines for secret in secrets] == [False, False]


class TestLastUser:
    def test_takes_the_servers_along(self, state_dir: Path) -> None:
        user, other = User(state_dir), User(state_dir)
        assert user.database_url
        assert other.database_url

        user.leave()
        time.sleep(1.6)
        assert len(steps.owners_of(state_dir)) == 1
        begin = time.monotonic()
        other.leave()
        steps.wait_until(lambda: steps.is_nothing_left(state_dir))

        assert time.monotonic() - begin < 10.0  # 1.5 s on an idle machine
        assert "database system is shut down" in Layout.of(state_dir).log("postgres").read_text()

    def test_never_takes_them_from_a_newcomer(self, state_dir: Path) -> None:
        user = User(state_dir)
        steps.write_facts(user)

        for delay in (1.2, 1.3, 1.4):  # about when the owner decides to end
            user.leave()
            time.sleep(delay)
            user = User(state_dir)
            assert steps.read_facts(user) == steps.FACTS


class TestImports:
    def test_the_owner_does_not_load_django(self) -> None:
        command = "import sys; from config import embedded; print('django' in sys.modules)"

        done = subprocess.run(  # noqa: S603 - ourselves
            [sys.executable, "-c", command],
            cwd=steps.PROJECT,
            env=environment.unmeasured(),
            capture_output=True,
            text=True,
            check=True,
        )

        assert done.stdout == "False\n"
