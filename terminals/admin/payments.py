"""Payments in person: the facts, why it came to them, and what staff may do."""

from collections.abc import Callable, Sequence

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html_join

from billing.admin import display
from billing.admin.refunding import Payment, RefundPages
from billing.selectors import timeline
from billing.services import causes
from billing.types import Cause
from orgs import clock, confirm
from orgs.errors import DomainError
from terminals.enums import FINAL_STATUSES
from terminals.models import TerminalPayment
from terminals.selectors import payments as selectors
from terminals.services import asking, canceling, receipt_mail, receipts, wording

Step = Callable[[TerminalPayment, Cause], TerminalPayment]


@admin.register(TerminalPayment)
class TerminalPaymentAdmin(RefundPages[TerminalPayment]):
    list_display = (
        "created_at",
        "organization",
        "terminal",
        "reference",
        "amount",
        "status",
        "holds_reader",
        "decline_code",
        "started_by",
    )
    list_filter = (
        "status",
        "provider",
        "holds_reader",
        "capture_method",
        ("cancel_requested_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("organization", "terminal")
    search_fields = (
        "reference",
        "external_id",
        "terminal__label",
        "terminal__external_id",
        "obligation__attempts__our_reference",
        "organization__name",
        "organization__slug",
    )
    fields = (
        "organization",
        "terminal",
        "provider",
        "external_id",
        "reference",
        "started_by",
        "status",
        "why",
        "amount",
        "capture_method",
        "authorized",
        "tip",
        "captured",
        "refunded",
        "refund",
        "card_read",
        "holds_reader",
        "held_since",
        "resolve_after",
        "cancel_requested_at",
        "authorized_at",
        "capture_before",
        "captured_at",
        "finished_at",
        "obligation",
        "receipts_mailed",
        "id",
        "created_at",
        "timeline",
    )
    actions = ("ask_now", "void")

    def payment_of(self, row: TerminalPayment) -> Payment | None:
        """Return the payment it came to, if something was taken."""
        if not row.captured_minor or not row.external_id:
            return None
        payer = f"whoever paid at {row.terminal.label}"
        return Payment(row.organization, row.provider, row.external_id, payer)

    @admin.display(description="Amount", ordering="amount_minor")
    def amount(self, row: TerminalPayment) -> str:
        """Show what the till asked for."""
        return display.money(row.amount_minor, row.currency)

    @admin.display(description="Authorized")
    def authorized(self, row: TerminalPayment) -> str:
        """Show what the card was asked for."""
        return display.money(row.authorized_minor or None, row.currency)

    @admin.display(description="Of it tip")
    def tip(self, row: TerminalPayment) -> str:
        """Show the tip."""
        return display.money(row.tip_minor or None, row.currency)

    @admin.display(description="Captured")
    def captured(self, row: TerminalPayment) -> str:
        """Show what was taken."""
        return display.money(row.captured_minor or None, row.currency)

    @admin.display(description="Given back")
    def refunded(self, row: TerminalPayment) -> str:
        """Show what went back."""
        return display.money(row.refunded_minor or None, row.currency)

    @admin.display(description="Why not taken")
    def why(self, row: TerminalPayment) -> str:
        """Say it in the words of the till, with the provider's code."""
        reason = wording.why(row)
        return f"{reason} ({row.decline_code})" if reason and row.decline_code else reason or "-"

    @admin.display(description="Card")
    def card_read(self, row: TerminalPayment) -> str:
        """Show what receipts say of the card."""
        return " · ".join(": ".join(pair) for pair in receipts.card_rows(row)) or "-"

    @admin.display(description="Asked about after")
    def resolve_after(self, row: TerminalPayment) -> str:
        """Say when the provider is asked what became of it."""
        asked_at = selectors.resolve_after(row)
        return f"{asked_at:%-d %B %Y, %H:%M:%S} UTC" if asked_at else "-"

    @admin.display(description="Receipts mailed")
    def receipts_mailed(self, row: TerminalPayment) -> str:
        """Link to the mails that brought its receipt."""
        links = [
            (
                reverse("admin:notifications_message_change", args=[mail.pk]),
                mail.to,
                mail.get_state_display(),
            )
            for mail in receipt_mail.sent(row)
        ]
        shown = format_html_join(" · ", '<a href="{}">{}</a>: {}', links)
        return shown or "-"

    @admin.display(description="What happened, and why")
    def timeline(self, row: TerminalPayment) -> str:
        """Show the newest lines of the timeline that are about this payment."""
        events = timeline.events_about(
            row.organization, object_type="terminal_payment", object_id=row.pk
        )
        return display.timeline(events)

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Guard the actions."""
        return self.may_act(request)

    @admin.action(description="Ask the provider now", permissions=["act"])
    def ask_now(self, request: HttpRequest, queryset: QuerySet[TerminalPayment]) -> None:
        """Ask what became of payments that are not decided."""
        rows = list(queryset.select_related("organization"))

        def ask(row: TerminalPayment, cause: Cause) -> TerminalPayment:
            return asking.ask_now(
                organization=row.organization,
                payment_id=row.pk,
                cause=cause,
                now=clock.now(row.organization),
            )

        self._each(request, rows, "Asked the provider.", ask)

    @admin.action(description="Cancel or void (nothing of it is kept)", permissions=["act"])
    def void(
        self, request: HttpRequest, queryset: QuerySet[TerminalPayment]
    ) -> HttpResponse | None:
        """Stop readers and void what was authorized, after a question."""
        rows = list(queryset.exclude(status__in=FINAL_STATUSES).select_related("organization"))
        if rows and not confirm.is_confirmed(request):
            return confirm.ask(
                self,
                request,
                rows=rows,
                action="void",
                question="Cancel these payments? What was authorized is released, and what is "
                "still approved afterwards is voided.",
                verb="Cancel the payments",
            )

        def cancel(row: TerminalPayment, cause: Cause) -> TerminalPayment:
            return canceling.cancel(
                organization=row.organization,
                payment_id=row.pk,
                cause=cause,
                now=clock.now(row.organization),
            )

        self._each(request, rows, "Asked to be canceled.", cancel)
        return None

    def _each(
        self, request: HttpRequest, rows: Sequence[TerminalPayment], done: str, step: Step
    ) -> None:
        cause = causes.of_staff(request.user)
        finished = []
        for row in rows:
            try:
                after = step(row, cause)
            except DomainError as error:
                messages.error(request, f"{row}: {error.message}")
            else:
                finished.append(row)
                messages.info(request, f"{row.reference or row.pk}: {after.get_status_display()}.")
        self.log_action(request, finished, done)
        messages.success(request, f"{len(finished)} payments. {done}")
