"""Choosing a plan: for the organization that is signed in, or within a checkout without a price."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from billing.models import CheckoutSession, Price
from billing.pages import base, callers, offers
from billing.selectors import checkouts, plans, subscriptions
from billing.services import checkout_action
from orgs import clock
from orgs.errors import DomainError, PermissionDenied
from orgs.models import Membership, Organization


def show_plans(
    request: HttpRequest,
    organization: Organization,
    *,
    action: str,
    may_spend: bool,
) -> HttpResponse:
    """Render the plan cards; `action` is where a choice goes."""
    interval = offers.read_interval(request.GET.get("interval"))
    current = subscriptions.in_force(organization)
    is_live = current is not None and current.is_live
    context = {
        "organization": organization,
        "cards": offers.cards(interval, current=current),
        "interval": interval.value,
        "current": current,
        "is_live": is_live,
        "may_spend": may_spend,
        "may_choose": may_spend and not is_live,
        "action": action,
    }
    return base.show(request, "plans.html", context)


def chosen_price(request: HttpRequest) -> Price:
    """Read the choice out of a form.

    Raises:
        UnknownPlan: there is no such plan.
        ContactSales: it is priced individually.
        InvalidRequest: not sold at this interval.
    """
    plan = plans.get_plan(request.POST.get("plan", ""))
    return plans.get_price(plan, offers.read_interval(request.POST.get("interval")))


class PlansPage(base.Page):
    """`/settings/billing/checkout`."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show what is on sale, and which of it the organization has."""
        membership = callers.require_member(request)
        return show_plans(
            request,
            membership.organization,
            action=reverse("billing-checkout"),
            may_spend=callers.can_spend(membership),
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        """Open a checkout for the chosen plan; the free one starts at once."""
        membership = callers.require_member(request, may_spend=True)
        try:
            session = _begin(membership, chosen_price(request))
        except DomainError as error:
            messages.error(request, error.message)
            return redirect("billing-checkout")
        return redirect("billing-checkout-session", session_id=session.pk)


def _begin(membership: Membership, price: Price) -> CheckoutSession:
    organization = membership.organization
    return checkout_action.begin_checkout(
        organization=organization, price=price, now=clock.now(organization)
    )


class SessionPlansPage(base.Page):
    """`/settings/billing/checkout/{id}/plan`: the choice within one checkout."""

    def post(self, request: HttpRequest, session_id: str) -> HttpResponse:
        """Keep the chosen plan."""
        visitor = callers.visitor(request, session_id)
        session = visitor.session
        if not visitor.may_pay:
            raise PermissionDenied
        if is_choosing(session):
            try:
                checkout_action.take_price(
                    session=session,
                    price=chosen_price(request),
                    now=clock.now(session.organization),
                )
            except DomainError as error:
                messages.error(request, error.message)
        return redirect("billing-checkout-session", session_id=session.pk)


def is_choosing(session: CheckoutSession) -> bool:
    """Say whether a checkout still waits for its plan."""
    stage = checkouts.progress(session, now=clock.now(session.organization)).stage
    return session.price is None and stage in ("open", "failed")
