"""`make demo` as a person types it: from nothing to READY, a journey, Ctrl-C, and again."""

import json
import os
import re
import signal
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from config import demo, demo_report, embedded, processes
from tests.config.demo_template import give_template

PROJECT = Path(__file__).resolve().parents[2]
READY_SECONDS = 150
STOP_SECONDS = 45


class Demo:
    """A running demo, in a process group of its own as under a shell."""

    def __init__(self, state_dir: Path, port: int) -> None:
        self.state_dir = state_dir
        given = {"PORT": str(port), "TILL_STATE_DIR": str(state_dir)}
        removed = {"DATABASE_URL", "REDIS_URL", "TILL_ENV", "DJANGO_SETTINGS_MODULE"}
        inherited = {name: text for name, text in os.environ.items() if name not in removed}
        self.child = processes.Child(
            "The demo",
            [sys.executable, "-m", "config.demo"],
            env=inherited | given,
            log=state_dir.parent / "output",
        ).start()

    def wait_until_ready(self) -> None:
        """Wait for the READY line."""
        processes.wait_until(
            lambda: "\nREADY " in self.text(),
            what="The demo",
            seconds=READY_SECONDS,
            children=[self.child],
        )

    def text(self) -> str:
        return self.child.log.read_text()

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.state_dir / "demo.json").read_text())
        return found

    def interrupt(self) -> None:
        """Press Ctrl-C, and see it end with code 0."""
        os.killpg(self.child.pid, signal.SIGINT)
        processes.wait_until(
            lambda: self.child.has_succeeded,
            what="The end of the demo",
            seconds=STOP_SECONDS,
            children=[self.child],
        )
        assert self.text().rstrip().endswith("Stopped.")

    def end(self) -> None:
        """Make sure that it has ended, however the test went."""
        self.child.stop(STOP_SECONDS)


def _processes_with(text: str) -> list[str]:
    """List the command lines, environments and open directories of processes that name `text`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) == os.getpid():
            continue
        try:
            seen = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            seen += os.fsencode((entry / "cwd").readlink())
        except OSError:
            continue
        if os.fsencode(text) in seen:
            found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def _free_ports() -> int:
    """Return a port that is free, and whose next two are free too."""
    while True:
        with socket.socket() as first, socket.socket() as second, socket.socket() as third:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
                third.bind(("127.0.0.1", port + 2))
            except OSError:
                continue
            return port


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "a demo with spaces"
    yield directory
    embedded.stop(directory)


def _pay(base_url: str, method: str, token: str) -> httpx.Response:
    return httpx.post(
        f"{base_url}/api/v1/billing/subscription",
        json={"plan": "starter", "interval": "month", "payment_method": method},
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
        trust_env=False,
    )


def _status(base_url: str, token: str) -> dict[str, Any]:
    answer = httpx.get(
        f"{base_url}/api/v1/billing/status",
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    )
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


@pytest.mark.timeout(420)
class TestDemo:
    def test_serves_a_journey_ends_without_a_trace_and_starts_again_with_what_was_stored(
        self, state_dir: Path
    ) -> None:
        give_template(state_dir)
        port = _free_ports()
        first = Demo(state_dir, port)
        try:
            first.wait_until_ready()
            report = first.report()

            self._check_report(first, report, port)
            token = self._register_and_pay(report["base_url"])
            self._check_mail(Path(report["mail_dir"]))

            first.interrupt()
            assert _processes_with(str(state_dir)) == []
        finally:
            first.end()

        second = Demo(state_dir, port)
        try:
            second.wait_until_ready()

            assert second.report() == report
            assert _status(report["base_url"], token)["plan_status"] == "ACTIVE"

            second.interrupt()
            assert _processes_with(str(state_dir)) == []
        finally:
            second.end()

    def _check_report(self, running: Demo, report: dict[str, Any], port: int) -> None:
        lines = running.text().rstrip().splitlines()
        assert lines[-1] == f"READY http://127.0.0.1:{port}"
        assert set(report) == {
            *("base_url", "staff", "owner", "api_key", "stripe_simulator"),
            *("cardpointe_simulator", "mail_dir", "database_url", "redis_url", "readers"),
        }
        self._check_readers(report)
        assert report["base_url"] == f"http://127.0.0.1:{port}"
        assert report["stripe_simulator"] == f"http://127.0.0.1:{port + 1}"
        assert report["cardpointe_simulator"] == f"http://127.0.0.1:{port + 2}"
        assert stat.S_IMODE((running.state_dir / "demo.json").stat().st_mode) == 0o600
        for person in (report["staff"], report["owner"]):
            assert person["password"] in running.text()
        owner = _status(report["base_url"], report["api_key"])
        assert owner["plan_status"] == "PENDING_PAYMENT"
        assert httpx.get(f"{report['base_url']}/admin/login/", trust_env=False).is_success
        assert httpx.get(f"{report['base_url']}/login", trust_env=False).is_success
        with psycopg.connect(report["database_url"]) as connection:
            row = connection.execute(
                "SELECT organization_id::text FROM orgs_membership JOIN orgs_user AS people"
                " ON people.id = user_id WHERE email = %s",
                [report["owner"]["email"]],
            ).fetchone()
        assert row == (report["owner"]["organization_id"],)

    def _check_readers(self, report: dict[str, Any]) -> None:
        authorization = {"Authorization": f"Bearer {report['api_key']}"}
        answer = httpx.get(
            f"{report['base_url']}/api/v1/terminals", headers=authorization, trust_env=False
        )
        seen = {row["id"]: (row["provider"], row["status"]) for row in answer.json()["data"]}
        readers = {row["id"]: (row["provider"], "online") for row in report["readers"]}
        assert seen == readers
        assert {provider for provider, _ in seen.values()} == {"stripe", "cardconnect"}
        for row in report["readers"]:
            assert httpx.get(row["page"], trust_env=False).is_success

    def _register_and_pay(self, base_url: str) -> str:
        registered = httpx.post(
            f"{base_url}/api/v1/auth/register",
            json={
                "organization_name": "Blue Bistro",
                "email": "ada@example.com",
                "password": "correct horse battery staple",
            },
            timeout=30,
            trust_env=False,
        )
        assert registered.status_code == 201, registered.text
        token: str = registered.json()["token"]

        declined = _pay(base_url, "pm_card_chargeDeclined", token)
        assert declined.status_code == 402, declined.text
        assert declined.json()["error"]["code"] == "CARD_DECLINED"

        paid = _pay(base_url, "pm_card_visa", token)
        assert paid.status_code == 201, paid.text
        assert paid.json()["status"] == "active"
        assert _status(base_url, token)["plan_status"] == "ACTIVE"
        return token

    def _check_mail(self, mail_dir: Path) -> None:
        # The file is there a moment before its text is.
        processes.wait_until(
            lambda: any("ada@example.com" in file.read_text() for file in mail_dir.iterdir()),
            what="The mail",
            seconds=60,
        )


class TestOptions:
    @pytest.mark.parametrize("port", ["0", "-1", "65535", "http"])
    def test_refuse_a_port_that_is_none(self, port: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PORT", port)

        with pytest.raises(demo.DemoError, match=re.escape(f"PORT is {port!r}")):
            demo.read_options([])

    def test_default_to_port_8000_and_var_demo(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PORT", raising=False)
        monkeypatch.delenv("TILL_STATE_DIR", raising=False)

        options = demo.read_options([])

        assert options == demo.Options(8000, PROJECT / "var" / "demo", is_development=False)
        assert demo.read_options(["--develop"]).state_dir == PROJECT / "var" / "dev"


class TestRefuseTakenPorts:
    def test_names_the_port_and_the_way_out(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]

            with pytest.raises(demo.DemoError, match=rf"Port {port} .*PORT=8010 make demo"):
                demo.refuse_taken_ports(port)


class TestWritePrivate:
    def test_replaces_a_file_by_one_that_nobody_else_can_read(self, tmp_path: Path) -> None:
        file = tmp_path / "people.json"
        file.write_text("old")
        file.chmod(0o644)

        demo_report.write_private(file, "new")

        assert file.read_text() == "new"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert list(tmp_path.iterdir()) == [file]
