"""Calls that are made at the same time, each with a database connection of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections

from billing.drivers.base import DriverError
from orgs.errors import DomainError


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Make calls at the same time; return what they return, or the expected failure of each."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait(10)
        try:
            return call()
        except (DriverError, DomainError) as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
