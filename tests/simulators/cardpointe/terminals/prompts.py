"""What a reader asks its cardholder besides for money: to agree, to type, to sign, to tip."""

from collections.abc import Callable
from typing import Any

from tests.simulators.cardpointe import Json, amounts
from tests.simulators.cardpointe.terminals import cards, payments
from tests.simulators.cardpointe.terminals.job import Job
from tests.simulators.cardpointe.terminals.operations import Work

_CENTS = 100


def read_confirmation(job: Job) -> Work:
    """Ask for yes or no."""
    return {"confirmed": bool((yield from _ask(job, "confirm", job.text("prompt"))))}


def read_input(job: Job) -> Work:
    """Ask for something to be typed; what does not fit is asked for again."""
    shortest, longest = job.number("minLength"), job.number("maxLength", 1000)

    def fits(typed: Any) -> bool:
        return shortest <= len(str(typed)) <= longest

    return {"input": str((yield from _ask(job, "input", job.text("prompt"), fits)))}


def read_signature(job: Job) -> Work:
    """Ask for a signature."""
    yield from _ask(job, "signature", job.text("prompt") or "Please sign")
    return {"signature": payments.SIGNATURE}


def tip(job: Job) -> Work:
    """Ask for a tip, in cents; the answer is in the unit of the switch."""
    amount = job.number("amount")
    presets = job.given.get("tipPercentPresets") or []
    shown = "  ".join(f"{percent} %" for percent in presets)
    prompt = f"{job.text('prompt')}\n{amounts.shown(amount)}\n{shown}".strip()
    given = int((yield from _ask(job, "tip", prompt)))
    if job.world.setting("terminal_tips_in") == "dollars":
        return {"amount": amount, "tip": given / _CENTS, "total": (amount + given) / _CENTS}
    return {"amount": amount, "tip": given, "total": amount + given}


def read_card(job: Job) -> Work:
    """Read a card without a payment."""
    cards.check_typing(job)
    card = yield from cards.read(job, cards.asked_for(job))
    job.show("", for_s=0)
    found: Json = {
        "token": card.token,
        "expiry": card.expiry,
        "singleUseToken": card.is_single_use,
    }
    if card.name:
        found["name"] = card.name
    if job.is_on("includeSignature", default=False) and job.device.signature:
        found["signature"] = payments.SIGNATURE
    return found


def _ask(
    job: Job, kind: str, prompt: str, fits: Callable[[Any], bool] = lambda _answer: True
) -> Any:
    """Wait for a kind of answer."""
    job.show(prompt)
    deadline = job.running.at + cards.PATIENCE_S
    while True:
        step = yield from cards.wait(job, deadline)
        if kind in step and fits(step[kind]):
            job.show("", for_s=0)
            return step[kind]
