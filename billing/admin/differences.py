"""Where a provider and our rows disagree: look, and end it one way or the other."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join

from billing.models import Difference, Reconciliation
from billing.services import differences, reconcile_remedies
from billing.types.differences import DifferenceState
from orgs import clock, confirm
from orgs.backoffice import ReadOnlyAdmin
from orgs.errors import DomainError

# What our rows of a kind of object are called in the admin.
_PAGES = {
    "subscription": "subscription",
    "customer": "customer",
    "invoice": "invoice",
    "payment_attempt": "paymentattempt",
}

Step = Callable[[Difference, UUID], DifferenceState]


@admin.register(Difference)
class DifferenceAdmin(ReadOnlyAdmin[Difference]):
    list_display = (
        "kind",
        "organization",
        "object",
        "ours_shown",
        "theirs_shown",
        "remedy",
        "state",
        "last_seen_at",
    )
    list_filter = ("state", "kind", "provider", "remedy", "object_type")
    list_select_related = ("organization",)
    search_fields = ("external_id", "object_id", "organization__name", "organization__slug")
    fields = (
        "organization",
        "provider",
        "kind",
        "object",
        "ours_shown",
        "theirs_shown",
        "remedy",
        "state",
        "resolution",
        "reason",
        "decided_by",
        "times_seen",
        "first_seen_at",
        "last_seen_at",
        "resolved_at",
        "id",
    )
    actions = ("adopt", "push", "ignore")

    @admin.display(description="Object", ordering="external_id")
    def object(self, difference: Difference) -> str:
        """Name the provider's object, with a link to our row of it."""
        name = f"{difference.object_type} {difference.external_id}"
        page = _PAGES.get(difference.object_type)
        if page is None or not difference.object_id:
            return name
        try:
            address = reverse(f"admin:billing_{page}_change", args=[difference.object_id])
        except NoReverseMatch:
            return name
        return format_html('<a href="{}">{}</a>', address, name)

    @admin.display(description="Ours")
    def ours_shown(self, difference: Difference) -> str:
        """Show what we have."""
        return _shown(difference.ours)

    @admin.display(description="Theirs")
    def theirs_shown(self, difference: Difference) -> str:
        """Show what the provider has."""
        return _shown(difference.theirs)

    # --- Actions ------------------------------------------------------------------------------

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Guard the actions."""
        return self.may_act(request)

    @admin.action(description="Adopt the provider's side", permissions=["act"])
    def adopt(self, request: HttpRequest, queryset: QuerySet[Difference]) -> HttpResponse | None:
        """Take over what the provider has, after a question."""
        return self._ask_and_do(
            request,
            queryset,
            "adopt",
            question="Take over what the provider has? Our rows, and with them access, follow it.",
            verb="Adopt the provider's side",
            step=lambda row, actor: reconcile_remedies.adopt_provider(
                difference=row, actor_id=actor, now=_now(row)
            ),
        )

    @admin.action(description="Push ours to the provider", permissions=["act"])
    def push(self, request: HttpRequest, queryset: QuerySet[Difference]) -> HttpResponse | None:
        """Send the provider what we have, after a question."""
        return self._ask_and_do(
            request,
            queryset,
            "push",
            question="Change this at the provider to what we have? Nothing is charged.",
            verb="Push ours to the provider",
            step=lambda row, actor: reconcile_remedies.push_local(
                difference=row, actor_id=actor, now=_now(row)
            ),
        )

    @admin.action(description="Ignore, with a reason", permissions=["act"])
    def ignore(self, request: HttpRequest, queryset: QuerySet[Difference]) -> HttpResponse | None:
        """Let differences be while they stay as they are; a reason has to be given."""
        rows = list(queryset.filter(state=DifferenceState.OPEN).select_related("organization"))
        reason = request.POST.get("reason", "").strip()
        if rows and not (confirm.is_confirmed(request) and reason):
            return confirm.ask(
                self,
                request,
                rows=rows,
                action="ignore",
                question="Ignore these while they stay exactly as they are? "
                "With other values they are open again.",
                verb="Ignore",
                reason="Why?",
            )
        ignored = [
            row
            for row in rows
            if differences.ignore_difference(
                difference=row, reason=reason, decided_by_id=_actor(request), now=_now(row)
            )
        ]
        self.log_action(request, ignored, f"Ignored: {reason}")
        messages.success(request, f"{len(ignored)} differences ignored.")
        return None

    def _ask_and_do(
        self,
        request: HttpRequest,
        queryset: QuerySet[Difference],
        action: str,
        *,
        question: str,
        verb: str,
        step: Step,
    ) -> HttpResponse | None:
        standing = queryset.exclude(state=DifferenceState.RESOLVED)
        rows = list(standing.select_related("organization"))
        if rows and not confirm.is_confirmed(request):
            return confirm.ask(
                self, request, rows=rows, action=action, question=question, verb=verb
            )
        done, gone = [], 0
        for row in rows:
            try:
                state = step(row, _actor(request))
            except DomainError as error:
                messages.error(request, f"{row}: {error.message}")
                continue
            done.append(row)
            gone += state == DifferenceState.RESOLVED
        self.log_action(request, done, f"{verb}.")
        messages.success(request, f"{gone} of {len(rows)} differences are gone.")
        return None


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnlyAdmin[Reconciliation]):
    list_display = (
        "started_at",
        "provider",
        "scope",
        "organization",
        "state",
        "compared",
        "found",
        "postponed",
        "calls",
        "finished_at",
        "error",
    )
    list_filter = ("state", "scope", "provider")
    list_select_related = ("organization",)
    search_fields = ("organization__name", "organization__slug")
    fields = (
        "provider",
        "scope",
        "organization",
        "state",
        "covers_since",
        "compared",
        "found",
        "postponed",
        "calls",
        "error",
        "started_at",
        "alive_at",
        "finished_at",
        "id",
    )


def _shown(values: dict[str, Any]) -> str:
    """Write values one under the other; a dash for none."""
    if not values:
        return "-"
    return format_html_join("\n", "{}: {}<br>", values.items())


def _actor(request: HttpRequest) -> UUID:
    return UUID(str(request.user.pk))


def _now(row: Difference) -> Any:
    return clock.now(row.organization)
