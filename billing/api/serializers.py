"""What the billing API takes and gives."""

from typing import Any

from rest_framework import serializers

from billing.enums import AccessLevel, Interval, Provider, SubscriptionStatus, UsageType
from billing.types import CardDetails
from orgs.api.serializers import StrictSerializer

MAX_SEATS = 100_000


class CardDetailsIn(StrictSerializer):
    """What goes beside a CardConnect token: never a card number."""

    expiry = serializers.RegexField(r"^(0[1-9]|1[0-2])\d{2}$", help_text="MMYY")
    name = serializers.CharField(required=False, max_length=100)
    postal = serializers.CharField(required=False, max_length=20)


def card_of(data: dict[str, Any]) -> CardDetails | None:
    """Return what was said of a card beside its token."""
    card = data.get("card")
    return CardDetails(**card) if card else None


def one_of(data: dict[str, Any], *names: str) -> str:
    """Return the one value given under any of these names.

    Raises:
        ValidationError: two names carry different values.
    """
    values = {data[name] for name in names if data.get(name)}
    if len(values) > 1:
        raise serializers.ValidationError({names[0]: [f"Give only one of {', '.join(names)}."]})
    return str(values.pop()) if values else ""


class SubscriptionStartIn(StrictSerializer):
    """Start a subscription."""

    plan = serializers.CharField(required=False, max_length=100, help_text="Slug, code or id.")
    plan_id = serializers.CharField(required=False, max_length=100)
    interval = serializers.ChoiceField(Interval.choices, required=False, default=Interval.MONTH)
    payment_method = serializers.CharField(required=False, max_length=255)
    payment_method_id = serializers.CharField(required=False, max_length=255)
    token = serializers.CharField(required=False, max_length=255)
    card = CardDetailsIn(required=False)
    seats = serializers.IntegerField(required=False, default=1, min_value=1, max_value=MAX_SEATS)
    provider = serializers.ChoiceField(Provider.choices, required=False)
    coupon = serializers.CharField(required=False, max_length=100, help_text="A code.")
    quote_id = serializers.UUIDField(
        required=False, help_text="Charge exactly what this quote says, or start nothing."
    )
    trial = serializers.BooleanField(
        required=False,
        help_text="True: only with the plan's trial. False: pay at once. Left out: the plan's "
        "trial, for payers who have had none.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Bring the spellings of plan and payment method together."""
        plan = one_of(attrs, "plan", "plan_id")
        if not plan:
            raise serializers.ValidationError({"plan": ["This field is required."]})
        method = one_of(attrs, "payment_method", "payment_method_id", "token")
        return {**attrs, "plan": plan, "payment_method": method}


class SubscribeIn(StrictSerializer):
    """Start a subscription: the short form."""

    plan_slug = serializers.CharField(max_length=100)
    token = serializers.CharField(max_length=255)
    card = CardDetailsIn(required=False)
    interval = serializers.ChoiceField(Interval.choices, required=False, default=Interval.MONTH)


class SetupIntentOut(serializers.Serializer[Any]):
    """What the provider's element needs in the payer's browser.

    Stripe's has an id and a secret; CardConnect's is a page to frame, and the only origin whose
    messages may be believed.
    """

    id = serializers.CharField(required=False)
    client_secret = serializers.CharField(required=False)
    tokenizer_url = serializers.URLField(required=False)
    tokenizer_origin = serializers.URLField(required=False)


class SetupIntentIn(StrictSerializer):
    """Prepare for a card to be entered."""

    provider = serializers.ChoiceField(Provider.choices, required=False)


class SessionIn(StrictSerializer):
    """Open a checkout or the portal."""

    mode = serializers.ChoiceField(["checkout", "portal"], default="checkout")
    plan = serializers.CharField(required=False, max_length=100)
    interval = serializers.ChoiceField(Interval.choices, required=False, default=Interval.MONTH)
    provider = serializers.ChoiceField(Provider.choices, required=False)
    coupon = serializers.CharField(required=False, max_length=100, help_text="A code.")
    success_url = serializers.URLField(required=False, max_length=2000)
    cancel_url = serializers.URLField(required=False, max_length=2000)
    ui = serializers.ChoiceField(["hosted_page", "hosted_provider"], default="hosted_page")


class SessionOut(serializers.Serializer[Any]):
    """An open checkout and where its payer goes."""

    id = serializers.UUIDField(allow_null=True, help_text="Of the checkout; null for the portal.")
    session_url = serializers.URLField()
    expires_at = serializers.DateTimeField(allow_null=True)


class PlanRefOut(serializers.Serializer[Any]):
    """The plan a subscription pins."""

    slug = serializers.SlugField()
    name = serializers.CharField()
    version = serializers.IntegerField()


class SubscriptionPriceOut(serializers.Serializer[Any]):
    """What one seat costs per interval."""

    id = serializers.UUIDField()
    interval = serializers.ChoiceField(Interval.choices)
    currency = serializers.CharField()
    amount = serializers.IntegerField(help_text="Minor units.")
    amount_decimal = serializers.CharField()
    usage_type = serializers.ChoiceField(UsageType.choices)
    trial_days = serializers.IntegerField()


class DiscountOut(serializers.Serializer[Any]):
    """The coupon that lies on a subscription: a percentage, or an amount off each invoice."""

    coupon = serializers.CharField()
    name = serializers.CharField(allow_null=True)
    percent_off = serializers.CharField(allow_null=True, help_text="As 20 or 12.5.")
    amount_off = serializers.IntegerField(allow_null=True, help_text="Minor units.")
    currency = serializers.CharField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)


class PendingChangeOut(serializers.Serializer[Any]):
    """What a subscription will be: at the end of its period, or once a payment is confirmed."""

    kind = serializers.ChoiceField(["scheduled", "awaiting_payment"])
    plan = PlanRefOut(required=False)
    price_id = serializers.UUIDField(required=False)
    interval = serializers.ChoiceField(Interval.choices, required=False)
    currency = serializers.CharField(required=False)
    amount = serializers.IntegerField(required=False, help_text="Minor units.")
    seats = serializers.IntegerField(required=False)
    effective_at = serializers.DateTimeField(required=False, allow_null=True)


class SubscriptionOut(serializers.Serializer[Any]):
    """A subscription."""

    id = serializers.UUIDField()
    provider = serializers.ChoiceField(Provider.choices)
    status = serializers.ChoiceField(SubscriptionStatus.choices)
    plan = PlanRefOut()
    price = SubscriptionPriceOut()
    seats = serializers.IntegerField()
    current_period_start = serializers.DateTimeField(allow_null=True)
    current_period_end = serializers.DateTimeField(allow_null=True)
    cancel_at_period_end = serializers.BooleanField()
    auto_renew = serializers.BooleanField()
    cancel_at = serializers.DateTimeField(allow_null=True)
    canceled_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    trial_end = serializers.DateTimeField(allow_null=True)
    pending_change = PendingChangeOut(allow_null=True)
    resumes_at = serializers.DateTimeField(allow_null=True)
    discount = DiscountOut(allow_null=True)
    billing_email = serializers.EmailField(allow_null=True)
    customer = serializers.UUIDField()
    external_customer_id = serializers.CharField(allow_null=True)
    external_subscription_id = serializers.CharField(allow_null=True)
    latest_invoice = serializers.CharField(allow_null=True)
    client_secret = serializers.CharField(
        required=False, help_text="Only when the payer must still act."
    )
    resolve_after = serializers.DateTimeField(
        required=False, help_text="Only while the outcome is unknown."
    )


class AccessOut(serializers.Serializer[Any]):
    """What the organization may do, and why."""

    level = serializers.ChoiceField(AccessLevel.choices)
    reason_code = serializers.CharField()
    message = serializers.CharField()
    until = serializers.DateTimeField(allow_null=True)
    since = serializers.DateTimeField(
        allow_null=True, help_text="When it became so; null if it never changed."
    )
    caused_by_event = serializers.UUIDField(
        allow_null=True, help_text="Line of the timeline that says why."
    )


class StatusOut(serializers.Serializer[Any]):
    """Where an organization stands."""

    plan_status = serializers.CharField()
    access = AccessOut()
    subscription = SubscriptionOut(allow_null=True)
    plan = PlanRefOut(allow_null=True)
    renews_at = serializers.DateTimeField(allow_null=True)
    cancels_at = serializers.DateTimeField(allow_null=True)
    features = serializers.DictField()
