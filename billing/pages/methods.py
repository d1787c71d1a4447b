"""`/settings/billing/payment-methods`: what is charged, and giving another card."""

import dataclasses
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect

from billing.models import PaymentMethod
from billing.pages import account, base, callers, cards, words
from billing.selectors import arrears, subscriptions
from billing.selectors import payment_methods as method_rows
from billing.services import causes, payment_methods, portal, remove_method
from orgs import clock
from orgs.errors import DomainError, InvalidRequest, NotFound
from orgs.models import Membership, Organization


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A payment method in the list."""

    method: PaymentMethod
    is_expired: bool


class MethodsPage(base.Page):
    """Readable for every role."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show what there is."""
        return _show(request, callers.require_member(request))


class NewMethodPage(base.Page):
    """A card, through the provider's secure element."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the element."""
        return _show_form(request, callers.require_member(request, may_spend=True))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Add what the element made; what is overdue is paid with it at once."""
        membership = callers.require_member(request, may_spend=True)
        organization = membership.organization
        entered = cards.read(request)
        if entered is None:
            return _show_form(request, membership, InvalidRequest(cards.NOT_READ))
        try:
            chosen = payment_methods.attach_payment_method(
                organization=organization,
                payment_method=entered.reference,
                card=entered.card,
                set_default=request.POST.get("set_default") == "on",
                cause=causes.of_request(),
                now=clock.now(organization),
            )
        except DomainError as error:
            return _show_form(request, membership, error)
        _say(request, chosen, "was added")
        return redirect("billing-methods")


class SetupPage(base.Page):
    """What the element needs; asked for by our script once somebody sends the form."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Prepare at the provider."""
        organization = callers.require_member(request, may_spend=True).organization
        try:
            prepared = payment_methods.begin_setup(
                organization=organization, cause=causes.of_request(), now=clock.now(organization)
            )
        except DomainError as error:
            return JsonResponse({"message": error.message}, status=error.status)
        return JsonResponse({"client_secret": prepared.client_secret})


class DefaultPage(base.Page):
    """The button beside a method."""

    def post(self, request: HttpRequest, method_id: str) -> HttpResponse:
        """Charge everything to it from now on."""
        membership = callers.require_member(request, may_spend=True)
        organization = membership.organization
        method = _find(organization, method_id)
        try:
            chosen = payment_methods.make_default(
                organization=organization,
                method=method,
                cause=causes.of_request(),
                now=clock.now(organization),
            )
        except DomainError as error:
            return _show(request, membership, error)
        _say(request, chosen, "is charged from now on")
        return redirect("billing-methods")


class RemovePage(base.Page):
    """The question before a method is removed, and the removal."""

    def get(self, request: HttpRequest, method_id: str) -> HttpResponse:
        """Ask."""
        membership = callers.require_member(request, may_spend=True)
        method = _find(membership.organization, method_id)
        context = {
            "organization": membership.organization,
            "method": method,
            "successor": method_rows.others_of(method).first() if method.is_default else None,
        }
        return base.show(request, "method_remove.html", context)

    def post(self, request: HttpRequest, method_id: str) -> HttpResponse:
        """Remove it."""
        membership = callers.require_member(request, may_spend=True)
        organization = membership.organization
        method = _find(organization, method_id)
        try:
            remove_method.remove_payment_method(
                method=method, cause=causes.of_request(), now=clock.now(organization)
            )
        except DomainError as error:
            return _show(request, membership, error)
        messages.success(request, f"{method.label} was removed.")
        return redirect("billing-methods")


class PortalPage(base.Page):
    """On to the provider's own page: needs no script of ours."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Send the payer there."""
        membership = callers.require_member(request, may_spend=True)
        organization = membership.organization
        try:
            address = portal.portal_url(
                organization=organization, cause=causes.of_request(), now=clock.now(organization)
            )
        except DomainError as error:
            return _show(request, membership, error)
        return HttpResponseRedirect(address)


def _find(organization: Organization, method_id: str) -> PaymentMethod:
    method = method_rows.by_id(organization, method_id)
    if method is None:
        raise NotFound
    return method


def _say(request: HttpRequest, chosen: payment_methods.Chosen, done: str) -> None:
    """Say what was done, and what came of an invoice that was overdue."""
    messages.success(request, f"{chosen.method.label} {done}.")
    if chosen.overdue is None:
        return
    if chosen.refusal is not None:
        messages.error(request, f"What is overdue was not paid: {chosen.refusal.message}")
    elif chosen.is_recovered:
        plan = chosen.overdue.plan_version.plan.name
        messages.success(request, f"What was overdue is paid. {plan} is active again.")
    else:
        messages.info(request, "What is overdue is being paid; it shows on your billing soon.")


def _show(
    request: HttpRequest, membership: Membership, error: DomainError | None = None
) -> HttpResponse:
    organization = membership.organization
    now = clock.now(organization)
    rows = payment_methods.list_payment_methods(
        organization=organization, cause=causes.of_request(), now=now
    )
    context: dict[str, Any] = {
        "organization": organization,
        "rows": [Row(row, _is_expired(row, now)) for row in rows],
        "may_spend": callers.can_spend(membership),
        "has_portal": method_rows.has_portal(organization),
        "refusal": _sentence(error) if error else "",
        **_overdue(organization),
    }
    return base.show(request, "methods.html", context, status=error.status if error else 200)


def _is_expired(method: PaymentMethod, now: datetime) -> bool:
    """Say whether a card's last month is over."""
    if not method.exp_year or not method.exp_month:
        return False
    return (method.exp_year, method.exp_month) < (now.year, now.month)


def _show_form(
    request: HttpRequest, membership: Membership, error: DomainError | None = None
) -> HttpResponse:
    organization = membership.organization
    live = subscriptions.live(organization)
    context: dict[str, Any] = {
        "organization": organization,
        "billing_email": (live and live.billing_email) or organization.email,
        **cards.element(organization),
        "has_portal": method_rows.has_portal(organization),
        "refusal": _sentence(error) if error else "",
        **_overdue(organization),
    }
    response = base.show(request, "method_new.html", context, status=error.status if error else 200)
    return cards.guard(response, context["element"])


def _sentence(error: DomainError) -> str:
    """Say what is wrong with the method, where that is the reason."""
    return next(iter(error.fields.get("payment_method", [])), words.sentence(error))


def _overdue(organization: Organization) -> dict[str, Any]:
    live = subscriptions.live(organization)
    if live is None or live.status not in account.OVERDUE:
        return {"is_overdue": False}
    owed = arrears.of(live).amount
    return {"is_overdue": True, "owed": owed.display() if owed else ""}
