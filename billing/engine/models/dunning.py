"""How unpaid invoices are dealt with: policies, where each invoice stands, and outages."""

from collections.abc import Iterator
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from billing.engine import dunning_policy
from billing.engine.dunning_policy import Overdue, Policy
from billing.engine.models.invoices import EngineInvoice
from billing.engine.rails import DeclineKind
from billing.enums import Provider
from billing.models import Plan
from orgs.base import BaseModel, TenantQuerySet
from orgs.models import Organization

_FIELDS = ("retry_days", "notice_days", "last_notice_day", "cancel_day")


def default_retries() -> list[int]:
    """Return the days of the policy that holds where none was chosen."""
    return list(Policy().retry_days)


def default_notices() -> list[int]:
    """Return the days on which a payer is told, where nothing else was chosen."""
    return list(Policy().notice_days)


class DunningPolicy(BaseModel):
    """What happens to an invoice nobody pays; access is restricted by the grace of its plan.

    Days are counted from the first failure, or from the day an invoice that was sent is due.
    A change holds at once, for what is overdue now too.
    """

    name = models.CharField(max_length=60, unique=True)
    is_default = models.BooleanField(
        default=False, help_text="For every plan that has none of its own."
    )
    retry_days = models.JSONField(
        default=default_retries,
        blank=True,
        help_text="Days on which the card is tried again, at most four: 1, 3, 5, 7.",
    )
    notice_days = models.JSONField(
        default=default_notices,
        blank=True,
        help_text="Days on which the payer is told that access will be restricted.",
    )
    last_notice_day = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Day on which the payer is told that it will end."
    )
    cancel_day = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Day on which it ends; empty: a person decides."
    )
    plans = models.ManyToManyField(
        Plan, through="engine.PlanDunning", related_name="dunning_policies"
    )

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "dunning policies"
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="engine_one_default_policy",
                violation_error_message="Another policy is the default already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def for_grace(self, grace_days: int) -> Policy:
        """Return the policy as it is for plans with this grace."""
        return Policy(
            retry_days=tuple(self.retry_days),
            notice_days=tuple(self.notice_days),
            grace_days=grace_days,
            last_notice_day=self.last_notice_day,
            cancel_day=self.cancel_day,
        )

    def clean(self) -> None:
        """Refuse what can't be meant, for any plan it is for."""
        for name in ("retry_days", "notice_days"):
            if not _is_days(getattr(self, name)):
                raise ValidationError({name: "Whole numbers of days, as 1, 3, 5."})
        found: dict[str, list[str]] = {}
        for plan in self.all_plans():
            for field, words in self.complaints_for(plan).items():
                found.setdefault(field, []).extend(words)
        if not found:
            found = dunning_policy.contradictions(self._alone())
        if found:
            raise ValidationError({name: found[name] for name in _FIELDS if name in found})

    def complaints_for(self, plan: Plan) -> dict[str, list[str]]:
        """Return what can't be meant for a plan, by field."""
        found = dunning_policy.contradictions(self.for_grace(plan.grace_days))
        return {name: [f"{words} ({plan.name})" for words in all_] for name, all_ in found.items()}

    def all_plans(self) -> Iterator[Plan]:
        """Yield the plans it is for: its own and, as the default, all that have none."""
        if not self._state.adding:
            yield from self.plans.all()
        if self.is_default:
            yield from Plan.objects.filter(dunning=None)

    def _alone(self) -> Policy:
        """Return the policy for the shortest grace that its notices allow."""
        return self.for_grace(max((day + 1 for day in self.notice_days), default=0))


class PlanDunning(BaseModel):
    """Which policy a plan has; without one it is the default."""

    plan = models.OneToOneField(Plan, models.CASCADE, related_name="dunning")
    policy = models.ForeignKey(DunningPolicy, models.CASCADE, related_name="plan_rows")

    class Meta:
        verbose_name = "plan"

    def __str__(self) -> str:
        return f"{self.plan}: {self.policy}"


class DunningState(BaseModel):
    """How far an invoice has come under its policy: what was tried, and what was said."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    invoice = models.OneToOneField(EngineInvoice, models.PROTECT, related_name="dunning")
    since = models.DateTimeField(help_text="Day 0.")
    declines = models.PositiveSmallIntegerField(default=0, help_text="Tries that count.")
    transients = models.PositiveSmallIntegerField(
        default=0, help_text="Tries since for which a host was down."
    )
    kind = models.CharField(max_length=20, blank=True, help_text="What the last decline means.")
    last_tried_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True, help_text="The issuer's wish.")
    retry_at = models.DateTimeField(
        null=True, blank=True, help_text="The next try; empty: none by itself."
    )
    noticed_day = models.SmallIntegerField(null=True, blank=True, help_text="The last notice's.")
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text="When the payer was asked for a card."
    )

    objects = TenantQuerySet["DunningState"].as_manager()

    class Meta:
        ordering = ["-since"]
        verbose_name = "dunning"
        verbose_name_plural = "dunning"

    def __str__(self) -> str:
        return f"{self.invoice} since {self.since:%Y-%m-%d}"

    def overdue(self, *, paused: timedelta) -> Overdue:
        """Return where the invoice stands, less the time of outages."""
        return Overdue(
            since=self.since,
            declines=self.declines,
            transients=self.transients,
            last_tried_at=self.last_tried_at,
            kind=DeclineKind(self.kind) if self.kind else None,
            not_before=self.not_before,
            paused=paused,
        )

    def take(self, overdue: Overdue) -> None:
        """Take over what a decline changed; the caller saves it."""
        self.declines, self.transients = overdue.declines, overdue.transients
        self.kind = overdue.kind.value if overdue.kind else ""
        self.last_tried_at, self.not_before = overdue.last_tried_at, overdue.not_before


class Circuit(BaseModel):
    """Whether a provider account answers. Shared by all workers; no seller is the platform's.

    Open: nothing is charged by ourselves but one probe now and then.
    """

    provider = models.CharField(max_length=20, choices=Provider.choices)
    seller = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="+"
    )
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    failing_since = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    probe_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "seller"],
                nulls_distinct=False,
                name="engine_circuit_one_per_account",
            ),
        ]

    def __str__(self) -> str:
        state = "open" if self.opened_at else "closed"
        return f"{self.provider} of {self.seller or 'the platform'} ({state})"


class Outage(BaseModel):
    """Time in which a provider account did not answer: no deadline of a payer runs meanwhile."""

    circuit = models.ForeignKey(Circuit, models.PROTECT, related_name="outages")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-began_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["circuit"],
                condition=Q(ended_at=None),
                name="engine_one_running_outage",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.circuit} from {self.began_at:%Y-%m-%d %H:%M}"


def _is_days(value: object) -> bool:
    return isinstance(value, list) and all(type(day) is int for day in value)
