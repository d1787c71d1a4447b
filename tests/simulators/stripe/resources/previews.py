"""POST /v1/invoices/create_preview: what an invoice would be, worked out in a rehearsal."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import coupons, previewing, schedules, standing, subscribing
from tests.simulators.stripe.engine.rehearsing import Rehearsal
from tests.simulators.stripe.engine.subscribing import Start
from tests.simulators.stripe.errors import Refusal, missing
from tests.simulators.stripe.resources import subscription_changes, subscriptions
from tests.simulators.stripe.resources.customers import live_customer, make_customer
from tests.simulators.stripe.resources.discounts import redemptions_of
from tests.simulators.stripe.routing import Call, route
from tests.simulators.stripe.wire import Params, merge_metadata


@route("POST", "/v1/invoices/create_preview")
def create_preview(call: Call) -> Json:
    """Return the invoice that a change, a new subscription or the next renewal would make."""
    params = call.params
    rehearsal = Rehearsal(call.world)
    details = params.inside("subscription_details")
    _refuse_unknown(params, details)
    recurring = params.choice("preview_mode", ("next", "recurring"), "next") == "recurring"
    subscription = _subscription(rehearsal, params, details)
    if subscription is None:
        return previewing.shown(_first(rehearsal, params, details, recurring=recurring))
    redemptions = subscription_changes.discounts_for(rehearsal, subscription, params)
    if redemptions is not None:
        coupons.put_on(rehearsal, subscription, redemptions)
    wish = subscription_changes.change_of(rehearsal, subscription, details)
    if details.boolean("cancel_now"):
        invoice = previewing.after_cancel(rehearsal, subscription, proration=wish.proration)
    else:
        subscription_changes.set_cancellation(rehearsal, subscription, details)
        invoice = previewing.after_change(rehearsal, subscription, wish, recurring=recurring)
    return previewing.shown(invoice, proration_date=wish.at)


def _refuse_unknown(params: Params, details: Params) -> None:
    """Refuse what would change the preview and is not worked out here."""
    for place, names in (
        (params, ("invoice_items", "schedule_details")),
        (details, ("billing_schedules", "default_tax_rates", "resume_at")),
    ):
        for name in names:
            if place.raw(name):
                raise Refusal(f"The simulator does not know `{name}` yet.", param=place.name(name))


def _subscription(rehearsal: Rehearsal, params: Params, details: Params) -> Json | None:
    """Return the subscription that is meant: named, or the customer's that renews first."""
    customer_id = params.text("customer")
    named = params.text("subscription")
    schedule_id = params.text("schedule")
    if schedule_id is not None:
        named = rehearsal.store.get(schedules.KIND, schedule_id, param="schedule")["subscription"]
    if named is not None:
        found = rehearsal.store.get("subscription", named, param="subscription")
        if customer_id not in (None, found["customer"]):
            raise Refusal(
                f"The subscription {named} does not belong to the customer {customer_id}.",
                param="subscription",
            )
    elif details.has("items"):
        return None
    else:
        if customer_id is None:
            raise missing("customer")
        live_customer(rehearsal, customer_id, param="customer")
        running = [
            row
            for row in rehearsal.store.where("subscription", "customer", customer_id)
            if row["status"] in ("active", "past_due", "trialing", "unpaid")
        ]
        if not running:
            raise previewing.nothing_upcoming(customer_id)
        found = min(running, key=standing.period_end)
    if found["status"] in standing.ENDED:
        raise previewing.nothing_upcoming(found["customer"])
    rehearsal.follow_clock_of(found)
    return found


def _first(rehearsal: Rehearsal, params: Params, details: Params, *, recurring: bool) -> Json:
    """Return the first invoice of a subscription that does not exist yet."""
    customer_id = params.text("customer")
    if customer_id is not None:
        customer = live_customer(rehearsal, customer_id, param="customer")
    else:
        customer = rehearsal.add(make_customer(rehearsal, email=None))
    subscriptions.refuse_anchor(details)
    items = subscriptions.wanted_items(rehearsal, details)
    redemptions = redemptions_of(
        rehearsal, params, customer=customer, currency=items[0].price["currency"]
    )
    wish = Start(
        customer=customer,
        items=items,
        discounts=redemptions or [],
        behavior="default_incomplete",
        trial_end=subscriptions.trial_end(rehearsal, details),
        metadata=merge_metadata({}, details),
        details=subscriptions.details(rehearsal, details),
    )
    with rehearsal.at(_start(rehearsal, details), rehearsal.clock_id):
        subscription, invoice = subscribing.draft(rehearsal, wish)
    if recurring:
        subscription["status"] = "active"
        return previewing.next_invoice(rehearsal, subscription, recurring=True)
    return invoice


def _start(rehearsal: Rehearsal, details: Params) -> int:
    """Return when a subscription that does not exist yet would begin."""
    named = details.integer("start_date")
    if named is not None and named < rehearsal.now():
        raise Refusal(
            "A start in the past is not previewed here.", param=details.name("start_date")
        )
    return named or rehearsal.now()
