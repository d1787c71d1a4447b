"""Measure the tests themselves, not what prepares them: tracing makes all half as slow again.

Coverage counts what a test does between its fixtures' setup and their teardown. That can only
lower the figure that `make test` asks for; it never counts a line that no test meant to run. Tests
in `UNMEASURED` drive other processes or read files, and reach neither services nor drivers here.
"""

import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

UNMEASURED = ("tests/browser/", "tests/config/", "tests/simulators/")


@contextmanager
def unmeasured() -> Iterator[None]:
    """Take the tracer of this thread, and of those to come, away for a while."""
    here, coming = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        threading.settrace(coming)
        sys.settrace(here)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup() -> Generator[None, object, object]:
    with unmeasured():
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    with unmeasured():
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    if not item.nodeid.startswith(UNMEASURED):
        return (yield)
    with unmeasured():
        return (yield)
