"""Calls that the provider carries out later than it let go of the connection."""

from collections.abc import Callable
from typing import Any

from tests.simulators.cardpointe import routing
from tests.simulators.cardpointe.call import Call
from tests.simulators.cardpointe.fields import Fields
from tests.simulators.cardpointe.world import World

_METHOD = "PUT"


def put_off(world: World, op: str, call: Call, *, seconds: float) -> None:
    """Remember a call, to be carried out so many virtual seconds from now."""
    row = {
        "op": op,
        "site": call.merchant.site,
        "merchid": call.merchant.merchid,
        "body": call.body,
        "due": world.now() + seconds,
    }
    world.store.put("_pending", world.number("pending", 9), row)


def run_due(world: World, now: int, perform: Callable[[routing.Handler, Call], Any]) -> None:
    """Carry out what is due."""
    due = [(key, row) for key, row in world.store.tables.get("_pending", {}).items()]
    for key, row in due:
        if row["due"] > now:
            continue
        world.store.remove("_pending", key)
        merchant = world.merchant(row["site"], row["merchid"])
        matched = routing.match(_METHOD, row["op"])
        if merchant is not None and matched is not None:
            fields = Fields(row["body"])
            perform(matched[0].handler, Call(world, merchant, fields, body=row["body"]))
