"""`/settings/billing/invoices`: what was and is to be paid, with its file; from local rows."""

import dataclasses
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from billing.models import Invoice
from billing.pages import base, callers, papers, words
from billing.selectors import invoices
from billing.services import causes, invoice_files, invoice_mail
from orgs import clock, downloads, selectors
from orgs.api.pagination import cut_page
from orgs.errors import DomainError, NotFound
from orgs.models import Membership, Organization

_ROWS = 20
LATEST = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """An invoice in a list."""

    invoice: Invoice
    label: str
    tone: str
    total: str

    @property
    def issued_on(self) -> datetime:
        """Return the day it bears."""
        return self.invoice.finalized_at or self.invoice.issued_at


def latest(organization: Organization) -> list[Row]:
    """Return the newest invoices, as the overview shows them."""
    rows = invoices.list_invoices(organization).order_by("-issued_at", "-pk")
    return [_row(invoice) for invoice in rows[:LATEST]]


class InvoicesPage(base.Page):
    """Readable for every role."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """List them, newest first."""
        membership = callers.require_member(request)
        rows = invoices.list_invoices(membership.organization)
        page, next_cursor = cut_page(request.GET, [rows], order="issued_at", default_limit=_ROWS)
        context: dict[str, Any] = {
            "organization": membership.organization,
            "invoices": [_row(invoice) for invoice in page],
            "next_cursor": next_cursor,
            "is_first_page": "cursor" not in request.GET,
        }
        return base.show(request, "invoices.html", context)


class InvoicePage(base.Page):
    """One of them; readable for every role."""

    def get(self, request: HttpRequest, invoice_id: str) -> HttpResponse:
        """Show its lines, what came back of it, and the mails that brought it."""
        membership = callers.require_member(request)
        return _show(request, membership, _find(membership.organization, invoice_id))


class PdfPage(base.Page):
    """Its file."""

    def get(self, request: HttpRequest, invoice_id: str) -> HttpResponse:
        """Download it; a draft has none."""
        membership = callers.require_member(request)
        organization = membership.organization
        invoice = _find(organization, invoice_id)
        try:
            file = invoice_files.print_invoice(
                invoice=invoice, cause=causes.of_request(), now=clock.now(organization)
            )
        except DomainError as error:
            return _show(request, membership, invoice, error)
        return _download(file)


class CreditNotePage(base.Page):
    """The file of one of its credit notes."""

    def get(self, request: HttpRequest, invoice_id: str, note_id: str) -> HttpResponse:
        """Download it."""
        invoice = _find(callers.require_member(request).organization, invoice_id)
        key = selectors.parse_uuid(note_id)
        note = invoices.credit_note(invoice, key) if key else None
        if note is None:
            raise NotFound
        return _download(invoice_files.print_credit_note(note))


class SendPage(base.Page):
    """The button that mails it again."""

    def post(self, request: HttpRequest, invoice_id: str) -> HttpResponse:
        """Mail it to where the organization's invoices go."""
        membership = callers.require_member(request, may_spend=True)
        organization = membership.organization
        invoice = _find(organization, invoice_id)
        try:
            delivery = invoice_mail.send_copy(invoice=invoice, now=clock.now(organization))
        except DomainError as error:
            return _show(request, membership, invoice, error)
        messages.success(request, f"The invoice is on its way to {delivery.to}.")
        return redirect("billing-invoice", invoice_id=invoice.pk)


def _download(file: invoice_files.File) -> HttpResponse:
    return downloads.pdf(file.content, file.name, is_shown=False)


def _find(organization: Organization, invoice_id: str) -> Invoice:
    key = selectors.parse_uuid(invoice_id)
    invoice = invoices.get_invoice(organization, key) if key else None
    if invoice is None:
        raise NotFound
    return invoice


def _row(invoice: Invoice) -> Row:
    label, tone = papers.standing(invoice)
    return Row(invoice, label, tone, papers.shown(invoice, invoice.total_minor))


def _show(
    request: HttpRequest,
    membership: Membership,
    invoice: Invoice,
    error: DomainError | None = None,
) -> HttpResponse:
    may_spend = callers.can_spend(membership)
    label, tone = papers.standing(invoice)
    context: dict[str, Any] = {
        "organization": membership.organization,
        "invoice": invoice,
        "label": label,
        "tone": tone,
        "issued_on": invoice.finalized_at or invoice.issued_at,
        "paper": papers.paper_of(invoice),
        "bank": invoices.bank_account(invoice),
        "deliveries": papers.deliveries_of(invoice),
        "goes_to": invoice_mail.address_of(invoice),
        "may_spend": may_spend,
        "pay_url": invoice.hosted_url if may_spend and papers.is_payable(invoice) else "",
        "refusal": words.sentence(error) if error else "",
    }
    return base.show(request, "invoice.html", context, status=error.status if error else 200)
