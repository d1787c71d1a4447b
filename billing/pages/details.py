"""`/settings/billing/details`: the address and the tax ID that stand on invoices."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from billing.pages import base, callers
from billing.selectors import billing_details
from billing.services import billing_details as changing
from billing.services import causes
from billing.types import Address, BillingDetails
from orgs import clock
from orgs.errors import DomainError
from orgs.models import Membership
from orgs.refusal_forms import ShowsRefusal

_ADDRESS = ("line1", "line2", "city", "postal_code", "region", "country")


def _countries() -> list[tuple[str, str]]:
    return [("", "Choose …"), *changing.countries().items()]


def _text(label: str, longest: int, fills: str, hint: str = "") -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": fills})
    return forms.CharField(
        label=label, max_length=longest, required=False, widget=widget, help_text=hint
    )


class DetailsForm(ShowsRefusal):
    """Where an organization is. Nothing is required but the country of an address."""

    line1 = _text("Address", 200, "address-line1")
    line2 = _text("Second line", 200, "address-line2")
    postal_code = _text("Postal code", 20, "postal-code")
    city = _text("City", 100, "address-level2")
    region = _text("State or province", 10, "address-level1", "By its code, for example CA.")
    country = forms.ChoiceField(
        label="Country",
        choices=_countries,
        required=False,
        widget=forms.Select(attrs={"autocomplete": "country"}),
    )
    tax_id = _text("Tax ID", 50, "off", "As it shall stand on invoices.")


class DetailsPage(base.Page):
    """What is known, and a form to change it. Works without JavaScript."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show what is known."""
        membership = callers.require_member(request)
        known = billing_details.details_of(membership.organization)
        given = {name: getattr(known.address, name) for name in _ADDRESS}
        form = DetailsForm(initial={**given, "tax_id": known.tax_id})
        return _show(request, membership, form)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Replace it."""
        membership = callers.require_member(request, may_spend=True)
        form = DetailsForm(request.POST)
        if not form.is_valid():
            return _show(request, membership, form, status=400)
        filled = form.cleaned_data
        address = Address(**{name: filled[name] for name in _ADDRESS})
        try:
            changing.change_details(
                organization=membership.organization,
                details=BillingDetails(address, filled["tax_id"]),
                cause=causes.of_request(),
                now=clock.now(membership.organization),
            )
        except DomainError as error:
            form.show_refusal(error)
            return _show(request, membership, form, status=error.status)
        messages.success(request, "Saved. It stands on your next invoice.")
        return redirect("billing-details")


def _show(
    request: HttpRequest, membership: Membership, form: DetailsForm, *, status: int = 200
) -> HttpResponse:
    context = {"organization": membership.organization, "form": form}
    return base.show(request, "details.html", context, status=status)
