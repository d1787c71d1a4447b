"""A card at the reader: waiting for it, what it tells, and what ends the waiting."""

import json
from collections.abc import Generator
from dataclasses import dataclass

from tests.simulators.cardpointe import Json, amounts, emulation, tokens
from tests.simulators.cardpointe.terminals import readers, refusals, scripts
from tests.simulators.cardpointe.terminals.job import Job
from tests.simulators.cardpointe.terminals.operations import (
    COMMAND,
    FAILED,
    PERSON,
    Pause,
    Stopped,
)
from tests.simulators.cardpointe.terminals.refusals import TerminalError

# How long a reader waits for people.
PATIENCE_S = 119
_ENTRY_MODES = {
    "chip": "EMVContact",
    "contactless": "Contactless",
    "swipe": "Swipe(Non EMV)",
    "manual": "Keyed",
}
_ENTRY_METHODS = {"chip": "Chip Read", "contactless": "Contactless Chip"}
# Brand: application, its identifier.
_APPLICATIONS = {
    "VISA": ("VISA CREDIT", "A0000000031010"),
    "MC": ("Mastercard", "A0000000041010"),
    "AMEX": ("AMERICAN EXPRESS", "A000000025010801"),
    "DISC": ("DISCOVER", "A0000001523010"),
    "DINERS": ("DINERS CLUB", "A0000001523010"),
    "JCB": ("JCB CREDIT", "A0000000651010"),
}
_WRONG_PIN = {"FNOR": "55", "RPCT": "117"}


@dataclass(frozen=True, slots=True)
class Card:
    """A card that was presented, by its token."""

    token: str
    brand: str
    expiry: str
    presented: str
    # Contactless cards do not tell whose they are.
    name: str = ""
    pin: bool = False
    # What its bank or the gateway is scripted to do.
    decline: str = ""
    gateway: str = ""
    seconds: float = 20

    @property
    def entry_mode(self) -> str:
        """Return how the gateway calls the way it was read."""
        return _ENTRY_MODES[self.presented]

    @property
    def is_single_use(self) -> bool:
        """Say whether its token is good for nothing later."""
        return self.presented == "contactless"

    def emv(self, *, signed: bool) -> str:
        """Return what its chip says, as JSON; nothing of a stripe or a typed number."""
        method = _ENTRY_METHODS.get(self.presented)
        if method is None:
            return ""
        label, aid = _APPLICATIONS[self.brand]
        return json.dumps(
            {
                "TVR": "0000008000",
                "ARC": "00",
                "PIN": "Verified by PIN" if self.pin else "None",
                "Signature": str(signed).lower(),
                "Mode": "Issuer",
                "TSI": "E800",
                "Application Preferred Name": label,
                "AID": aid,
                "IAD": "06010A03A00000",
                "Entry method": method,
                "Application Label": label,
            }
        )


def read(job: Job, prompt: str) -> Generator[Pause, Json | None, Card]:
    """Wait for a card.

    Raises:
        TerminalError: there is none, and nothing was authorized.
    """
    job.show(prompt)
    deadline = job.running.at + PATIENCE_S
    presented: Json = {}
    pin = False
    while True:
        step = yield from wait(job, deadline)
        if step.get("confirm_amount") is False:
            raise TerminalError(refusals.CANCELLED, refusals.OPERATION_CANCELLED)
        if "present" in step:
            presented = dict(step)
        if "pin" in step:
            pin = True
            _enter_pin(job, presented, str(step["pin"]))
        if presented and not any("pin" in later for later in job.running.steps):
            return _card(job, presented, pin=pin)


def wait(job: Job, deadline: float) -> Generator[Pause, Json | None, Json]:
    """Wait for the next step of a cardholder.

    Raises:
        TerminalError: time is over, or somebody or something ends the operation.
    """
    try:
        step = yield Pause(until=deadline)
    except Stopped as stop:
        readers.touch(job.world, job.reader)
        job.show("", for_s=0)
        raise _before_anything(job, stop) from None
    if step is None:
        job.show("", for_s=0)
        raise TerminalError(refusals.GENERIC, refusals.TIMED_OUT)
    return step


def _before_anything(job: Job, stop: Stopped) -> TerminalError:
    if stop.by == COMMAND:
        return TerminalError(refusals.CANCELLED, refusals.COMMAND_CANCELLED)
    if stop.by == PERSON:
        return TerminalError(refusals.CANCELLED, refusals.OPERATION_CANCELLED)
    if stop.by == FAILED:
        return TerminalError(stop.code, stop.text)
    return refusals.not_connected(job.reader["hsn"])


def _enter_pin(job: Job, presented: Json, pin: str) -> None:
    if pin == "cancel":
        raise TerminalError(refusals.CANCELLED, refusals.OPERATION_CANCELLED)
    if pin == "wrong":
        presented["decline"] = _WRONG_PIN.get(job.merchant.cardproc, "")


def _card(job: Job, step: Json, *, pin: bool) -> Card:
    pan = str(step.get("pan", scripts.PAN))
    how = "manual" if is_typed(job) else step["present"]
    single_use = how == "contactless"
    token = tokens.keep(job.world, job.merchant.site, pan, unique=single_use)
    return Card(
        token=token,
        brand=emulation.brand(pan),
        expiry=str(step.get("expiry", scripts.EXPIRY)),
        presented=how,
        name=str(step.get("name", scripts.NAME)) if how in ("chip", "swipe") else "",
        pin=pin,
        decline=str(step.get("decline", "")),
        gateway=str(step.get("gateway", "")),
        seconds=float(step.get("seconds", 20)),
    )


def is_typed(job: Job) -> bool:
    """Say whether the number is typed at the reader instead of a card being read."""
    return job.running.name in ("authManual", "readManual")


def check_typing(job: Job) -> None:
    """Refuse what a Clover does not let its customers type.

    Raises:
        TerminalError: with HTTP 400 and errorCode 3.
    """
    if not is_typed(job) or not job.device.clover:
        return
    for name in ("includeCVV", "includeAVS"):
        if job.is_on(name, default=False):
            raise refusals.invalid(f"Invalid value for param: '{name}'.")
    if job.running.name == "readManual":
        raise refusals.invalid("readManual is not supported on Clover terminals")


def asked_for(job: Job) -> str:
    """Return what a reader says while it waits for a card."""
    ways = "Type" if is_typed(job) else "Tap, insert or swipe"
    if not job.is_on("includeAmountDisplay", default=True) or "amount" not in job.given:
        return f"{ways} card"
    return f"{amounts.shown(job.number('amount'))} {job.merchant.currency}\n{ways} card"
