"""Completing a Checkout Session: what a submitted card sets in motion."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.cards import Decline
from tests.simulators.stripe.engine import (
    cardholding,
    intents,
    invoicing,
    settling,
    setups,
    subscribing,
)
from tests.simulators.stripe.engine.charging import Attempt
from tests.simulators.stripe.engine.coupons import Redemption
from tests.simulators.stripe.engine.subscribing import Start, Wanted
from tests.simulators.stripe.resources.customers import make_customer
from tests.simulators.stripe.resources.discounts import redemptions_of
from tests.simulators.stripe.resources.subscriptions import details, trial_end
from tests.simulators.stripe.wire import Params
from tests.simulators.stripe.world import World


def submit(
    world: World, session: Json, method: Json, *, email: str | None, name: str | None
) -> Decline | None:
    """Pay, subscribe or save with a card. Afterwards the session is complete, or its intent waits
    for the cardholder, or the decline is returned and the card may be replaced."""
    begun = world.store.get("_checkout", session["id"])
    _know_customer(world, session, begun, email=email, name=name)
    intent = _intent(world, session, begun)
    begun["awaits"], begun["method"] = intent["id"] if intent else None, method["id"]
    begun["who"] = {"email": email, "name": name}
    world.store.touch("_checkout", session["id"])
    if intent is None:
        cardholding.attach(world, method, begun["customer"])
        complete(world, session)
        return None
    back = f"{world.public_url}/c/pay/{session['id']}/return"
    if intent["object"] == "setup_intent":
        decline = setups.confirm(world, intent, method["id"], return_url=back)
    else:
        decline = settling.confirm(world, intent, Attempt(method["id"], return_url=back))
    if decline is None and intent["status"] in ("succeeded", "requires_capture"):
        complete(world, session)
    return decline


def follow_challenge(world: World, intent: Json) -> None:
    """Complete the session that waited for this intent, once the cardholder has passed."""
    if intent["status"] not in ("succeeded", "requires_capture"):
        return
    for begun in list(world.store.where("_checkout", "awaits", intent["id"])):
        session = world.store.get("checkout.session", begun["id"])
        if session["status"] == "open":
            complete(world, session)


def _know_customer(
    world: World, session: Json, begun: Json, *, email: str | None, name: str | None
) -> None:
    needed = session["mode"] != "payment" or session["customer_creation"] == "always"
    if begun["customer"] is not None or not needed:
        return
    customer = make_customer(world, email=email, name=name)
    world.add(customer, "customer.created")
    begun["customer"] = customer["id"]


def _intent(world: World, session: Json, begun: Json) -> Json | None:
    """Return the intent this session is paid or set up with; the first submit makes it."""
    if session["mode"] == "subscription":
        return _subscription_intent(world, begun)
    data = Params(begun["data"], "data")
    if session["mode"] == "setup":
        known = world.store.find("setup_intent", session["setup_intent"] or "")
        if known is None:
            known = intents.make_setup_intent(world, customer=begun["customer"])
            known["metadata"] = data.table("metadata")
            world.add(known, "setup_intent.created")
            session["setup_intent"] = known["id"]
        return known
    known = world.store.find("payment_intent", session["payment_intent"] or "")
    if known is None:
        known = intents.make_payment_intent(
            world,
            amount=session["amount_total"],
            currency=session["currency"],
            customer=begun["customer"],
            capture_method=data.text("capture_method") or "automatic",
            setup_future_usage=data.text("setup_future_usage"),
            description=data.text("description"),
        )
        known["metadata"] = data.table("metadata")
        world.add(known, "payment_intent.created")
        session["payment_intent"] = known["id"]
        world.touch(session)
    return known


def _subscription_intent(world: World, begun: Json) -> Json | None:
    subscription = world.store.find("subscription", begun["subscription"] or "")
    if subscription is None or subscription["status"] == "incomplete_expired":
        data = Params(begun["data"], "subscription_data")
        subscription = subscribing.start(
            world,
            Start(
                customer=world.store.get("customer", begun["customer"]),
                items=[
                    Wanted(world.store.get("price", item["price"]), item["quantity"])
                    for item in begun["items"]
                ],
                behavior="default_incomplete",
                discounts=_discounts(world, begun),
                trial_end=trial_end(world, data),
                metadata=data.table("metadata"),
                details=details(world, data),
            ),
        )
        begun["subscription"] = subscription["id"]
    if subscription["pending_setup_intent"] is not None:
        return world.store.get("setup_intent", subscription["pending_setup_intent"])
    if subscription["status"] != "incomplete":
        return None
    invoice = world.store.get("invoice", subscription["latest_invoice"])
    return invoicing.intent_of(world, invoice)


def _discounts(world: World, begun: Json) -> list[Redemption]:
    return (
        redemptions_of(
            world,
            Params({"discounts": begun.get("discounts") or {}}),
            customer=world.store.get("customer", begun["customer"]),
            currency=world.store.get("price", begun["items"][0]["price"])["currency"],
        )
        or []
    )


def complete(world: World, session: Json) -> None:
    """Close a session that reached its goal, and say so."""
    begun = world.store.get("_checkout", session["id"])
    who = begun["who"]
    session["status"], session["url"] = "complete", None
    session["customer"] = begun["customer"]
    session["customer_details"] = {
        "address": None,
        "business_name": None,
        "email": who["email"],
        "individual_name": None,
        "name": who["name"],
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
    subscription = world.store.find("subscription", begun["subscription"] or "")
    if subscription is not None:
        session["subscription"] = subscription["id"]
        session["invoice"] = subscription["latest_invoice"]
        if subscription["default_payment_method"] is None:
            with world.change(subscription, "customer.subscription.updated"):
                subscription["default_payment_method"] = begun["method"]
    if session["mode"] != "setup":
        free = subscription is not None and subscription["status"] == "trialing"
        session["payment_status"] = "no_payment_required" if free else "paid"
    world.touch(session)
    world.emit("checkout.session.completed", session)
