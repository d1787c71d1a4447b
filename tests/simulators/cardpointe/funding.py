"""`/funding`: what reached the merchant's bank account, and what was taken back from it."""

import datetime as dt

from tests.simulators.cardpointe import Json, amounts, ledger
from tests.simulators.cardpointe.call import Call
from tests.simulators.cardpointe.world import World

_NOTHING = {"errormsg": "No deposits match your request"}


def funding(call: Call) -> Json:
    """Report a day: what was settled the day before it, returns, adjustments, chargebacks."""
    date = call.query.get("date", call.world.stamp()[:8])
    merchid = call.merchant.merchid
    txns = [_deposit(call.world, txn) for txn in _settled_for(call, date)]
    extra = [row for row in call.world.store.rows("funding") if row["merchid"] == merchid]
    on_day = [row for row in extra if _is_on(row["date"], date)]
    txns += [row["entry"] for row in on_day if row["list"] == "txns"]
    adjustments = [row["entry"] for row in on_day if row["list"] == "adjustments"]
    chargebacks = [row["entry"] for row in on_day if row["list"] == "chargebacks"]
    if not (txns or adjustments or chargebacks):
        return dict(_NOTHING)
    total = sum(amounts.parse(entry["amount"]) or 0 for entry in txns)
    return {
        "merchid": merchid,
        "fundingdate": date,
        "fundingmasterid": f"{merchid}{date}",
        "fundings": [{"fundingid": f"{date}1", "netsales": amounts.shown(total)}],
        "txns": txns,
        "adjustments": adjustments,
        "chargebacks": chargebacks,
    }


def return_ach(world: World, retref: str, code: str) -> Json:
    """Let the payer's bank return a charge of a bank account."""
    txn = _txn(world, retref)
    entry = {
        "retref": world.retref(),
        "parentretref": retref,
        "type": "ACHRETURN",
        "status": "Returned",
        "achreturncode": code,
        "amount": amounts.shown(-txn["captured"]),
        "cardbrand": "ACH",
    }
    return _add(world, txn, "txns", entry)


def charge_back(world: World, retref: str, case: str, *, reason: str, won: bool = False) -> Json:
    """Let a cardholder's bank take a charge back, or (`won`) give it back to the merchant."""
    txn = _txn(world, retref)
    amount = txn["captured"]
    if won:
        entry = {"casenumber": case, "amount": amounts.shown(amount), "retref": retref}
        return _add(world, txn, "adjustments", entry)
    entry = {
        "casenumber": case,
        "reasoncode": reason,
        "reasondescription": "Cardholder dispute",
        "chargebackdate": world.stamp()[:8],
        "amount": amounts.shown(amount),
        "retref": retref,
    }
    return _add(world, txn, "chargebacks", entry)


def _txn(world: World, retref: str) -> Json:
    txn = world.store.find("txn", retref)
    if txn is None or not txn["captured"]:
        raise ValueError(f"{retref} was not captured")
    return txn


def _add(world: World, txn: Json, where: str, entry: Json) -> Json:
    row = {"merchid": txn["merchid"], "date": world.stamp()[:8], "list": where, "entry": entry}
    world.store.put("funding", world.number("funding", 9), row)
    return entry


def _settled_for(call: Call, date: str) -> list[Json]:
    found = []
    for batch in call.world.store.where("batch", "merchid", call.merchant.merchid):
        if batch["site"] != call.merchant.site or batch["settled_at"] is None:
            continue
        settled = dt.datetime.fromtimestamp(batch["settled_at"], dt.UTC)
        due = (settled + dt.timedelta(days=1)).date()
        today = dt.datetime.fromtimestamp(call.world.now(), dt.UTC).date()
        if _is_on(f"{due:%Y%m%d}", date) and due <= today:
            rows = call.world.store.where("txn", "batchid", batch["batchid"])
            found += [txn for txn in rows if txn["setlstat"] == ledger.ACCEPTED]
    return found


def _deposit(world: World, txn: Json) -> Json:
    refunded = txn["kind"] == "refund"
    return {
        "retref": txn["retref"],
        "parentretref": txn["parent_retref"],
        "type": "REFUND" if refunded else "SALE",
        "status": "Processed",
        "achreturncode": "",
        "amount": amounts.shown(-txn["captured"] if refunded else txn["captured"]),
        "cardbrand": txn.get("brand", ""),
    }


def _is_on(day: str, asked: str) -> bool:
    """Say whether a day is the one that was asked for, as MMDD or YYYYMMDD."""
    return day == asked or day[4:] == asked
