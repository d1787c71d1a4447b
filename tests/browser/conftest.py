"""A real Chromium against the whole system, one of each for all browser tests of a worker."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from config import embedded_databases as databases
from config import processes, template_database
from tests.browser.visitor import Visitor
from tests.stack import Stack

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_PREFIX = "till_browser_"
_LAST_REDIS_DATABASE = 15


@pytest.fixture(scope="session")
def executable() -> str:
    """The installed browser; without one its tests are left out, and say so."""
    for name in BROWSERS:
        found = shutil.which(name)
        if found is not None:
            return found
    pytest.skip("BROWSER TEST LEFT OUT: there is no Chromium (apt install chromium).")


@pytest.fixture(scope="session")
def database_url(executable: str) -> Iterator[str]:
    """A database of its own: what journeys leave behind must not meet other tests."""
    admin_url = os.environ["DATABASE_URL"]
    template = template_database.ensure_template(admin_url, "config.settings_test")
    name = f"{_PREFIX}{os.getpid()}"
    with databases.connected(admin_url) as connection:
        for other in databases.names(connection):
            if other.startswith(_PREFIX) and not _is_alive(int(other.removeprefix(_PREFIX))):
                databases.drop(connection, other)
        databases.drop(connection, name)
    yield template_database.clone(admin_url, name, template)
    template_database.drop(admin_url, name)


@pytest.fixture(scope="session")
def stack(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The system, with the catalogue linked to the local providers."""
    directory = tmp_path_factory.mktemp("stack")
    with Stack(
        directory,
        with_beat=True,
        with_cardpointe=True,
        database_url=database_url,
        redis_url=_redis_url(os.environ["REDIS_URL"]),
    ) as running:
        seeding = running.system.manage("seed_demo", str(directory / "people"), "--skip-checks")
        seeding.start()
        processes.wait_until(
            lambda: seeding.has_succeeded, what="The catalogue", seconds=60, children=[seeding]
        )
        yield running


@pytest.fixture(scope="package")
def chromium(executable: str) -> Iterator[Browser]:
    """The browser; closed with the package, because its event loop would disturb other tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visitor(chromium: Browser, stack: Stack) -> Iterator[Visitor]:
    """Somebody with a fresh browser profile; at the end nothing odd may have happened in it."""
    with Visitor.arrive(chromium, stack) as somebody:
        yield somebody
        somebody.assert_nothing_odd()


@pytest.fixture(autouse=True)
def _calm_provider(stack: Stack) -> Iterator[None]:
    yield
    stack.simulator.clear_faults()
    stack.simulator.configure_webhooks(hold=False)
    stack.cardpointe.clear_faults()


def _redis_url(url: str) -> str:
    """Return another database of the same server, one for each worker's system.

    Those of the workers are counted from the first one up, these from the last one down.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    number = _LAST_REDIS_DATABASE - int(worker) % 7
    if "db=" in url:
        return f"{url.rpartition('db=')[0]}db={number}"
    return f"{url.rpartition('/')[0]}/{number}"


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
