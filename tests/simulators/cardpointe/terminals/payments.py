"""`authCard` and `authManual`: a card is read, the gateway asked, the reader says how it went."""

from collections.abc import Generator

from tests.simulators.cardpointe import (
    Json,
    amounts,
    authorising,
    inquiring,
    ledger,
    lifecycle,
    receipts,
    tokens,
)
from tests.simulators.cardpointe.faults import Fault
from tests.simulators.cardpointe.terminals import asking, cards, readers, refusals
from tests.simulators.cardpointe.terminals.asking import NoAnswer, ask
from tests.simulators.cardpointe.terminals.cards import Card
from tests.simulators.cardpointe.terminals.job import Job
from tests.simulators.cardpointe.terminals.operations import FAILED, UNPLUGGED, Pause, Stopped, Work
from tests.simulators.cardpointe.terminals.refusals import TerminalError

_VOIDS = 3
# Faults of the call itself that the card's bank or the gateway is meant to have.
OF_THE_BANK = ("processor_timeout", "b_code", "decline", "partial", "surcharge", "settle_reject")


def take(job: Job) -> Work:
    """Take a payment."""
    _check_device(job)
    card = yield from cards.read(job, cards.asked_for(job))
    job.running.state = "authorizing"
    job.show("Authorizing…")
    if job.fault is not None and job.fault.kind == "late_commit":
        yield Pause(until=job.running.at + job.fault.seconds, deaf=True)
    answer = yield from _authorize(job, card)
    try:
        yield from _finish(job)
    except Stopped as stop:
        readers.touch(job.world, job.reader)
        job.show("", for_s=0)
        raise _too_late(job, stop, answer) from None
    approved = answer.get("respstat") == "A"
    delay_ms = job.number("clearDisplayDelay", 1500)
    job.show("Approved" if approved else "Declined", for_s=delay_ms / 1000)
    if approved and job.is_on("printReceipt", default=False):
        _print(job, answer)
    return answer


def _check_device(job: Job) -> None:
    """Refuse what the reader or the merchant cannot do."""
    merchant = asking.merchant(job)
    cards.check_typing(job)
    if job.text("aid") == "debit" and not merchant.pin_debit:
        text = f"PIN Debit not supported for merchantId {merchant.merchid}"
        raise TerminalError(refusals.PIN_DEBIT, text)
    if job.is_on("includeSignature", default=True) and not job.device.signature:
        raise TerminalError(refusals.NO_SIGNATURE, "Terminal does not support signature")


def _finish(job: Job) -> Generator[Pause, Json | None, None]:
    """Wait until the cardholder is done and the bank's answer is at the reader."""
    lasts = float(job.world.setting("terminal_auth_s"))
    until = job.running.at + lasts
    while job.running.steps:
        yield Pause()
    while (yield Pause(until=max(until, job.running.at))) is not None:
        pass


def _too_late(job: Job, stop: Stopped, answer: Json) -> TerminalError:
    """Return how an operation ends that was authorized already."""
    told: Json = {"authResponse": answer}
    if stop.by == UNPLUGGED:
        return TerminalError(refusals.GENERIC, refusals.TIMED_OUT, **told)
    if stop.by == FAILED:
        return TerminalError(stop.code, stop.text, **told)
    if job.device.clover and answer.get("respstat") == "A":
        job.asked.append("void")
        job.gateway.perform(lifecycle.void, asking.call(job, {"retref": answer["retref"]}))
        return TerminalError(refusals.VOIDED, refusals.AUTHORIZATION_VOIDED, **told)
    return TerminalError(refusals.CANCELLED, refusals.AUTHORIZATION_CANCELLED, **told)


# ---------------------------------------------------------------- the gateway


def _authorize(job: Job, card: Card) -> Generator[Pause, Json | None, Json]:
    """Ask for the money; when there is no answer find out, take back, or ask again.

    Raises:
        TerminalError: the service itself does not know.
    """
    body = _body(job, card)
    fault = _scripted(job, card)
    try:
        answer = yield from ask(job, "auth", authorising.auth, body, fault=fault)
        told = _told(job, card, body, answer)
    except NoAnswer:
        told = yield from _recover(job, card, body)
    if card.is_single_use and "retref" in told:
        tokens.expire(job.world, job.merchant.site, card.token)
    return told


def _body(job: Job, card: Card) -> Json:
    """Return what the service sends to the gateway."""
    signed = job.is_on("includeSignature", default=True) and job.device.signature
    body = {
        "account": card.token,
        "expiry": card.expiry,
        "amount": amounts.shown(job.number("amount")),
        # The opposite of the gateway's own default.
        "capture": "Y" if job.is_on("capture", default=True) else "N",
        "orderid": job.text("orderId") or f"{job.reader['hsn']}-{job.world.stamp()}",
        "name": card.name,
        "bin": "Y" if job.is_on("bin", default=False) else "",
        "invoiceid": job.text("invoiceId"),
        "authcode": job.text("authCode"),
        "entrymode": card.entry_mode,
        "emvTagData": card.emv(signed=signed),
    }
    if job.is_on("createProfile", default=False) and not card.is_single_use:
        body.update(profile="Y", cof="C")
    if isinstance(job.given.get("userFields"), dict):
        body["userfields"] = job.given["userFields"]
    return {name: value for name, value in body.items() if value != ""}


def _scripted(job: Job, card: Card) -> Fault | None:
    """Return what goes wrong with an authorization by the script, or by the fault of the call."""
    if card.decline:
        return Fault("decline", code=card.decline)
    if card.gateway:
        return Fault(card.gateway, seconds=card.seconds)
    return job.fault if job.fault is not None and job.fault.kind in OF_THE_BANK else None


def _recover(job: Job, card: Card, body: Json) -> Generator[Pause, Json | None, Json]:
    """Find out what became of an authorization without an answer.

    What an inquiry tells is passed on when it is found; else it is voided, and where the switch
    says so tried again with the same orderid: then there may be two.
    """
    asked = {"orderid": body["orderid"]}
    path = (body["orderid"], asking.merchant(job).merchid, "1")
    try:
        found = yield from ask(
            job, "inquireByOrderid", inquiring.inquire_by_orderid, asked, path=path
        )
    except NoAnswer:
        found = {}
    latest: Json = found[-1] if isinstance(found, list) else found
    if "setlstat" in latest:
        return latest
    yield from _take_back(job, asked)
    if job.world.setting("terminal_reauth"):
        try:
            again: Json = yield from ask(job, "auth", authorising.auth, body)
        except NoAnswer:
            pass
        else:
            return _told(job, card, body, again)
    job.show("", for_s=0)
    raise TerminalError(refusals.GENERIC, refusals.TIMED_OUT)


def _take_back(job: Job, asked: Json) -> asking.Asking:
    """Void an order that may be there, until the gateway says that it did."""
    for _ in range(_VOIDS):
        try:
            voided = yield from ask(job, "voidByOrderId", lifecycle.void_by_order_id, asked)
        except NoAnswer:
            continue
        if voided.get("respstat") == "A":
            return


# ---------------------------------------------------------------- the answer


def _told(job: Job, card: Card, body: Json, answer: Json) -> Json:
    """Return the gateway's answer with what the reader adds."""
    told = {name: value for name, value in answer.items() if name not in ("account", "commcard")}
    for name in ("orderid", "orderId"):
        told.pop(name, None)
    told["orderId"] = body["orderid"]
    if "retref" not in answer:
        return told
    told.update(avsresp="", cvvresp="", entrymode=card.entry_mode, expiry=card.expiry)
    told["receiptData"] = receipts.receipt(job.world.stamp(), name=card.name)
    if card.name:
        told["name"] = card.name
    if "emvTagData" in body:
        told["emvTagData"] = body["emvTagData"]
    if card.is_single_use:
        told.update(tokenExpired=True, singleUseToken=True)
    if job.is_on("includeSignature", default=True) and job.device.signature:
        told["signature"] = SIGNATURE
    return told


def summary(answer: Json | TerminalError) -> str:
    """Return in a few words how a payment ended."""
    if isinstance(answer, TerminalError):
        return answer.text
    if answer.get("respstat") == "A":
        return f"Approved, {answer['amount']}"
    return f"Declined, {answer.get('resptext', '')}"


# What stands for the picture of a signature.
SIGNATURE = "UklGRgAAAABTSUdOQVRVUkU="


def _print(job: Job, answer: Json) -> None:
    if not (job.device.printer and job.reader["paper"]):
        found = answer.get("receiptData", {})
        raise TerminalError(refusals.NOT_PRINTED, "Receipt was not printed", receiptData=found)


def print_again(job: Job) -> Json:
    """Print the receipt of an order's latest transaction once more."""
    found = [
        txn
        for txn in ledger.of_order(job.world, job.merchant, job.text("orderId"), whole_site=False)
        if txn["respstat"] == "A"
    ]
    if not found:
        raise refusals.invalid("No transaction found for the order ID")
    receipt = receipts.receipt(job.world.stamp(found[-1]["created"]), name=found[-1]["name"])
    _print(job, {"receiptData": receipt})
    return {"receiptData": receipt}
