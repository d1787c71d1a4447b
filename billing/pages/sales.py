"""`/settings/billing/contact-sales`: asking for a plan that is agreed individually."""

import secrets

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from billing.models import Plan
from billing.pages import base, callers
from billing.selectors import plans
from billing.services import sales
from orgs import clock
from orgs.errors import DomainError, NotFound
from orgs.models import Membership
from orgs.pages import base as pages
from orgs.refusal_forms import ShowsRefusal

_THANKS = "Thank you. We have your request and will get back to you."


class SalesForm(ShowsRefusal):
    """Who asks, and for how much. `website` is for machines only: people never see it."""

    name = forms.CharField(
        label="Your name",
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )
    phone = forms.CharField(
        label="Phone",
        max_length=50,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel"}),
    )
    seats = forms.IntegerField(
        label="About how many seats",
        min_value=1,
        max_value=1_000_000,
        required=False,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    message = forms.CharField(
        label="What do you need?",
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    website = forms.CharField(
        required=False, widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"})
    )
    request_key = forms.RegexField(base.NONCE, widget=forms.HiddenInput)


class SalesPage(base.Page):
    """The form, and what it leads to. Works without JavaScript."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form, with what is known of the visitor filled in."""
        membership = callers.require_member(request)
        plan = _plan(request)
        form = SalesForm(
            initial={
                "name": membership.user.full_name,
                "email": membership.user.email,
                "request_key": secrets.token_urlsafe(24),
            }
        )
        return _show(request, membership, plan, form)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Take the request; what a machine filled in is thanked for and forgotten."""
        membership = callers.require_member(request)
        plan = _plan(request)
        pages.count_use(request, "contact_sales")
        form = SalesForm(request.POST)
        if not form.is_valid():
            return _show(request, membership, plan, form, status=400)
        if not form.cleaned_data["website"]:
            try:
                _ask(membership, plan, form)
            except DomainError as error:
                form.show_refusal(error)
                return _show(request, membership, plan, form, status=error.status)
        messages.success(request, _THANKS)
        return redirect("billing-overview")


def _plan(request: HttpRequest) -> Plan:
    """Return the plan in the address, if its price is agreed individually.

    Raises:
        NotFound: there is no such plan.
    """
    try:
        plan = plans.get_plan(request.GET.get("plan", ""))
    except plans.UnknownPlan:
        raise NotFound from None
    if not plan.contact_sales:
        raise NotFound
    return plan


def _ask(membership: Membership, plan: Plan, form: SalesForm) -> None:
    filled = form.cleaned_data
    inquiry = sales.Inquiry(
        plan=plan,
        name=filled["name"],
        email=filled["email"],
        phone=filled["phone"],
        seats=filled["seats"],
        message=filled["message"],
        request_key=filled["request_key"],
    )
    organization = membership.organization
    sales.ask_sales(
        organization=organization,
        user=membership.user,
        inquiry=inquiry,
        now=clock.now(organization),
    )


def _show(
    request: HttpRequest, membership: Membership, plan: Plan, form: SalesForm, *, status: int = 200
) -> HttpResponse:
    context = {"organization": membership.organization, "plan": plan, "form": form}
    return base.show(request, "contact_sales.html", context, status=status)
