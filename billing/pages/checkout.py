"""`/settings/billing/checkout/{id}`: one checkout, in whatever stage our own rows say it is."""

import secrets
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse

from billing.enums import CheckoutMode
from billing.models import CheckoutSession
from billing.pages import base, callers, cards, offers, plans, words
from billing.selectors import checkouts, subscriptions
from billing.services import checkout, checkout_action, trials
from orgs import clock
from orgs.errors import DomainError, PermissionDenied, RateLimited

_TITLES = {
    "open": "Pay",
    "failed": "Payment not taken",
    "pending": "Confirming your payment",
    "action": "Your bank has a question",
    "succeeded": "All set",
    "expired": "This checkout has expired",
}


class SessionPage(base.Page):
    """The page of one checkout; the card goes from the provider's element to the provider."""

    def get(self, request: HttpRequest, session_id: str) -> HttpResponse:
        """Show the stage; a token in the address is exchanged first and leaves the address bar."""
        token = request.GET.get("token")
        if token is not None:
            return _exchange(request, session_id, token)
        visitor = callers.visitor(request, session_id)
        if visitor.may_pay and plans.is_choosing(visitor.session):
            return _choose(request, visitor.session)
        return _show_stage(request, visitor)

    def post(self, request: HttpRequest, session_id: str) -> HttpResponse:
        """Pay with the reference that the provider's element made."""
        visitor = _payer(request, session_id)
        session, price = visitor.session, visitor.session.price
        entered = cards.read(request)
        nonce = request.POST.get("nonce", "")
        if entered is None or not base.NONCE.match(nonce):
            messages.error(request, cards.NOT_READ)
        elif price is not None and session.mode == CheckoutMode.HOSTED_PAGE:
            try:
                checkout.pay(
                    session=session,
                    price=price,
                    payment_method=entered.reference,
                    card=entered.card,
                    request_key=nonce,
                    now=clock.now(session.organization),
                )
            except RateLimited as error:
                messages.error(request, error.message)
            except DomainError:
                pass  # it is kept on the checkout: the page shows it after the redirect
        return _back(session)


class StatePage(base.Page):
    """The same stage for the script that waits for the next one."""

    def get(self, request: HttpRequest, session_id: str) -> HttpResponse:
        """Return the stage."""
        session = callers.visitor(request, session_id).session
        progress = checkouts.progress(session, now=clock.now(session.organization))
        return JsonResponse({"stage": progress.stage})


class ConfirmedPage(base.Page):
    """Back from the bank, whatever it said."""

    def post(self, request: HttpRequest, session_id: str) -> HttpResponse:
        """Look at the provider once, instead of waiting for its webhook."""
        session = _payer(request, session_id).session
        checkout_action.look_again(session=session, now=clock.now(session.organization))
        return _back(session)


class ProviderPage(base.Page):
    """On to the provider's own page: needs no script of ours, and none of theirs here."""

    def post(self, request: HttpRequest, session_id: str) -> HttpResponse:
        """Send the payer to the provider."""
        session = _payer(request, session_id).session
        try:
            address = checkout_action.move_to_provider(
                session=session, now=clock.now(session.organization)
            )
        except DomainError as error:
            messages.error(request, error.message)
            return _back(session)
        return HttpResponseRedirect(address)


class RestartPage(base.Page):
    """Another card, on our own page."""

    def post(self, request: HttpRequest, session_id: str) -> HttpResponse:
        """Open a checkout like this one."""
        session = _payer(request, session_id).session
        try:
            opened = checkout_action.move_to_page(
                session=session, now=clock.now(session.organization)
            )
        except DomainError as error:
            messages.error(request, error.message)
            return _back(session)
        callers.remember(request, opened.session)
        return _back(opened.session)


def _exchange(request: HttpRequest, session_id: str, token: str) -> HttpResponse:
    """Trade the token in the address for a mark in the browser's session."""
    if not callers.admit(request, session_id, token):
        callers.visitor(request, session_id)  # a member needs no token; anybody else gets the 404
    response = redirect("billing-checkout-session", session_id=session_id)
    response["Referrer-Policy"] = "no-referrer"
    return response


def _payer(request: HttpRequest, session_id: str) -> callers.Visitor:
    visitor = callers.visitor(request, session_id)
    if not visitor.may_pay:
        raise PermissionDenied("Ask an owner, an admin or a billing member to do this.")
    return visitor


def _back(session: CheckoutSession) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("billing-checkout-session", args=[session.pk]))


def _choose(request: HttpRequest, session: CheckoutSession) -> HttpResponse:
    return plans.show_plans(
        request,
        session.organization,
        action=reverse("billing-checkout-plan", args=[session.pk]),
        may_spend=True,
    )


def _show_stage(request: HttpRequest, visitor: callers.Visitor) -> HttpResponse:
    session = visitor.session
    progress = checkouts.progress(session, now=clock.now(session.organization))
    row = session.subscription
    # Until somebody paid, what counts is the choice; from then on what was bought.
    is_bought = row is not None and progress.stage in ("pending", "action", "succeeded")
    price = None if is_bought else session.price
    context: dict[str, Any] = {
        "session": session,
        "stage": progress.stage,
        "title": _TITLES[progress.stage],
        "organization": session.organization,
        "is_member": visitor.membership is not None,
        "may_pay": visitor.may_pay,
        "subscription": row,
        "billing_email": (row and row.billing_email) or session.organization.email,
        "order": (
            offers.of_subscription(row)
            if row is not None and is_bought
            else offers.summary(
                price,
                seats=session.seats,
                trial_days=trials.days_for(organization=session.organization, price=price),
                discount=session.discount,
            )
            if price is not None
            else None
        ),
        "refusal": words.refusal(progress.error_code) if progress.stage == "failed" else "",
        "is_card_refusal": words.is_card_refusal(progress.error_code),
        "is_at_provider": session.mode == CheckoutMode.HOSTED_PROVIDER,
    }
    if visitor.may_pay:
        context |= _for_payer(session, progress.stage)
    template = "pay.html" if progress.stage in ("open", "failed") else f"{progress.stage}.html"
    return cards.guard(base.show(request, template, context), context.get("element"))


def _for_payer(session: CheckoutSession, stage: str) -> dict[str, Any]:
    """Return what only somebody who may pay gets to see."""
    element = cards.element(session.organization, session.provider)
    if stage in ("open", "failed"):
        live = subscriptions.live(session.organization)
        return {"already": live, "nonce": secrets.token_urlsafe(24), **element}
    if stage == "action":
        try:
            secret = checkout_action.client_secret(session=session)
        except DomainError as error:
            return {"provider_problem": error.message, "client_secret": "", **element}
        return {"client_secret": secret, **element}
    return {}
