"""Confirming SetupIntents: a card is checked, authenticated and saved for later."""

from tests.simulators.stripe import Json
from tests.simulators.stripe.cards import FAILED_SETUP, Decline
from tests.simulators.stripe.engine import cardholding, charging, standing
from tests.simulators.stripe.world import World


def confirm(
    world: World,
    intent: Json,
    method: str,
    *,
    authenticated: bool = False,
    return_url: str | None = None,
) -> Decline | None:
    """Set a card up; say why not when its issuer refused."""
    card, memory = cardholding.card_of(world, method)
    intent["payment_method"] = method
    intent["last_setup_error"] = None
    intent["next_action"] = None
    attempt = charging.Attempt(method, authenticated=authenticated)
    if charging.must_authenticate(card, memory, attempt):
        intent["status"] = "requires_action"
        intent["next_action"] = charging.challenge_action(world, intent, return_url)
        world.touch(intent)
        world.emit("setup_intent.requires_action", intent)
        return None
    decline = card.attach
    if authenticated and card.authenticates == "always" and card.charge is not None:
        decline = card.charge
    if decline is not None:
        _fail(world, intent, decline)
        return decline
    intent["status"] = "succeeded"
    world.touch(intent)
    if intent["customer"] is not None:
        cardholding.keep(world, world.store.get("payment_method", method), intent["customer"])
    if authenticated:
        cardholding.remember_set_up(world, method)
    world.emit("setup_intent.succeeded", intent)
    _tell_subscription(world, intent)
    return None


def answer_challenge(world: World, intent: Json, *, passed: bool) -> Decline | None:
    """Go on after the cardholder's challenge."""
    if passed:
        return confirm(world, intent, intent["payment_method"], authenticated=True)
    _fail(world, intent, FAILED_SETUP)
    return FAILED_SETUP


def _fail(world: World, intent: Json, decline: Decline) -> None:
    error: Json = {"type": "card_error", "code": decline.code, "message": decline.message}
    if decline.decline_code is not None:
        error["decline_code"] = decline.decline_code
    error["payment_method"] = dict(world.store.get("payment_method", intent["payment_method"]))
    intent["last_setup_error"] = error
    intent["status"] = "requires_payment_method"
    intent["payment_method"] = None
    intent["next_action"] = None
    world.touch(intent)
    world.emit("setup_intent.setup_failed", intent)


def _tell_subscription(world: World, intent: Json) -> None:
    if intent["customer"] is None:
        return
    for subscription in world.store.where("subscription", "customer", intent["customer"]):
        if subscription["pending_setup_intent"] != intent["id"]:
            continue
        with world.change(subscription, standing.UPDATED):
            subscription["pending_setup_intent"] = None
            settings = subscription["payment_settings"]
            if settings["save_default_payment_method"] == "on_subscription":
                subscription["default_payment_method"] = intent["payment_method"]
