"""Entering transfers that staff saw on a bank account, and giving invoices up."""

from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from billing import money
from billing.admin import display
from billing.admin.amounts import AmountForm
from billing.admin.refunding import RefundPages
from billing.enums import InvoiceStatus
from billing.models import BankAccount, Invoice, ManualPayment
from billing.services import by_hand, causes
from orgs import clock, confirm, desk_pages
from orgs.backoffice import DeskAdmin, ReadOnlyAdmin, ReadOnlyInline
from orgs.errors import DomainError
from orgs.models import User

_PAGE = "billing_invoice_mark_paid"
_WRITE_OFF_PAGE = "billing_invoice_write_off"


class MarkPaidForm(AmountForm):
    """A payment as it stands on the bank statement."""

    amount_help = "All that is still to be paid, or a part of it."

    reference = forms.CharField(
        max_length=100,
        help_text="As it stands on the bank statement. The same one counts once for an invoice.",
    )
    received_on = forms.DateField(
        label="Received on", widget=forms.DateInput(attrs={"type": "date"})
    )


class MarkPaidPages(RefundPages[Invoice]):
    """The pages of an invoice on which staff enter a transfer, or give it up."""

    def get_urls(self) -> list[URLPattern]:
        """Add the pages."""
        view = self.admin_site.admin_view
        return [
            path("<uuid:key>/mark-paid/", view(self.mark_paid_page), name=_PAGE),
            path("<uuid:key>/write-off/", view(self.write_off_page), name=_WRITE_OFF_PAGE),
            *super().get_urls(),
        ]

    @admin.display(description="By hand")
    def marks(self, invoice: Invoice) -> str:
        """Link to the pages."""
        if not by_hand.can_mark_paid(invoice) or invoice.status == InvoiceStatus.VOID:
            return "-"
        mark = reverse(f"admin:{_PAGE}", args=[invoice.pk])
        if invoice.status != InvoiceStatus.OPEN:
            return format_html('<a href="{}">Enter a transfer…</a>', mark)
        give_up = reverse(f"admin:{_WRITE_OFF_PAGE}", args=[invoice.pk])
        words = '<a href="{}">Mark paid…</a> · <a href="{}">Give it up…</a>'
        return format_html(words, mark, give_up)

    def mark_paid_page(self, request: HttpRequest, key: UUID) -> HttpResponse:
        """Take what came in, ask, and enter it."""
        invoice, back = self._open(request, key)
        form = _form(request, invoice)
        facts = _facts(invoice)
        if request.method == "POST" and form.is_valid():
            if not confirm.is_confirmed(request):
                asked = _asked(form, invoice)
                return desk_pages.show(
                    self,
                    request,
                    title="Mark paid",
                    facts=[*facts, *asked],
                    form=form,
                    verb="Mark paid",
                    back=request.get_full_path(),
                    question=f"Enter {asked[0][1]} as received for invoice {invoice}?",
                )
            if self._enter(request, invoice, form):
                return HttpResponseRedirect(back)
        return desk_pages.show(
            self, request, title="Mark paid", facts=facts, form=form, verb="Go on", back=back
        )

    def _enter(self, request: HttpRequest, invoice: Invoice, form: MarkPaidForm) -> bool:
        """Enter it; False after a refusal that the form shows."""
        filled = form.cleaned_data
        payment = by_hand.SeenPayment(filled["amount"], filled["reference"], filled["received_on"])
        try:
            entered = by_hand.mark_paid(
                invoice=invoice,
                payment=payment,
                entered_by=request.user if isinstance(request.user, User) else None,
                cause=causes.of_staff(request.user),
                now=clock.now(invoice.organization),
            )
        except DomainError as error:
            form.show_refusal(error)
            return False
        amount = display.money(entered.amount_minor, entered.currency)
        if entered.is_too_much:
            messages.warning(request, f"{invoice} was paid already: {amount} is now a case.")
        else:
            left = display.money(invoice.amount_remaining_minor, invoice.currency)
            messages.success(request, f"{amount} entered; {left} is still to be paid.")
        self.log_action(request, [invoice], f"Entered {amount} as received ({entered.reference}).")
        return True

    def write_off_page(self, request: HttpRequest, key: UUID) -> HttpResponse:
        """Ask, and give the invoice up."""
        invoice, back = self._open(request, key)
        if not confirm.is_confirmed(request):
            return desk_pages.show(
                self,
                request,
                title="Give up",
                facts=_facts(invoice),
                verb="Give it up",
                back=back,
                question="Give this invoice up as uncollectible? It can still be paid later.",
            )
        try:
            by_hand.write_off(
                invoice=invoice,
                cause=causes.of_staff(request.user),
                now=clock.now(invoice.organization),
            )
        except DomainError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, f"{invoice} was given up.")
            self.log_action(request, [invoice], "Given up as uncollectible.")
        return HttpResponseRedirect(back)

    def _open(self, request: HttpRequest, key: UUID) -> tuple[Invoice, str]:
        invoice = self.get_object(request, str(key))
        if not self.may_act(request):
            raise PermissionDenied
        if invoice is None or not by_hand.can_mark_paid(invoice):
            raise Http404
        return invoice, reverse("admin:billing_invoice_change", args=[invoice.pk])


class ManualPaymentInline(ReadOnlyInline[ManualPayment, Invoice]):
    model = ManualPayment
    fields = ("reference", "amount", "received_on", "is_too_much", "entered_by")

    @admin.display(description="Amount")
    def amount(self, payment: ManualPayment) -> str:
        """Show the amount with its currency."""
        return display.money(payment.amount_minor, payment.currency)


@admin.register(ManualPayment)
class ManualPaymentAdmin(ReadOnlyAdmin[ManualPayment]):
    """Transfers that staff entered; they are entered on the page of their invoice."""

    list_display = (
        "reference",
        "organization",
        "invoice",
        "amount",
        "received_on",
        "is_too_much",
        "entered_by",
    )
    list_filter = ("is_too_much", "currency")
    list_select_related = ("organization", "invoice", "entered_by")
    search_fields = ("reference", "invoice__number", "organization__name", "organization__slug")
    fields = (
        "organization",
        "invoice",
        "reference",
        "amount",
        "received_on",
        "is_too_much",
        "entered_by",
        "created_at",
    )

    @admin.display(description="Amount", ordering="amount_minor")
    def amount(self, payment: ManualPayment) -> str:
        """Show the amount with its currency."""
        return display.money(payment.amount_minor, payment.currency)


@admin.register(BankAccount)
class BankAccountAdmin(DeskAdmin[BankAccount]):
    """Where payers transfer to: printed on invoices that are sent."""

    list_display = ("currency", "holder", "number", "code", "bank")
    fields = ("currency", "holder", "number", "code", "bank")


def _form(request: HttpRequest, invoice: Invoice) -> MarkPaidForm:
    if request.method == "POST":
        return MarkPaidForm(request.POST, currency=invoice.currency)
    initial = {
        "amount": money.as_decimal(invoice.amount_remaining_minor, invoice.currency),
        "received_on": clock.now(invoice.organization).date(),
    }
    return MarkPaidForm(currency=invoice.currency, initial=initial)


def _facts(invoice: Invoice) -> list[tuple[str, str]]:
    paid = invoice.amount_paid_minor + invoice.paid_elsewhere_minor
    return [
        ("Organization", invoice.organization.name),
        ("Invoice", str(invoice)),
        ("Status", str(invoice.get_status_display())),
        ("To be paid", display.money(invoice.amount_due_minor, invoice.currency)),
        ("Paid so far", display.money(paid, invoice.currency)),
        ("Due", f"{invoice.due_at:%-d %B %Y}" if invoice.due_at else "-"),
    ]


def _asked(form: MarkPaidForm, invoice: Invoice) -> list[tuple[str, str]]:
    filled = form.cleaned_data
    return [
        ("Received", display.money(filled["amount"], invoice.currency)),
        ("Reference", filled["reference"]),
        ("Received on", f"{filled['received_on']:%-d %B %Y}"),
    ]
