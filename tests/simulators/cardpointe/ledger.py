"""Transactions: their rows, their states, and how an inquiry shows them."""

import re
from collections.abc import Iterator

from tests.simulators.cardpointe import Json, amounts, batches
from tests.simulators.cardpointe.codes import Code
from tests.simulators.cardpointe.merchants import Merchant
from tests.simulators.cardpointe.refusal import Refused
from tests.simulators.cardpointe.tokens import luhn_ok
from tests.simulators.cardpointe.world import World

AUTHORIZED, QUEUED, VOIDED = "Authorized", "Queued for Capture", "Voided"
DECLINED, ZERO, ACCEPTED = "Declined", "Zero Amount", "Accepted"

_WHERE_THERE_IS_ONE = (
    "orderid", "batchid", "authcode", "expiry", "name", "profileid", "acctid", "emvTagData",
)  # fmt: skip
_LIKE_A_CARD = re.compile(r"\d{13,}")


def stored_orderid(orderid: str) -> str:
    """Return an orderid as it is stored: masked when it could be a card number."""
    runs = _LIKE_A_CARD.findall(orderid)
    return "***" if any(luhn_ok(run) for run in runs) else orderid


def open_txn(
    world: World, merchant: Merchant, code: Code, *, kind: str, amount: int, **more: object
) -> Json:
    """Store a transaction of any outcome; the caller captures it."""
    retref = world.retref()
    declined = code.stat != "A"
    row: Json = {
        "retref": retref,
        "kind": kind,
        "site": merchant.site,
        "merchid": merchant.merchid,
        "orderid": "",
        "parent_retref": "",
        "asked": amount,
        "amount": 0 if declined else amount,
        "captured": 0,
        "refunded": 0,
        "currency": merchant.currency,
        "respstat": code.stat,
        "respcode": code.code,
        "resptext": code.text,
        "respproc": code.proc,
        "setlstat": DECLINED if declined else ZERO if amount == 0 else AUTHORIZED,
        "batchid": "",
        "token": "",
        "profileid": "",
        "acctid": "",
        "created": world.now(),
        "captured_at": None,
        "settled_at": None,
        **more,
    }
    return world.store.put("txn", retref, row)


def touch(world: World, txn: Json) -> None:
    """Note that a transaction changed."""
    world.store.touch("txn", txn["retref"])


def queue(world: World, txn: Json, amount: int) -> None:
    """Put a transaction into its merchant's open batch."""
    batch = batches.open_batch(world, txn["site"], txn["merchid"], txn["respproc"])
    txn.update(captured=amount, setlstat=QUEUED, batchid=batch["batchid"], captured_at=world.now())
    touch(world, txn)


def find(world: World, merchant: Merchant, retref: str) -> Json | None:
    """Return a merchant's transaction."""
    txn = world.store.find("txn", retref)
    return txn if txn is not None and _belongs(txn, merchant) else None


def get(world: World, merchant: Merchant, retref: str, **more: str) -> Json:
    """Return a merchant's transaction, or refuse with PPS 29."""
    txn = find(world, merchant, retref)
    if txn is None:
        raise Refused("29", retref=retref, **more)
    return txn


def of_order(world: World, merchant: Merchant, orderid: str, *, whole_site: bool) -> Iterator[Json]:
    """Yield the transactions of an orderid, oldest first."""
    if orderid in ("", "***"):
        return
    for txn in world.store.where("txn", "orderid", orderid):
        if txn["site"] == merchant.site and (whole_site or _belongs(txn, merchant)):
            yield txn


def is_underway(world: World, txn: Json) -> bool:
    """Say whether a transaction's batch was closed and is not settled yet."""
    batch = world.store.find("batch", txn["batchid"]) if txn["batchid"] else None
    return txn["setlstat"] == QUEUED and batch is not None and batch["closed_at"] is not None


def is_voidable(world: World, txn: Json) -> bool:
    """Say whether a transaction can be taken back before it is settled."""
    if txn["setlstat"] == AUTHORIZED:
        return True
    return txn["setlstat"] == QUEUED and not is_underway(world, txn)


def is_refundable(txn: Json, merchant: Merchant) -> bool:
    """Say whether money can be given back."""
    if txn["kind"] != "auth" or txn["refunded"] >= txn["captured"]:
        return False
    settled = txn["setlstat"] == ACCEPTED
    return settled or (merchant.refunds_unsettled and txn["setlstat"] == QUEUED)


def shown(world: World, txn: Json) -> Json:
    """Return what an inquiry tells of a transaction."""
    merchant = world.merchant(txn["site"], txn["merchid"]) or Merchant(txn["merchid"])
    body: Json = {
        "respproc": txn["respproc"],
        "respcode": txn["respcode"],
        "respstat": txn["respstat"],
        "resptext": txn["resptext"],
        "retref": txn["retref"],
        "merchid": txn["merchid"],
        "account": txn["token"],
        "token": txn["token"],
        "lastfour": txn["token"][-4:],
        "currency": txn["currency"],
        "amount": amounts.shown(_amount_now(txn)),
        "setlstat": txn["setlstat"],
        "voidable": "Y" if is_voidable(world, txn) else "N",
        "refundable": "Y" if is_refundable(txn, merchant) else "N",
        "authdate": world.stamp(txn["created"])[:8],
        "entrymode": txn.get("entrymode", "ECommerce"),
    }
    for name in _WHERE_THERE_IS_ONE:
        if txn.get(name):
            body[name] = txn[name]
    for name, moment in (("capturedate", "captured_at"), ("settledate", "settled_at")):
        if txn[moment] is not None:
            body[name] = world.stamp(txn[moment])
    return body


def _amount_now(txn: Json) -> int:
    if txn["setlstat"] == VOIDED:
        return 0
    return int(txn["captured"] or txn["amount"])


def _belongs(txn: Json, merchant: Merchant) -> bool:
    return bool(txn["merchid"] == merchant.merchid and txn["site"] == merchant.site)
