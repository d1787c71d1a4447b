"""Subscriptions in the portal: cancel, keep, change."""

from html import escape

from starlette.responses import Response

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import lines
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.pages.acting import act
from tests.simulators.stripe.pages.html import alert, day, money
from tests.simulators.stripe.pages.portal_visit import Visit

_REASONS = {
    "customer_service": "Customer service was less than expected",
    "low_quality": "Quality was less than expected",
    "missing_features": "Some features are missing",
    "other": "Other reason",
    "switched_service": "I am switching to a different service",
    "too_complex": "Ease of use was less than expected",
    "too_expensive": "It is too expensive",
    "unused": "I do not use the service enough",
}


def ends_at(subscription: Json) -> int | None:
    """Return when a subscription ends, if that is planned."""
    moment: int | None = subscription["cancel_at"]
    if moment is None and subscription["cancel_at_period_end"]:
        moment = _last_end(subscription)
    return moment


def _last_end(subscription: Json) -> int:
    return max(int(item["current_period_end"]) for item in subscription["items"]["data"])


def priced(visit: Visit, price: Json, quantity: int) -> str:
    """Return what is paid for how many of what, and how often."""
    product = visit.world.store.find("product", price["product"])
    name = product["name"] if product else price["product"]
    recurring = price["recurring"]
    count = recurring["interval_count"]
    every = recurring["interval"] if count == 1 else f"{count} {recurring['interval']}s"
    if recurring["usage_type"] == "metered":
        return f"{name}: by usage, every {every}"
    many = f"{quantity} of {name}" if quantity != 1 else name
    return f"{many}: {money(lines.amount_of(price, quantity), price['currency'])} / {every}"


def listed(visit: Visit) -> str:
    """Return what runs, with what can be done to it."""
    shown = "".join(_subscription(visit, row) for row in visit.running())
    return shown or "<p>Nothing is running.</p>"


def _subscription(visit: Visit, row: Json) -> str:
    items = "".join(
        f"<p>{escape(priced(visit, item['price'], item['quantity']))}</p>"
        for item in row["items"]["data"]
    )
    return f"<section>{items}<p class='note'>{escape(_state(row))}</p>{_acts(visit, row)}</section>"


def _state(row: Json) -> str:
    planned = ends_at(row)
    if planned is not None:
        return f"Ends on {day(planned)}."
    end = day(_last_end(row))
    wordings = {
        "trialing": f"On trial until {end}.",
        "active": f"Renews on {end}.",
        "past_due": "The last payment failed.",
        "unpaid": "Not paid.",
        "incomplete": "Waits for its first payment.",
        "paused": "Paused.",
    }
    return wordings.get(row["status"], str(row["status"]))


def _acts(visit: Visit, row: Json) -> str:
    acts = ""
    if visit.may("subscription_update") and _choices(visit, row):
        acts += f'<a class="button quiet" href="{visit.home}/change/{row["id"]}">Change plan</a>'
    if not visit.may("subscription_cancel"):
        return acts
    if ends_at(row) is not None:
        return acts + (
            f'<form method="post" action="{visit.home}/keep/{row["id"]}">'
            '<button class="quiet">Keep subscription</button></form>'
        )
    link = f"{visit.home}/cancel/{row['id']}"
    return f'{acts}<a class="button quiet" href="{link}">Cancel subscription</a>'


# -------------------------------------------------------------------- cancel and keep


def cancel(visit: Visit, subscription_id: str) -> Response:
    """Ask once more, or cancel: now, or when what was paid for is over."""
    feature = visit.require("subscription_cancel")
    subscription = visit.subscription(subscription_id)
    if not visit.posted:
        return _cancel_form(visit, subscription, feature)
    path = f"/v1/subscriptions/{subscription_id}"
    details = {name: visit.given[name] for name in ("feedback", "comment") if visit.given.get(name)}
    wanted: Json = {"cancellation_details": details} if details else {}
    if feature["mode"] == "immediately":
        if feature["proration_behavior"] != "none":
            wanted["prorate"] = "true"
            wanted["invoice_now"] = str(feature["proration_behavior"] == "always_invoice").lower()
        act(visit.world, "DELETE", path, wanted)
        return visit.go("canceled")
    # As Stripe has it: only classic billing sets the flag, flexible billing sets the moment.
    if subscription["billing_mode"]["type"] == "classic":
        wanted["cancel_at_period_end"] = "true"
    else:
        wanted["cancel_at"] = str(_last_end(subscription))
    act(visit.world, "POST", path, wanted)
    return visit.go("canceled")


def _cancel_form(visit: Visit, subscription: Json, feature: Json) -> Response:
    when = "now"
    if feature["mode"] == "at_period_end":
        when = f"on {day(_last_end(subscription))}"
    reason = feature["cancellation_reason"]
    asked = ""
    if reason["enabled"]:
        options = "".join(
            f'<option value="{escape(key)}">{escape(_REASONS.get(key, key))}</option>'
            for key in reason["options"]
        )
        asked = (
            '<label for="feedback">Why do you cancel? (optional)</label>'
            f'<select id="feedback" name="feedback"><option value=""></option>{options}</select>'
            '<label for="comment">Anything else? (optional)</label>'
            '<textarea id="comment" name="comment" rows="3"></textarea>'
        )
    body = (
        f"<p>Your subscription then ends {when}.</p>"
        f'<form method="post" action="{visit.home}/cancel/{subscription["id"]}">{asked}'
        '<button class="primary">Cancel subscription</button></form>'
    )
    return visit.show("Cancel your subscription", body)


def keep(visit: Visit, subscription_id: str) -> Response:
    """Take a planned cancellation back."""
    visit.require("subscription_cancel")
    subscription = visit.subscription(subscription_id)
    wanted = {"cancel_at": ""}
    if subscription["cancel_at_period_end"]:
        wanted = {"cancel_at_period_end": "false"}
    act(visit.world, "POST", f"/v1/subscriptions/{subscription_id}", wanted)
    return visit.go("kept")


# -------------------------------------------------------------------- change


def _choices(visit: Visit, subscription: Json) -> dict[str, Json]:
    """Return the prices a single item may change to, by id, with the rules of their product."""
    items = subscription["items"]["data"]
    if len(items) != 1 or ends_at(subscription) is not None:
        return {}
    feature = visit.features["subscription_update"]
    currency = items[0]["price"]["currency"]
    return {
        price_id: product["adjustable_quantity"]
        for product in feature["products"] or []
        for price_id in product["prices"]
        if visit.world.store.get("price", price_id)["currency"] == currency
    }


def _wanted(visit: Visit, subscription: Json) -> tuple[Json, str, int]:
    """Return item, price and quantity as chosen; refuse what the portal does not offer."""
    flow = visit.session["flow"]
    if flow is not None and flow["type"] == "subscription_update_confirm":
        fixed = flow["subscription_update_confirm"]["items"][0]
        item = visit.world.store.get("subscription_item", fixed["id"])
        return item, fixed["price"], fixed["quantity"]
    item = subscription["items"]["data"][0]
    choices = _choices(visit, subscription)
    allowed = visit.features["subscription_update"]["default_allowed_updates"]
    price_id, quantity = visit.given.get("price"), item["quantity"]
    if price_id not in choices or (price_id != item["price"]["id"] and "price" not in allowed):
        raise Refusal("Please choose one of the plans.")
    rule, given = choices[price_id], visit.given.get("quantity", "")
    if "quantity" in allowed and rule["enabled"] and given:
        most = rule["maximum"] or 999_999
        if not given.isdigit() or not rule["minimum"] <= int(given) <= most:
            raise Refusal(f"Please choose a quantity between {rule['minimum']} and {most}.")
        quantity = int(given)
    return item, price_id, quantity


def change(visit: Visit, subscription_id: str) -> Response:
    """Offer the plans, show what was chosen, and change to it once that is confirmed."""
    feature = visit.require("subscription_update")
    subscription = visit.subscription(subscription_id)
    flow = visit.session["flow"]
    fixed = flow is not None and flow["type"] == "subscription_update_confirm"
    if not (visit.posted or fixed):
        return _offer(visit, subscription, None)
    try:
        item, price_id, quantity = _wanted(visit, subscription)
    except Refusal as refusal:
        return _offer(visit, subscription, refusal.message)
    if visit.given.get("confirmed") != "yes":
        return _confirmation(visit, subscription, price_id, quantity, None)
    wanted = {
        "items": {"0": {"id": item["id"], "price": price_id, "quantity": str(quantity)}},
        "proration_behavior": feature["proration_behavior"],
        "payment_behavior": "error_if_incomplete",
    }
    try:
        act(visit.world, "POST", f"/v1/subscriptions/{subscription_id}", wanted)
    except Refusal as refusal:
        return _confirmation(visit, subscription, price_id, quantity, refusal.message)
    return visit.go("changed")


def _offer(visit: Visit, subscription: Json, problem: str | None) -> Response:
    current = subscription["items"]["data"][0]
    choices = _choices(visit, subscription)
    allowed = visit.features["subscription_update"]["default_allowed_updates"]
    plans = ""
    for price_id in choices:
        price = visit.world.store.get("price", price_id)
        mine = price_id == current["price"]["id"]
        if not mine and "price" not in allowed:
            continue
        marked, note = (" checked", " (now)") if mine else ("", "")
        plans += (
            f'<label class="choice"><input type="radio" name="price" value="{price_id}"{marked}>'
            f"<span>{escape(priced(visit, price, 1))}{note}</span></label>"
        )
    counted = ""
    if "quantity" in allowed and any(rule["enabled"] for rule in choices.values()):
        counted = (
            '<label for="quantity">Quantity</label><input id="quantity" name="quantity" '
            f'inputmode="numeric" value="{current["quantity"]}">'
        )
    body = (
        f'{alert(problem)}<form method="post" action="{visit.home}/change/{subscription["id"]}">'
        f"<fieldset><legend>Plans</legend>{plans}</fieldset>{counted}"
        '<button class="primary">Continue</button></form>'
    )
    return visit.show("Change your plan", body, status=400 if problem else 200)


def _confirmation(
    visit: Visit, subscription: Json, price_id: str, quantity: int, problem: str | None
) -> Response:
    price = visit.world.store.get("price", price_id)
    feature = visit.features["subscription_update"]
    billed = {
        "always_invoice": "The difference is charged now.",
        "create_prorations": "The difference is on your next invoice.",
        "none": "The new price counts from the next period on.",
    }[feature["proration_behavior"]]
    body = (
        f"{alert(problem)}<p>{escape(priced(visit, price, quantity))}</p>"
        f'<p class="note">{billed}</p>'
        f'<form method="post" action="{visit.home}/change/{subscription["id"]}">'
        f'<input type="hidden" name="price" value="{price_id}">'
        f'<input type="hidden" name="quantity" value="{quantity}">'
        '<button class="primary" name="confirmed" value="yes">Confirm</button></form>'
    )
    return visit.show("Confirm your new plan", body, status=402 if problem else 200)
