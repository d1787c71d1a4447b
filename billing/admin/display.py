"""How rows are worded for staff."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from billing.enums import Provider
from billing.models import BillingEvent
from billing.money import Money

TIMELINE_LENGTH = 50
_CAUSES = {
    "webhook": "The provider reported it",
    "request": "A request through the API or a page",
    "resolver": "We asked the provider about an unknown outcome",
    "sweep": "A scheduled check",
    "staff": "Staff",
    "checkout": "A checkout",
}


def money(amount_minor: int | None, currency: str) -> str:
    """Return an amount as a person reads it; a dash for none."""
    if amount_minor is None or not currency:
        return "-"
    return Money(amount_minor, currency.upper()).display()


def cause_in_words(cause: Mapping[str, Any], provider: str = "") -> str:
    """Say why something happened; a webhook links to the event it came with."""
    kind = str(cause.get("kind", ""))
    words = _CAUSES.get(kind, kind or "Unknown")
    if kind == "webhook" and provider in Provider.values:
        words = f"{Provider(provider).label} reported it"
    detail, id_ = str(cause.get("detail", "")), str(cause.get("id", ""))
    if kind == "webhook" and id_:
        address = reverse("admin:billing_inboxevent_changelist") + "?" + urlencode({"q": id_})
        return format_html('{}: {} (<a href="{}">{}</a>)', words, detail, address, id_)
    more = ", ".join(part for part in (detail, id_) if part)
    return format_html("{}: {}", words, more) if more else words


def timeline(events: QuerySet[BillingEvent]) -> str:
    """Render the newest events with what caused each, newest first."""
    return lines(events.order_by("-sequence")[:TIMELINE_LENGTH])


def lines(events: Iterable[BillingEvent]) -> str:
    """Render lines of a timeline with what caused each."""
    rows = [
        {"event": event, "cause": cause_in_words(event.cause, event.provider)} for event in events
    ]
    return render_to_string(
        "admin/billing/timeline.html", {"rows": rows, "length": TIMELINE_LENGTH}
    )
