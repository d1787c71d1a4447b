"""Refunds: giving back a charge, or part of it."""

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine import charging
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.world import World


def left_of(world: World, charge: Json) -> int:
    """Return what was not given back of a charge yet."""
    refunded = sum(
        row["amount"]
        for row in world.store.where("refund", "charge", charge["id"])
        if row["status"] not in ("failed", "canceled")
    )
    left: int = charge["amount_captured"] - refunded
    return left


def refund(
    world: World,
    charge: Json,
    amount: int | None,
    *,
    reason: str | None = None,
    metadata: Json | None = None,
) -> Json:
    """Give back an amount of a captured charge, or all that is left of it."""
    if not charge["captured"]:
        raise Refusal(f"Charge {charge['id']} has not been captured.", code="charge_not_captured")
    if any(
        not dispute["is_charge_refundable"] and dispute["status"] != "won"
        for dispute in world.store.where("dispute", "charge", charge["id"])
    ):
        raise Refusal(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    left = left_of(world, charge)
    if left == 0:
        raise Refusal(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    amount = left if amount is None else amount
    if not 1 <= amount <= left:
        raise Refusal(
            f"Refund amount (${amount / 100:.2f}) is greater than unrefunded amount on charge "
            f"(${left / 100:.2f})",
            param="amount",
        )
    row = {
        "id": ids.new_id("refund"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": metadata or {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    charging.book(world, row, -amount, "refund")
    world.add(row, "refund.created")
    with world.change(charge, "charge.refunded"):
        charge["amount_refunded"] += amount
        charge["refunded"] = left == amount
    return row
