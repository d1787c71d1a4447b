"""Sales as a provider's simulator has them: what was taken, held and given back, in minor units."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

_VOIDED, _AUTHORIZED = "Voided", "Authorized"


@dataclasses.dataclass(slots=True)
class Sale:
    """One sale as the provider has it; `basket` is empty where we have nothing of it."""

    basket: str
    name: str
    created: datetime
    is_refused: bool = False
    is_approved: bool = False
    captured: int = 0
    returned: int = 0
    held: int = 0

    @property
    def kept(self) -> int:
        """Return what is taken or held now."""
        return self.captured - self.returned + self.held


def at_gateway(row: dict[str, Any], basket: str) -> Sale:
    """Return an authorization that the gateway has stored."""
    sale = Sale(
        basket,
        row["orderid"],
        datetime.fromtimestamp(row["created"], UTC),
        is_refused=row["respstat"] != "A",
        is_approved=row["respstat"] == "A",
    )
    if row["setlstat"] == _AUTHORIZED:
        sale.held = row["amount"]
    elif row["respstat"] == "A":
        sale.captured = row["captured"]
        sale.returned = sale.captured if row["setlstat"] == _VOIDED else row["refunded"]
    return sale


def at_stripe(intent: dict[str, Any], charges: list[dict[str, Any]], basket: str) -> Sale:
    """Return an intent that Stripe has, with its charges."""
    mine = [row for row in charges if row["payment_intent"] == intent["id"]]
    taken = [row for row in mine if row["status"] == "succeeded" and row["captured"]]
    moment = max((row["created"] for row in mine), default=intent["created"])
    return Sale(
        basket,
        intent["id"],
        datetime.fromtimestamp(moment, UTC),
        is_refused=any(row["status"] == "failed" for row in mine),
        is_approved=any(row["status"] == "succeeded" for row in mine),
        captured=sum(row["amount_captured"] for row in taken),
        # What a capture leaves over counts as refunded there.
        returned=sum(
            row["amount_refunded"] - (row["amount"] - row["amount_captured"]) for row in taken
        ),
        held=intent["amount"] if intent["status"] == "requires_capture" else 0,
    )
