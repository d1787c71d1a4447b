"""`/settings/terminals/payments/…/capture` and `/refund`: how much, asked before it is done."""

import abc
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from billing import flashes, money
from billing.pages import base, callers
from billing.services import causes
from orgs import clock
from orgs.errors import DomainError
from orgs.pages.base import show
from terminals.enums import PaymentStatus
from terminals.models import TerminalPayment
from terminals.pages import rows
from terminals.pages.finding import payment_of
from terminals.pages.forms import CaptureForm, RefundForm
from terminals.services import capturing, refunding


class _AmountPage(base.Page):
    """A form with an amount, filled in with all that is left."""

    title = button = sentence = ""
    form_class: type[CaptureForm | RefundForm]

    @abc.abstractmethod
    def left(self, payment: TerminalPayment) -> int:
        """Return how much it can be at the most, in minor units."""

    @abc.abstractmethod
    def do(self, request: HttpRequest, payment: TerminalPayment, filled: dict[str, Any]) -> None:
        """Do it, and say what came of it."""

    def get(self, request: HttpRequest, payment_id: str) -> HttpResponse:
        """Ask."""
        membership = callers.require_member(request, may_spend=True)
        payment = payment_of(membership.organization, payment_id)
        left = money.as_decimal(self.left(payment), payment.currency)
        form = self.form_class(
            currency=payment.currency, initial={"amount": left, "request_key": uuid4().hex}
        )
        return self._show(request, payment, form)

    def post(self, request: HttpRequest, payment_id: str) -> HttpResponse:
        """Do it."""
        membership = callers.require_member(request, may_spend=True)
        payment = payment_of(membership.organization, payment_id)
        form = self.form_class(request.POST, currency=payment.currency)
        if not form.is_valid():
            return self._show(request, payment, form)
        try:
            self.do(request, payment, form.cleaned_data)
        except DomainError as error:
            form.show_refusal(error)
            return self._show(request, payment, form, status=error.status)
        return redirect("terminal-payment-page", payment_id=payment.pk)

    def _show(
        self,
        request: HttpRequest,
        payment: TerminalPayment,
        form: CaptureForm | RefundForm,
        status: int = 200,
    ) -> HttpResponse:
        context = {
            "title": self.title,
            "button": self.button,
            "sentence": self.sentence,
            "row": rows.payment(payment),
            "payment": payment,
            "left": rows.money(payment, self.left(payment)),
            "form": form,
        }
        return show(request, "terminals/amount.html", context, status=status)


class CapturePage(_AmountPage):
    """Taking what was authorized."""

    title, button = "Take the payment", "Take it"
    sentence = "are authorized. Taking less gives the rest up."
    form_class = CaptureForm

    def left(self, payment: TerminalPayment) -> int:
        """Return what was authorized."""
        return payment.authorized_minor if payment.status == PaymentStatus.REQUIRES_CAPTURE else 0

    def do(self, request: HttpRequest, payment: TerminalPayment, filled: dict[str, Any]) -> None:
        """Capture it."""
        after = capturing.capture(
            organization=payment.organization,
            payment_id=payment.pk,
            amount_minor=filled["amount"],
            cause=causes.of_request(),
            now=clock.now(payment.organization),
        )
        if after.status == PaymentStatus.SUCCEEDED:
            messages.success(request, f"{rows.money(after, after.captured_minor)} were taken.")
        else:
            messages.info(request, "The provider has not answered yet. It is being asked.")


class RefundPage(_AmountPage):
    """Giving money back to the card it came from."""

    title, button = "Refund", "Give it back"
    sentence = "can be given back, to the card that paid."
    form_class = RefundForm

    def left(self, payment: TerminalPayment) -> int:
        """Return what was taken and not given back."""
        return payment.captured_minor - payment.refunded_minor

    def do(self, request: HttpRequest, payment: TerminalPayment, filled: dict[str, Any]) -> None:
        """Refund it; what is sent twice from one page is done once."""
        debt = refunding.refund(
            organization=payment.organization,
            payment_id=payment.pk,
            amount_minor=filled["amount"],
            request_key=filled["request_key"],
            cause=causes.of_request(),
            now=clock.now(payment.organization),
        )
        amount = rows.money(payment, debt.amount_minor)
        flashes.refunded(request, state=debt.state, amount=amount)
