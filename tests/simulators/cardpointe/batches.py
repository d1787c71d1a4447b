"""Batches: opened by the first capture, closed at an hour or by a test, then settled."""

import datetime as dt

from tests.simulators.cardpointe import Json
from tests.simulators.cardpointe.world import World

_FIRST = 1900941200
# How settlement reports a transaction, and what an inquiry calls that.
LETTERS = {
    "Y": "Accepted",
    "N": "Rejected",
    "F": "Format Error",
    "P": "Pin Debit",
    "T": "Token Decrypt",
    "W": "Amount under review",
    "R": "Rejected",
}


def open_batch(world: World, site: str, merchid: str, proc: str) -> Json:
    """Return the batch that takes a merchant's captures, opening one if there is none."""
    for batch in world.store.where("batch", "hoststat", ""):
        if batch["site"] == site and batch["merchid"] == merchid and batch["closed_at"] is None:
            return batch
    count = world.counters["batch"] = world.counters.get("batch", 0) + 1
    batchid = str(_FIRST + count)
    row: Json = {
        "batchid": batchid,
        "site": site,
        "merchid": merchid,
        "respproc": proc,
        "hoststat": "",
        "opened_at": world.now(),
        "closes_at": _closing_time(world, world.now()),
        "closed_at": None,
        "settled_at": None,
        "reported": False,
    }
    return world.store.put("batch", batchid, row)


def close(world: World, batch: Json, at: int) -> None:
    """Send a batch to the processor; from now on nothing in it can be voided."""
    batch.update(hoststat="SB", closed_at=at)
    world.store.touch("batch", batch["batchid"])
    if not world.setting("settle_delay_s"):
        settle(world, batch, at)


def settle(world: World, batch: Json, at: int) -> None:
    """Let the processor decide about every transaction of a batch."""
    letters = []
    for txn in world.store.where("txn", "batchid", batch["batchid"]):
        if txn["setlstat"] != "Queued for Capture":
            continue
        letter = txn.get("settles_as", "Y")
        letters.append(letter)
        txn.update(setlstat=LETTERS[letter], setl_letter=letter, settled_at=at)
        world.store.touch("txn", txn["retref"])
    good = sum(letter == "Y" for letter in letters)
    if not letters:
        hoststat = "EB"
    elif good == len(letters):
        hoststat = "GB"
    else:
        hoststat = "MB" if good else "BB"
    batch.update(hoststat=hoststat, settled_at=at)
    world.store.touch("batch", batch["batchid"])


def close_all(world: World, merchid: str | None = None) -> list[str]:
    """Close every open batch now, or one merchant's; return their numbers."""
    closed = []
    for batch in list(world.store.where("batch", "hoststat", "")):
        if batch["closed_at"] is None and merchid in (None, batch["merchid"]):
            close(world, batch, world.now())
            closed.append(batch["batchid"])
    return closed


def run_due(world: World, now: int) -> None:
    """Close and settle what should have been by now, at the moment it was due."""
    for batch in list(world.store.where("batch", "hoststat", "")):
        due = batch["closes_at"]
        if due is not None and due <= now:
            close(world, batch, due)
    delay = world.setting("settle_delay_s")
    for batch in list(world.store.where("batch", "hoststat", "SB")):
        if batch["closed_at"] + delay <= now:
            settle(world, batch, batch["closed_at"] + delay)


def _closing_time(world: World, now: int) -> int | None:
    hour = world.setting("close_hour")
    if hour is None:
        return None
    moment = dt.datetime.fromtimestamp(now, dt.UTC)
    closing = moment.replace(hour=int(hour), minute=0, second=0, microsecond=0)
    if closing <= moment:
        closing += dt.timedelta(days=1)
    return int(closing.timestamp())
