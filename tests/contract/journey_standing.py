"""The journey's part about pauses, resumptions, planned ends and disputes."""

from typing import Any

import stripe

DAY = 86_400


def go(traveller: Any, price: Any, customer: Any) -> None:
    """Drive how subscriptions stand, and how charges are disputed."""
    pauses(traveller, price, customer)
    ends(traveller, price, customer)
    resumptions(traveller, price)
    disputes(traveller, customer)


def subscribe(traveller: Any, price: Any, customer: Any, **more: Any) -> Any:
    return traveller.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price.id}], **more}
    )


def pauses(traveller: Any, price: Any, customer: Any) -> None:
    v1 = traveller.v1
    for behavior in ("keep_as_draft", "mark_uncollectible", "void"):
        made = subscribe(traveller, price, customer)
        resumes = traveller.simulator.now() + 40 * DAY
        v1.subscriptions.update(
            made.id, {"pause_collection": {"behavior": behavior, "resumes_at": resumes}}
        )
        traveller.simulator.advance(41 * DAY)
        found = v1.subscriptions.retrieve(made.id, {"expand": ["latest_invoice"]})
        assert found.pause_collection is None
        v1.subscriptions.cancel(made.id)


def ends(traveller: Any, price: Any, customer: Any) -> None:
    v1 = traveller.v1
    made = subscribe(traveller, price, customer, cancel_at="max_period_end")
    v1.subscriptions.update(made.id, {"cancel_at": "min_period_end"})
    v1.subscriptions.update(made.id, {"cancel_at": ""})
    soon = traveller.simulator.now() + 3 * DAY
    v1.subscriptions.update(
        made.id,
        {
            "cancel_at": soon,
            "cancellation_details": {"comment": "c", "feedback": "unused"},
            "proration_behavior": "create_prorations",
        },
    )
    traveller.simulator.advance(4 * DAY)
    assert v1.subscriptions.retrieve(made.id).status == "canceled"
    trial = subscribe(traveller, price, customer, trial_period_days=9)
    v1.subscriptions.update(trial.id, {"trial_end": traveller.simulator.now() + 12 * DAY})
    v1.subscriptions.update(trial.id, {"trial_end": "now", "proration_behavior": "none"})


def resumptions(traveller: Any, price: Any) -> None:
    v1 = traveller.v1
    for anchor in ("now", "unchanged"):
        customer = v1.customers.create({"email": "paused@example.test"})
        made = subscribe(
            traveller,
            price,
            customer,
            trial_period_days=1,
            trial_settings={"end_behavior": {"missing_payment_method": "pause"}},
        )
        traveller.simulator.advance(2 * DAY)
        v1.subscriptions.resume(
            made.id,
            {"billing_cycle_anchor": anchor, "proration_behavior": "create_prorations"},
        )


def disputes(traveller: Any, customer: Any) -> None:
    v1, simulator = traveller.v1, traveller.simulator
    charges = [row for row in v1.charges.list({"customer": customer.id}).data if row.paid]
    won = simulator.dispute(charges[0].id)
    v1.disputes.update(
        won["id"], {"evidence": {"customer_name": "Ada"}, "submit": False, "metadata": {"a": "1"}}
    )
    v1.disputes.retrieve(won["id"], {"expand": ["charge", "payment_intent"]})
    v1.disputes.list({"charge": charges[0].id})
    v1.disputes.update(won["id"], {"evidence": {"uncategorized_text": "winning_evidence"}})
    lost = simulator.dispute(charges[1].id, reason="duplicate", amount=100)
    traveller.refused(stripe.InvalidRequestError, v1.refunds.create, {"charge": charges[1].id})
    v1.disputes.close(lost["id"])
