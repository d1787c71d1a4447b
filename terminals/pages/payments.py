"""`/settings/terminals/payments/…`: one payment in person, its story and its receipt."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect

from billing.pages import base, callers, words
from billing.selectors import timeline
from billing.services import causes
from orgs import clock, downloads
from orgs.errors import DomainError
from orgs.models import Membership
from orgs.pages.base import count_use, show
from terminals.enums import FINAL_STATUSES, PaymentStatus
from terminals.models import TerminalPayment
from terminals.pages import rows
from terminals.pages.finding import payment_of
from terminals.pages.forms import ReceiptForm
from terminals.services import canceling, receipt_mail, receipt_pdf, receipts

_LINES = 50


class PaymentPage(base.Page):
    """Readable for every role."""

    def get(self, request: HttpRequest, payment_id: str) -> HttpResponse:
        """Show it."""
        membership = callers.require_member(request)
        payment = payment_of(membership.organization, payment_id)
        return _show(request, membership, payment, ReceiptForm())


class PaymentStatePage(base.Page):
    """For the script that looks whether something changed."""

    def get(self, request: HttpRequest, payment_id: str) -> HttpResponse:
        """Return what changes with it."""
        organization = callers.require_member(request).organization
        payment = payment_of(organization, payment_id)
        return JsonResponse({"version": rows.version_of_payment(payment)})


class ReceiptPage(base.Page):
    """The file of its receipt."""

    def get(self, request: HttpRequest, payment_id: str) -> HttpResponse:
        """Download it; while nothing is paid there is none."""
        membership = callers.require_member(request)
        payment = payment_of(membership.organization, payment_id)
        try:
            receipt = receipts.make(payment)
        except DomainError as error:
            return _show(request, membership, payment, ReceiptForm(), error)
        content, name = receipt_pdf.render(receipt), receipt_pdf.filename(receipt)
        return downloads.pdf(content, name, is_shown=False)


class SendPage(base.Page):
    """The form that mails its receipt."""

    def post(self, request: HttpRequest, payment_id: str) -> HttpResponse:
        """Mail it to whoever paid."""
        membership = callers.require_member(request, may_spend=True)
        organization = membership.organization
        payment = payment_of(organization, payment_id)
        form = ReceiptForm(request.POST)
        if not form.is_valid():
            return _show(request, membership, payment, form)
        count_use(request, "receipt_send")
        try:
            receipt_mail.send(
                payment=payment, to=form.cleaned_data["email"], now=clock.now(organization)
            )
        except DomainError as error:
            return _show(request, membership, payment, form, error)
        messages.success(request, f"The receipt is on its way to {form.cleaned_data['email']}.")
        return redirect("terminal-payment-page", payment_id=payment.pk)


class CancelPage(base.Page):
    """The button that gives a payment up."""

    def post(self, request: HttpRequest, payment_id: str) -> HttpResponse:
        """Stop the reader, or void what was authorized."""
        membership = callers.require_member(request, may_spend=True)
        organization = membership.organization
        payment = payment_of(organization, payment_id)
        try:
            after = canceling.cancel(
                organization=organization,
                payment_id=payment.pk,
                cause=causes.of_request(),
                now=clock.now(organization),
            )
        except DomainError as error:
            return _show(request, membership, payment, ReceiptForm(), error)
        if after.status in FINAL_STATUSES:
            messages.success(request, "The payment was canceled. Nothing of it is kept.")
        else:
            messages.info(request, "The payment ends as soon as the reader is known to be done.")
        return redirect("terminal-payment-page", payment_id=payment.pk)


def _show(
    request: HttpRequest,
    membership: Membership,
    payment: TerminalPayment,
    form: ReceiptForm,
    error: DomainError | None = None,
) -> HttpResponse:
    organization = membership.organization
    events = timeline.events_about(
        organization, object_type="terminal_payment", object_id=payment.pk
    )
    found = [
        {"event": event, "cause": words.cause(event.cause)}
        for event in events.order_by("-sequence")[:_LINES]
    ]
    is_ready = receipts.is_ready(payment)
    may_change = callers.can_spend(membership)
    is_over = payment.status in FINAL_STATUSES
    context: dict[str, Any] = {
        "organization": organization,
        "row": rows.payment(payment),
        "payment": payment,
        "receipt": receipts.make(payment) if is_ready else None,
        "mails": receipt_mail.sent(payment) if is_ready else [],
        "lines": found,
        "version": rows.version_of_payment(payment),
        "may_change": may_change,
        "may_take": may_change and payment.status == PaymentStatus.REQUIRES_CAPTURE,
        "may_give_back": may_change and payment.captured_minor > payment.refunded_minor,
        "may_cancel": may_change and not is_over and payment.cancel_requested_at is None,
        "form": form,
        "refusal": error.message if error else "",
    }
    status = error.status if error else 200
    return show(request, "terminals/payment.html", context, status=status)
