"""ACH: charges of bank accounts, answered by ProfitStars under the linked merchant ID."""

from tests.simulators.cardpointe import Json, amounts, codes, ledger
from tests.simulators.cardpointe.call import Call
from tests.simulators.cardpointe.refusal import Refused

_WEIGHTS = (3, 7, 1, 3, 7, 1, 3, 7, 1)


def auth(call: Call, account: Json, amount: int) -> Json:
    """Charge a bank account."""
    merchant, world = call.merchant, call.world
    if not merchant.echeck:
        raise Refused("48")
    if amount <= 0:
        raise Refused("43")
    if not routes(account["aba"]):
        text = f"The RoutingNumber ({account['aba']}) is not a valid routing number."
        raise Refused("34", resptext=text)
    txn = ledger.open_txn(
        world,
        merchant,
        codes.Code("PSTR", "00", "A", "Success"),
        kind="auth",
        amount=amount,
        orderid=ledger.stored_orderid(call.fields["orderid"]),
        token=account["token"],
        authcode=f"GF{world.number('ach', 4)}",
        brand="ACH",
    )
    ledger.queue(world, txn, amount)
    return {
        "respproc": txn["respproc"],
        "respcode": txn["respcode"],
        "respstat": txn["respstat"],
        "resptext": txn["resptext"],
        "retref": txn["retref"],
        "amount": amounts.shown(amount),
        # The answer names the linked merchant, not the one that was asked.
        "merchid": merchant.ach_merchid,
        "account": account["token"],
        "token": account["token"],
        "batchid": txn["batchid"],
        "authcode": txn["authcode"],
        "avsresp": "U",
        "cvvresp": "U",
    }


def routes(aba: str) -> bool:
    """Say whether a routing number has the right check digit."""
    if len(aba) != len(_WEIGHTS) or not aba.isdigit():
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, aba, strict=True))
    return total % 10 == 0
