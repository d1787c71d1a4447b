"""The buttons of the overview that take one click: keep it, withdraw it, pay it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from billing.models import Subscription
from billing.pages import account, base, callers, overview
from billing.selectors import subscriptions
from billing.services import causes, endings, quotes, recovery
from orgs import clock
from orgs.errors import DomainError
from orgs.models import Organization


class ActionPage(base.Page):
    """Does one thing and leads back to the overview; a refusal is shown there, in place."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it."""
        membership = callers.require_member(request, may_spend=True)
        try:
            said = self.act(membership.organization)
        except DomainError as error:
            return overview.show_overview(request, membership, error)
        messages.success(request, said)
        return redirect("billing-overview")

    def act(self, organization: Organization) -> str:
        """Do it, and return what to say about it."""
        raise NotImplementedError


class ResumePage(ActionPage):
    """`/settings/billing/resume`: take back that it ends, or end its pause."""

    def act(self, organization: Organization) -> str:
        """Resume."""
        row = endings.resume_subscription(
            organization=organization, cause=causes.of_request(), now=clock.now(organization)
        )
        return f"{_name(row)} goes on."


class WithdrawPage(ActionPage):
    """`/settings/billing/withdraw`: a change that is still to come."""

    def act(self, organization: Organization) -> str:
        """Withdraw it; one that was paid a moment ago has happened."""
        before = subscriptions.live(organization)
        row = endings.withdraw_change(
            organization=organization, cause=causes.of_request(), now=clock.now(organization)
        )
        if before is not None and (before.price_id, before.seats) != (row.price_id, row.seats):
            return f"The change was paid a moment before: the plan is {_name(row)} now."
        return f"The change was withdrawn. {_name(row)} stays as it is."


class PayPage(ActionPage):
    """`/settings/billing/pay`: what is overdue, with the card that is known."""

    def act(self, organization: Organization) -> str:
        """Pay it."""
        row = recovery.pay_overdue(
            organization=organization, cause=causes.of_request(), now=clock.now(organization)
        )
        if row is None:
            return "Nothing is overdue."
        if row.status in account.OVERDUE:
            return "Thank you. The payment was taken; it shows here in a moment."
        return f"Thank you. {_name(row)} is paid."


class NextInvoicePage(base.Page):
    """`/settings/billing/next-invoice`: what it will be, reckoned by the provider."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Ask, and show the answer; looking is free to every role."""
        membership = callers.require_member(request)
        organization = membership.organization
        try:
            quote = quotes.make_quote(
                organization=organization, wanted=quotes.Wanted(), now=clock.now(organization)
            )
        except DomainError as error:
            return overview.show_overview(request, membership, error)
        return redirect("billing-quote", quote_id=quote.pk)


def _name(subscription: Subscription) -> str:
    return subscription.plan_version.plan.name
