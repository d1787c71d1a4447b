"""Names and numbers that all parts of a benchmark agree on.

Everything follows from a number, so that the load, the provider's stand-in and the rows in the
database agree without talking to each other.
"""

import hashlib
from uuid import UUID

PRICE_ID = "price_bench"
PRODUCT_ID = "prod_bench"
ACCOUNT_ID = "acct_bench"
START = 1_790_000_000  # a moment in 2026; the rows' old period ends there, the new one begins
MONTH = 30 * 86_400
AMOUNT = 1900


def row_id(kind: str, number: int) -> UUID:
    """Return the id of our own row (`md5('<kind>:<number>')` in the database)."""
    return UUID(hashlib.md5(f"{kind}:{number}".encode(), usedforsecurity=False).hexdigest())


def external_id(prefix: str, number: int) -> str:
    """Return an object's id at the provider, as `sub_bench0000000042`."""
    return f"{prefix}_bench{number:010d}"


def number_of(object_id: str) -> int:
    """Return the number an id was made from; 0 for the catalogue's ids."""
    tail = object_id.rpartition("_bench")[2]
    return int(tail) if tail.isdigit() else 0
