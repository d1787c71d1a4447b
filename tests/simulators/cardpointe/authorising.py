"""`/auth`: authorisations, sales, account verifications and credits without a charge."""

from dataclasses import dataclass, replace

from tests.simulators.cardpointe import (
    Json,
    amounts,
    bank,
    codes,
    emulation,
    ledger,
    lifecycle,
    profiles,
    receipts,
    tokens,
)
from tests.simulators.cardpointe.call import Call
from tests.simulators.cardpointe.codes import Code
from tests.simulators.cardpointe.emulation import Verdict
from tests.simulators.cardpointe.faults import Fault
from tests.simulators.cardpointe.merchants import Merchant
from tests.simulators.cardpointe.refusal import Refused

_POSTAL_LENGTHS = {5, 9}
_ECHECKS = {"ECHK", "ESAV"}


@dataclass(frozen=True, slots=True)
class _Source:
    """What is charged: the vault's row, the expiry, the security code, the profile it came from."""

    card: Json
    expiry: str
    cvv: str | None
    profileid: str = ""
    acctid: str = ""


def auth(call: Call) -> Json:
    """Answer an authorisation."""
    given, merchant = call.fields, call.merchant
    given.check()
    amount = given.amount()
    _check_form(call, amount)
    source = _source(call)
    if source.card["bank"]:
        return bank.auth(call, source.card, amount)
    if merchant.cvv and amount == 0 and not source.cvv and given["cof"] != "M":
        raise Refused("38")
    avs, cvv = _checks(call, source)
    verdict = _verdict(call, source, amount, avs=avs, cvv=cvv)
    txn = _store(call, source, verdict, amount)
    return _answer(call, source, txn, {"avsresp": avs, "cvvresp": cvv})


def _check_form(call: Call, amount: int) -> None:
    """Refuse what no bank would be asked about."""
    given, merchant = call.fields, call.merchant
    if not given["account"] and not given["profile"]:
        raise Refused("34")
    if given["currency"] and given["currency"] != merchant.currency:
        raise Refused("32" if len(given["currency"]) == 3 else "31")
    if not merchant.enabled:
        raise Refused("97")
    if amount < 0 and not merchant.forced_credits:
        raise Refused("45")
    postal = given["postal"].replace("-", "") or "55555"
    if (given["country"] or "US") == "US" and (
        not postal.isalnum() or len(postal) not in _POSTAL_LENGTHS
    ):
        raise Refused("17")
    call.note_stored_credential()


def _source(call: Call) -> _Source:
    given = call.fields
    named = given["profile"]
    if named and named != "Y":
        return _from_profile(call, named)
    account = given["account"]
    if not account:
        raise Refused("34")
    if given["accttype"] in _ECHECKS and given["bankaba"]:
        account = f"{given['bankaba']}/{account}"
    card = _card(call, account)
    attached_cvv, attached_expiry = tokens.use(call.world, card)
    expiry = _mmyy(given["expiry"]) if given["expiry"] else attached_expiry or ""
    if not expiry and not card["bank"]:
        raise Refused("15")
    return _Source(card, expiry, given["cvv2"] or attached_cvv)


def _from_profile(call: Call, named: str) -> _Source:
    if tokens.is_token(named):
        raise Refused("98")
    profileid, _, acctid = named.partition("/")
    account = profiles.account(call, profileid, acctid or call.fields["acctid"])
    card = tokens.known(call.world, call.merchant.site, account["token"])
    if card is None:
        raise Refused("98")
    return _Source(
        card, account["expiry"], call.fields["cvv2"] or None, profileid, account["acctid"]
    )


def _card(call: Call, account: str) -> Json:
    site = call.merchant.site
    if not tokens.is_token(account):
        if "/" not in account:
            _check_number(account)
        call.warn("account is a number, not a token")
        account = tokens.keep(call.world, site, account)
    card = tokens.known(call.world, site, account)
    # A reader may authorize what it has just read once more, when it got no answer.
    if card is None or (card.get("expired") and "entrymode" not in call.body):
        raise Refused("98")
    return card


def _check_number(pan: str) -> None:
    if not pan.isdigit() or not emulation.brand(pan):
        raise Refused("11")
    if not tokens.luhn_ok(pan):
        raise Refused("13")


def _mmyy(text: str) -> str:
    """Return an expiry given as MMYY, YYYYM, YYYYMM or YYYYMMDD."""
    if not text.isdigit() or len(text) not in (4, 5, 6, 8):
        raise Refused("15")
    if len(text) == 4:
        return text
    month = text[4:] if len(text) < 8 else text[4:6]
    return f"{int(month):02d}{text[2:4]}"


def _checks(call: Call, source: _Source) -> tuple[str, str]:
    """Return what the address check and the security code check say."""
    given, proc = call.fields, call.merchant.cardproc
    if not given["postal"] and not given["address"]:
        avs = "G"
    else:
        avs = emulation.avs(proc, given["postal"], given["address"])
    return avs, emulation.cvv(source.cvv)


def _verdict(call: Call, source: _Source, amount: int, *, avs: str, cvv: str) -> Verdict:
    merchant, fault = call.merchant, call.fault
    if fault is not None and (forced := _forced(call, fault, amount)) is not None:
        return forced
    if call.fields["ecomind"] == "R" and call.fields["cof"] != "M":
        return Verdict(codes.invalid_transaction(merchant.cardproc), 0)
    if source.card.get("declines"):
        return Verdict(codes.named(merchant.cardproc, source.card["declines"]), 0)
    verdict = emulation.authorise(merchant.cardproc, source.card["test_pan"], amount)
    if verdict.code.stat == "A":
        return _as_the_merchant_wants(merchant, verdict, amount, avs=avs, cvv=cvv)
    return verdict


def _as_the_merchant_wants(
    merchant: Merchant, verdict: Verdict, amount: int, *, avs: str, cvv: str
) -> Verdict:
    """Decline an approval that the merchant's checks do not let pass; add the merchant's fee."""
    if merchant.cvv and cvv == "N":
        return Verdict(codes.named("PPS", "37"), 0)
    if merchant.avs and avs == "N":
        return Verdict(codes.named("PPS", "101"), 0)
    if merchant.fee_type != "N":
        fee = round(amount * float(merchant.fee_value) / 100)
        return replace(verdict, amount=verdict.amount + fee)
    return verdict


def _forced(call: Call, fault: Fault, amount: int) -> Verdict | None:
    proc = call.merchant.cardproc
    if fault.kind == "processor_timeout":
        return Verdict(codes.named("PPS", "62"), 0)
    if fault.kind in ("decline", "b_code"):
        stat = "B" if fault.kind == "b_code" else "C"
        code = codes.named(fault.proc or proc, fault.code)
        if code.stat != stat:
            raise ValueError(f"{code.proc} {code.code} is not {stat} but {code.stat}")
        return Verdict(code, 0)
    if fault.kind == "partial":
        return Verdict(codes.named(proc, codes.PARTIAL[proc]), fault.cents, "PPS500")
    if fault.kind == "surcharge":
        more = round(amount * fault.pct / 100)
        return Verdict(codes.approval(proc), amount + more, "PPS500")
    return None


def _store(call: Call, source: _Source, verdict: Verdict, amount: int) -> Json:
    given, world = call.fields, call.world
    txn = ledger.open_txn(
        world,
        call.merchant,
        verdict.code,
        kind="auth" if amount >= 0 else "credit",
        amount=verdict.amount if verdict.code.stat == "A" else amount,
        orderid=ledger.stored_orderid(given["orderid"]),
        token=source.card["token"],
        brand=source.card["brand"],
        expiry=source.expiry,
        name=given["name"],
        authcode=verdict.authcode,
        profileid=source.profileid,
        acctid=source.acctid,
        asked=amount,
        cof=given["cof"],
        cofscheduled=given["cofscheduled"],
        ecomind=given["ecomind"],
        # Readers say how they got the card, and what its chip told them.
        entrymode=call.body.get("entrymode", "ECommerce"),
        emvTagData=call.body.get("emvTagData", ""),
    )
    if verdict.code.stat != "A":
        return txn
    if given["profile"] == "Y":
        saved = profiles.save_card(call, source.card["token"], source.expiry)
        txn.update(profileid=saved["profileid"], acctid=saved["acctid"])
    if amount and (given.is_set("capture") or amount < 0):
        ledger.queue(world, txn, txn["amount"])
        lifecycle.mark_settlement(call, txn)
    ledger.touch(world, txn)
    return txn


def _answer(call: Call, source: _Source, txn: Json, checks: Json) -> Json:
    given, merchant = call.fields, call.merchant
    approved = txn["respstat"] == "A"
    token = source.card["token"]
    timed_out = (txn["respproc"], txn["respcode"]) == ("PPS", "62")
    body: Json = {
        "respproc": txn["respproc"],
        "respcode": txn["respcode"],
        "respstat": txn["respstat"],
        "resptext": txn["resptext"],
        "retref": txn["retref"],
        # The documented time-out is the one refusal that repeats the amount it was asked for.
        "amount": amounts.shown(txn["asked"] if timed_out else txn["amount"]),
        "merchid": merchant.merchid,
        "account": tokens.masked(source.card) if given.is_set("tokenize") else token,
        "token": token,
        "commcard": " C ",
    }
    if approved:
        body.update(authcode=txn["authcode"], expiry=txn["expiry"], entrymode=txn["entrymode"])
    if approved or merchant.avs or merchant.cvv:
        body.update(checks)
    if timed_out:
        body["setlstat"] = txn["setlstat"]
    for name in ("batchid", "cof"):
        if txn[name]:
            body[name] = txn[name]
    if approved and txn["profileid"]:
        body.update(profileid=txn["profileid"], acctid=txn["acctid"])
    if given["orderid"] and (approved or given["receipt"]):
        body["orderId"] = given["orderid"]
    body.update(_advice(call, source, txn))
    body.update(receipts.extras(call, source.card, txn))
    return body


def _advice(call: Call, source: _Source, txn: Json) -> Json:
    """Return what the brands add to a decline."""
    if txn["respstat"] == "A":
        return {}
    fault, brand = call.fault, source.card["brand"]
    code = Code(txn["respproc"], txn["respcode"], txn["respstat"], txn["resptext"])
    category = (fault.category if fault else "") or codes.category(code)
    found: Json = {}
    if category and brand == "VISA":
        text = codes.category_text(category)
        found.update(declineCategory=category, declineCategoryText=text)
    if fault is not None and fault.advice and brand in ("VISA", "MC"):
        found.update(merchAdviceCode=fault.advice, merchAdviceText=f"Advice {fault.advice}")
    return found
