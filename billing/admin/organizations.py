"""Organizations as billing sees them: where they stand, and why."""

from django.contrib import admin

from billing.admin import display
from billing.models import BillingEvent, Plan, Subscription
from orgs.backoffice import ReadOnlyAdmin, ReadOnlyInline
from orgs.models import Membership, Organization


class MembershipInline(ReadOnlyInline[Membership, Organization]):
    model = Membership
    fields = ("user", "role")
    show_change_link = False


class SubscriptionInline(ReadOnlyInline[Subscription, Organization]):
    model = Subscription
    fields = ("plan_version", "status", "seats", "current_period_end", "external_id")
    ordering = ("-created_at",)


if admin.site.is_registered(Organization):
    admin.site.unregister(Organization)  # this page shows more than orgs can know


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin[Organization]):
    list_display = ("name", "slug", "plan_status", "email", "is_sandbox", "created_at")
    list_filter = ("plan_status", "is_sandbox")
    search_fields = ("name", "slug", "email", "customers__external_id")
    ordering = ("-created_at",)
    fields = (
        "name",
        "slug",
        "email",
        "plan_status",
        "plan",
        "is_sandbox",
        "id",
        "created_at",
        "timeline",
    )
    inlines = (SubscriptionInline, MembershipInline)

    @admin.display(description="Plan in force")
    def plan(self, organization: Organization) -> str:
        """Name the plan."""
        found = organization.plan_id and Plan.objects.filter(pk=organization.plan_id).first()
        return str(found or "-")

    @admin.display(description="What happened, and why")
    def timeline(self, organization: Organization) -> str:
        """Show the newest lines of the timeline."""
        return display.timeline(BillingEvent.objects.for_org(organization))
