"""What providers told us, and the timelines that came of it. Payloads are never shown."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from billing.admin import display
from billing.enums import InboxState
from billing.models import BillingEvent, InboxEvent, MirrorTodo
from billing.services import inbox
from orgs.backoffice import ReadOnlyAdmin


@admin.register(InboxEvent)
class InboxEventAdmin(ReadOnlyAdmin[InboxEvent]):
    list_display = (
        "external_id",
        "type",
        "provider",
        "state",
        "attempts",
        "organization",
        "received_at",
        "handled_at",
        "error",
    )
    list_filter = ("state", "provider", ("handled_at", admin.EmptyFieldListFilter))
    list_select_related = ("organization",)
    search_fields = ("external_id", "type", "organization__name", "trace_id")
    fields = (
        "provider",
        "account",
        "external_id",
        "type",
        "state",
        "attempts",
        "error",
        "organization",
        "received_at",
        "claimed_at",
        "next_attempt_at",
        "handled_at",
        "trace_id",
    )
    actions = ("process_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboxEvent]:
        """Leave the payloads in the database."""
        return super().get_queryset(request).defer("payload")

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Guard the action."""
        return self.may_act(request)

    @admin.action(description="Process selected events again", permissions=["replay"])
    def process_again(self, request: HttpRequest, queryset: QuerySet[InboxEvent]) -> None:
        """Have the selected events that were never handled taken up once more."""
        waiting = list(queryset.exclude(state=InboxState.DONE))
        count = inbox.replay_events([event.pk for event in waiting])
        self.log_action(request, waiting, "Asked to be processed again.")
        messages.success(request, f"{count} events queued.")


@admin.register(BillingEvent)
class BillingEventAdmin(ReadOnlyAdmin[BillingEvent]):
    list_display = ("organization", "sequence", "type", "summary", "why", "occurred_at")
    list_filter = ("type", "provider")
    list_select_related = ("organization",)
    search_fields = ("organization__name", "organization__slug", "object_id", "summary")
    ordering = ("-created_at",)
    fields = (
        "organization",
        "sequence",
        "type",
        "summary",
        "why",
        "occurred_at",
        "provider",
        "provider_type",
        "object_type",
        "object_id",
    )

    @admin.display(description="Why?")
    def why(self, event: BillingEvent) -> str:
        """Say what set it off."""
        return display.cause_in_words(event.cause, event.provider)


@admin.register(MirrorTodo)
class MirrorTodoAdmin(ReadOnlyAdmin[MirrorTodo]):
    list_display = ("external_id", "object_type", "generation", "attempts", "next_attempt_at")
    list_filter = ("object_type", "provider", ("error", admin.EmptyFieldListFilter))
    search_fields = ("external_id",)
    ordering = ("next_attempt_at",)
    fields = (
        "provider",
        "object_type",
        "external_id",
        "generation",
        "attempts",
        "next_attempt_at",
        "error",
    )
