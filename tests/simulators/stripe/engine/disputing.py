"""Disputes: a cardholder's bank takes a payment back until it is decided who is right."""

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine import charging
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.periods import DAY
from tests.simulators.stripe.world import World

FEE = 1500
_ANSWER_DAYS = 9
EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)
_OPEN = ("needs_response", "warning_needs_response", "under_review", "warning_under_review")


def open_dispute(
    world: World,
    charge: Json,
    *,
    reason: str = "fraudulent",
    amount: int | None = None,
    inquiry: bool = False,
) -> Json:
    """Dispute a charge; an inquiry asks first and takes no money yet."""
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise Refusal("Only a captured charge can be disputed.", param="charge")
    if charge["disputed"]:
        raise Refusal(f"Charge {charge['id']} is disputed already.", param="charge")
    total = charge["amount_captured"] if amount is None else amount
    if not 1 <= total <= charge["amount_captured"]:
        raise Refusal("The disputed amount must be a part of the charge.", param="amount")
    dispute = _make(world, charge, reason, total, inquiry=inquiry)
    charge["disputed"] = True
    world.touch(charge)
    world.add(dispute, "charge.dispute.created")
    if not inquiry:
        _move(world, dispute, -total, fee=FEE, event="charge.dispute.funds_withdrawn")
    world.schedule(dispute["evidence_details"]["due_by"], "dispute_overdue", dispute["id"])
    return dispute


def _make(world: World, charge: Json, reason: str, amount: int, *, inquiry: bool) -> Json:
    details = charge["payment_method_details"]
    card = details[details["type"]]
    return {
        "id": ids.new_id("dispute"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": world.now() + _ANSWER_DAYS * DAY,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "network_reason_code": "10.4",
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": card["brand"],
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": card["brand"],
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }


def _move(world: World, dispute: Json, amount: int, *, fee: int, event: str) -> None:
    """Take money off the balance or put it back."""
    moved = charging.book(world, dispute, amount, "adjustment", fee=fee)
    dispute["balance_transactions"].append(moved)
    world.touch(dispute)
    world.emit(event, dispute)


def submit(world: World, dispute: Json) -> None:
    """Hand the evidence in; the caller notes the change."""
    if dispute["status"] not in ("needs_response", "warning_needs_response"):
        raise Refusal("This dispute is no longer open for evidence.", code="dispute_closed")
    details = dispute["evidence_details"]
    details["submission_count"] += 1
    inquiry = dispute["status"].startswith("warning")
    dispute["status"] = "warning_under_review" if inquiry else "under_review"


def decide_by_evidence(world: World, dispute: Json) -> None:
    """End a dispute as Stripe does in tests: the text that was handed in says how."""
    text = dispute["evidence"]["uncategorized_text"]
    handed_in = dispute["status"] in ("under_review", "warning_under_review")
    if handed_in and text in ("winning_evidence", "losing_evidence"):
        decide(world, dispute, won=text == "winning_evidence")


def decide(world: World, dispute: Json, *, won: bool) -> None:
    """End a dispute; who won gets the money back."""
    if dispute["status"] not in _OPEN:
        raise Refusal(f"This dispute is {dispute['status']}.", code="dispute_closed")
    inquiry = dispute["status"].startswith("warning")
    with world.change(dispute, "charge.dispute.updated"):
        dispute["status"] = "warning_closed" if inquiry else ("won" if won else "lost")
    if won and not inquiry:
        _move(world, dispute, dispute["amount"], fee=0, event="charge.dispute.funds_reinstated")
    world.emit("charge.dispute.closed", dispute)


def fall_overdue(world: World, dispute_id: str) -> None:
    """Lose a dispute that nobody answered in time."""
    dispute = world.store.find("dispute", dispute_id)
    if dispute is None or dispute["status"] not in ("needs_response", "warning_needs_response"):
        return
    dispute["evidence_details"]["past_due"] = True
    decide(world, dispute, won=False)
