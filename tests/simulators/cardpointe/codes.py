"""The documented response codes: who answers what, and what it is called."""

import json
import pathlib
from dataclasses import dataclass

_DATA = json.loads(pathlib.Path(__file__).with_name("codes.json").read_text(encoding="utf-8"))

# What a processor calls a plain approval; the others say 00.
_APPROVALS = {"RPCT": "000", "AMEX": "000", "PMT": "100"}
# The codes for "I gave less than you asked for".
PARTIAL = {"FNOR": "10", "PTAM": "10", "VANT": "10", "VPS": "10", "RPCT": "002", "PMT": "100"}
# A recurring charge that does not say who initiated it.
_INVALID_TRANSACTION = {"FNOR": "12", "RPCT": "902", "VPS": "12", "PMT": "606"}
_CATEGORY_TEXTS = {
    "1": "Issuer will never approve",
    "2": "Issuer cannot approve at this time",
    "3": "Issuer cannot approve with these details",
}


@dataclass(frozen=True, slots=True)
class Code:
    """One answer: processor, code, A or B or C, and the text."""

    proc: str
    code: str
    stat: str
    text: str


def known(proc: str, code: str) -> Code | None:
    """Return a documented code, if it is one."""
    row = _DATA["codes"].get(proc, {}).get(code)
    return Code(proc, code, row[0], row[1]) if row else None


def named(proc: str, code: str) -> Code:
    """Return a documented code; one that is not documented is a mistake of the caller."""
    found = known(proc, code)
    if found is None:
        raise ValueError(f"{proc} documents no code {code}")
    return found


def approval(proc: str) -> Code:
    """Return how a processor says yes."""
    code = _APPROVALS.get(proc, "00")
    return known(proc, code) or Code(proc, code, "A", "Approval")


def invalid_transaction(proc: str) -> Code:
    """Return how a processor refuses a transaction that contradicts itself."""
    return known(proc, _INVALID_TRANSACTION.get(proc, "")) or named("PPS", "34")


def category(code: Code) -> str:
    """Return Visa's category of a decline where one is documented."""
    found = _DATA["visa_categories"].get(code.proc, {}).get(code.code, "")
    return str(found)


def category_text(number: str) -> str:
    """Return what a category is called."""
    return _CATEGORY_TEXTS[number]
