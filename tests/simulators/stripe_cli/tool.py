"""The CLI itself: installed once from npm's registry, run without a way to the internet."""

import os
import pathlib
import shutil
import subprocess
from dataclasses import dataclass

from tests.simulators.process import ROOT
from tests.simulators.stripe.client import SECRET_KEY

_HERE = pathlib.Path(__file__).parent
_HOME = ROOT / "var" / "stripe-cli"
_BINARY = _HOME / "node_modules" / "@stripe" / "cli-linux-x64" / "bin" / "stripe"
_TIMEOUT_S = 60


class Unavailable(Exception):
    """The CLI cannot be installed here."""


@dataclass(frozen=True)
class Ran:
    """What a call of the CLI ended with."""

    code: int
    output: str


def install() -> None:
    """Install the locked version, if that has not been done.

    Raises:
        Unavailable: without npm, or on a machine that the CLI has no binary for.
    """
    locked = (_HERE / "package-lock.json").read_bytes()
    copy = _HOME / "package-lock.json"
    if _BINARY.exists() and copy.exists() and copy.read_bytes() == locked:
        return
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("npm is needed to install Stripe's CLI: apt install npm")
    _HOME.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_HERE / name, _HOME / name)
    # Without scripts: the binary is a package of its own, nothing has to be fetched besides.
    done = subprocess.run(  # noqa: S603 - npm, in our own directory
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=_HOME,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Unavailable(f"npm ci failed: {done.stderr.strip()[-500:]}")
    if not _BINARY.exists():
        raise Unavailable("the lock file names the CLI's binary for Linux on x86-64 only")


def _environment() -> dict[str, str]:
    """Return an environment with a home of its own, and nobody to talk to but the simulator."""
    nobody = "http://127.0.0.1:9"
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(_HOME / "home"),
        "XDG_CONFIG_HOME": str(_HOME / "home"),
        "STRIPE_API_KEY": SECRET_KEY,
        "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
        "STRIPE_CLI_NO_PLUGIN_AUTO_INSTALL": "1",
        # It looks for new versions of itself: that ends here.
        "HTTPS_PROXY": nobody,
        "NO_PROXY": "127.0.0.1",
    }


def run(*arguments: str) -> Ran:
    """Call the CLI and wait for its end."""
    (_HOME / "home").mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(  # noqa: S603 - the binary that `install` put there
            [str(_BINARY), *arguments],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Ran(-1, f"no end within {_TIMEOUT_S} s")
    return Ran(done.returncode, done.stdout)
