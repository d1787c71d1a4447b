"""Where a card is entered on our pages, and what its form hands over: never a number."""

import dataclasses
import re
from typing import Any

from django.http import HttpRequest, HttpResponse

from billing.services import payment_methods
from billing.types import CardDetails, CardElement
from orgs.errors import DomainError
from orgs.models import Organization
from orgs.pages import csp

NOT_READ = "The card could not be read. Please enter it again."

_REFERENCE = re.compile(r"[A-Za-z0-9_]{3,200}\Z")
# What the frame makes: a number of its own that begins with 9, as no card's number does.
_TOKEN = re.compile(r"9\d{14,18}\Z", re.ASCII)
_EXPIRY = re.compile(r"(0[1-9]|1[0-2])\d{2}\Z", re.ASCII)
_NAME, _POSTAL = 100, 20


@dataclasses.dataclass(frozen=True, slots=True)
class Entered:
    """A card as its form handed it over."""

    reference: str = dataclasses.field(repr=False)
    card: CardDetails | None = None


def read(request: HttpRequest) -> Entered | None:
    """Return what the form holds; None for what is no reference to a card.

    The form of a frame holds an expiry beside the token; that of a script a reference alone.
    """
    reference = request.POST.get("payment_method", "")
    if "expiry" not in request.POST:
        return Entered(reference) if _REFERENCE.match(reference) else None
    expiry = request.POST["expiry"]
    if not _TOKEN.match(reference) or not _EXPIRY.match(expiry):
        return None
    details = CardDetails(
        expiry=expiry,
        name=request.POST.get("cardholder", "").strip()[:_NAME],
        postal=request.POST.get("postal", "").strip()[:_POSTAL],
    )
    return Entered(reference, details)


def element(organization: Organization, provider: str | None = None) -> dict[str, Any]:
    """Return what a page embeds, and why it can't where it can't."""
    try:
        found = payment_methods.card_element(organization=organization, provider=provider)
    except DomainError as error:
        return {"element": None, "element_problem": error.message}
    return {"element": found}


def guard(response: HttpResponse, embedded: CardElement | None) -> HttpResponse:
    """Let a page with a frame hold that frame alone: no script and no form but ours."""
    if embedded is not None and embedded.frame_url:
        csp.restrict(response, "frame-src", embedded.frame_origin)
        for directive in ("script-src", "connect-src", "form-action"):
            csp.restrict(response, directive, "'self'")
    return response
