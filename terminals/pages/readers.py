"""`/settings/terminals`: the organization's readers, live, and what they took."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect

from billing.pages import base, callers
from billing.services import causes
from orgs import clock
from orgs.api.pagination import cut_page
from orgs.errors import DomainError, NotFound
from orgs.models import Membership
from orgs.pages.base import show
from terminals.models import Terminal
from terminals.pages import rows
from terminals.pages.finding import terminal_of
from terminals.pages.forms import DayForm, NamingForm, RegisterForm
from terminals.selectors import payments, terminals, totals
from terminals.services import registering, releasing

_READERS = 50
_PAYMENTS = 20


class ReadersPage(base.Page):
    """Readable for every role."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """List readers with their status and what they took today."""
        return _list(request, callers.require_member(request), RegisterForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Register one."""
        membership = callers.require_member(request, may_spend=True)
        form = RegisterForm(request.POST)
        if not form.is_valid():
            return _list(request, membership, form)
        organization = membership.organization
        try:
            row = registering.register_terminal(
                organization=organization, **form.cleaned_data, now=clock.now(organization)
            )
        except DomainError as error:
            form.show_refusal(error)
            return _list(request, membership, form, status=error.status)
        messages.success(request, f"{row.label} is registered.")
        return redirect("terminals-page")


class ReadersStatePage(base.Page):
    """For the script that looks whether something changed."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Return what changes with the list."""
        organization = callers.require_member(request).organization
        found = terminals.list_terminals(organization).order_by("-created_at", "-pk")
        return JsonResponse({"version": rows.version_of_readers(found[:_READERS])})


class ReaderPage(base.Page):
    """One reader: its payments, and a day summed up; readable for every role."""

    def get(self, request: HttpRequest, terminal_id: str) -> HttpResponse:
        """Show it."""
        membership = callers.require_member(request)
        row = terminal_of(membership.organization, terminal_id)
        return _show(request, membership, row, _named(row))

    def post(self, request: HttpRequest, terminal_id: str) -> HttpResponse:
        """Name it."""
        membership = callers.require_member(request, may_spend=True)
        row = terminal_of(membership.organization, terminal_id)
        form = NamingForm(request.POST)
        if not form.is_valid():
            return _show(request, membership, row, form)
        try:
            registering.change_terminal(
                organization=membership.organization, terminal_id=row.pk, **form.cleaned_data
            )
        except DomainError as error:
            form.show_refusal(error)
            return _show(request, membership, row, form)
        messages.success(request, "Saved.")
        return redirect("terminal-page", terminal_id=row.pk)


class RemovePage(base.Page):
    """The question before a reader is taken away, and the removal."""

    def get(self, request: HttpRequest, terminal_id: str) -> HttpResponse:
        """Ask."""
        membership = callers.require_member(request, may_spend=True)
        row = rows.reader(terminal_of(membership.organization, terminal_id))
        return show(request, "terminals/remove.html", {"row": row})

    def post(self, request: HttpRequest, terminal_id: str) -> HttpResponse:
        """Take it away; one that a payment holds stays."""
        membership = callers.require_member(request, may_spend=True)
        organization = membership.organization
        row = terminal_of(organization, terminal_id)
        try:
            registering.remove_terminal(
                organization=organization, terminal_id=row.pk, now=clock.now(organization)
            )
        except NotFound:
            raise
        except DomainError as error:
            return _show(request, membership, row, _named(row), error)
        messages.success(request, f"{row.label} was removed. Its payments stay.")
        return redirect("terminals-page")


class ReleasePage(base.Page):
    """The button that frees a reader of a payment that holds it although nothing is under way."""

    def post(self, request: HttpRequest, terminal_id: str) -> HttpResponse:
        """Ask the provider what became of the payment, and free the reader if that is known."""
        membership = callers.require_member(request, may_spend=True)
        organization = membership.organization
        row = terminal_of(organization, terminal_id)
        try:
            payment = releasing.release_terminal(
                organization=organization,
                terminal_id=row.pk,
                by=membership.user.email,
                cause=causes.of_request(),
                now=clock.now(organization),
            )
        except DomainError as error:
            return _show(request, membership, row, _named(row), error)
        if payment is None:
            messages.info(request, f"No payment holds {row.label}.")
        else:
            messages.success(request, f"{row.label} is free.")
        return redirect("terminal-page", terminal_id=row.pk)


def _named(row: Terminal) -> NamingForm:
    return NamingForm(initial={"label": row.label, "location": row.location})


def _list(
    request: HttpRequest, membership: Membership, form: RegisterForm, *, status: int = 200
) -> HttpResponse:
    organization = membership.organization
    found, next_cursor = cut_page(
        request.GET, [terminals.list_terminals(organization)], default_limit=_READERS
    )
    today = clock.now(organization).date()
    days = totals.daily_totals(organization, today)
    context: dict[str, Any] = {
        "organization": organization,
        "readers": [rows.reader(row, days) for row in found],
        "version": rows.version_of_readers(found),
        "next_cursor": next_cursor,
        "is_first_page": "cursor" not in request.GET,
        "today": today,
        "may_change": callers.can_spend(membership),
        "form": form,
    }
    return show(request, "terminals/list.html", context, status=status)


def _show(
    request: HttpRequest,
    membership: Membership,
    row: Terminal,
    form: NamingForm,
    error: DomainError | None = None,
) -> HttpResponse:
    organization = membership.organization
    wanted = DayForm(request.GET)
    chosen = wanted.cleaned_data["date"] if wanted.is_valid() else None
    day = chosen or clock.now(organization).date()
    found, next_cursor = cut_page(
        request.GET,
        [payments.list_payments(organization, terminal_id=row.pk)],
        default_limit=_PAYMENTS,
    )
    context: dict[str, Any] = {
        "organization": organization,
        "row": rows.reader(row),
        "day": day,
        "days": [
            rows.day(one) for one in totals.daily_totals(organization, day, terminal_id=row.pk)
        ],
        "payments": [rows.payment(one) for one in found],
        "next_cursor": next_cursor,
        "is_first_page": "cursor" not in request.GET,
        "may_change": callers.can_spend(membership),
        "form": form,
        "refusal": error.message if error else "",
    }
    status = error.status if error else 200
    return show(request, "terminals/reader.html", context, status=status)
