"""What changes of a subscription take, and what quotes look like."""

from typing import Any

from rest_framework import serializers

from billing.api.serializers import MAX_SEATS, one_of
from billing.enums import Effective, Interval, Proration, QuoteKind
from orgs.api.serializers import StrictSerializer

_SAYS_WHAT = ("plan", "interval", "seats", "coupon", "quote_id")


class _TermsIn(StrictSerializer):
    """When a change takes place, and how its difference is charged."""

    effective = serializers.ChoiceField(
        Effective.choices, required=False, help_text="`now` if left out, or as the quote says."
    )
    proration = serializers.ChoiceField(
        Proration.choices,
        required=False,
        help_text="For a change now: invoice the difference at once (`invoice`, if left out), "
        "with the next invoice, or not at all.",
    )


class SubscriptionPatchIn(_TermsIn):
    """Change some of a subscription. At least one of the first seven is needed."""

    auto_renew = serializers.BooleanField(required=False)
    seats = serializers.IntegerField(required=False, min_value=1, max_value=MAX_SEATS)
    billing_email = serializers.EmailField(required=False, max_length=254)
    plan = serializers.CharField(required=False, max_length=100)
    plan_id = serializers.CharField(required=False, max_length=100)
    interval = serializers.ChoiceField(Interval.choices, required=False)
    coupon = serializers.CharField(required=False, max_length=100)
    quote_id = serializers.UUIDField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse to change nothing."""
        attrs = {**attrs, "plan": one_of(attrs, "plan", "plan_id")}
        changes = any(attrs.get(name) for name in _SAYS_WHAT)
        if not changes and "auto_renew" not in attrs and "billing_email" not in attrs:
            raise serializers.ValidationError({"body": ["Say what should change."]})
        return {**attrs, "has_change": changes}


class PlanChangeIn(_TermsIn):
    """Change the plan."""

    plan = serializers.CharField(required=False, max_length=100, help_text="Slug, code or id.")
    plan_id = serializers.CharField(required=False, max_length=100)
    interval = serializers.ChoiceField(
        Interval.choices, required=False, help_text="Without it, the interval stays as it is."
    )
    seats = serializers.IntegerField(required=False, min_value=1, max_value=MAX_SEATS)
    coupon = serializers.CharField(required=False, max_length=100)
    quote_id = serializers.UUIDField(
        required=False, help_text="Charge exactly what this quote says, or do nothing."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ask for a plan, unless a quote says it."""
        plan = one_of(attrs, "plan", "plan_id")
        if not plan and not attrs.get("quote_id"):
            raise serializers.ValidationError({"plan": ["This field is required."]})
        return {**attrs, "plan": plan}


class UpcomingInvoiceIn(_TermsIn):
    """Preview a change, a start, an end, or (empty) the next regular invoice."""

    plan = serializers.CharField(required=False, max_length=100)
    plan_id = serializers.CharField(required=False, max_length=100)
    interval = serializers.ChoiceField(Interval.choices, required=False)
    seats = serializers.IntegerField(required=False, min_value=1, max_value=MAX_SEATS)
    coupon = serializers.CharField(required=False, max_length=100)
    cancel = serializers.ChoiceField(
        Effective.choices, required=False, help_text="Preview an end instead of a change."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Bring the spellings of the plan together."""
        attrs = {**attrs, "plan": one_of(attrs, "plan", "plan_id")}
        if attrs.get("cancel") and any(attrs.get(name) for name in _SAYS_WHAT):
            raise serializers.ValidationError({"cancel": ["Preview either an end or a change."]})
        return attrs


class CancelIn(StrictSerializer):
    """End the subscription."""

    mode = serializers.ChoiceField(
        Effective.choices, required=False, default=Effective.PERIOD_END.value
    )
    reason = serializers.CharField(required=False, max_length=100, default="", allow_blank=True)
    comment = serializers.CharField(required=False, max_length=1000, default="", allow_blank=True)


class CancelQueryIn(StrictSerializer):
    """How to end the subscription, in the address."""

    immediate = serializers.BooleanField(required=False, default=False)


class PauseIn(StrictSerializer):
    """Pause the subscription."""

    resumes_at = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="None: until it is resumed."
    )


class NothingIn(StrictSerializer):
    """Takes no fields."""


class PeriodOut(serializers.Serializer[Any]):
    """Half-open, UTC."""

    start = serializers.DateTimeField(allow_null=True)
    end = serializers.DateTimeField(allow_null=True)


class QuoteLineOut(serializers.Serializer[Any]):
    """One line of what would be charged."""

    description = serializers.CharField()
    quantity = serializers.IntegerField()
    amount = serializers.IntegerField(help_text="Minor units; negative for a credit.")
    period = PeriodOut()
    is_proration = serializers.BooleanField()


class QuoteOut(serializers.Serializer[Any]):
    """What something costs, promised until it expires."""

    quote_id = serializers.UUIDField()
    kind = serializers.ChoiceField(QuoteKind.choices)
    expires_at = serializers.DateTimeField()
    currency = serializers.CharField()
    subtotal = serializers.IntegerField(help_text="Before discounts and tax, minor units.")
    discount = serializers.IntegerField()
    tax = serializers.IntegerField()
    total = serializers.IntegerField(help_text="Below 0: becomes credit.")
    amount_due = serializers.IntegerField(help_text="What is charged, after credit.")
    amount_decimal = serializers.CharField(help_text="`amount_due` for people.")
    charged_now = serializers.BooleanField(
        help_text="False: it is what the next regular invoice comes to."
    )
    lines = QuoteLineOut(many=True)
    proration_date = serializers.DateTimeField()
