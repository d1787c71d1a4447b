"""`/settings/billing/pause`: a while without charges, offered where somebody is about to leave."""

from datetime import timedelta

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from billing.pages import base, callers, cancel
from billing.services import causes, endings
from orgs import clock
from orgs.errors import DomainError, InvalidRequest

# Days, as in the list of the cancel page; empty: until somebody resumes it.
DAYS = {"30": "30 days", "60": "60 days", "90": "90 days", "": "until I resume it"}


class PauseForm(forms.Form):
    """For how long."""

    days = forms.ChoiceField(choices=list(DAYS.items()), required=False)


class PausePage(base.Page):
    """The form beside the one that ends it."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Pause."""
        membership = callers.require_member(request, may_spend=True)
        organization = membership.organization
        now = clock.now(organization)
        form = PauseForm(request.POST)
        if not form.is_valid():
            return cancel.show_cancel(
                request, membership, InvalidRequest("Choose how long the pause is.")
            )
        days = form.cleaned_data["days"]
        try:
            row = endings.pause_subscription(
                organization=organization,
                resumes_at=now + timedelta(days=int(days)) if days else None,
                cause=causes.of_request(),
                now=now,
            )
        except DomainError as error:
            return cancel.show_cancel(request, membership, error)
        until = f" It goes on by itself on {row.resumes_at:%-d %B %Y}." if row.resumes_at else ""
        messages.success(request, f"{row.plan_version.plan.name} is paused.{until}")
        return redirect("billing-overview")
