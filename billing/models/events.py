"""What providers told us, what changed because of it, and what the mirror still has to copy."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from billing.enums import InboxState, Provider
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization


class InboxEvent(models.Model):
    """One event as a provider delivered it: verified, stored once, handled later.

    Written by one statement in `services/inbox`; the columns with a database default are the ones
    that statement leaves out.
    """

    id = models.BigAutoField(primary_key=True)
    provider = models.CharField(max_length=20, choices=Provider.choices)
    account = models.UUIDField(null=True, blank=True, help_text="Endpoint it came in by.")
    external_id = models.CharField(max_length=255)
    type = models.CharField(max_length=100)
    payload = models.JSONField()
    trace_id = models.CharField(max_length=64, blank=True, db_default="")
    received_at = models.DateTimeField(db_default=Now())
    state = models.CharField(
        max_length=10, choices=InboxState.choices, db_default=InboxState.PENDING
    )
    attempts = models.PositiveIntegerField(db_default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    claimed_at = models.DateTimeField(null=True, blank=True)
    handled_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True, db_default="")
    organization = models.ForeignKey(
        Organization,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="Whom it turned out to concern.",
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "account", "external_id"],
                nulls_distinct=False,
                name="inbox_event_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at", "id"],
                condition=Q(state__in=[InboxState.PENDING, InboxState.FAILED]),
                name="inbox_waiting",
            ),
            models.Index(
                fields=["claimed_at"],
                condition=Q(state=InboxState.PROCESSING),
                name="inbox_claimed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.external_id}"


class BillingEvent(BaseModel):
    """One line of an organization's timeline: what changed, and why."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="billing_events")
    sequence = models.BigIntegerField(help_text="1, 2, 3 … within the organization, gap-free.")
    type = models.CharField(max_length=100, help_text="billing.<object>.<verb>")
    category = models.CharField(max_length=50, default="BILLING_UPDATED")
    occurred_at = models.DateTimeField()
    provider = models.CharField(max_length=20, choices=Provider.choices, blank=True)
    provider_type = models.CharField(max_length=100, blank=True)
    summary = models.CharField(max_length=500, help_text="A sentence a tenant understands.")
    cause = models.JSONField(default=dict, help_text="{kind, id, detail}: what set it off.")
    object_type = models.CharField(max_length=50)
    object_id = models.CharField(max_length=255)
    data = models.JSONField(default=dict)

    objects = TenantQuerySet["BillingEvent"].as_manager()

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "sequence"], name="billing_event_sequence_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.type}"


class MirrorTodo(models.Model):
    """A provider's object that dj-stripe's tables have yet to copy: one row per object."""

    id = models.BigAutoField(primary_key=True)
    provider = models.CharField(max_length=20, choices=Provider.choices)
    object_type = models.CharField(max_length=50)
    external_id = models.CharField(max_length=255)
    generation = models.PositiveBigIntegerField(
        default=1, help_text="Raised by every event, so that a copy in progress is not the last."
    )
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    error = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "object_type", "external_id"], name="mirror_todo_once"
            ),
        ]
        indexes = [models.Index(fields=["next_attempt_at"], name="mirror_todo_due")]

    def __str__(self) -> str:
        return f"{self.object_type} {self.external_id}"
