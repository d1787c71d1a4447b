"""The embedded services as their users see them."""

import os
import shutil
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

from config import embedded
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


class TestAcquire:
    def test_is_the_same_when_called_again(self, state_dir: Path) -> None:
        script = """
import json, os, sys
from pathlib import Path
from config import embedded
first = embedded.acquire(Path(sys.argv[1]), durable=False)
descriptors = os.listdir("/proc/self/fd")
again = embedded.acquire(Path(sys.argv[1]) / ".." / "state", durable=False)
more = len(os.listdir("/proc/self/fd")) - len(descriptors)
print(json.dumps({"same": str(first == again), "more": str(more)}))
"""
        user = User(state_dir, script=script)

        assert user.answer == {"same": "True", "more": "0"}

    def test_starts_one_owner_for_eight_users_at_once(self, new_state_dir: Path) -> None:
        users = [User(new_state_dir) for _ in range(8)]

        urls = {(user.database_url, user.redis_url) for user in users}

        assert len(urls) == 1
        assert steps.owners_of(new_state_dir) == [steps.live(new_state_dir).pid]
        for user in users:
            assert user.query("SELECT 1") == [(1,)]

    def test_starts_again_in_about_a_second(self, state_dir: Path) -> None:
        begin = time.monotonic()

        user = User(state_dir)

        assert user.query("SELECT 1") == [(1,)]
        assert time.monotonic() - begin < 3.0  # 0.3 s on an idle machine

    def test_counts_a_forked_child_as_a_user(self, state_dir: Path) -> None:
        script = steps.STAY.replace(
            "    sys.stdin.read()", "    os.fork() and os._exit(0)\n    sys.stdin.read()"
        )
        user = User(state_dir, script="import os" + script)
        assert user.database_url
        user.process.wait(10)

        time.sleep(1.6)  # longer than the servers outlive their last user
        answer = user.query("SELECT 1")

        assert answer == [(1,)]
        user.leave()
        steps.wait_until(lambda: steps.is_nothing_left(state_dir))

    def test_trades_durability_for_speed_when_asked(self, state_dir: Path) -> None:
        user = User(state_dir, durable=False)
        names = ("fsync", "synchronous_commit", "full_page_writes")

        values = [user.query(f"SHOW {name}") for name in names]

        assert values == [[("off",)]] * 3

    def test_refuses_durability_that_the_running_services_lack(self, state_dir: Path) -> None:
        user = User(state_dir, durable=False)
        assert user.database_url

        careful = User(state_dir, durable=True)

        assert "run without durability. Stop them first" in careful.answer["error"]
        careful.leave()

    def test_shows_the_log_of_a_server_that_does_not_start(self, new_state_dir: Path) -> None:
        assert User(new_state_dir).database_url
        embedded.stop(new_state_dir)
        (new_state_dir / "postgres" / "PG_VERSION").write_text("12\n")

        user = User(new_state_dir)

        error = user.answer["error"]
        assert error.startswith("postgres did not start. The end of ")
        assert "initialized by PostgreSQL version 12" in error
        assert f"delete {new_state_dir}." in error
        user.leave()
        steps.wait_until(lambda: steps.is_nothing_left(new_state_dir))

    def test_says_when_the_state_directory_cannot_be_made(self, new_state_dir: Path) -> None:
        new_state_dir.write_text("in the way")

        with pytest.raises(embedded.ServicesError, match=r"Cannot make .*TILL_STATE_DIR"):
            embedded.acquire(new_state_dir / "deeper")

    def test_starts_afresh_when_the_state_directory_was_deleted(self, new_state_dir: Path) -> None:
        first = User(new_state_dir)
        steps.write_facts(first)
        before = steps.live(new_state_dir)
        while new_state_dir.exists():  # the servers still write, and delete, files of their own
            shutil.rmtree(new_state_dir, ignore_errors=True)

        user = User(new_state_dir)

        assert user.query("SELECT to_regclass('facts')") == [(None,)]
        assert not steps.is_running(before.postgres)
        user.leave()
        first.leave()

    def test_makes_new_passwords_when_they_were_lost(self, state_dir: Path) -> None:
        first = User(state_dir)
        steps.write_facts(first)
        first.leave()
        embedded.stop(state_dir)
        Layout.of(state_dir).secrets_file.unlink()

        user = User(state_dir)

        assert steps.read_facts(user) == steps.FACTS
        assert user.database_url != first.database_url


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
