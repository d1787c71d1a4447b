"""Dunning policies: edited with their timeline in view, and refused where they contradict."""

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.forms import BaseInlineFormSet, ModelForm
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from billing.admin import dunning_drawing
from billing.engine.models import Circuit, DunningPolicy, DunningState, Outage, PlanDunning
from billing.models.plans import DEFAULT_GRACE_DAYS
from orgs.backoffice import DeskAdmin, ReadOnlyAdmin, ReadOnlyInline, TabularInline


class DaysField(forms.CharField):
    """Days as a person writes them: `1, 3, 5`."""

    def __init__(self, **kwargs: Any) -> None:
        """Let the list be empty."""
        super().__init__(required=False, max_length=100, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Show a list as it is written."""
        return ", ".join(str(day) for day in value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """Take days separated by commas or spaces."""
        words = re.split(r"[,\s]+", (value or "").strip())
        if not all(re.fullmatch(r"\d{1,3}", word) for word in words if word):
            raise forms.ValidationError("Whole numbers of days, as 1, 3, 5.")
        return [int(word) for word in words if word]

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare days and not how they were written."""
        try:
            return bool((initial or []) != self.to_python(data))
        except forms.ValidationError:
            return True


class PolicyForm(ModelForm[DunningPolicy]):
    """A policy; the model says what contradicts."""

    retry_days = DaysField(
        help_text="Days on which the card is tried again, at most four, a day or more apart."
    )
    notice_days = DaysField(
        help_text="Days on which the payer is told that access will be restricted."
    )


class PlanFormSet(BaseInlineFormSet[PlanDunning, DunningPolicy, ModelForm[PlanDunning]]):
    """The plans of a policy, each with a grace that fits it."""

    def clean(self) -> None:
        """Check plans against the policy as it was entered, not as it was stored."""
        super().clean()
        for form in self.forms:
            values = form.cleaned_data if form.is_valid() else {}
            if values.get("plan") is None or values.get("DELETE"):
                continue
            for words in self.instance.complaints_for(values["plan"]).values():
                form.add_error("plan", forms.ValidationError(words))


class PlanInline(TabularInline[PlanDunning, DunningPolicy]):
    model = PlanDunning
    formset = PlanFormSet
    extra = 0
    fields = ("plan",)


@admin.register(DunningPolicy)
class DunningPolicyAdmin(DeskAdmin[DunningPolicy]):
    """A change holds at once, for what is overdue now too."""

    form = PolicyForm
    list_display = ("name", "is_default", "tries", "notices", "cancel_day")
    search_fields = ("name",)
    fields = (
        "name",
        "is_default",
        "retry_days",
        "notice_days",
        "last_notice_day",
        "cancel_day",
        "timeline",
    )
    readonly_fields = ("timeline",)
    inlines = (PlanInline,)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's signature
        """Its plans would get another one without anybody choosing it."""
        return False

    @admin.display(description="Retries on days")
    def tries(self, policy: DunningPolicy) -> str:
        """Show the days of the retries."""
        return ", ".join(map(str, policy.retry_days)) or "-"

    @admin.display(description="Notices on days")
    def notices(self, policy: DunningPolicy) -> str:
        """Show the days of the notices."""
        return ", ".join(map(str, policy.notice_days)) or "-"

    @admin.display(description="Timeline")
    def timeline(self, policy: DunningPolicy) -> str:
        """Draw it once for each grace among its plans."""
        if policy._state.adding:  # noqa: SLF001 - Django's documented way to ask
            return "Drawn once it is saved."
        by_grace: dict[int, list[str]] = {}
        for plan in policy.all_plans():
            by_grace.setdefault(plan.grace_days, []).append(plan.name)
        return _drawings(policy, by_grace or {DEFAULT_GRACE_DAYS: ["No plan yet"]})


def _drawings(policy: DunningPolicy, by_grace: dict[int, list[str]]) -> SafeString:
    return format_html_join(
        "",
        "{}",
        (
            (
                dunning_drawing.drawing(
                    policy.for_grace(grace), title=f"{', '.join(plans)}: {grace} days of grace"
                ),
            )
            for grace, plans in sorted(by_grace.items())
        ),
    )


@admin.register(DunningState)
class DunningStateAdmin(ReadOnlyAdmin[DunningState]):
    """Where each unpaid invoice stands."""

    list_display = ("invoice", "organization", "since", "declines", "kind", "retry_at")
    list_filter = ("kind",)
    list_select_related = ("invoice", "organization")
    search_fields = ("invoice__number", "invoice__external_id", "organization__name")
    fields = (
        "organization",
        "invoice",
        "since",
        "declines",
        "transients",
        "kind",
        "last_tried_at",
        "not_before",
        "retry_at",
        "noticed_day",
        "asked_at",
    )


class OutageInline(ReadOnlyInline[Outage, Circuit]):
    model = Outage
    fields = ("began_at", "ended_at")
    show_change_link = False


@admin.register(Circuit)
class CircuitAdmin(ReadOnlyAdmin[Circuit]):
    """Which provider accounts answer, and when they did not."""

    list_display = ("provider", "seller", "failures", "failing_since", "opened_at")
    list_filter = ("provider", ("opened_at", admin.EmptyFieldListFilter))
    list_select_related = ("seller",)
    fields = ("provider", "seller", "failures", "failing_since", "opened_at", "probe_at")
    inlines = (OutageInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Circuit]:
        """Show those that are failing first."""
        return super().get_queryset(request).order_by("-failures", "provider")
