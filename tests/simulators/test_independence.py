"""The simulators share no code with the product: only the wire is between them."""

import subprocess
import sys

import pytest

from tests import environment
from tests.simulators.process import ROOT

_PRODUCT = ["config", "orgs", "billing", "notifications", "terminals", "django", "stripe"]


class TestSimulator:
    @pytest.mark.parametrize("name", ["stripe", "cardpointe"])
    def test_never_imports_the_product(self, name: str) -> None:
        script = (
            f"import sys, tests.simulators.{name}.__main__\n"
            f"print([name for name in {_PRODUCT} if name in sys.modules])"
        )

        ran = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-c", script],
            cwd=ROOT,
            env=environment.unmeasured(),
            capture_output=True,
            text=True,
            check=True,
        )

        assert ran.stdout.strip() == "[]"
