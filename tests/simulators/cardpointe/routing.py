"""Which part of the gateway answers a path."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.simulators.cardpointe import (
    authorising,
    funding,
    inquiring,
    lifecycle,
    merchant_info,
    profiles,
    settlement,
    updater,
)
from tests.simulators.cardpointe.call import Call

Handler = Callable[[Call], Any]
_WRITES = ("PUT", "POST")
_READS = ("GET",)


@dataclass(frozen=True, slots=True)
class Route:
    """An operation: its handler, and where the merchant ID stands."""

    op: str
    handler: Handler
    # How many parts follow the name in the path, and which of them is the merchant ID.
    parts: range = range(1)
    merchid_at: int | None = None


_TABLE: dict[tuple[str, str], Route] = {}


def _add(name: str, methods: tuple[str, ...], route: Route) -> None:
    for method in methods:
        _TABLE[method, name] = route


_add("auth", _WRITES, Route("auth", authorising.auth))
_add("capture", _WRITES, Route("capture", lifecycle.capture))
_add("void", _WRITES, Route("void", lifecycle.void))
_add("voidByOrderId", _WRITES, Route("voidByOrderId", lifecycle.void_by_order_id))
_add("refund", _WRITES, Route("refund", lifecycle.refund))
_add("inquire", _READS, Route("inquire", inquiring.inquire, range(2, 3), 1))
_add(
    "inquireByOrderid",
    _READS,
    Route("inquireByOrderid", inquiring.inquire_by_orderid, range(2, 4), 1),
)
_add("profile", _WRITES, Route("profile", profiles.put))
_add("profile", _READS, Route("profile", profiles.read, range(3, 4), 2))
_add("profile", ("DELETE",), Route("profile", profiles.delete, range(3, 4), 2))
_add(
    "inquireMerchant",
    _READS,
    Route("inquireMerchant", merchant_info.inquire_merchant, range(1, 2), 0),
)
_add("bin", _READS, Route("bin", merchant_info.bin_of, range(2, 3), 0))
_add("surcharge", _READS, Route("surcharge", merchant_info.surcharge))
_add("sigcap", _WRITES, Route("sigcap", merchant_info.take_signature))
_add("settlestat", _READS, Route("settlestat", settlement.settlestat))
_add("openbatch", _READS, Route("openbatch", settlement.open_batch, range(2, 3), 0))
_add("closebatch", _READS, Route("closebatch", settlement.close_batch, range(1, 3), 0))
_add("funding", _READS, Route("funding", funding.funding))
_add("v2/updater", _READS, Route("updater", updater.read))
_add("v2/updater", _WRITES, Route("updater", updater.enroll))
_add("v2/updater", ("DELETE",), Route("updater", updater.withdraw))


def match(method: str, rest: str) -> tuple[Route, tuple[str, ...]] | None:
    """Return the route of a path below `/cardconnect/rest/`, and the parts that follow."""
    name, *parts = rest.split("/")
    if name == "v2" and parts:
        name, parts = f"v2/{parts[0]}", parts[1:]
    if parts and parts[-1] == "" and len(parts) == 1:
        parts = []
    route = _TABLE.get((method, name))
    if route is None or len(parts) not in route.parts:
        return None
    return route, tuple(parts)
