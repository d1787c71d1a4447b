"""What the API of terminals answers, as OpenAPI has it."""

from typing import Any

from rest_framework import serializers

from billing.enums import Provider
from notifications.models import MessageState
from terminals.enums import CaptureMethod, PaymentStatus, TerminalStatus

_MINOR = "Minor units."


class OpenPaymentOut(serializers.Serializer[Any]):
    """The payment that a reader is about."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(PaymentStatus.choices)
    reference = serializers.CharField(allow_null=True)
    amount = serializers.IntegerField(help_text=_MINOR)
    amount_decimal = serializers.CharField()
    currency = serializers.CharField()
    holds_terminal = serializers.BooleanField(help_text="True: nobody else can start the reader.")
    since = serializers.DateTimeField(allow_null=True, help_text="Since when it holds it.")
    started_by = serializers.CharField(allow_null=True, help_text="The till, by its key's name.")


class TerminalOut(serializers.Serializer[Any]):
    """A reader."""

    id = serializers.UUIDField()
    label = serializers.CharField()  # type: ignore[assignment] # the field, not the property
    provider = serializers.ChoiceField(Provider.choices)
    external_id = serializers.CharField(help_text="The provider's id, or the serial number.")
    location = serializers.CharField(allow_null=True)
    device_type = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(TerminalStatus.choices, help_text="`busy`: a payment has it.")
    last_seen_at = serializers.DateTimeField(allow_null=True)
    open_payment = OpenPaymentOut(allow_null=True)
    created_at = serializers.DateTimeField()


class ConnectionTokenOut(serializers.Serializer[Any]):
    """What Stripe's Terminal SDK connects with."""

    secret = serializers.CharField()


class ReasonOut(serializers.Serializer[Any]):
    """A code, and a sentence that may be shown to whoever pays."""

    code = serializers.CharField()
    message = serializers.CharField()


class CardPresentOut(serializers.Serializer[Any]):
    """The card, as receipts name it."""

    brand = serializers.CharField(allow_null=True)
    last4 = serializers.CharField(allow_null=True)
    entry_mode = serializers.CharField(
        allow_null=True, help_text="chip, contactless, swipe, manual"
    )
    verification = serializers.CharField(
        allow_null=True, help_text="pin, signature, device or none"
    )
    application = serializers.CharField(allow_null=True)
    aid = serializers.CharField(allow_null=True)
    auth_code = serializers.CharField(allow_null=True)
    emv = serializers.DictField(child=serializers.CharField(), help_text="Further tags, by name.")


class ReceiptOut(serializers.Serializer[Any]):
    """What a receipt says; amounts in minor units."""

    number = serializers.CharField()
    taken_at = serializers.DateTimeField()
    amount = serializers.IntegerField(help_text="Without the tip.")
    tip = serializers.IntegerField()
    total = serializers.IntegerField()
    refunded = serializers.IntegerField()
    currency = serializers.CharField()
    amount_decimal = serializers.CharField(help_text="`total`, for people.")
    card = CardPresentOut()
    text_url = serializers.URLField(help_text="Needs your credential, as the next.")
    pdf_url = serializers.URLField()


class TerminalPaymentOut(serializers.Serializer[Any]):
    """A payment in person; all amounts in minor units of `currency`."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(PaymentStatus.choices)
    terminal_id = serializers.UUIDField()
    transaction_id = serializers.CharField(
        allow_null=True, help_text="The provider's payment; null while there is none."
    )
    provider = serializers.ChoiceField(Provider.choices)
    amount = serializers.IntegerField(help_text="What was asked for, without the tip.")
    amount_decimal = serializers.CharField()
    currency = serializers.CharField()
    amount_authorized = serializers.IntegerField(help_text="With the tip.")
    amount_tip = serializers.IntegerField()
    amount_captured = serializers.IntegerField()
    amount_refunded = serializers.IntegerField()
    capture_method = serializers.ChoiceField(CaptureMethod.choices)
    reference = serializers.CharField(allow_null=True)
    metadata = serializers.DictField(child=serializers.CharField())
    started_by = serializers.CharField(allow_null=True)
    resolve_after = serializers.DateTimeField(
        allow_null=True,
        help_text="Not null: what became of it is not known, and is asked for again then.",
    )
    decline = ReasonOut(allow_null=True)
    not_started = ReasonOut(
        allow_null=True, help_text="Why the reader did not ask for a card; `process` tries again."
    )
    cancel_requested_at = serializers.DateTimeField(allow_null=True)
    capture_before = serializers.DateTimeField(
        allow_null=True, help_text="What is not captured by then is given up."
    )
    created_at = serializers.DateTimeField()
    authorized_at = serializers.DateTimeField(allow_null=True)
    captured_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    receipt = ReceiptOut(allow_null=True, help_text="null while nothing is paid.")


class OpenedPaymentOut(TerminalPaymentOut):
    """A payment that was opened."""

    client_secret = serializers.CharField(
        required=False, help_text="For a till that drives the reader itself, by Stripe's SDK."
    )


class TerminalRefundOut(serializers.Serializer[Any]):
    """Money on its way back."""

    id = serializers.UUIDField()
    payment_id = serializers.UUIDField()
    status = serializers.ChoiceField([("succeeded", "succeeded"), ("unknown", "unknown")])
    amount = serializers.IntegerField(help_text=_MINOR)
    amount_decimal = serializers.CharField()
    currency = serializers.CharField()
    amount_refunded = serializers.IntegerField(help_text="Of the payment, this included.")
    resolve_after = serializers.DateTimeField(allow_null=True)


class ReceiptDeliveryOut(serializers.Serializer[Any]):
    """A mail with a receipt."""

    to = serializers.EmailField()
    sent_at = serializers.DateTimeField(allow_null=True)
    status = serializers.ChoiceField(MessageState.choices)


class FiguresOut(serializers.Serializer[Any]):
    """Sales and refunds of a day, in minor units."""

    count = serializers.IntegerField()
    gross = serializers.IntegerField(help_text="With tips, before refunds.")
    tips = serializers.IntegerField()
    refunds = serializers.IntegerField(help_text="How many.")
    refunded = serializers.IntegerField()
    net = serializers.IntegerField()
    amount_decimal = serializers.CharField(help_text="`net`, for people.")


class BrandFiguresOut(FiguresOut):
    """The same of one card brand."""

    brand = serializers.CharField(allow_null=True)


class CurrencyTotalsOut(FiguresOut):
    """The same of one currency."""

    currency = serializers.CharField()
    by_brand = BrandFiguresOut(many=True)


class TotalsOut(serializers.Serializer[Any]):
    """What a reader took on one day; sales count when captured, refunds when asked for."""

    terminal_id = serializers.UUIDField()
    date = serializers.DateField()
    time_zone = serializers.CharField()
    totals = CurrencyTotalsOut(many=True, help_text="Empty: nothing was taken.")
