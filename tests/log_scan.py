"""No test may leave a secret in a log: everything that is logged in any of them is looked through.

Two looks at every record of ours: as the call made it, because the redaction that follows is a net
and not a licence, and as it is written. The patterns are this module's own, not the product's. What
the processes of a `tests.stack.Stack` wrote is looked through when it ends.
"""

import base64
import functools
import json
import logging
import re
from collections.abc import Iterator

import pytest
from django.conf import settings

from config import logs

OURS = ("billing", "config", "notifications", "orgs", "terminals")
_DIGITS = re.compile(r"(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w-])")
_PATTERNS = {
    "a verification code": re.compile(r"\bcvv2?\b[\"']?\s*[:=]\s*[\"']?\d{3,4}\b", re.IGNORECASE),
    "credentials": re.compile(r"\bbasic\s+[A-Za-z0-9+/]{8,}={0,2}", re.IGNORECASE),
    "a bearer token": re.compile(r"\bbearer\s+[A-Za-z0-9._-]{8,}", re.IGNORECASE),
    "a provider's key": re.compile(r"\b(?:sk|rk)_(?:test|live)_\w{6,}"),
    "a webhook secret": re.compile(r"\bwhsec_\w{8,}"),
    "an API key": re.compile(r"\btill_(?:test|live)_[\w-]{8,}"),
    "a checkout token": re.compile(r"\bcst_[\w-]{8,}"),
    "a client secret": re.compile(r"\b[a-z]{2,6}_\w+_secret_\w{6,}"),
    "a terminal's session key": re.compile(
        r"session_?-?key[\"']?\s*[:=]\s*[\"']?[0-9a-f]{32}", re.IGNORECASE
    ),
}
# CardPointe's own for everybody's trials, alone and as they are sent.
_TRIAL = ("testing123", base64.b64encode(b"testing:testing123").decode())
_OF_SETTINGS = ("SECRET_KEY", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET")

Finding = tuple[str, str]


def secrets_in(text: str) -> list[str]:
    """Name the secrets that a text holds."""
    found = [name for name, pattern in _PATTERNS.items() if pattern.search(text)]
    found += ["a known credential" for known in _known() if known in text]
    found += [
        "the number of a card or its token"
        for match in _DIGITS.finditer(text)
        if _is_card(re.sub(r"\D", "", match[0]))
    ]
    return found


@functools.cache
def _known() -> tuple[str, ...]:
    configured = [str(getattr(settings, name, "")) for name in _OF_SETTINGS]
    keys = [str(key) for key in settings.TILL_ENCRYPTION_KEYS]
    return (*_TRIAL, *(value for value in (*configured, *keys) if len(value) > len("password")))


def _is_card(digits: str) -> bool:
    """Card numbers begin with 2 to 6; tokens of them, which can be charged, with 9."""
    if digits[0] not in "34569" and not (digits[0] == "2" and "221" <= digits[1:4] <= "720"):
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


class Scanner(logging.Handler):
    """Looks at every record on its way; keeps what was wrong with which."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Finding] = []
        self._written = logs.JsonFormatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Look at a record."""
        texts = [self._written.format(record)]
        if record.name.split(".")[0] in OURS:
            extra = {name: str(value) for name, value in vars(record).items() if name not in _PLAIN}
            texts.append(f"{record.getMessage()} {json.dumps(extra)}")
        for text in texts:
            self.found += [(what, f"{record.name}: {record.msg}") for what in secrets_in(text)]


_PLAIN = frozenset(vars(logging.makeLogRecord({})))


@pytest.fixture(scope="session")
def scanner() -> Scanner:
    """One for all tests of a process."""
    return Scanner()


@pytest.fixture(autouse=True)
def no_secret_is_logged(scanner: Scanner) -> Iterator[None]:
    """Fail a test in which a secret was logged; tell where, never what.

    Put up anew for each: a test that configures logging takes it down. Our loggers pass on what
    they would in production.
    """
    root, found = logging.getLogger(), scanner.found
    root.addHandler(scanner)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    found.clear()
    yield
    root.removeHandler(scanner)
    leaked = list(found)
    found.clear()
    assert leaked == []


def check_file(name: str, text: str) -> None:
    """Fail if what a process wrote holds a secret; tell the line's beginning, never what."""
    found = [(name, what, line[:40]) for line in text.splitlines() for what in secrets_in(line)]
    assert found == []
