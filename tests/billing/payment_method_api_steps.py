"""Cards that a tenant adds and lists over HTTP."""

from typing import Any

from tests.billing.api_caller import Caller

PATH = "/billing/payment-methods"


def attached(caller: Caller, card: str = "pm_card_visa", **more: Any) -> dict[str, Any]:
    answer = caller.post(PATH, {"payment_method": card, **more})
    assert answer.status_code == 201, answer.content
    shown: dict[str, Any] = answer.json()
    return shown


def listed(caller: Caller) -> list[tuple[str, bool]]:
    """Return brand and default of every method, newest first."""
    return [(row["brand"], row["is_default"]) for row in caller.get(PATH).json()["data"]]
