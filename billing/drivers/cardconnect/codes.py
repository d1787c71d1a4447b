"""The gateway's closed list of response codes, and which of them approve a payment."""

import functools
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast

Status = Literal["A", "B", "C"]

_FILE = Path(__file__).with_name("respcodes.txt")

# "Approved" answers of other operations: a deleted or saved profile, a transaction that is settled
# already, a reversal, the keys of a terminal. None of them says that a payment was approved.
_APPROVE_SOMETHING_ELSE = frozenset(
    {
        ("PPS", "08"),
        ("PPS", "09"),
        ("PPS", "26"),
        ("FNOR", "76"),
        ("NASH", "76"),
        ("FOMA", "76"),
        ("RPCT", "701"),
        ("RPCT", "703"),
        ("AMEX", "400"),
    }
)


@functools.cache
def table() -> MappingProxyType[tuple[str, str], Status]:
    """Return the documented status of every (processor, code)."""
    known: dict[tuple[str, str], Status] = {}
    for line in _FILE.read_text(encoding="ascii").splitlines():
        if line.startswith("#"):
            continue
        processor, status, *codes = line.split()
        known.update(dict.fromkeys(((processor, code) for code in codes), cast("Status", status)))
    return MappingProxyType(known)


def status_of(processor: str, code: str) -> Status | None:
    """Return what a code means; None for one that is on no list."""
    return table().get((processor, code))


def approves_payment(processor: str, code: str) -> bool:
    """Say whether this is one of the documented approvals of a payment."""
    key = (processor, code)
    return table().get(key) == "A" and key not in _APPROVE_SOMETHING_ELSE
