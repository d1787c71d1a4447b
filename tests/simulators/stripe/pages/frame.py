"""The iframe behind a card or payment element."""

from starlette.requests import Request
from starlette.responses import Response

from tests.simulators.stripe.pages.html import page
from tests.simulators.stripe.world import World

# field -> label, autocomplete, placeholder, name in the card element, name in the payment element
_FIELDS = {
    "number": ("Card number", "cc-number", "1234 1234 1234 1234", "cardnumber", "number"),
    "expiry": ("Expiration date", "cc-exp", "MM / YY", "exp-date", "expiry"),
    "cvc": ("Security code", "cc-csc", "CVC", "cvc", "cvc"),
    "postal": ("Postal code", "postal-code", "12345", "postal", "postalCode"),
}


def _field(key: str, kind: str) -> str:
    label, autocomplete, placeholder, in_card, in_payment = _FIELDS[key]
    name = in_card if kind == "card" else in_payment
    mode = "text" if key == "postal" else "numeric"
    return (
        f'<div data-part="{key}"><label for="{key}">{label}</label>'
        f'<input id="{key}" name="{name}" data-field="{key}" autocomplete="{autocomplete}" '
        f'inputmode="{mode}" placeholder="{placeholder}" aria-describedby="note" '
        'spellcheck="false" autocapitalize="off"></div>'
    )


async def show(_world: World, request: Request, _name: str) -> Response:
    """Answer with the fields; what is typed there goes from here to the API only."""
    kind = request.query_params.get("type", "card")
    kind = kind if kind in ("card", "payment") else "card"
    fields = "".join(_field(key, kind) for key in _FIELDS)
    body = (
        f'<div class="{kind}"><form novalidate><div class="row">{fields}</div>'
        '<p data-note id="note" role="status" aria-live="polite"></p></form></div>'
    )
    return page(
        "Card details",
        body,
        stylesheet="frame.css",
        script="frame.js",
        attributes={"data-parent": request.query_params.get("parent", ""), "data-type": kind},
    )
