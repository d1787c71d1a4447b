"""POST /v1/subscriptions/{id}: changing what runs."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import changing, coupons, ending, renewing, standing
from tests.simulators.stripe.engine.carrying_out import carry_out
from tests.simulators.stripe.engine.changing import Change, Effect
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.resources import subscriptions
from tests.simulators.stripe.resources.customers import require_attached
from tests.simulators.stripe.resources.discounts import redemptions_of
from tests.simulators.stripe.routing import Call, route
from tests.simulators.stripe.wire import Params, merge_metadata
from tests.simulators.stripe.world import World

PRORATIONS = ("create_prorations", "always_invoice", "none")


@route("POST", "/v1/subscriptions/{}")
def update_subscription(call: Call) -> Json:
    """Change a running subscription."""
    world, params = call.world, call.params
    subscription = subscriptions.live_subscription(call)
    _respect_schedule(subscription, params)
    behavior = behavior_of(params)
    if behavior == "pending_if_incomplete":
        _refuse_other_than_pending(params)
    if _ends_trial_without_card(world, subscription, params):
        subscription["metadata"] = merge_metadata(subscription["metadata"], params)
        renewing.end_trial(world, subscription)
        return subscription

    def plan(place: World, mine: Json) -> Effect:
        wish = change_of(place, mine, params)
        redemptions = discounts_for(place, mine, params)
        changing.check(place, mine, wish)
        _assign(place, mine, params)
        set_cancellation(place, mine, params)
        _set_pause(place, mine, params)
        if redemptions is not None:
            coupons.put_on(place, mine, redemptions)
        return changing.change(place, mine, wish)

    carry_out(
        world,
        subscription,
        plan,
        behavior=behavior,
        off_session=params.boolean("off_session"),
    )
    return subscription


def _ends_trial_without_card(world: World, subscription: Json, params: Params) -> bool:
    """Say whether a trial ends now as its settings say; a request that brings a card, or that
    changes more than the trial, is an ordinary change."""
    wanted = set(params.data) - {"expand", "metadata", "proration_behavior", "payment_behavior"}
    return (
        wanted == {"trial_end"}
        and params.text("trial_end") == "now"
        and subscription["status"] == "trialing"
        and renewing.without_card(world, subscription) != "create_invoice"
    )


def behavior_of(params: Params) -> str:
    """Return what is to happen when the payment of a change does not go through."""
    return params.choice("payment_behavior", subscriptions.BEHAVIORS, "allow_incomplete")


_PENDING = (
    "billing_cycle_anchor",
    "discounts",
    "expand",
    "items",
    "off_session",
    "payment_behavior",
    "proration_behavior",
    "proration_date",
    "trial_end",
    "trial_from_plan",
)


def _refuse_other_than_pending(params: Params) -> None:
    for name in params.data:
        if name not in _PENDING:
            raise Refusal(
                f"When `payment_behavior` is set to `pending_if_incomplete`, `{name}` cannot be "
                "updated.",
                param=name,
            )


def _respect_schedule(subscription: Json, params: Params) -> None:
    """Refuse what only the schedule may decide while there is one."""
    if subscription["schedule"] is None:
        return
    if params.has("cancel_at") or params.has("cancel_at_period_end"):
        raise Refusal(
            "The subscription is managed by the subscription schedule "
            f"`{subscription['schedule']}`, and updating any cancelation behavior directly is "
            "not allowed. Please update the schedule instead."
        )


def discounts_for(
    world: World, subscription: Json, params: Params
) -> list[coupons.Redemption] | None:
    """Return the discounts a subscription is to have, or None when nothing is said of them."""
    return redemptions_of(
        world,
        params,
        customer=world.store.get("customer", subscription["customer"]),
        currency=subscription["currency"],
        current=subscription["discounts"],
    )


def change_of(world: World, subscription: Json, params: Params) -> Change:
    """Return the change of items, anchor and trial that the parameters ask for."""
    anchor = params.text("billing_cycle_anchor")
    if anchor not in (None, "now", "unchanged"):
        raise Refusal(
            "Invalid billing_cycle_anchor: must be one of now, or unchanged",
            param=params.name("billing_cycle_anchor"),
        )
    return Change(
        edits=[_edit(world, subscription, item) for item in params.each("items")],
        proration=params.choice("proration_behavior", PRORATIONS, PRORATIONS[0]),
        at=params.integer("proration_date"),
        anchor_now=anchor == "now",
        trial_end=_trial_end(world, params),
    )


def _trial_end(world: World, params: Params) -> int | None:
    given = params.text("trial_end")
    if given in (None, "now"):
        return None if given is None else world.now()
    end = params.integer("trial_end") or 0
    if end <= world.now():
        raise Refusal(
            "Invalid timestamp: must be an integer Unix timestamp in the future.",
            param=params.name("trial_end"),
        )
    return end


def _edit(world: World, subscription: Json, params: Params) -> changing.Edit:
    item_id = params.text("id")
    item = None
    if item_id is not None:
        item = world.store.get("subscription_item", item_id, param=params.name("id"))
        if item["subscription"] != subscription["id"]:
            raise Refusal(
                f"No such subscription item: '{item_id}'",
                code="resource_missing",
                param=params.name("id"),
            )
    deleted = params.boolean("deleted")
    price = None
    if params.has("price") or params.has("price_data") or item is None:
        price = subscriptions.recurring_price(world, params)
    quantity = subscriptions.quantity_of(params, item["quantity"] if item is not None else 1)
    metadata = None
    if params.has("metadata"):
        metadata = merge_metadata(item["metadata"] if item is not None else {}, params)
    return changing.Edit(item, price, quantity, deleted=deleted, metadata=metadata)


def _assign(world: World, subscription: Json, params: Params) -> None:
    if params.has("default_payment_method"):
        method_id = params.text("default_payment_method")
        if method_id is not None:
            require_attached(
                world, subscription["customer"], method_id, params, "default_payment_method"
            )
        subscription["default_payment_method"] = method_id
    plain = subscriptions.details(world, params)
    for handled_below in ("cancel_at", "cancel_at_period_end"):
        plain.pop(handled_below, None)
    subscription.update(plain)
    if params.has("collection_method"):
        subscription["collection_method"] = params.need("collection_method")
    subscription["metadata"] = merge_metadata(subscription["metadata"], params)


def set_cancellation(world: World, subscription: Json, params: Params) -> None:
    """Plan when the subscription ends, or that it goes on; note why."""
    if params.has("cancel_at") and params.boolean("cancel_at_period_end"):
        raise Refusal(
            "You cannot set both `cancel_at` and `cancel_at_period_end`.",
            param=params.name("cancel_at"),
        )
    if params.has("cancel_at_period_end"):
        wanted = params.boolean("cancel_at_period_end")
        subscription["cancel_at_period_end"] = wanted
        _note_cancellation(
            world, subscription, standing.period_end(subscription) if wanted else None
        )
    if params.has("cancel_at"):
        moment = moment_of_end(world, subscription, params)
        subscription["cancel_at_period_end"] = False
        _note_cancellation(world, subscription, moment)
        if moment is not None:
            world.schedule(moment, "cancel_at", subscription["id"])
            note_credit(world, subscription, params)
    details = params.inside("cancellation_details")
    for field in ("comment", "feedback"):
        if details.has(field):
            subscription["cancellation_details"][field] = details.text(field)


def moment_of_end(world: World, subscription: Json, params: Params) -> int | None:
    """Return when a subscription is to end: at a moment, or with one of its periods."""
    given = params.text("cancel_at")
    ends: list[int] = [item["current_period_end"] for item in subscription["items"]["data"]]
    if given == "min_period_end":
        return min(ends)
    if given in ("max_period_end", "max_billed_until"):
        return max(ends)
    moment = params.integer("cancel_at")
    if moment is not None and moment <= world.now():
        raise Refusal(
            "Invalid timestamp: must be an integer Unix timestamp in the future.",
            param=params.name("cancel_at"),
        )
    return moment


def note_credit(world: World, subscription: Json, params: Params) -> None:
    """Remember whether the rest of the period is credited when the subscription ends in it."""
    world.store.remove(ending.UNCREDITED, subscription["id"])
    if params.text("proration_behavior") == "none":
        world.store.put(ending.UNCREDITED, subscription["id"], {"id": subscription["id"]})


def _note_cancellation(world: World, subscription: Json, moment: int | None) -> None:
    planned = moment is not None
    subscription["cancel_at"] = moment
    subscription["canceled_at"] = world.now() if planned else None
    subscription["cancellation_details"]["reason"] = "cancellation_requested" if planned else None


def _set_pause(world: World, subscription: Json, params: Params) -> None:
    if not params.has("pause_collection"):
        return
    pause = params.inside("pause_collection")
    if not pause.data:
        subscription["pause_collection"] = None
        return
    resumes = pause.integer("resumes_at")
    subscription["pause_collection"] = {
        "behavior": pause.choice(
            "behavior", ("keep_as_draft", "mark_uncollectible", "void"), "keep_as_draft"
        ),
        "resumes_at": resumes,
    }
    if resumes is not None:
        world.schedule(resumes, "resume_collection", subscription["id"])
