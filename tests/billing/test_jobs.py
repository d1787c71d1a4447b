"""Asking for the inbox to be drained: once a burst, and until somebody hears it."""

import time
from typing import Any

import pytest

from billing import jobs


def wait_for(calls: list[Any], count: int) -> None:
    deadline = time.monotonic() + 5
    while len(calls) < count and time.monotonic() < deadline:
        time.sleep(0.01)


def test_a_burst_asks_again_until_it_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [False, False, True]
    calls: list[bool] = []

    def ask() -> bool:
        calls.append(answers[len(calls)] if len(calls) < len(answers) else True)
        return calls[-1]

    monkeypatch.setattr(jobs, "_QUIET_SECONDS", 0.01)
    burst = jobs._Burst(ask)

    burst.ask()

    wait_for(calls, 3)
    time.sleep(0.1)
    assert calls == [False, False, True]


def test_a_redis_that_is_down_is_left_alone_for_a_moment(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(jobs, "_quiet", jobs._Quiet())

    assert not jobs.wake_inbox()
    assert jobs._quiet.until > time.monotonic()
    assert not jobs.wake_inbox()
