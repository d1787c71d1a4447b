"""Invoices that do not exist yet: drafted by the functions that will make them, in a rehearsal."""

from tests.simulators.stripe import Json, ids
from tests.simulators.stripe.engine import changing, ending, renewing, standing
from tests.simulators.stripe.engine.rehearsing import Rehearsal
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.periods import DAY
from tests.simulators.stripe.world import World

_RENEWING = ("active", "past_due", "trialing", "unpaid")


def nothing_upcoming(customer: str) -> Refusal:
    """Return the refusal for a customer that is not going to be invoiced."""
    return Refusal(
        f"No upcoming invoices for customer: '{customer}'",
        status=404,
        code="invoice_upcoming_none",
    )


def next_invoice(rehearsal: Rehearsal, subscription: Json, *, recurring: bool = False) -> Json:
    """Return the invoice of the next renewal, in a rehearsal that is used up by it.

    `recurring`: only what every period costs, without what waits for this one invoice.
    """
    customer, former = subscription["customer"], subscription["latest_invoice"]
    if subscription["status"] not in _RENEWING:
        raise nothing_upcoming(customer)
    # Without a card the trial may end otherwise; the preview is of the invoice there would be.
    subscription["trial_settings"] = {"end_behavior": {"missing_payment_method": "create_invoice"}}
    if recurring:
        for entry in list(rehearsal.store.where("invoiceitem", "customer", customer)):
            rehearsal.store.remove("invoiceitem", entry["id"])
    with rehearsal.at(standing.period_end(subscription), rehearsal.clock_id):
        renewing.end_period(rehearsal, subscription)
    if subscription["latest_invoice"] == former:
        raise nothing_upcoming(customer)
    return rehearsal.store.get("invoice", subscription["latest_invoice"])


def after_change(
    rehearsal: Rehearsal,
    subscription: Json,
    wish: changing.Change,
    *,
    recurring: bool = False,
) -> Json:
    """Return the next invoice if a subscription were changed: at once, or at the renewal."""
    effect = changing.change(rehearsal, subscription, wish)
    if not recurring:
        drafted = changing.draft_bill(rehearsal, subscription, effect)
        if drafted is not None:
            return drafted
    return next_invoice(rehearsal, subscription, recurring=recurring)


def shown(invoice: Json, *, proration_date: int | None = None) -> Json:
    """Return a rehearsed draft as a preview: nothing in it can be asked for again."""
    invoice["id"] = f"upcoming_in_{ids.token(24)}"
    invoice["billing_reason"] = "upcoming"
    invoice["ending_balance"] = (
        invoice["starting_balance"] + invoice["total"] - invoice["amount_due"]
    )
    invoice["lines"]["url"] = f"/v1/invoices/{invoice['id']}/lines"
    for line in invoice["lines"]["data"]:
        line["id"] = f"il_tmp_{ids.token(24)}"
        line["invoice"] = invoice["id"]
    if invoice["parent"] is not None and proration_date is not None:
        details = invoice["parent"]["subscription_details"]
        details["subscription_proration_date"] = proration_date
    return invoice


def announce_invoice(world: World, subscription: Json) -> None:
    """Emit `invoice.upcoming` with the invoice as it would be: it has no id yet."""
    if subscription["status"] not in ("active", "past_due"):
        return
    end = standing.period_end(subscription)
    if not end - world.settings["upcoming_days"] * DAY <= world.now() < end:
        return
    rehearsal = Rehearsal(world)
    try:
        invoice = next_invoice(rehearsal, rehearsal.store.get("subscription", subscription["id"]))
    except Refusal:
        return
    invoice = shown(invoice)
    del invoice["id"]
    world.emit("invoice.upcoming", invoice)


def after_cancel(rehearsal: Rehearsal, subscription: Json, *, proration: str) -> Json:
    """Return the last invoice of a subscription if it were canceled now."""
    invoice = ending.cancel(rehearsal, subscription, prorate=proration != "none", invoice_now=True)
    if invoice is None:
        raise nothing_upcoming(subscription["customer"])
    return invoice
