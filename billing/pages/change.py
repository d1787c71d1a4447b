"""`/settings/billing/plan`: choosing what the subscription shall be; the price comes next."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from billing.enums import Effective, SubscriptionStatus
from billing.errors import NotPossibleNow
from billing.models import Subscription
from billing.pages import account, base, callers, offers, words
from billing.pages.change_forms import ChangeForm
from billing.selectors import payments, subscriptions
from billing.services import limits, quotes
from orgs import clock
from orgs.errors import DomainError
from orgs.models import Membership

_GO_BACK_TO_FREE = "To go back to the free plan, cancel the subscription."


class ChangePage(base.Page):
    """Every role may ask what something would cost; doing it comes later."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the choice, begun with what there is or with what a link proposes."""
        membership = callers.require_member(request)
        running = subscriptions.live(membership.organization)
        if running is None:
            return redirect("billing-checkout")
        form = ChangeForm(
            subscription=running,
            plan=request.GET.get("plan", ""),
            interval=request.GET.get("interval", ""),
        )
        return _show(request, membership, form)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Ask the provider for the price, and lead to it."""
        membership = callers.require_member(request)
        organization = membership.organization
        running = subscriptions.live(organization)
        if running is None:
            return redirect("billing-checkout")
        form = ChangeForm(request.POST, subscription=running)
        if not form.is_valid():
            return _show(request, membership, form)
        try:
            wanted = form.wanted
            _check(running, wanted)
            now = clock.now(organization)
            quote = quotes.make_quote(organization=organization, wanted=wanted, now=now)
        except DomainError as error:
            return _refuse(request, membership, form, error)
        return redirect("billing-quote", quote_id=quote.pk)


def _check(running: Subscription, wanted: quotes.Wanted) -> None:
    """Refuse before the provider is asked what would be refused afterwards.

    Raises:
        NotPossibleNow: it is the free plan.
        DoesNotFit: more is in use than it gives.
    """
    price = wanted.price or running.price
    if price.is_free:
        raise NotPossibleNow(_GO_BACK_TO_FREE)
    limits.check_fits(
        organization=running.organization,
        plan_version=price.plan_version,
        seats=wanted.seats or running.seats,
        at_period_end=wanted.effective is Effective.PERIOD_END,
    )


def _refuse(
    request: HttpRequest, membership: Membership, form: ChangeForm, error: DomainError
) -> HttpResponse:
    if isinstance(error, limits.DoesNotFit):
        reasons = words.reasons(error)
        return _show(request, membership, form, error, reasons=reasons)
    if any(name in form.fields for name in error.fields):
        form.show_refusal(error)
        return _show(request, membership, form, status=error.status)
    return _show(request, membership, form, error)


def _show(
    request: HttpRequest,
    membership: Membership,
    form: ChangeForm,
    error: DomainError | None = None,
    *,
    reasons: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    running = form.subscription
    choices = offers.choices(running)
    chosen = form["plan"].value() or ""
    context: dict[str, Any] = {
        "organization": membership.organization,
        "subscription": running,
        "form": form,
        "choices": choices,
        "chosen": chosen if any(choice.code == chosen for choice in choices) else "",
        "interval": form["interval"].value(),
        "effective": form["effective"].value(),
        "obstacle": _obstacle(running),
        "pending": account.pending_change(running),
        "may_spend": callers.can_spend(membership),
        "refusal": words.sentence(error) if error else "",
        "reasons": reasons or [],
    }
    return base.show(request, "change.html", context, status=error.status if error else status)


def _obstacle(running: Subscription) -> str:
    """Say in a word what has to be dealt with before anything can be changed."""
    if running.status in account.OVERDUE:
        return "overdue"
    if running.status == SubscriptionStatus.PAUSED:
        return "paused"
    if not running.auto_renew:
        return "ending"
    if running.pending_change or payments.open_change(running) is not None:
        return "pending"
    return ""
