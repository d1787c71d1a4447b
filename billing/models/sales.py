"""Who asked for a plan that is agreed individually."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from billing.enums import SalesState
from billing.models.plans import Plan
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization


class SalesRequest(BaseModel):
    """One request as it was sent, and what staff made of it."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="sales_requests")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="sales_requests")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    name = models.CharField(max_length=200)
    email = models.EmailField()
    phone = models.CharField(max_length=50, blank=True)
    seats = models.PositiveIntegerField(null=True, blank=True, help_text="About how many.")
    message = models.TextField(blank=True)
    request_key = models.CharField(max_length=64, help_text="A form sent twice is one request.")
    state = models.CharField(max_length=10, choices=SalesState.choices, default=SalesState.NEW)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        limit_choices_to={"is_staff": True},
        help_text="Who takes care of it.",
    )
    note = models.TextField(blank=True, help_text="For staff only.")

    objects = TenantQuerySet["SalesRequest"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "request_key"], name="sales_request_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=Q(state__in=[SalesState.NEW, SalesState.CONTACTED]),
                name="sales_request_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} for {self.organization}"
