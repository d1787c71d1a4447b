"""Several threads at the same work, each with a connection of its own that ends with it."""

import contextvars
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from django.db import connections

ResultT = TypeVar("ResultT")


@contextmanager
def helped(work: Callable[[], ResultT], *, helpers: int) -> Iterator[list[ResultT]]:
    """Have others do the same work during a block; what they return is in the list after it.

    Raises:
        Exception: what the first of them raised.
    """
    done: list[ResultT] = []
    if helpers <= 0:
        yield done
        return
    with ThreadPoolExecutor(helpers) as pool:
        # Each goes on under the trace of whoever called them.
        found = [
            pool.submit(contextvars.copy_context().run, _apart, work) for _number in range(helpers)
        ]
        yield done
    done += [helper.result() for helper in found]


def _apart(work: Callable[[], ResultT]) -> ResultT:
    try:
        return work()
    finally:
        connections.close_all()
