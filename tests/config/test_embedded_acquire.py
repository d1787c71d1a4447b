"""Acquiring the embedded services."""

import shutil
import time
from pathlib import Path

import pytest

from config import embedded
from config.embedded_layout import Layout
from tests.config import embedded_steps as steps
from tests.config.embedded_steps import User


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
