"""What staff may do to a subscription: the services that tenants use, each with a question."""

from collections.abc import Callable, Sequence

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from billing.enums import Effective
from billing.models import Subscription
from billing.services import causes, endings, refresh
from billing.types import Cause
from orgs import clock, confirm
from orgs.backoffice import ReadOnlyAdmin
from orgs.errors import DomainError

Step = Callable[[Subscription, Cause], object]


class SubscriptionActions(ReadOnlyAdmin[Subscription]):
    """The actions; each is refused where the service refuses it, with the reason."""

    actions = ("look_again", "end_with_period", "end_now", "go_on", "withdraw_change")

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Guard the actions."""
        return self.may_act(request)

    @admin.action(description="Ask the provider again", permissions=["act"])
    def look_again(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        """Take over what the provider says now."""
        self._each(
            request,
            queryset,
            "Asked the provider again.",
            lambda row, cause: refresh.refresh_subscription(
                subscription=row, cause=cause, now=clock.now(row.organization)
            ),
        )

    @admin.action(description="End with the period", permissions=["act"])
    def end_with_period(
        self, request: HttpRequest, queryset: QuerySet[Subscription]
    ) -> HttpResponse | None:
        """Let subscriptions end with their period, after a question."""
        return self._end(request, queryset, "end_with_period", Effective.PERIOD_END)

    @admin.action(description="End now", permissions=["act"])
    def end_now(
        self, request: HttpRequest, queryset: QuerySet[Subscription]
    ) -> HttpResponse | None:
        """End subscriptions at once, after a question: access ends, nothing is given back."""
        return self._end(request, queryset, "end_now", Effective.NOW)

    @admin.action(description="Go on after all (no end, no pause)", permissions=["act"])
    def go_on(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        """Take back an end, or end a pause."""
        self._each(
            request,
            queryset,
            "Goes on after all.",
            lambda row, cause: endings.resume_subscription(
                organization=row.organization, cause=cause, now=clock.now(row.organization)
            ),
        )

    @admin.action(description="Withdraw the pending change", permissions=["act"])
    def withdraw_change(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        """Withdraw changes that wait."""
        self._each(
            request,
            queryset,
            "Withdrew the pending change.",
            lambda row, cause: endings.withdraw_change(
                organization=row.organization, cause=cause, now=clock.now(row.organization)
            ),
        )

    def _end(
        self,
        request: HttpRequest,
        queryset: QuerySet[Subscription],
        action: str,
        mode: Effective,
    ) -> HttpResponse | None:
        rows = [row for row in self._rows(queryset) if not row.is_final]
        is_now = mode is Effective.NOW
        if rows and not confirm.is_confirmed(request):
            when = "now: access ends at once" if is_now else "with their period"
            return confirm.ask(
                self,
                request,
                rows=rows,
                action=action,
                question=f"End these subscriptions {when}? Nothing is charged or given back.",
                verb="End now" if is_now else "End with the period",
            )
        self._do(
            request,
            rows,
            "Ended." if is_now else "Ends with its period.",
            lambda row, cause: endings.cancel_subscription(
                organization=row.organization,
                mode=mode,
                reason="staff",
                cause=cause,
                now=clock.now(row.organization),
            ),
        )
        return None

    def _each(
        self, request: HttpRequest, queryset: QuerySet[Subscription], done: str, step: Step
    ) -> None:
        self._do(request, self._rows(queryset), done, step)

    @staticmethod
    def _rows(queryset: QuerySet[Subscription]) -> list[Subscription]:
        """Only what the organization itself pays for: the services act on that."""
        rows = queryset.filter(customer__reference=None)
        return list(rows.select_related("organization", "plan_version__plan"))

    def _do(
        self, request: HttpRequest, rows: Sequence[Subscription], done: str, step: Step
    ) -> None:
        cause = causes.of_staff(request.user)
        finished = []
        for row in rows:
            try:
                if row.is_final:
                    raise _Ended
                step(row, cause)
            except DomainError as error:
                messages.error(request, f"{row.organization}: {error.message}")
            else:
                finished.append(row)
        self.log_action(request, finished, done)
        count = len(finished)
        messages.success(request, f"{count} subscription{'s' if count != 1 else ''}. {done}")


class _Ended(DomainError):
    """This subscription has ended."""
