"""Subscriptions: the local state, and how it came about."""

from django.contrib import admin

from billing.admin import display
from billing.admin.subscription_actions import SubscriptionActions
from billing.models import Obligation, Subscription
from billing.selectors import timeline
from orgs.backoffice import ReadOnlyInline


class ObligationInline(ReadOnlyInline[Obligation, Subscription]):
    model = Obligation
    fields = ("kind", "amount", "state", "settled_at")

    @admin.display(description="Amount")
    def amount(self, obligation: Obligation) -> str:
        """Show the amount with its currency."""
        return display.money(obligation.amount_minor, obligation.currency)


@admin.register(Subscription)
class SubscriptionAdmin(SubscriptionActions):
    list_display = (
        "organization",
        "plan_version",
        "status",
        "amount",
        "current_period_end",
        "auto_renews",
        "external_id",
        "created_at",
    )
    list_filter = ("status", "provider", "is_free", "cancel_at_period_end")
    list_select_related = ("organization", "plan_version__plan", "price")
    search_fields = (
        "external_id",
        "organization__name",
        "organization__slug",
        "customer__external_id",
        "billing_email",
        "latest_invoice_external_id",
    )
    fields = (
        "organization",
        "customer",
        "plan_version",
        "status",
        "amount",
        "seats",
        "is_free",
        "provider",
        "external_id",
        "current_period_start",
        "current_period_end",
        "trial_end",
        "auto_renews",
        "cancel_at",
        "cancel_reason",
        "cancel_comment",
        "resumes_at",
        "canceled_at",
        "ended_at",
        "activated_at",
        "pending_change",
        "billing_email",
        "latest_invoice_external_id",
        "snapshot_at",
        "id",
        "created_at",
        "timeline",
    )
    inlines = (ObligationInline,)

    @admin.display(description="Amount")
    def amount(self, subscription: Subscription) -> str:
        """Show what is charged per interval, all seats together."""
        price = subscription.price
        total = display.money(price.amount_minor * subscription.seats, price.currency)
        return f"{total} per {price.interval}"

    @admin.display(description="Renews", boolean=True)
    def auto_renews(self, subscription: Subscription) -> bool:
        """Say whether it goes on after this period."""
        return subscription.auto_renew

    @admin.display(description="What happened, and why")
    def timeline(self, subscription: Subscription) -> str:
        """Show the newest lines of the timeline that are about this subscription."""
        events = timeline.events_about(
            subscription.organization, object_type="subscription", object_id=subscription.pk
        )
        return display.timeline(events)
