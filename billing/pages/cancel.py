"""`/settings/billing/cancel`: what happens, why, and a pause instead. Never hidden, never hard."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from billing.enums import Effective, SubscriptionStatus
from billing.models import Subscription
from billing.pages import account, base, callers, words
from billing.selectors import plans, subscriptions
from billing.services import causes, endings
from orgs import clock
from orgs.errors import DomainError
from orgs.models import Membership
from orgs.refusal_forms import ShowsRefusal

# Stripe's words, so that its reports can count them, in those of somebody who leaves.
# Source: https://docs.stripe.com/api/subscriptions/object#subscription_object-cancellation_details-feedback
REASONS = {
    "too_expensive": "It costs too much",
    "unused": "We do not use it enough",
    "missing_features": "Something we need is missing",
    "too_complex": "It is too complicated",
    "low_quality": "It did not work well enough",
    "switched_service": "We use something else now",
    "customer_service": "We were not helped well",
    "other": "Something else",
}


class CancelForm(ShowsRefusal):
    """When it ends, and why; only the first is asked for."""

    mode = forms.ChoiceField(label="When", choices=Effective.choices)
    reason = forms.ChoiceField(
        label="Why", choices=[("", "Rather not say"), *REASONS.items()], required=False
    )
    comment = forms.CharField(
        label="What could we have done better?",
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class CancelPage(base.Page):
    """The question before it ends, and the end."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Say what happens, and ask."""
        membership = callers.require_member(request)
        row = _open_one(membership)
        if row is None:
            return _nothing_to_end(request)
        return _show(request, membership, row, CancelForm(initial={"mode": _default_mode(row)}))

    def post(self, request: HttpRequest) -> HttpResponse:
        """End it."""
        membership = callers.require_member(request, may_spend=True)
        row = _open_one(membership)
        if row is None:
            return _nothing_to_end(request)
        form = CancelForm(request.POST)
        if not form.is_valid():
            return _show(request, membership, row, form)
        try:
            ended = endings.cancel_subscription(
                organization=membership.organization,
                mode=Effective(form.cleaned_data["mode"]),
                reason=form.cleaned_data["reason"],
                comment=form.cleaned_data["comment"],
                cause=causes.of_request(),
                now=clock.now(membership.organization),
            )
        except DomainError as error:
            return _show(request, membership, row, form, error)
        messages.success(request, _done(row, ended))
        return redirect("billing-overview")


def show_cancel(request: HttpRequest, membership: Membership, error: DomainError) -> HttpResponse:
    """Show the page again with why something else that it offers was refused."""
    row = _open_one(membership)
    if row is None:
        return _nothing_to_end(request)
    form = CancelForm(initial={"mode": _default_mode(row)})
    return _show(request, membership, row, form, error)


def _open_one(membership: Membership) -> Subscription | None:
    row = subscriptions.current(membership.organization)
    return None if row is None or row.is_final else row


def _nothing_to_end(request: HttpRequest) -> HttpResponse:
    messages.info(request, "There is no running subscription to cancel.")
    return redirect("billing-overview")


def _default_mode(row: Subscription) -> str:
    return Effective.PERIOD_END if row.is_live and row.auto_renew else Effective.NOW


def _done(before: Subscription, ended: Subscription) -> str:
    plan = before.plan_version.plan.name
    if before.status == SubscriptionStatus.INCOMPLETE:
        return f"The start of {plan} was given up. Nothing was charged."
    if not ended.is_live:
        return f"{plan} has ended. Nothing is charged any more."
    ends = ended.cancel_at or ended.current_period_end
    on = f" on {ends:%-d %B %Y}" if ends else ""
    return f"{plan} ends{on}. Until then everything works as before."


def _show(
    request: HttpRequest,
    membership: Membership,
    row: Subscription,
    form: CancelForm,
    error: DomainError | None = None,
) -> HttpResponse:
    status = SubscriptionStatus(row.status)
    context: dict[str, Any] = {
        "organization": membership.organization,
        "subscription": row,
        "plan": row.plan_version.plan.name,
        "form": form,
        "mode": form["mode"].value(),
        "reason": form["reason"].value() or "",
        "reasons_to_leave": REASONS.items(),
        "may_spend": callers.can_spend(membership),
        "is_unpaid_start": status is SubscriptionStatus.INCOMPLETE,
        "is_ending": row.is_live and not row.auto_renew,
        "ends_at": row.cancel_at or row.current_period_end,
        "is_trial": status is SubscriptionStatus.TRIALING,
        "is_overdue": status in account.OVERDUE,
        "pending": account.pending_change(row),
        "losses": words.features(plans.features_of(row.plan_version)),
        "may_pause": status is SubscriptionStatus.ACTIVE
        and row.is_live
        and row.auto_renew
        and not row.pending_change,
        "refusal": words.sentence(error) if error else "",
    }
    return base.show(request, "cancel.html", context, status=error.status if error else 200)
