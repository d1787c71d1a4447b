"""Where a provider and our rows disagree, and the comparisons that found it.

Nothing here takes part in the order of locks: these rows are written alone.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q

from billing.enums import Provider
from billing.types.differences import (
    DifferenceKind,
    DifferenceState,
    Remedy,
    Resolution,
    RunState,
    Scope,
)
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization


class DifferenceQuerySet(TenantQuerySet["Difference"]):
    """Reads of differences."""

    def standing(self) -> "DifferenceQuerySet":
        """Keep what was there when it was last looked at."""
        return self.exclude(state=DifferenceState.RESOLVED)


class Difference(BaseModel):
    """One thing on which a provider and we disagree; seen again, it stays one row."""

    organization = models.ForeignKey(
        Organization,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="differences",
        help_text="Empty for what is nobody's of ours.",
    )
    provider = models.CharField(max_length=20, choices=Provider.choices)
    kind = models.CharField(max_length=30, choices=DifferenceKind.choices)
    object_type = models.CharField(max_length=50)
    external_id = models.CharField(
        max_length=255, help_text="The provider's id; ours for what has none there."
    )
    object_id = models.CharField(max_length=64, blank=True, help_text="Our row's id.")
    ours = models.JSONField(default=dict)
    theirs = models.JSONField(default=dict)
    remedy = models.CharField(max_length=10, choices=Remedy.choices)
    state = models.CharField(
        max_length=10, choices=DifferenceState.choices, default=DifferenceState.OPEN
    )
    resolution = models.CharField(max_length=10, choices=Resolution.choices, blank=True)
    reason = models.CharField(max_length=500, blank=True, help_text="Why it is ignored.")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    times_seen = models.PositiveIntegerField(default=1)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    objects = DifferenceQuerySet.as_manager()

    class Meta:
        ordering = ["-last_seen_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "object_type", "external_id", "kind"],
                condition=~Q(state=DifferenceState.RESOLVED),
                name="difference_standing_once",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-last_seen_at"], name="difference_by_org"),
            models.Index(
                fields=["provider", "last_seen_at"],
                condition=~Q(state=DifferenceState.RESOLVED),
                name="difference_standing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.object_type} {self.external_id}"


class Reconciliation(BaseModel):
    """One comparison of a provider with our rows; no organization means all of them."""

    organization = models.ForeignKey(
        Organization,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="reconciliations",
    )
    provider = models.CharField(max_length=20, choices=Provider.choices)
    scope = models.CharField(max_length=10, choices=Scope.choices)
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.RUNNING)
    started_at = models.DateTimeField()
    alive_at = models.DateTimeField(help_text="When it last gave a sign of life.")
    finished_at = models.DateTimeField(null=True, blank=True)
    covers_since = models.DateTimeField(help_text="What happened before is not compared.")
    calls = models.PositiveIntegerField(default=0, help_text="Questions to the provider.")
    compared = models.PositiveIntegerField(default=0, help_text="Objects.")
    found = models.PositiveIntegerField(default=0, help_text="Differences, known ones included.")
    postponed = models.PositiveIntegerField(
        default=0, help_text="Objects that were being changed, or came after the last question."
    )
    error = models.CharField(max_length=100, blank=True)

    objects = TenantQuerySet["Reconciliation"].as_manager()

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "scope", "organization"],
                condition=Q(state=RunState.RUNNING),
                nulls_distinct=False,
                name="reconciliation_one_at_a_time",
            ),
        ]
        indexes = [models.Index(fields=["provider", "-started_at"], name="reconciliation_by_time")]

    def __str__(self) -> str:
        return f"{self.provider} {self.scope} {self.started_at:%Y-%m-%d %H:%M}"
