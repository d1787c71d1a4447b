"""Giving a payment back from the back office, in full or in part, after a question."""

import dataclasses
from typing import TypeVar
from uuid import UUID, uuid4

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from billing import flashes, money
from billing.admin import display
from billing.admin.amounts import AmountForm
from billing.enums import RefundReason
from billing.models import Invoice, Obligation, PaymentAttempt
from billing.services import causes, refunds
from billing.types import ChargeSnapshot
from orgs import clock, confirm, desk_pages
from orgs.backoffice import ReadOnlyAdmin
from orgs.errors import DomainError
from orgs.models import Organization

ModelT = TypeVar("ModelT", bound=Model)


@dataclasses.dataclass(frozen=True, slots=True)
class Payment:
    """What is to be given back, and to whom."""

    organization: Organization
    provider: str
    external_id: str
    payer: str


class RefundForm(AmountForm):
    """How much, and why."""

    amount_help = "All that is left, or a part of it."

    reason = forms.ChoiceField(choices=RefundReason.choices)
    note = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Why",
        help_text="For whoever looks at it later. The payer does not see it.",
    )
    # What is sent twice from one page is done once.
    request_key = forms.CharField(max_length=64, widget=forms.HiddenInput)


class RefundPages(ReadOnlyAdmin[ModelT]):
    """A page "Refund…" for each row that a payment stands behind."""

    def payment_of(self, row: ModelT) -> Payment | None:
        """Return the payment behind a row, if there is one to give back."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        """Add the page."""
        page = self.admin_site.admin_view(self.refund_page)
        name = f"{self.opts.app_label}_{self.opts.model_name}_refund"
        return [path("<uuid:key>/refund/", page, name=name), *super().get_urls()]

    @admin.display(description="Money back")
    def refund(self, row: ModelT) -> str:
        """Link to the page."""
        if self.payment_of(row) is None:
            return "-"
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_refund"
        return format_html('<a href="{}">Refund…</a>', reverse(name, args=[row.pk]))

    def refund_page(self, request: HttpRequest, key: UUID) -> HttpResponse:
        """Take what is to be given back, ask, and do it."""
        row = self.get_object(request, str(key))
        payment = self.payment_of(row) if row is not None else None
        if not self.may_act(request):
            raise PermissionDenied
        if row is None or payment is None:
            raise Http404
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
        try:
            charge = refunds.look_at_payment(
                organization=payment.organization,
                provider=payment.provider,
                external_payment_id=payment.external_id,
            )
        except DomainError as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(back)
        form = _form(request, charge)
        facts = _facts(payment, charge)
        if request.method == "POST" and form.is_valid():
            if confirm.is_confirmed(request):
                answer = self._do(request, row, payment, form, back)
                if answer is not None:
                    return answer
            else:
                asked = _asked(form, charge)
                return desk_pages.show(
                    self,
                    request,
                    title="Refund",
                    facts=[*facts, *asked],
                    form=form,
                    verb=f"Refund {asked[0][1]}",
                    back=request.get_full_path(),
                    question=f"Give {asked[0][1]} back to {payment.payer}?",
                )
        return desk_pages.show(
            self, request, title="Refund", facts=facts, form=form, verb="Go on", back=back
        )

    def _do(
        self,
        request: HttpRequest,
        row: ModelT,
        payment: Payment,
        form: RefundForm,
        back: str,
    ) -> HttpResponse | None:
        """Give it back; None after a refusal that the form shows."""
        filled = form.cleaned_data
        wanted = refunds.RefundRequest(
            provider=payment.provider,
            external_payment_id=payment.external_id,
            reason=RefundReason(filled["reason"]),
            amount_minor=filled["amount"],
            note=filled["note"],
            request_key=filled["request_key"],
        )
        try:
            debt = refunds.refund(
                organization=payment.organization,
                request=wanted,
                cause=causes.of_staff(request.user),
                now=clock.now(payment.organization),
            )
        except DomainError as error:
            form.show_refusal(error)
            return None
        tell(request, debt)
        self.log_action(
            request, [row], f"Refunded {display.money(debt.amount_minor, debt.currency)}."
        )
        return HttpResponseRedirect(back)


def tell(request: HttpRequest, debt: Obligation) -> None:
    """Say what became of a refund."""
    amount = display.money(debt.amount_minor, debt.currency)
    flashes.refunded(request, state=debt.state, amount=amount)


def payment_of_invoice(invoice: Invoice) -> Payment | None:
    """Return the payment behind an invoice, if it was paid through its provider."""
    if not invoice.external_payment_id or not invoice.amount_paid_minor:
        return None
    payer = invoice.payer_email or invoice.payer_name or str(invoice.customer)
    return Payment(invoice.organization, invoice.provider, invoice.external_payment_id, payer)


def payment_of_attempt(attempt: PaymentAttempt) -> Payment | None:
    """Return the payment that a try came to, if it was one."""
    if attempt.state != "succeeded" or not attempt.external_id or attempt.kind == "refund":
        return None
    row = attempt.obligation.subscription
    payer = (row.billing_email or row.customer.email) if row else ""
    organization = attempt.organization
    return Payment(organization, attempt.provider, attempt.external_id, payer or organization.name)


def _form(request: HttpRequest, charge: ChargeSnapshot) -> RefundForm:
    if request.method == "POST":
        return RefundForm(request.POST, currency=charge.currency)
    left = money.as_decimal(charge.refundable_minor, charge.currency)
    return RefundForm(
        currency=charge.currency, initial={"amount": left, "request_key": uuid4().hex}
    )


def _facts(payment: Payment, charge: ChargeSnapshot) -> list[tuple[str, str]]:
    given = charge.captured_minor - charge.refundable_minor
    return [
        ("Organization", payment.organization.name),
        ("Payer", payment.payer),
        ("Payment", payment.external_id),
        ("Taken", display.money(charge.captured_minor, charge.currency)),
        ("Given back so far", display.money(given, charge.currency)),
    ]


def _asked(form: RefundForm, charge: ChargeSnapshot) -> list[tuple[str, str]]:
    filled = form.cleaned_data
    return [
        ("To be given back", display.money(filled["amount"], charge.currency)),
        ("Reason", RefundReason(filled["reason"]).label),
        ("Why", filled["note"]),
    ]
