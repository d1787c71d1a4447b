"""The embedded services from a shell."""

import signal
import subprocess
import sys
from pathlib import Path

from config.embedded_layout import Layout
from tests.config import embedded_steps as steps
from tests.config.embedded_steps import User


def run(command: str, state_dir: Path) -> tuple[int, str]:
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "config.embedded", command, str(state_dir)],
        cwd=steps.PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


class TestUrl:
    def test_prints_both_urls_of_running_services(self, state_dir: Path) -> None:
        status, output = run("url", state_dir)

        user = User(state_dir, durable=True)
        expected = f"DATABASE_URL={user.database_url}\nREDIS_URL={user.redis_url}\n"
        assert (status, output) == (0, expected)


class TestStatus:
    def test_tells_the_process_ids(self, state_dir: Path) -> None:
        user = User(state_dir, durable=True)
        assert user.database_url

        assert run("status", state_dir) == (0, f"{steps.live(state_dir)}\n")

    def test_ends_with_three_when_nothing_runs(self, tmp_path: Path) -> None:
        assert run("status", tmp_path / "never") == (3, "not running\n")
        assert not (tmp_path / "never").exists()


class TestStop:
    def test_stops_the_servers_under_their_users(self, state_dir: Path) -> None:
        user = User(state_dir, durable=True)
        assert user.database_url

        assert run("stop", state_dir) == (0, "stopped\n")

        assert steps.is_nothing_left(state_dir)
        assert run("stop", state_dir) == (0, "nothing to stop\n")


class TestTermination:
    def test_ends_both_servers_cleanly(self, state_dir: Path) -> None:
        user = User(state_dir, durable=True)
        steps.write_facts(user)
        layout = Layout.of(state_dir)
        layout.log("postgres").write_bytes(b"")

        steps.kill_and_wait(steps.live(state_dir).pid, number=signal.SIGTERM)

        assert steps.is_nothing_left(state_dir)
        assert "database system is shut down" in layout.log("postgres").read_text()
        assert "ready to exit" in layout.log("valkey").read_text()
