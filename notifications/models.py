"""Outgoing mail, one row per message."""

from django.db import models
from django.db.models import Q

from orgs.base import BaseModel, EncryptedTextField, TenantQuerySet
from orgs.models import Organization


class MessageState(models.TextChoices):
    """How far a message has come."""

    QUEUED = "queued", "Queued"
    SENDING = "sending", "Sending"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed, will be tried again"
    DEAD = "dead", "Dead"


class Message(BaseModel):
    """One mail to one address, queued in the transaction that made it necessary."""

    organization = models.ForeignKey(
        Organization,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="messages",
        help_text="Whose matter it is; empty: the platform's own, told to staff.",
    )
    kind = models.CharField(max_length=50, help_text="Name in the catalogue.")
    key = models.CharField(max_length=255, help_text="What makes it one and not two.")
    to = models.EmailField()
    context = models.JSONField(default=dict, help_text="What the templates need.")
    sealed = EncryptedTextField(
        blank=True,
        default=b"",
        db_default=b"",
        help_text="The part of it that opens something, until it is sent.",
    )
    state = models.CharField(
        max_length=10, choices=MessageState.choices, default=MessageState.QUEUED
    )
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    provider_message_id = models.CharField(max_length=255, blank=True)
    error = models.CharField(max_length=500, blank=True)

    objects = TenantQuerySet["Message"].as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "key", "to"], name="message_once"
            ),
            models.UniqueConstraint(
                fields=["kind", "key", "to"],
                condition=Q(organization=None),
                name="message_once_for_the_platform",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(state__in=[MessageState.QUEUED, MessageState.FAILED]),
                name="message_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.to}"
