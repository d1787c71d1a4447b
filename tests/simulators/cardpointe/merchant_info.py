"""`/inquireMerchant`, `/bin`, `/surcharge` and `/sigcap`: what is told of merchants and cards."""

import base64
import binascii

from tests.simulators.cardpointe import Json, amounts, codes, ledger, receipts, tokens
from tests.simulators.cardpointe.call import Call
from tests.simulators.cardpointe.refusal import Refused

_GZIP = b"\x1f\x8b"


def inquire_merchant(call: Call) -> Json:
    """Tell how a merchant is set up."""
    merchant = call.merchant
    return {
        "merchid": merchant.merchid,
        "site": merchant.site,
        "cardproc": merchant.cardproc,
        "enabled": merchant.enabled,
        "acctupdater": _letter(merchant.acctupdater),
        "avs": _letter(merchant.avs),
        "cvv": _letter(merchant.cvv),
        "echeck": _letter(merchant.echeck),
        "fee_type": merchant.fee_type,
        "fee_format": "PERCENT",
        "fee_value": merchant.fee_value,
        "fee_merchid": merchant.merchid,
    }


def bin_of(call: Call) -> Json:
    """Tell what the first digits of a card say."""
    card = tokens.known(call.world, call.merchant.site, call.path[1])
    if card is None or card["bank"]:
        return {"success": False, "errormsg": "No bin information found."}
    return receipts.bin_info(card)


def surcharge(call: Call) -> Json:
    """Tell what a surcharge would be; the gateway adds it by itself."""
    amount = call.fields.amount()
    fee = round(amount * float(call.merchant.fee_value) / 100)
    return {
        "token": "CREDIT",
        "postal": "NOT_RESTRICTED",
        "fee_amount": amounts.shown(fee),
        "messages": [],
    }


def take_signature(call: Call) -> Json:
    """Keep a signature with a transaction."""
    given = call.fields
    given.check()
    txn = ledger.get(call.world, call.merchant, given["retref"])
    try:
        image = base64.b64decode(given["signature"], validate=True)
    except binascii.Error:
        image = b""
    if not image.startswith(_GZIP):
        raise Refused("34", retref=txn["retref"])
    txn["signed"] = True
    ledger.touch(call.world, txn)
    code = codes.named("PPS", "00")
    return {
        "respproc": code.proc,
        "respcode": code.code,
        "respstat": code.stat,
        "resptext": code.text,
        "retref": txn["retref"],
        "merchid": txn["merchid"],
    }


def _letter(switch: bool) -> str:  # noqa: FBT001 - the switch is the whole question
    return "Y" if switch else "N"
