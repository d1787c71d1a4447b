"""`/inquire` and `/inquireByOrderid`: the only way to learn what became of a call."""

from typing import Any

from tests.simulators.cardpointe import Json, ledger
from tests.simulators.cardpointe.call import Call
from tests.simulators.cardpointe.refusal import Refused


def inquire(call: Call) -> Json:
    """Show one transaction of the merchant."""
    return ledger.shown(call.world, ledger.get(call.world, call.merchant, call.path[0]))


def inquire_by_orderid(call: Call) -> Any:
    """Show what has an orderid: one as an object, several as a list.

    Without the last part of the path being 1, other merchants of the site answer too.
    """
    orderid, *rest = call.path
    whole_site = rest[1:] != ["1"]
    found = list(ledger.of_order(call.world, call.merchant, orderid, whole_site=whole_site))
    if not found:
        raise Refused("29", orderid=orderid)
    if len(found) == 1 or call.world.setting("orderid_answer") == "latest":
        return ledger.shown(call.world, found[-1])
    return [ledger.shown(call.world, txn) for txn in found]
