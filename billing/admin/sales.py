"""Requests for plans that are agreed individually: a list to work off."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from billing.models import SalesRequest
from orgs.backoffice import DeskAdmin

_AS_SENT = (
    "organization",
    "plan",
    "name",
    "email",
    "phone",
    "seats",
    "message",
    "requested_by",
    "created_at",
)


@admin.register(SalesRequest)
class SalesRequestAdmin(DeskAdmin[SalesRequest]):
    """What was sent stays as it is; how far it has come, who does it and notes are for staff."""

    list_display = (
        "organization",
        "plan",
        "name",
        "email",
        "seats",
        "state",
        "owner",
        "created_at",
    )
    list_filter = ("state", "plan", "owner")
    list_select_related = ("organization", "plan", "owner")
    search_fields = ("name", "email", "organization__name", "organization__slug", "message")
    fields = ("state", "owner", "note", *_AS_SENT)
    readonly_fields = _AS_SENT

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        """They come from the page."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        """What was asked is kept."""
        return False
