"""The card form that the hosted pages share, and the card that was typed into it."""

from collections.abc import Mapping

from tests.simulators.stripe import Json
from tests.simulators.stripe.pages.html import field
from tests.simulators.stripe.resources.payment_methods import billing_details, card_from_number
from tests.simulators.stripe.wire import Params
from tests.simulators.stripe.world import World


def card_fields(given: Mapping[str, str]) -> str:
    """Return the labelled inputs of a card; its number and code are never shown again."""
    name, postal = given.get("name", ""), given.get("postal", "")
    return (
        field("number", "Card number", autocomplete="cc-number", mode="numeric", wide=True)
        + field("expiry", "Expiration date", autocomplete="cc-exp", mode="numeric", hint="MM / YY")
        + field("cvc", "Security code", autocomplete="cc-csc", mode="numeric")
        + field("name", "Name on card", autocomplete="cc-name", value=name, wide=True)
        + field("postal", "Postal code", autocomplete="postal-code", value=postal, wide=True)
    )


def card_from_form(world: World, given: Mapping[str, str]) -> Json:
    """Make a PaymentMethod of what was typed; refuse what no card can be."""
    month, _, year = given.get("expiry", "").replace(" ", "").partition("/")
    card = {
        "number": given.get("number", ""),
        "exp_month": month if month.isdigit() else "0",
        "exp_year": year if year.isdigit() else "0",
        "cvc": given.get("cvc", ""),
    }
    billing = Params(
        {
            "name": given.get("name", ""),
            "email": given.get("email", ""),
            "address": {"postal_code": given.get("postal", "")},
        }
    )
    return card_from_number(world, Params(card), billing=billing_details(billing))


def described(method: Json) -> str:
    """Return a card as its holder knows it."""
    card = method["card"]
    expiry = f"{card['exp_month']:02d}/{card['exp_year'] % 100:02d}"
    return f"{str(card['brand']).capitalize()} ending in {card['last4']}, expires {expiry}"
