import os
import signal
import sys
import time
from pathlib import Path

import pytest

from config import processes
from config.processes import Child, ChildEndedError, NotReadyError

_GRANDCHILD = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
time.sleep(600)
"""
_STUBBORN = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).write_text("deaf")
time.sleep(600)
"""


def _child(directory: Path, code: str, *arguments: str) -> Child:
    command = [sys.executable, "-c", code, *arguments]
    return Child("part", command, env=dict(os.environ), log=directory / "logs" / "part.log")


def _wait_for(file: Path) -> str:
    processes.wait_until(
        lambda: file.exists() and bool(file.read_text()), what=file.name, seconds=20
    )
    return file.read_text()


def _lives(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


class TestChild:
    def test_writes_what_the_program_prints_into_its_log(self, tmp_path: Path) -> None:
        child = _child(tmp_path, "print('one'); print('two')").start()

        processes.wait_until(lambda: child.has_ended, what="part", seconds=20)

        assert child.tail() == "one\ntwo"
        assert child.has_succeeded

    def test_begins_with_an_empty_log_and_continues_it_when_started_again(
        self, tmp_path: Path
    ) -> None:
        _child(tmp_path, "").log.write_text("from an earlier run\n")
        child = _child(tmp_path, "print('here')")

        for _ in range(2):
            child.start()
            processes.wait_until(lambda: child.has_ended, what="part", seconds=20)

        assert child.tail() == "here\nhere"

    def test_runs_in_a_session_of_its_own(self, tmp_path: Path) -> None:
        child = _child(tmp_path, "import time; time.sleep(600)").start()

        session = os.getsid(child.pid)
        pid = child.pid
        child.stop()

        assert session == pid
        assert not _lives(pid)

    def test_ends_what_a_child_left_behind(self, tmp_path: Path) -> None:
        child = _child(tmp_path, _GRANDCHILD, str(tmp_path / "pid")).start()
        grandchild = int(_wait_for(tmp_path / "pid"))

        child.stop()

        processes.wait_until(lambda: not _lives(grandchild), what="the end", seconds=5)

    def test_insists_when_a_child_does_not_listen(self, tmp_path: Path) -> None:
        child = _child(tmp_path, _STUBBORN, str(tmp_path / "ready")).start()
        _wait_for(tmp_path / "ready")
        pid = child.pid

        begun = time.monotonic()
        child.stop(seconds=0.5)

        assert not _lives(pid)
        assert time.monotonic() - begun < 10

    def test_is_told_when_we_are_killed(self, tmp_path: Path) -> None:
        parent = """
import os, pathlib, sys, time
from config.processes import Child
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
log = pathlib.Path(sys.argv[1]) / "log"
child = Child("part", sleep, env=dict(os.environ), log=log).start()
(pathlib.Path(sys.argv[1]) / "pid").write_text(str(child.pid))
time.sleep(600)
"""
        supervisor = _child(tmp_path, parent, str(tmp_path)).start()
        pid = int(_wait_for(tmp_path / "pid"))

        os.kill(supervisor.pid, signal.SIGKILL)

        processes.wait_until(lambda: not _lives(pid), what="the end", seconds=10)
        supervisor.stop()

    def test_has_no_process_id_when_it_does_not_run(self, tmp_path: Path) -> None:
        child = _child(tmp_path, "")

        child.stop()

        assert not child.is_running
        with pytest.raises(ChildEndedError, match=r"part does not run\."):
            _ = child.pid


class TestWaitUntil:
    def test_fails_at_once_with_the_log_when_a_child_ends(self, tmp_path: Path) -> None:
        child = _child(tmp_path, "import sys; print('no port'); sys.exit(3)").start()

        with pytest.raises(ChildEndedError, match=r"part ended with code 3\. .*part\.log:\nno po"):
            processes.wait_until(lambda: False, what="It", seconds=20, children=[child])

    def test_names_the_signal_that_ended_a_child(self, tmp_path: Path) -> None:
        child = _child(tmp_path, "import os; os.kill(os.getpid(), 9)").start()

        with pytest.raises(ChildEndedError, match=r"part ended by signal 9\."):
            processes.wait_until(lambda: False, what="It", seconds=20, children=[child])

    def test_fails_with_every_log_when_the_time_is_over(self, tmp_path: Path) -> None:
        child = _child(tmp_path, "import time; print('working', flush=True); time.sleep(600)")
        child.start()
        processes.wait_until(lambda: bool(child.tail()), what="part", seconds=20)

        with pytest.raises(NotReadyError, match=r"(?s)It did not answer within 0 s\..*working"):
            processes.wait_until(lambda: False, what="It", seconds=0.1, children=[child])
        child.stop()


class StuckError(Exception):
    pass


class TestStopAll:
    def test_stops_the_last_first_and_all_although_one_fails(self, tmp_path: Path) -> None:
        stopped: list[str] = []

        class Part(Child):
            def stop(self, seconds: float = 1.0) -> None:
                stopped.append(self.name)
                if self.name == "b":
                    raise StuckError

        parts = [Part(name, [], env={}, log=tmp_path / name) for name in "abc"]

        with pytest.raises(StuckError):
            processes.stop_all(parts)

        assert stopped == ["c", "b", "a"]


class TestTail:
    def test_returns_the_last_lines_of_a_long_log(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        log.write_text("\n".join(f"line {number}" for number in range(100_000)))

        assert processes.tail(log, 2) == "line 99998\nline 99999"

    def test_is_empty_without_a_log(self, tmp_path: Path) -> None:
        assert processes.tail(tmp_path / "none") == ""
