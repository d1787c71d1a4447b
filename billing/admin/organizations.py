"""Organizations as billing sees them: where they stand, and why."""

from typing import Any, ClassVar

from django.contrib import admin

from billing.admin import display
from billing.models import BillingEvent, Plan, Subscription
from orgs import admin as orgs_admin
from orgs.backoffice import ReadOnlyInline
from orgs.models import Organization


class SubscriptionInline(ReadOnlyInline[Subscription, Organization]):
    model = Subscription
    fields = ("plan_version", "status", "seats", "current_period_end", "external_id")
    ordering = ("-created_at",)


admin.site.unregister(Organization)  # the page below shows more than orgs can know


@admin.register(Organization)
class OrganizationAdmin(orgs_admin.OrganizationAdmin):
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

    @admin.display(description="What happened, and why")
    def timeline(self, organization: Organization) -> str:
        """Show the newest lines of the timeline."""
        return display.timeline(BillingEvent.objects.for_org(organization))
