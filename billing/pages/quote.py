"""`/settings/billing/plan/quotes/{id}`: what something costs, and doing it for exactly that.

The address stays the same until it is done: what it shows is what our own rows say.
"""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse

from billing.enums import Effective, Proration, QuoteKind
from billing.errors import QuoteStale
from billing.models import Quote
from billing.pages import base, bill, callers, words
from billing.selectors import change_progress, hosted_pages, payment_methods, subscriptions
from billing.selectors import quotes as quote_rows
from billing.services import causes, change_action, changes, endings, limits, quotes
from orgs import clock
from orgs.errors import DomainError
from orgs.models import Membership

_OTHER_AMOUNT = "The amount has changed since: it was {before} and is {after} now."
_SAME_AMOUNT = "The price had to be looked up again: it is still {after}."


class QuotePage(base.Page):
    """The quote, the bank's question, or the wait for an answer: whatever stage it is in."""

    def get(self, request: HttpRequest, quote_id: str) -> HttpResponse:
        """Show the stage; what is done is shown on the overview."""
        membership = callers.require_member(request)
        quote = quote_rows.get_quote(membership.organization, quote_id)
        return _show_stage(request, membership, quote)

    def post(self, request: HttpRequest, quote_id: str) -> HttpResponse:
        """Do what the quote says, for exactly what it says."""
        membership = callers.require_member(request, may_spend=True)
        organization = membership.organization
        quote = quote_rows.get_quote(organization, quote_id)
        now = clock.now(organization)
        if change_progress.progress(quote, now=now).stage in ("done", "pending", "action"):
            return _back(quote)  # the same form again: what it asked for is under way
        try:
            result = changes.change_subscription(
                organization=organization,
                wanted=_wanted(quote),
                quote_id=quote.pk,
                cause=causes.of_request(),
                now=now,
            )
        except QuoteStale:
            return _quote_again(request, membership, quote)
        except DomainError as error:
            quote.refresh_from_db(fields=["used_at"])
            return _show_quote(request, membership, quote, error)
        if result.client_secret or result.resolve_after:
            return _back(quote)
        return _finish(request, quote)


class StatePage(base.Page):
    """The same stage for the script that waits for the next one."""

    def get(self, request: HttpRequest, quote_id: str) -> HttpResponse:
        """Return the stage."""
        organization = callers.require_member(request).organization
        quote = quote_rows.get_quote(organization, quote_id)
        progress = change_progress.progress(quote, now=clock.now(organization))
        stage = "succeeded" if progress.stage == "done" else progress.stage
        return JsonResponse({"stage": stage})


class ConfirmedPage(base.Page):
    """Back from the bank, whatever it said."""

    def post(self, request: HttpRequest, quote_id: str) -> HttpResponse:
        """Look at the provider once, instead of waiting for its webhook."""
        organization = callers.require_member(request, may_spend=True).organization
        quote = quote_rows.get_quote(organization, quote_id)
        change_action.look_again(
            organization=organization, cause=causes.of_request(), now=clock.now(organization)
        )
        return _back(quote)


class OtherCardPage(base.Page):
    """Away from the bank's question: the change is withdrawn, then another card is chosen."""

    def post(self, request: HttpRequest, quote_id: str) -> HttpResponse:
        """Withdraw what waits, and lead to the cards."""
        membership = callers.require_member(request, may_spend=True)
        organization = membership.organization
        quote = quote_rows.get_quote(organization, quote_id)
        try:
            endings.withdraw_change(
                organization=organization,
                cause=causes.of_request(),
                now=clock.now(organization),
                missing_ok=True,
            )
        except DomainError as error:
            return _show_stage(request, membership, quote, error)
        if change_progress.progress(quote, now=clock.now(organization)).stage == "done":
            return _finish(request, quote)  # it was paid a moment before
        messages.info(request, "Nothing was charged. Choose a card, then change the plan again.")
        return redirect("billing-methods")


def _wanted(quote: Quote) -> quotes.Wanted:
    return quotes.Wanted(
        price=quote.price,
        seats=quote.seats,
        coupon=quote.coupon,
        effective=Effective(quote.effective),
        proration=Proration(quote.proration),
    )


def _back(quote: Quote) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("billing-quote", args=[quote.pk]))


def _finish(request: HttpRequest, quote: Quote) -> HttpResponse:
    messages.success(request, bill.done_in_words(quote))
    return redirect("billing-overview")


def _quote_again(request: HttpRequest, membership: Membership, old: Quote) -> HttpResponse:
    """Show what it costs by now; nothing was charged."""
    organization = membership.organization
    running = subscriptions.live(organization)
    if running and (running.price_id, running.seats) == (old.price_id, old.seats):
        messages.info(request, "There was nothing left to do: it is so already.")
        return redirect("billing-overview")
    try:
        quote = quotes.make_quote(
            organization=organization, wanted=_wanted(old), now=clock.now(organization)
        )
    except DomainError as error:
        return _show_quote(request, membership, old, error)
    before, after = bill.bill_of(old).due, bill.bill_of(quote).due
    sentence = _SAME_AMOUNT if before == after else _OTHER_AMOUNT
    stale = QuoteStale(f"{sentence.format(before=before, after=after)} Nothing was charged.")
    return _show_quote(request, membership, quote, stale, title="Please look again")


def _show_stage(
    request: HttpRequest, membership: Membership, quote: Quote, error: DomainError | None = None
) -> HttpResponse:
    stage = change_progress.progress(quote, now=clock.now(membership.organization)).stage
    if stage == "done":
        return _finish(request, quote)
    if stage not in ("pending", "action"):
        return _show_quote(request, membership, quote, error)
    may_pay = callers.can_spend(membership)
    context: dict[str, Any] = {
        "organization": membership.organization,
        "quote": quote,
        "stage": stage,
        "may_pay": may_pay,
        "will_be": bill.described(quote.price, quote.seats),
        "plan": quote.price.plan_version.plan.name,
        "hosted_url": hosted_pages.latest_open_invoice(quote.subscription) if may_pay else "",
        "refusal": words.sentence(error) if error else "",
        **(_for_bank(membership) if stage == "action" and may_pay else {}),
    }
    status = error.status if error else 200
    return base.show(request, f"change_{stage}.html", context, status=status)


def _for_bank(membership: Membership) -> dict[str, Any]:
    found: dict[str, Any] = {
        "provider_script": settings.STRIPE_JS_URL,
        "publishable_key": settings.STRIPE_PUBLISHABLE_KEY,
        "client_secret": "",
    }
    try:
        found["client_secret"] = change_action.client_secret(organization=membership.organization)
    except DomainError as error:
        found["provider_problem"] = error.message
    return found


def _show_quote(
    request: HttpRequest,
    membership: Membership,
    quote: Quote,
    error: DomainError | None = None,
    *,
    title: str = "",
) -> HttpResponse:
    organization = membership.organization
    now = clock.now(organization)
    progress = change_progress.progress(quote, now=now)
    refusal = words.sentence(error) if error else ""
    if progress.stage == "failed" and (error is None or error.code == "CARD_DECLINED"):
        refusal = words.refusal(progress.error_code)
        if words.is_card_refusal(progress.error_code):
            title, refusal = "The payment was not taken", f"{refusal} Nothing was charged."
    before = quote.subscription
    context: dict[str, Any] = {
        "organization": organization,
        "quote": quote,
        "bill": bill.bill_of(quote),
        "is_change": quote.kind == QuoteKind.CHANGE,
        "is_ahead": not quote.charged_at_once,
        "stands": change_progress.stands(quote, now=now),
        "may_spend": callers.can_spend(membership),
        "deed": bill.deed(quote),
        "begins_at": bill.begins_at(quote),
        "plan": quote.price.plan_version.plan.name,
        "was": bill.described(before.price, before.seats) if before else "",
        "will_be": bill.described(quote.price, quote.seats),
        "next_on": before.current_period_end if before else None,
        "method": payment_methods.default_method(organization),
        "refusal": refusal,
        "refusal_title": title,
        "reasons": words.reasons(error) if isinstance(error, limits.DoesNotFit) else [],
        "refusal_link": _card_link() if title == "The payment was not taken" else None,
    }
    return base.show(request, "quote.html", context, status=error.status if error else 200)


def _card_link() -> dict[str, str]:
    return {"address": reverse("billing-method-new"), "label": "Use another card"}
