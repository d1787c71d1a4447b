import io
import json
import logging
import sys
from typing import Any

import pytest

from config import logs
from orgs import trace

CARD = "4242424242424242"


def _record(
    event: str = "thing.done", level: int = logging.INFO, **extra: Any
) -> logging.LogRecord:
    record = logging.makeLogRecord(
        {"name": "till.test", "levelno": level, "levelname": logging.getLevelName(level)}
    )
    record.msg = event
    vars(record).update(extra)
    return record


def _json(record: logging.LogRecord) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(logs.JsonFormatter().format(record))
    return parsed


class TestRedact:
    @pytest.mark.parametrize(
        ("text", "redacted"),
        [
            (CARD, "[redacted]"),
            ("pay 4242 4242 4242 4242 now", "pay [redacted] now"),
            ("4242-4242-4242-4242,", "[redacted],"),
            ("card=378282246310005&x=1", "card=[redacted]&x=1"),
            ("pan4222222222222z", "pan[redacted]z"),
            ("6304000000000000000", "[redacted]"),
            ("sk_test_abc123DEF", "[redacted]"),
            ("key rk_live_abcdefgh.", "key [redacted]."),
            ("whsec_aB3+/=_-x end", "[redacted] end"),
            ("till_test_ab-c_d till_live_x", "[redacted] [redacted]"),
            ("cst_abc-123", "[redacted]"),
            (f"GET /invitations/inv_{'aB3-_' * 8} 200", "GET /invitations/[redacted] 200"),
            (f"next=%2Finvitations%2Finv_{'x' * 43}&a=b", "next=%2Finvitations%2F[redacted]&a=b"),
            ("Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"),
            ("'bearer xyz'", "'bearer [redacted]'"),
            (
                "pi_3Nx_secret_Ab12 and seti_1_secret_Zz",
                "pi_3Nx_secret_[redacted] and seti_1_secret_[redacted]",
            ),
            ("t=eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl!", "t=[redacted]!"),
        ],
    )
    def test_hides_what_must_not_be_kept(self, text: str, redacted: str) -> None:
        assert logs.redact(text) == redacted

    @pytest.mark.parametrize(
        "text",
        [
            "task_id desk_size risk_level",
            "4242424242424241",  # no card: the check digit is wrong
            "424242424242",  # 12 digits
            "42424242424242424242",  # 20 digits
            "42424242-4242-4242-4242-424242424242",  # an id, though its digits pass the check
            "42424242424242424242424242424242",
            "2026-01-15T12:00:00.000000+00:00",
            "sub_1ABC pi_3Nx cus_9 price_1",
            "/settings/billing/checkout",
            "/invitations/open inv_1234",
        ],
    )
    def test_keeps_what_looks_alike(self, text: str) -> None:
        assert logs.redact(text) == text


class TestJsonFormatter:
    def test_writes_event_ids_and_trace_id(self) -> None:
        before = trace.set_trace_id("trace-0001")
        try:
            line = _json(_record(org="o1", amount=1999, ok=True, ratio=0.5, nothing=None))
        finally:
            trace.set_trace_id(before)

        assert line.pop("time").endswith("+00:00")
        assert line == {
            "level": "info",
            "event": "thing.done",
            "logger": "till.test",
            "trace_id": "trace-0001",
            "org": "o1",
            "amount": 1999,
            "ok": True,
            "ratio": 0.5,
            "nothing": None,
        }

    def test_redacts_everything_that_was_given(self) -> None:
        line = _json(
            _record(
                f"charged {CARD}",
                number=int(CARD),
                password="hunter2",
                nested={"client_secret": "x", "items": [f"card {CARD}", {"Token": "y"}]},
                keys=("sk_test_abcdef", 1),
            )
        )

        assert line["event"] == "charged [redacted]"
        assert line["number"] == "[redacted]"
        assert line["password"] == "[redacted]"
        assert line["nested"] == {
            "client_secret": "[redacted]",
            "items": ["card [redacted]", {"Token": "[redacted]"}],
        }
        assert line["keys"] == ["[redacted]", 1]

    def test_redacts_arguments_of_the_message(self) -> None:
        record = _record("paid with %s")
        record.args = (CARD,)

        assert _json(record)["event"] == "paid with [redacted]"

    def test_redacts_the_traceback(self) -> None:
        error = ValueError(f"bad card {CARD}")

        line = _json(
            _record(exc_info=(ValueError, error, None), stack_info="Stack: sk_test_abcdef")
        )

        assert "ValueError: bad card [redacted]" in line["traceback"]
        assert CARD not in json.dumps(line)
        assert "sk_test_abcdef" not in json.dumps(line)

    def test_survives_what_json_can_not_hold(self) -> None:
        line = _json(_record(thing=object(), request=object(), many={1}))

        assert line["thing"].startswith("<object object")
        assert "request" not in line
        assert line["many"] == [1]

    def test_is_one_line(self) -> None:
        assert "\n" not in logs.JsonFormatter().format(_record("two\nlines", note="a\nb"))


class TestKeyValueFormatter:
    def test_is_read_by_people(self) -> None:
        line = logs.KeyValueFormatter().format(
            _record(level=logging.WARNING, org="o1", note="two words", data={"a": 1}, token="t")
        )

        assert line[12:] == (
            ' warning thing.done org=o1 note="two words" data="{\\"a\\": 1}" token=[redacted]'
            " (till.test)"
        )

    def test_has_the_traceback_below(self) -> None:
        record = _record(exc_info=(ValueError, ValueError(CARD), None))

        head, _, rest = logs.KeyValueFormatter().format(record).partition("\n")

        assert head.endswith("thing.done (till.test)")
        assert rest.endswith("ValueError: [redacted]")


class TestConfigure:
    @pytest.mark.parametrize("as_json", [True, False])
    def test_sends_everything_through_the_redaction(
        self, monkeypatch: pytest.MonkeyPatch, *, as_json: bool
    ) -> None:
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        try:
            logs.configure({"json": as_json, "level": "INFO"})
            logging.getLogger("some.library").info("called with %s", "sk_test_abcdef")
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)

        assert "called with [redacted]" in stream.getvalue()
        assert stream.getvalue().startswith("{") is as_json
