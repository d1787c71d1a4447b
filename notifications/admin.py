"""Outgoing mail: what was sent, what failed, and once more. Contents are not shown."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from notifications import services
from notifications.models import Message, MessageState
from orgs import clock
from orgs.backoffice import ReadOnlyAdmin


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin[Message]):
    list_display = ("to", "kind", "organization", "state", "attempts", "created_at", "sent_at")
    list_filter = ("state", "kind", ("sent_at", admin.EmptyFieldListFilter))
    list_select_related = ("organization",)
    search_fields = (
        "to",
        "key",
        "provider_message_id",
        "organization__name",
        "organization__slug",
    )
    fields = (
        "organization",
        "kind",
        "key",
        "to",
        "state",
        "attempts",
        "error",
        "next_attempt_at",
        "claimed_at",
        "sent_at",
        "provider_message_id",
        "id",
        "created_at",
    )
    actions = ("send_again",)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Guard the action."""
        return self.may_act(request)

    @admin.action(description="Send selected messages that failed", permissions=["retry"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        """Have failed and given-up messages tried anew."""
        failed = list(queryset.filter(state__in=[MessageState.FAILED, MessageState.DEAD]))
        count = services.retry_messages(
            message_ids=[message.pk for message in failed], now=clock.now()
        )
        self.log_action(request, failed, "Asked to be sent again.")
        messages.success(request, f"{count} messages queued.")
