"""`/settlestat`, `/openbatch` and `/closebatch`: what the processor made of the batches."""

from typing import Any

from tests.simulators.cardpointe import Json, amounts, batches
from tests.simulators.cardpointe.call import Call

NOTHING = "Null batches"


def settlestat(call: Call) -> Any:
    """Report batches by date (MMDD) or number; with neither, those not reported before."""
    date, batchid = call.query.get("date"), call.query.get("batchid")
    closed = [
        batch
        for batch in call.world.store.where("batch", "merchid", call.merchant.merchid)
        if batch["site"] == call.merchant.site and batch["closed_at"] is not None
    ]
    if date is None and batchid is None:
        found = [batch for batch in closed if not batch["reported"]]
        for batch in found:
            batch["reported"] = True
            call.world.store.touch("batch", batch["batchid"])
    else:
        found = [
            batch
            for batch in closed
            if batchid in (None, batch["batchid"])
            and date in (None, call.world.stamp(batch["closed_at"])[4:8])
        ]
    return [_report(call, batch) for batch in found] or NOTHING


def open_batch(call: Call) -> Json:
    """Return the number of the open batch."""
    merchant = call.merchant
    batch = batches.open_batch(call.world, merchant.site, merchant.merchid, merchant.cardproc)
    return {"batchid": batch["batchid"], "respcode": "success"}


def close_batch(call: Call) -> Json:
    """Close the open batch, or the one that is named."""
    wanted = call.path[1] if len(call.path) > 1 else None
    for batch in call.world.store.where("batch", "merchid", call.merchant.merchid):
        same_site = batch["site"] == call.merchant.site
        if same_site and batch["closed_at"] is None and wanted in (None, batch["batchid"]):
            batches.close(call.world, batch, call.world.now())
            return {"batchid": batch["batchid"], "respcode": "success"}
    return {"batchid": "null", "respcode": "noBatch"}


def _report(call: Call, batch: Json) -> Json:
    return {
        "batchid": batch["batchid"],
        "hoststat": batch["hoststat"],
        "hostbatch": batch["batchid"][-4:],
        "merchid": batch["merchid"],
        "respproc": batch["respproc"],
        "txns": [
            {
                "retref": txn["retref"],
                "setlstat": txn.get("setl_letter", ""),
                "setlamount": amounts.shown(txn["captured"]),
                "authcode": txn.get("authcode", ""),
                "cardtype": txn.get("brand", ""),
                "salesdoc": txn["orderid"],
            }
            for txn in call.world.store.where("txn", "batchid", batch["batchid"])
            if txn["setlstat"] != "Voided"
        ],
    }
