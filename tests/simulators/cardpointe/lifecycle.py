"""`/capture`, `/void`, `/voidByOrderId` and `/refund`: what becomes of an authorisation."""

from tests.simulators.cardpointe import Json, amounts, codes, emulation, ledger
from tests.simulators.cardpointe.call import Call
from tests.simulators.cardpointe.codes import Code
from tests.simulators.cardpointe.ledger import AUTHORIZED, QUEUED, VOIDED
from tests.simulators.cardpointe.refusal import Refused

_VOID_WINDOW_S = 30 * 24 * 3600
# Where the provider documents no code for "this cannot be captured", "this is voided already".
_NO_ACTION = "94"


def capture(call: Call) -> Json:
    """Capture an authorisation in full or in part, once."""
    given, world, merchant = call.fields, call.world, call.merchant
    given.check()
    txn = ledger.get(world, merchant, given["retref"], batchid="-1", account="")
    amount = given.amount(default=txn["amount"])
    if txn["setlstat"] == AUTHORIZED:
        if amount <= 0:
            raise Refused("41", retref=txn["retref"])
        if amount > txn["amount"] and not merchant.captures_more:
            raise Refused("42", retref=txn["retref"])
        ledger.queue(world, txn, amount)
    elif txn["setlstat"] != QUEUED:
        code = "26" if txn["settled_at"] else _NO_ACTION
        raise Refused(code, retref=txn["retref"], setlstat=txn["setlstat"])
    if txn["respstat"] == "A":
        mark_settlement(call, txn)
    return {
        **_result(codes.approval(merchant.cardproc), txn),
        "amount": amounts.shown(txn["captured"]),
        "setlstat": txn["setlstat"],
        "batchid": txn["batchid"],
        "account": txn["token"],
        "token": txn["token"],
        "commcard": " C ",
    }


def void(call: Call) -> Json:
    """Take a transaction back."""
    call.fields.check()
    txn = ledger.get(call.world, call.merchant, call.fields["retref"])
    return _void(call, txn)


def void_by_order_id(call: Call) -> Json:
    """Take back the newest transaction of an orderid; declined ones do not count."""
    given = call.fields
    given.check()
    found = [
        txn
        for txn in ledger.of_order(call.world, call.merchant, given["orderid"], whole_site=False)
        if txn["respstat"] == "A"
    ]
    if not found:
        raise Refused("29", orderid=given["orderid"])
    live = [txn for txn in found if txn["setlstat"] != VOIDED]
    return _void(call, (live or found)[-1])


def refund(call: Call) -> Json:
    """Give back money of a settled transaction."""
    given, world, merchant = call.fields, call.world, call.merchant
    given.check()
    parent = ledger.get(world, merchant, given["retref"])
    left = parent["captured"] - parent["refunded"]
    amount = given.amount(default=left)
    if not ledger.is_refundable(parent, merchant) and left > 0:
        raise Refused("28", retref=parent["retref"])
    if amount <= 0 or amount > left:
        raise Refused("43", retref=parent["retref"])
    declined = _declined_refund(call, parent, amount)
    code = declined or codes.named("PPS", "00")
    txn = ledger.open_txn(
        world,
        merchant,
        code,
        kind="refund",
        amount=amount,
        orderid=ledger.stored_orderid(given["orderid"]),
        parent_retref=parent["retref"],
        token=parent["token"],
        brand=parent.get("brand", ""),
        authcode="" if declined else "REFUND",
    )
    if declined is None:
        parent["refunded"] += amount
        ledger.touch(world, parent)
        ledger.queue(world, txn, amount)
        mark_settlement(call, txn)
    body = {**_result(code, txn), "amount": amounts.shown(txn["amount"])}
    if world.setting("refund_retref") == "same":
        body["retref"] = parent["retref"]
    for name in ("authcode", "orderid"):
        if txn[name]:
            body[name] = txn[name]
    return body


def mark_settlement(call: Call, txn: Json) -> None:
    """Note how a transaction will be settled, where a fault says so."""
    if call.fault is not None and call.fault.kind == "settle_reject":
        txn["settles_as"] = call.fault.letter
        ledger.touch(call.world, txn)


def _void(call: Call, txn: Json) -> Json:
    world = call.world
    amount = call.fields.amount(default=0) or _held(txn)
    if not ledger.is_voidable(world, txn):
        _refuse_void(call, txn)
    if world.now() - txn["created"] > _VOID_WINDOW_S:
        raise Refused("39", retref=txn["retref"])
    if amount > _held(txn) or (txn["setlstat"] == QUEUED and amount < _held(txn)):
        raise Refused("43", retref=txn["retref"])
    if amount < _held(txn):
        txn["amount"] -= amount
    else:
        txn.update(setlstat=VOIDED, captured=0)
        _give_back_to_parent(call, txn)
    ledger.touch(world, txn)
    return {
        **_result(codes.approval(txn["respproc"]), txn),
        "amount": amounts.shown(0 if txn["setlstat"] == VOIDED else txn["amount"]),
        "authcode": "REVERS",
        "currency": txn["currency"],
    }


def _refuse_void(call: Call, txn: Json) -> None:
    if ledger.is_underway(call.world, txn):
        raise Refused("27", retref=txn["retref"])
    if txn["settled_at"] is not None:
        raise Refused(call.world.setting("void_of_settled"), retref=txn["retref"])
    if txn["respstat"] != "A":
        raise Refused("29", retref=txn["retref"])
    raise Refused(_NO_ACTION, retref=txn["retref"])


def _held(txn: Json) -> int:
    return int(txn["captured"] or txn["amount"])


def _give_back_to_parent(call: Call, txn: Json) -> None:
    parent = call.world.store.find("txn", txn["parent_retref"])
    if txn["kind"] == "refund" and parent is not None:
        parent["refunded"] -= txn["amount"]
        ledger.touch(call.world, parent)


def _declined_refund(call: Call, parent: Json, amount: int) -> Code | None:
    fault, proc = call.fault, call.merchant.cardproc
    if fault is not None and fault.kind in ("decline", "b_code"):
        return codes.named(fault.proc or proc, fault.code)
    return emulation.refund(proc, parent["captured"], amount)


def _result(code: Code, txn: Json) -> Json:
    return {
        "respproc": code.proc,
        "respcode": code.code,
        "respstat": code.stat,
        "resptext": code.text,
        "retref": txn["retref"],
        "merchid": txn["merchid"],
    }
