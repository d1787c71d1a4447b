"""Users, the organizations they belong to, and the keys that speak for an organization."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from orgs.base import BaseModel, EncryptedTextField, TenantQuerySet


class PlanStatus(models.TextChoices):
    """Where an organization stands with its plan, in one word."""

    PENDING_PAYMENT = "PENDING_PAYMENT", "Pending payment"
    ACTIVE = "ACTIVE", "Active"
    PAST_DUE = "PAST_DUE", "Past due"
    SUSPENDED = "SUSPENDED", "Suspended"
    CANCELED = "CANCELED", "Canceled"


class Role(models.TextChoices):
    """What a member may do; `owner` includes all of `admin`."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    BILLING = "billing", "Billing"
    VIEWER = "viewer", "Viewer"


class KeyMode(models.TextChoices):
    """Which world an API key reaches."""

    TEST = "test", "Test"
    LIVE = "live", "Live"


class UserManager(BaseUserManager["User"]):
    """Users are found by their e-mail, whatever its case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find a user by e-mail, through the index that makes it unique in any case."""
        return self.alias(folded=Lower("email")).get(folded=(username or "").strip().lower())

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Store a user with a hashed password."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Store a member of staff who may do everything in the admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in with an e-mail address."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    full_name = models.CharField(max_length=200, blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_unique_any_case"),
        ]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        """Return the name for greetings; the e-mail when none was given."""
        return self.full_name or self.email

    def get_short_name(self) -> str:
        """Return the first name for greetings; the e-mail when none was given."""
        return (self.full_name or self.email).split(" ")[0]


class Organization(BaseModel):
    """A tenant."""

    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=80, unique=True)
    email = models.EmailField(help_text="Where bills and notices go.")
    plan_status = models.CharField(
        max_length=20, choices=PlanStatus.choices, default=PlanStatus.PENDING_PAYMENT
    )
    plan_id = models.UUIDField(
        null=True, blank=True, help_text="Id of the billing plan that is in force."
    )
    event_sequence = models.BigIntegerField(
        default=0, editable=False, help_text="Last number given out on this timeline."
    )
    is_sandbox = models.BooleanField(default=False)
    access_level = models.CharField(
        max_length=10, default="none", help_text="full, grace, restricted or none."
    )
    access_reason = models.CharField(
        max_length=50, default="no_subscription", help_text="Code of the reason for this access."
    )
    access_since = models.DateTimeField(
        null=True, blank=True, help_text="When it became so; empty if it never changed."
    )
    access_event_id = models.UUIDField(
        null=True, blank=True, help_text="Id of the line of the timeline that says why."
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Membership(BaseModel):
    """A user's place in an organization."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)

    objects = TenantQuerySet["Membership"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("organization", "user", name="membership_once_per_user"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


class InvitationState(models.TextChoices):
    """What has become of an invitation."""

    OPEN = "open", "Open"
    EXPIRED = "expired", "Expired"
    REVOKED = "revoked", "Revoked"
    ACCEPTED = "accepted", "Accepted"


class Invitation(BaseModel):
    """A place in an organization that is offered to whoever reads the mail to an address.

    Sent again, it stays the same row with a new token, so that the mail before opens nothing.
    """

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="invitations")
    email = models.EmailField(help_text="In lower case.")
    role = models.CharField(max_length=20, choices=Role.choices)
    token_hash = models.CharField(
        max_length=64, editable=False, help_text="SHA-256 of what the newest mail holds."
    )
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    times_sent = models.PositiveIntegerField(default=1)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = TenantQuerySet["Invitation"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("token_hash", name="invitation_hash_unique"),
            models.UniqueConstraint(
                "organization",
                "email",
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="invitation_open_once_per_email",
            ),
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="invitation_email_is_folded"
            ),
            models.CheckConstraint(
                condition=models.Q(accepted_at=None) | models.Q(revoked_at=None),
                name="invitation_ends_one_way",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} ({self.role})"

    def state(self, now: datetime) -> InvitationState:
        """Say what has become of it by now; it expires by wall time."""
        if self.accepted_at is not None:
            return InvitationState.ACCEPTED
        if self.revoked_at is not None:
            return InvitationState.REVOKED
        return InvitationState.OPEN if now < self.expires_at else InvitationState.EXPIRED


class ApiKey(BaseModel):
    """A key that lets a server or a till speak for an organization."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=20, help_text="First characters, for people to tell keys.")
    key_hash = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the key.")
    scopes = models.JSONField(default=list)
    mode = models.CharField(max_length=4, choices=KeyMode.choices, default=KeyMode.TEST)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = TenantQuerySet["ApiKey"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint("key_hash", name="api_key_hash_unique")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class IdempotencyRecord(models.Model):
    """One write that carried an Idempotency-Key, and the answer it got.

    Answers that are not final (a 5xx of ours, a 202 for an unknown outcome) are never stored: the
    same key then runs the request again, and the service behind it resumes.
    """

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body.")
    locked_until = models.DateTimeField(null=True, blank=True)
    response_status = models.PositiveSmallIntegerField(null=True, blank=True)
    response_body = EncryptedTextField(blank=True, default=b"")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantQuerySet["IdempotencyRecord"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("organization", "key", name="idempotency_key_once_per_org"),
        ]
        indexes = [models.Index("created_at", name="idempotency_by_age")]

    def __str__(self) -> str:
        return self.key
