"""Named places at which a process can die, or at which others get their turn first.

A seam is before and after each commit, each write outside a transaction, each request to a
provider or a reader, each call of a driver or a rail, and each `converge`. They are found by
wrapping, so the product knows nothing of them. A death is a `BaseException`: nobody handles it,
what was not committed is rolled back, and whoever has died does nothing more, not even in a
`finally`.
"""

import dataclasses
import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn
from unittest import mock

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from billing.drivers.cardconnect import connections
from billing.drivers.cardconnect import transport as gateway_transport
from billing.drivers.cardconnect.driver import CardConnectDriver
from billing.drivers.cardconnect.rail import CardConnectRail
from billing.drivers.stripe import transport as stripe_transport
from billing.drivers.stripe.driver import StripeDriver
from billing.engine.driver import EngineDriver
from billing.services import projection

_WRITES = ("INSERT", "UPDATE", "DELETE")
_OURS = ("billing.", "terminals.", "orgs.", "notifications.")
_RAIL = ("charge", "find_charge", "void_charge", "refund_charge", "find_refund", "save_method")
_DRIVER = (
    "create_subscription",
    "find_subscription",
    "retrieve_subscription",
    "abandon_subscription",
    "change_subscription",
    "pay_invoice",
    "settle_by_hand",
    "refund_payment",
    "retrieve_payment",
    "attach_payment_method",
)
_SALES = ("open_sale", "run_sale", "find_sale", "stop_sale", "capture_sale", "void_sale")
_here = threading.local()


class Died(BaseException):
    """The process is gone."""


def _nobody() -> None:
    pass


@dataclasses.dataclass(slots=True)
class Actor:
    """A process at work. Seams are counted from 1; 0 is never.

    At seam `yields_at` it calls `meanwhile` before it goes on; at `dies_at` it is gone.
    """

    name: str
    dies_at: int = 0
    yields_at: int = 0
    meanwhile: Callable[[], None] = _nobody
    passed: list[str] = dataclasses.field(default_factory=list)
    died_at: str = ""

    def reach(self, seam: str) -> None:
        """Be at a seam."""
        if self.died_at:
            self._die()
        self.passed.append(seam)
        if len(self.passed) == self.yields_at:
            self.meanwhile()
        if len(self.passed) == self.dies_at:
            self.died_at = seam
            self._die()

    def _die(self) -> NoReturn:
        raise Died(self.died_at)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Let what this thread does be done by an actor; its death ends here."""
    before = getattr(_here, "actor", None)
    _here.actor = actor
    try:
        yield
    except Died:
        pass
    finally:
        _here.actor = before


def _actor() -> Actor | None:
    return getattr(_here, "actor", None)


def _place() -> str:
    """Return which function of the product is at work."""
    frame = sys._getframe(2)
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(_OURS):
            return f"{module.partition('.')[2]}.{frame.f_code.co_name}"
        if frame.f_back is None:
            break
        frame = frame.f_back
    return "somewhere"


@contextmanager
def watched() -> Iterator[None]:
    """Have seams wherever an actor is at work."""
    with ExitStack() as stack:

        def put(owner: Any, name: str, wrapped: Any) -> None:
            stack.enter_context(mock.patch.object(owner, name, wrapped))

        put(BaseDatabaseWrapper, "commit", _commit(BaseDatabaseWrapper.commit))
        put(CursorWrapper, "execute", _execute(CursorWrapper.execute))
        put(gateway_transport, "send", _send(gateway_transport.send))
        put(projection, "converge", _call("converge", projection.converge))
        for name in _RAIL:
            put(CardConnectRail, name, _call(f"rail.{name}", getattr(CardConnectRail, name)))
        for name in _DRIVER:
            put(EngineDriver, name, _call(f"driver.{name}", getattr(EngineDriver, name)))
            put(StripeDriver, name, _call(f"stripe.{name}", getattr(StripeDriver, name)))
        for name in _SALES:
            put(CardConnectDriver, name, _call(f"reader.{name}", getattr(CardConnectDriver, name)))
            put(StripeDriver, name, _call(f"stripe.{name}", getattr(StripeDriver, name)))
        put(connections, "exchange", _exchange(connections.exchange))
        client = stripe_transport.PooledClient
        put(client, "request", _request(client.request))
        yield


def _commit(commit: Callable[[Any], None]) -> Callable[[Any], None]:
    @functools.wraps(commit)
    def committing(connection: Any) -> None:
        actor = _actor()
        if actor is None:
            return commit(connection)
        place = _place()
        try:
            actor.reach(f"before commit in {place}")
        except Died:
            # The server does this when a connection ends.
            connection._rollback()
            connection.run_on_commit = []
            raise
        commit(connection)
        try:
            actor.reach(f"after commit in {place}")
        except Died:
            connection.run_on_commit = []
            raise

    return committing


def _execute(execute: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(execute)
    def executing(cursor: Any, sql: Any, params: Any = None) -> Any:
        actor = _actor()
        is_alone = actor is not None and not cursor.db.in_atomic_block
        if actor is None or not is_alone or not str(sql).startswith(_WRITES):
            return execute(cursor, sql, params)
        place = _place()
        actor.reach(f"before write in {place}")
        done = execute(cursor, sql, params)
        actor.reach(f"after write in {place}")
        return done

    return executing


def _send(send: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(send)
    def sending(merchant: Any, method: str, path: str, **more: Any) -> Any:
        actor = _actor()
        if actor is None:
            return send(merchant, method, path, **more)
        operation = f"{method} {path.partition('/')[0]}"
        actor.reach(f"before request {operation}")
        answer = send(merchant, method, path, **more)
        actor.reach(f"after answer {operation}")
        return answer

    return sending


def _exchange(exchange: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(exchange)
    def exchanging(purpose: str, method: str, url: str, **more: Any) -> Any:
        actor = _actor()
        if actor is None or purpose != "readers":
            return exchange(purpose, method, url, **more)
        operation = url.rpartition("/")[2]
        actor.reach(f"before request {operation}")
        answer = exchange(purpose, method, url, **more)
        actor.reach(f"after answer {operation}")
        return answer

    return exchanging


def _request(request: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(request)
    def requesting(client: Any, method: str, url: str, *given: Any, **more: Any) -> Any:
        actor = _actor()
        if actor is None:
            return request(client, method, url, *given, **more)
        operation = f"{method} {url.partition('/v1/')[2].partition('/')[0].partition('?')[0]}"
        actor.reach(f"before request {operation}")
        answer = request(client, method, url, *given, **more)
        actor.reach(f"after answer {operation}")
        return answer

    return requesting


def _call(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def calling(*given: Any, **more: Any) -> Any:
        actor = _actor()
        if actor is None:
            return call(*given, **more)
        actor.reach(f"before {name}")
        done = call(*given, **more)
        actor.reach(f"after {name}")
        return done

    return calling
