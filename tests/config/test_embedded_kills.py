"""What `kill -9` of any process does to the embedded services: nothing that lasts."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config import embedded, embedded_places
from config.embedded_layout import Layout
from tests.config import embedded_steps as steps
from tests.config.embedded_steps import User


@pytest.fixture
def user(state_dir: Path) -> Iterator[User]:
    user = User(state_dir, durable=True)
    steps.write_facts(user)
    yield user
    user.leave()


class TestKilledUser:
    def test_takes_the_servers_along_when_it_was_the_last(self, state_dir: Path) -> None:
        user = User(state_dir)
        assert user.database_url

        user.kill()

        steps.wait_until(lambda: steps.is_nothing_left(state_dir))

    def test_changes_nothing_for_the_others(self, state_dir: Path, user: User) -> None:
        before = steps.live(state_dir)
        other = User(state_dir)
        assert other.database_url

        other.kill()
        time.sleep(1.5)  # longer than the servers outlive their last user

        assert steps.live(state_dir) == before
        assert steps.read_facts(user) == steps.FACTS

    @pytest.mark.parametrize("seconds", [0.2, 0.6])
    def test_may_have_been_about_to_start_the_servers(
        self, new_state_dir: Path, seconds: float
    ) -> None:
        starter = User(new_state_dir)
        time.sleep(seconds)
        starter.kill()

        user = User(new_state_dir)

        assert user.query("SELECT 1") == [(1,)]
        assert len(steps.owners_of(new_state_dir)) == 1


class TestKilledOwner:
    def test_takes_the_servers_along(self, state_dir: Path, user: User) -> None:
        assert user.database_url
        status = steps.live(state_dir)

        steps.kill_and_wait(status.pid)

        steps.wait_until(lambda: steps.processes_of(state_dir) == [])

    def test_is_replaced_by_the_next_user_at_the_same_urls(
        self, state_dir: Path, user: User
    ) -> None:
        steps.kill_and_wait(steps.live(state_dir).pid)

        other = User(state_dir)

        assert steps.read_facts(other) == steps.FACTS
        assert steps.read_facts(user) == steps.FACTS
        assert (other.database_url, other.redis_url) == (user.database_url, user.redis_url)
        other.leave()

    @pytest.mark.parametrize("seconds", [0.0, 0.4])
    def test_may_have_been_making_the_database(self, new_state_dir: Path, seconds: float) -> None:
        starter = User(new_state_dir)
        steps.wait_until(lambda: bool(steps.owners_of(new_state_dir)))
        time.sleep(seconds)
        steps.kill_and_wait(*steps.owners_of(new_state_dir))

        user = User(new_state_dir)

        assert user.query("SELECT 1") == [(1,)]
        user.leave()
        starter.leave()


class TestKilledServer:
    @pytest.mark.parametrize("name", ["postgres", "valkey"])
    def test_is_started_again_with_its_data(self, state_dir: Path, user: User, name: str) -> None:
        before = steps.live(state_dir)
        steps.kill_and_wait(getattr(before, name))

        other = User(state_dir)

        assert steps.read_facts(other) == steps.FACTS
        after = steps.live(state_dir)
        assert after.pid == before.pid
        assert getattr(after, name) != getattr(before, name)
        other.leave()

    def test_never_shares_the_files_with_a_busy_process_of_the_killed_one(
        self, state_dir: Path, user: User
    ) -> None:
        with psycopg.connect(user.database_url) as connection:
            busy = connection.info.backend_pid
            count = "SELECT count(*) FROM generate_series(1, 100000000000)"
            query = threading.Thread(target=_run_in_vain, args=(connection, count))
            query.start()
            time.sleep(0.2)

            steps.kill_and_wait(steps.live(state_dir).postgres)
            other = User(state_dir)

            assert steps.read_facts(other) == steps.FACTS
            assert not steps.is_running(busy)
            query.join(10)
        other.leave()

    def test_is_given_up_when_it_dies_again_and_again(self, state_dir: Path) -> None:
        user = User(state_dir)
        assert user.database_url
        owner = steps.live(state_dir).pid

        for _ in range(6):
            steps.kill_and_wait(steps.live(state_dir).valkey)

        steps.wait_until(lambda: not steps.is_running(owner))
        steps.wait_until(lambda: steps.is_nothing_left(state_dir))
        assert "valkey died again; giving up" in Layout.of(state_dir).log("owner").read_text()


class TestSilentServer:
    @pytest.mark.parametrize("name", ["postgres", "valkey"])
    def test_is_not_passed_off_as_serving(self, state_dir: Path, name: str) -> None:
        user = User(state_dir)
        assert user.database_url
        status = steps.live(state_dir)

        os.kill(getattr(status, name), signal.SIGSTOP)
        while_silent = embedded.status(state_dir)
        os.kill(getattr(status, name), signal.SIGCONT)

        assert while_silent is None
        assert steps.live(state_dir) == status


class TestEverythingKilled:
    def test_leaves_nothing_running_and_loses_nothing(self, state_dir: Path) -> None:
        user = User(state_dir, durable=True)
        steps.write_facts(user)
        status = steps.live(state_dir)
        every = (status.pid, status.postgres, status.valkey, user.process.pid)

        for pid in every:
            os.kill(pid, signal.SIGKILL)
        user.leave()

        steps.wait_until(lambda: steps.processes_of(state_dir) == [])
        other = User(state_dir, durable=True)
        assert steps.read_facts(other) == steps.FACTS
        other.leave()


class TestLeftovers:
    def test_a_server_started_by_hand_is_stopped_first(self, state_dir: Path) -> None:
        first = User(state_dir)
        steps.write_facts(first)
        first.leave()
        embedded.stop(state_dir)
        account = embedded_places.server_account()
        sockets = state_dir.parent / "sockets"
        embedded_places.make_private(sockets, account)
        command: list[str | Path] = [
            embedded_places.find_programs(account).postgres,
            *("-D", state_dir / "postgres", "-c", "listen_addresses="),
            *("-c", f"unix_socket_directories={sockets}"),
        ]
        by_hand = subprocess.Popen(  # noqa: S603 - our own program
            command,
            stderr=subprocess.DEVNULL,
            user=account.uid if account.switch else None,
            umask=0o077,
        )
        steps.wait_until((sockets / ".s.PGSQL.5432").exists)

        user = User(state_dir)

        assert steps.read_facts(user) == steps.FACTS
        assert by_hand.wait(10) == 0

    def test_a_stale_file_that_names_a_living_process_is_no_obstacle(self, state_dir: Path) -> None:
        first = User(state_dir)
        steps.write_facts(first)
        first.leave()
        embedded.stop(state_dir)
        with subprocess.Popen(["sleep", "60"], user=steps.SERVER_UID) as stranger:  # noqa: S607
            (state_dir / "postgres" / "postmaster.pid").write_text(f"{stranger.pid}\n")

            user = User(state_dir)

            assert steps.read_facts(user) == steps.FACTS
            assert stranger.poll() is None
            stranger.kill()


def _run_in_vain(connection: "psycopg.Connection[tuple[object, ...]]", statement: str) -> None:
    with pytest.raises(psycopg.OperationalError):
        connection.execute(statement.encode())
