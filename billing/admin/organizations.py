"""Organizations as billing sees them: where they stand, and why."""

from typing import Any, ClassVar

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from billing.admin import display
from billing.models import BillingEvent, Plan, Subscription
from billing.selectors import access, subscriptions, timeline
from orgs import admin as orgs_admin
from orgs import clock
from orgs.backoffice import ReadOnlyInline
from orgs.models import Organization


class SubscriptionInline(ReadOnlyInline[Subscription, Organization]):
    model = Subscription
    fields = ("plan_version", "status", "seats", "current_period_end", "external_id")
    ordering = ("-created_at",)


admin.site.unregister(Organization)  # the page below shows more than orgs can know


@admin.register(Organization)
class OrganizationAdmin(orgs_admin.OrganizationAdmin):
    list_display: Any = (*orgs_admin.OrganizationAdmin.list_display, "access_level")
    list_filter: ClassVar[Any] = (*orgs_admin.OrganizationAdmin.list_filter, "access_level")
    search_fields: ClassVar[Any] = (
        *orgs_admin.OrganizationAdmin.search_fields,
        "customers__external_id",
    )
    fields: ClassVar[Any] = (
        "id",
        "name",
        "slug",
        "email",
        "plan_status",
        "plan",
        "agree",
        "access",
        "access_since",
        "why",
        "is_sandbox",
        "created_at",
        "timeline",
    )
    inlines: ClassVar[Any] = (SubscriptionInline, *orgs_admin.OrganizationAdmin.inlines)

    @admin.display(description="Plan in force")
    def plan(self, organization: Organization) -> str:
        """Name the plan."""
        found = organization.plan_id and Plan.objects.filter(pk=organization.plan_id).first()
        return str(found or "-")

    @admin.display(description="Agreed individually")
    def agree(self, organization: Organization) -> str:
        """Link to the page that starts what was agreed."""
        page = reverse("admin:billing_agreement_start")
        return format_html(
            '<a href="{}?organization={}">Start a subscription…</a>', page, organization.pk
        )

    @admin.display(description="Access")
    def access(self, organization: Organization) -> str:
        """Say what it may do right now, by the time and not by the last sweep."""
        current = subscriptions.current(organization)
        given = access.current(organization, current, clock.now(organization))
        return f"{given.level.label} ({given.reason_code}): {given.message}"

    @admin.display(description="Why this access?")
    def why(self, organization: Organization) -> str:
        """Show what led here: the changes of access, each above the lines of the same cause."""
        return display.lines(timeline.access_history(organization))

    @admin.display(description="What happened, and why")
    def timeline(self, organization: Organization) -> str:
        """Show the newest lines of the timeline."""
        return display.timeline(BillingEvent.objects.for_org(organization))
