"""What a cardholder does at a reader, step by step, or by the name of how it ends."""

from tests.simulators.cardpointe import Json, emulation

PAN, EXPIRY, NAME = "4788250000121443", "1239", "John Smith"
PRESENTED = ("contactless", "chip", "swipe", "manual")
# How the gateway can leave the service without an answer to an authorization.
NO_ANSWERS = ("drop_before", "drop_after", "late_commit")

_STEPS = {
    "wait", "confirm_amount", "present", "pin", "signature", "confirm", "input", "tip", "cancel",
    "unplug", "plug", "error",
}  # fmt: skip
_DETAILS = {
    "present": {"pan", "expiry", "name", "decline", "gateway", "seconds"},
    "error": {"text"},
}
_OPTIONS = {"outcome", "wait", "then_wait", "present", "code", "tip", "input", "text"}
_CARD = ("pan", "expiry", "name", "seconds")
OUTCOMES = (
    "approve",
    "decline",
    "cancel_at_terminal",
    "no_action",
    "unplug_before_auth",
    "unplug_after_auth",
    "late_cancel",
    "gateway_down",
    "gateway_lost",
    "gateway_late",
    "error",
)
_GATEWAY = {
    "gateway_down": "drop_before",
    "gateway_lost": "drop_after",
    "gateway_late": "late_commit",
}


def check(script: Json) -> None:
    """Refuse a script that nobody could act out.

    Raises:
        ValueError: a step or an outcome is unknown.
    """
    if "steps" in script:
        if set(script) != {"steps"}:
            raise ValueError("give steps, or an outcome and its details")
        for step in script["steps"]:
            check_step(step)
        return
    if unknown := sorted(set(script) - _OPTIONS - set(_CARD)):
        raise ValueError(f"a script has no {', '.join(unknown)}")
    if script and script.get("outcome", "approve") not in OUTCOMES:
        raise ValueError(f"outcome is one of {', '.join(OUTCOMES)}")
    if script.get("outcome") in ("decline", "error") and not script.get("code"):
        raise ValueError(f"{script['outcome']} needs a code")
    for step in steps(script, "authCard"):
        check_step(step)


def check_step(step: Json) -> None:
    """Refuse a step that is none."""
    kinds = set(step) & _STEPS
    if len(kinds) != 1:
        raise ValueError(f"a step is one of {', '.join(sorted(_STEPS))}")
    kind = kinds.pop()
    if unknown := sorted(set(step) - {kind} - _DETAILS.get(kind, set())):
        raise ValueError(f"the step {kind} has no {', '.join(unknown)}")
    if kind == "present" and step["present"] not in PRESENTED:
        raise ValueError(f"present is one of {', '.join(PRESENTED)}")
    if str(step.get("pan", PAN)) not in emulation.TEST_PANS:
        # Scripts are kept; other numbers never are.
        raise ValueError("pan is one of the provider's test cards")
    if step.get("gateway", NO_ANSWERS[0]) not in NO_ANSWERS:
        raise ValueError(f"gateway is one of {', '.join(NO_ANSWERS)}")


def steps(script: Json, op: str) -> list[Json]:
    """Return what is done while an operation runs; nothing when a person is to do it."""
    if "steps" in script:
        return list(script["steps"])
    if not script:
        return []
    before = [{"wait": script["wait"]}] if script.get("wait") else []
    between = [{"wait": script["then_wait"]}] if script.get("then_wait") else []
    return before + _acts(script, op, between)


def _acts(script: Json, op: str, between: list[Json]) -> list[Json]:
    outcome = script.get("outcome", "approve")
    if outcome == "no_action":
        return []
    if outcome == "cancel_at_terminal":
        return [{"cancel": True}]
    if outcome == "unplug_before_auth":
        return [{"unplug": True}]
    if outcome == "error":
        return [{"error": int(script["code"]), "text": script.get("text", "Terminal error")}]
    if answer := _answer(script, op):
        return [answer]
    card = _card(script, outcome)
    last = {"late_cancel": [{"cancel": True}], "unplug_after_auth": [{"unplug": True}]}
    return [{"confirm_amount": True}, card, *between, *last.get(outcome, [])]


def _answer(script: Json, op: str) -> Json | None:
    """Return what a willing cardholder answers to a question that is not about a card."""
    answers: dict[str, Json] = {
        "readConfirmation": {"confirm": True},
        "readInput": {"input": script.get("input", "12345")},
        "readSignature": {"signature": True},
        "tip": {"tip": script.get("tip", 0)},
    }
    return answers.get(op)


def _card(script: Json, outcome: str) -> Json:
    card: Json = {"present": script.get("present", "contactless")}
    card.update({name: script[name] for name in _CARD if name in script})
    if outcome == "decline":
        card["decline"] = str(script["code"])
    if outcome in _GATEWAY:
        card["gateway"] = _GATEWAY[outcome]
    return card
