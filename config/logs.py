"""Logs: one JSON object a line in production, readable lines elsewhere, secrets in neither.

Everything that leaves through our handler is redacted last, so that no call can forget it.
"""

import json
import logging
import logging.config
import re
from datetime import UTC, datetime
from typing import Any

from orgs import trace

HIDDEN = "[redacted]"

_SECRET_NAMES = frozenset(
    {
        "authorization",
        "card",
        "card_number",
        "client_secret",
        "cookie",
        "cvc",
        "cvv",
        "password",
        "secret",
        "set-cookie",
        "token",
    }
)
_TOKENS = re.compile(
    r"""
      (?P<kept>\bBearer\s+)[^\s"',;]+                   # whatever follows the word
    | (?P<owner>
          \b[a-z]{2,6}_[A-Za-z0-9]+_secret_               # client secrets of intents
        | /webhooks/[a-z]+/[0-9a-f-]{32,36}-              # addresses that are a secret
      )[A-Za-z0-9_]+
    | \b(?:sk|rk)_[A-Za-z0-9_]{6,}                      # provider keys
    | \bwhsec_[A-Za-z0-9+/=_-]+                         # webhook secrets
    | \btill_(?:test|live)_[A-Za-z0-9_-]+               # our API keys
    | \bcst_[A-Za-z0-9_-]+                              # checkout tokens
    | inv_[A-Za-z0-9_-]{20,}                            # invitations, in addresses too
    | \beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*   # JSON web tokens
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Ids are matched first and kept: one in some hundred would hold digits that look like a card.
_NUMBERS = re.compile(
    r"""
      (?P<id>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b | \b(?:[0-9a-f]{32}){1,2}\b)
    | (?<!\d)\d(?:[ -]?\d){12,18}(?!\d)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def redact(text: str) -> str:
    """Return the text without card numbers, keys, tokens and client secrets."""
    return _NUMBERS.sub(_hide_card, _TOKENS.sub(_hide_token, text))


def passes_luhn(digits: str) -> bool:
    """Say whether digits end in the check digit of card numbers."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 * (value > 9)  # noqa: PLR2004 - Luhn's own numbers
    return total % 10 == 0


def _hide_token(match: re.Match[str]) -> str:
    return f"{match['kept'] or match['owner'] or ''}{HIDDEN}"


def _hide_card(match: re.Match[str]) -> str:
    if match["id"]:
        return match[0]
    digits = re.sub(r"\D", "", match[0])
    return HIDDEN if passes_luhn(digits) else match[0]


def _clean(name: str, value: Any) -> Any:
    """Redact a value of `extra`, however deep."""
    if name.lower() in _SECRET_NAMES:
        return HIDDEN
    if isinstance(value, dict):
        return {str(key): _clean(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", item) for item in value]
    if value is None or isinstance(value, bool | float):
        return value
    text = str(value)
    cleaned = redact(text)
    return value if isinstance(value, int) and cleaned == text else cleaned


class _RedactingFormatter(logging.Formatter):
    """What both formats have in common."""

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return time, level, event, trace id, and what the call gave as `extra`."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, tz=UTC).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname.lower(),
            "event": redact(record.getMessage()),
            "logger": record.name,
        }
        if trace_id := getattr(record, "trace_id", "") or trace.get_trace_id():
            fields["trace_id"] = trace_id
        for name, value in vars(record).items():
            if name not in _STANDARD and name not in fields and name != "request":
                fields[name] = _clean(name, value)
        return fields

    def traceback_of(self, record: logging.LogRecord) -> str:
        """Return the redacted traceback; empty without one."""
        parts = []
        if record.exc_info:
            parts.append(self.formatException(record.exc_info))
        if record.stack_info:
            parts.append(self.formatStack(record.stack_info))
        return redact("\n".join(parts))


class JsonFormatter(_RedactingFormatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record as JSON."""
        fields = self.fields(record)
        if traceback := self.traceback_of(record):
            fields["traceback"] = traceback
        return json.dumps(fields, default=str, ensure_ascii=False)


class KeyValueFormatter(_RedactingFormatter):
    """`12:30:01 info subscription.started org=… trace_id=…`, for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record as one readable line, and the traceback below it."""
        fields = self.fields(record)
        time = fields.pop("time")[11:23]
        head = f"{time} {fields.pop('level'):<7} {fields.pop('event')}"
        source = fields.pop("logger")
        pairs = " ".join(f"{name}={_quoted(value)}" for name, value in fields.items())
        line = " ".join(part for part in (head, pairs, f"({source})") if part)
        traceback = self.traceback_of(record)
        return f"{line}\n{traceback}" if traceback else line


def _quoted(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False) if re.search(r"[\s\"=]", text) else text


def configure(options: dict[str, Any]) -> None:
    """Send everything to standard error through one redacting handler."""
    formatter = "config.logs.JsonFormatter" if options["json"] else "config.logs.KeyValueFormatter"
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"till": {"()": formatter}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "till"}},
            "root": {"handlers": ["stderr"], "level": options["level"]},
            "loggers": {
                # Refused requests are answered and counted; what fails is logged by our handler.
                "django.request": {"level": "ERROR"},
                "django.server": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
                # Addresses with ids and, at the provider's, secrets in them.
                "httpx": {"level": "WARNING"},
                "httpcore": {"level": "WARNING"},
                "stripe": {"level": "WARNING"},
                # The letters of names on our documents.
                "fontTools": {"level": "WARNING"},
                "fpdf": {"level": "ERROR"},
            },
        }
    )
