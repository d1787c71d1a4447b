"""What the provider's test environment does to answers, so that nobody relies on their looks."""

import random
from typing import Any

from tests.simulators.cardpointe import Json

# Both spellings of the same thing occur.
_SPELLINGS = (("orderid", "orderId"),)
_BLANKS = ("avsresp", "cvvresp")


def disturb(answer: Any, rng: random.Random) -> Any:
    """Shuffle the fields, add invented ones, vary what varies."""
    if isinstance(answer, list):
        return [disturb(entry, rng) if isinstance(entry, dict) else entry for entry in answer]
    if not isinstance(answer, dict):
        return answer
    fields = dict(answer)
    if "respstat" in fields:
        _vary(fields, rng)
    for _ in range(rng.randint(1, 3)):
        fields[f"dummyField{rng.randint(1, 99)}"] = _invented(rng)
    names = list(fields)
    rng.shuffle(names)
    return {name: fields[name] for name in names}


def _vary(fields: Json, rng: random.Random) -> None:
    for one, other in _SPELLINGS:
        if one in fields and rng.random() < 0.5:
            fields[other] = fields.pop(one)
    if fields["respstat"] != "A" and fields.get("respproc") not in ("PPS", None):
        choice = rng.randint(0, 2)
        if choice:
            fields["cardproc"] = fields["respproc"]
        if choice == 2:
            del fields["respproc"]
    for name in _BLANKS:
        # Blank is what "not checked" looks like, so only that may become blank.
        if fields.get(name) in ("G", "X") and rng.random() < 0.5:
            fields[name] = " "


def _invented(rng: random.Random) -> Any:
    return rng.choice(["x", "", [], ["a", "b"], {"nested": {"deep": "1"}}, None, "0.00"])
