"""Debts, the tries at settling them, and what somebody has to decide."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from billing.admin import display
from billing.enums import CaseState
from billing.models import Case, Obligation, PaymentAttempt, PaymentFact
from billing.services import cases
from orgs import clock, confirm
from orgs.backoffice import ReadOnlyAdmin, ReadOnlyInline


class AttemptInline(ReadOnlyInline[PaymentAttempt, Obligation]):
    model = PaymentAttempt
    fields = ("number", "kind", "provider", "state", "error_code", "sent_at", "resolved_at")
    ordering = ("number",)


@admin.register(Obligation)
class ObligationAdmin(ReadOnlyAdmin[Obligation]):
    list_display = ("organization", "kind", "amount", "state", "settled_at", "created_at")
    list_filter = ("state", "kind")
    list_select_related = ("organization",)
    search_fields = (
        "organization__name",
        "organization__slug",
        "subscription__external_id",
        "attempts__external_id",
        "attempts__our_reference",
    )
    fields = (
        "organization",
        "kind",
        "subscription",
        "amount",
        "state",
        "settled_at",
        "id",
        "created_at",
    )
    inlines = (AttemptInline,)

    @admin.display(description="Amount", ordering="amount_minor")
    def amount(self, obligation: Obligation) -> str:
        """Show the amount with its currency."""
        return display.money(obligation.amount_minor, obligation.currency)


@admin.register(PaymentAttempt)
class PaymentAttemptAdmin(ReadOnlyAdmin[PaymentAttempt]):
    list_display = (
        "our_reference",
        "organization",
        "kind",
        "provider",
        "amount",
        "state",
        "error_code",
        "decline_code",
        "created_at",
    )
    list_filter = ("state", "kind", "provider")
    list_select_related = ("organization", "obligation")
    search_fields = ("external_id", "our_reference", "organization__name", "organization__slug")
    fields = (
        "organization",
        "obligation",
        "number",
        "kind",
        "provider",
        "amount",
        "state",
        "our_reference",
        "external_id",
        "error_code",
        "decline_code",
        "sent_at",
        "resolve_after",
        "asked",
        "resolved_at",
        "id",
        "created_at",
    )

    @admin.display(description="Amount")
    def amount(self, attempt: PaymentAttempt) -> str:
        """Show what it was to settle."""
        return display.money(attempt.obligation.amount_minor, attempt.obligation.currency)


@admin.register(PaymentFact)
class PaymentFactAdmin(ReadOnlyAdmin[PaymentFact]):
    list_display = ("external_id", "organization", "kind", "amount", "provider", "occurred_at")
    list_filter = ("kind", "provider")
    list_select_related = ("organization",)
    search_fields = ("external_id", "organization__name", "organization__slug")
    fields = (
        "organization",
        "subscription",
        "kind",
        "amount",
        "provider",
        "external_id",
        "occurred_at",
        "detail",
    )

    @admin.display(description="Amount", ordering="amount_minor")
    def amount(self, fact: PaymentFact) -> str:
        """Show the amount with its currency."""
        return display.money(fact.amount_minor, fact.currency)


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin[Case]):
    list_display = ("summary", "organization", "kind", "state", "created_at", "resolved_at")
    list_filter = ("state", "kind")
    list_select_related = ("organization",)
    search_fields = ("external_id", "organization__name", "organization__slug")
    fields = (
        "organization",
        "kind",
        "state",
        "summary",
        "subscription",
        "external_id",
        "created_at",
        "resolved_at",
    )
    actions = ("resolve",)

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        """Guard the action."""
        return self.may_act(request)

    @admin.action(description="Mark selected cases as resolved", permissions=["resolve"])
    def resolve(self, request: HttpRequest, queryset: QuerySet[Case]) -> HttpResponse | None:
        """Close cases, after a question: closing moves no money."""
        open_ones = list(queryset.filter(state=CaseState.OPEN))
        if open_ones and not confirm.is_confirmed(request):
            return confirm.ask(
                self,
                request,
                rows=open_ones,
                action="resolve",
                question="This moves no money: refund or cancel at the provider first. "
                "Mark these cases as resolved?",
                verb="Mark as resolved",
            )
        resolved = [case for case in open_ones if cases.resolve_case(case=case, now=clock.now())]
        self.log_action(request, resolved, "Marked as resolved.")
        messages.success(request, f"{len(resolved)} cases resolved.")
        return None
