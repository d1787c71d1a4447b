"""Bases of the back office's pages: a desk to see and to act from, never a back door.

What belongs to a service can't be edited here; actions call services and leave a log entry.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest

if TYPE_CHECKING:
    # django-unfold's classes are these with another look, but carry no types.
    from django.contrib.admin import ModelAdmin, TabularInline
else:
    from unfold.admin import ModelAdmin, TabularInline

__all__ = ["DeskAdmin", "ReadOnlyAdmin", "ReadOnlyInline", "TabularInline"]

ModelT = TypeVar("ModelT", bound=models.Model)
ParentT = TypeVar("ParentT", bound=models.Model)


class DeskAdmin(ModelAdmin[ModelT]):
    """A page that stays quick on large tables and finds rows by a pasted id."""

    show_full_result_count = False
    list_per_page = 50
    save_on_top = False
    actions_on_bottom = False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ModelT], search_term: str
    ) -> tuple[QuerySet[ModelT], bool]:
        """Take a UUID for the id of the row or of its organization; else search as declared."""
        try:
            wanted = UUID(search_term.strip())
        except ValueError:
            return super().get_search_results(request, queryset, search_term)
        found = Q(organization_id=wanted) if self._has_field("organization") else Q()
        if isinstance(self.opts.pk, models.UUIDField):
            found |= Q(pk=wanted)
        if not found:
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(found), False

    def _has_field(self, name: str) -> bool:
        try:
            self.opts.get_field(name)
        except FieldDoesNotExist:
            return False
        return True

    def log_action(
        self, request: HttpRequest, rows: Sequence[ModelT] | QuerySet[ModelT], message: str
    ) -> None:
        """Leave a log entry for every row an action was applied to."""
        if request.user.pk is not None:
            LogEntry.objects.log_actions(request.user.pk, rows, CHANGE, change_message=message)


class ReadOnlyAdmin(DeskAdmin[ModelT]):
    """A page whose rows belong to a service: looked at, never edited."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        """Nobody adds rows by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        """Nobody edits rows by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        """Nobody deletes rows by hand."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:  # noqa: ARG002 - Django's signature
        """Show every field as text, those that no form could hold included."""
        return [str(field) for field in self.fields or ()]

    def may_act(self, request: HttpRequest) -> bool:
        """Say whether the user holds Django's own `change` permission, which guards the actions."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")


class ReadOnlyInline(TabularInline[ModelT, ParentT]):
    """Rows of another table beside their owner: looked at, never edited."""

    extra = 0
    max_num = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        """Nobody adds rows by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        """Nobody edits rows by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        """Nobody deletes rows by hand."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:  # noqa: ARG002 - Django's signature
        """Show every field as text."""
        return [str(field) for field in self.fields or ()]
