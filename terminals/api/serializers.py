"""What the API of terminals takes."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rest_framework import serializers

from billing.enums import Provider
from orgs.api.serializers import StrictSerializer
from terminals.enums import CaptureMethod, PaymentStatus
from terminals.selectors.payments import OPEN
from terminals.services.waiting import LONGEST_WAIT_S

STATUSES = (OPEN, *PaymentStatus.values)


class AmountField(serializers.IntegerField):
    """Minor units, as a whole number and nothing that could be read as one: 12.00 is no amount."""

    def to_internal_value(self, data: Any) -> int:
        """Refuse texts, decimals and truth values."""
        if type(data) is not int:
            self.fail("invalid")
        return data


class TerminalIn(StrictSerializer):
    """Register a reader."""

    provider = serializers.ChoiceField(Provider.choices)
    external_id = serializers.CharField(
        max_length=100, help_text="The provider's id of the reader, or its serial number (HSN)."
    )
    label = serializers.CharField(  # type: ignore[assignment] # the field, not the property
        max_length=100, required=False, default="", help_text="Without one, as the provider has it."
    )
    location = serializers.CharField(
        max_length=100, required=False, default="", allow_blank=True, help_text="Where it stands."
    )


class TerminalChangeIn(StrictSerializer):
    """Name a reader, or say where it stands."""

    label = serializers.CharField(  # type: ignore[assignment] # as above
        max_length=100, required=False
    )
    location = serializers.CharField(max_length=100, required=False, allow_blank=True)


class PaymentIntentIn(StrictSerializer):
    """What is to be paid, and where."""

    amount = AmountField(help_text="Minor units, without the tip.")
    terminal_id = serializers.UUIDField()
    currency = serializers.CharField(
        max_length=3, required=False, default="", help_text="Without one, the reader's own."
    )
    capture_method = serializers.ChoiceField(
        CaptureMethod.choices,
        required=False,
        default=CaptureMethod.AUTOMATIC,
        help_text="`manual`: the card is authorized, and charged by `capture`.",
    )
    process = serializers.BooleanField(
        required=False,
        help_text="Also start the reader: the default where only we can, which is CardConnect.",
    )
    reference = serializers.CharField(
        max_length=100,
        required=False,
        default="",
        allow_blank=True,
        help_text="Your own name of the basket: one open payment has it, and is found by it.",
    )
    metadata = serializers.DictField(
        child=serializers.CharField(max_length=500, allow_blank=True), required=False, default=dict
    )
    tip = serializers.BooleanField(
        required=False, default=False, help_text="Have the reader ask for a tip, where it can."
    )


class CaptureIn(StrictSerializer):
    """How much of what was authorized is taken."""

    amount = AmountField(
        required=False, allow_null=True, default=None, help_text="Minor units; all without it."
    )


class TerminalRefundIn(StrictSerializer):
    """How much is given back."""

    amount = AmountField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Minor units; all that is left without it.",
    )


class ReceiptSendIn(StrictSerializer):
    """Where a receipt is mailed to."""

    email = serializers.EmailField(max_length=254)


class WaitIn(serializers.Serializer[Any]):
    """How long an answer may wait for news."""

    wait = serializers.IntegerField(
        required=False, default=0, min_value=0, max_value=LONGEST_WAIT_S
    )


class PaymentFilterIn(serializers.Serializer[Any]):
    """What a list of payments can be narrowed to."""

    terminal_id = serializers.UUIDField(required=False, default=None)
    status = serializers.ChoiceField(
        [(name, name) for name in STATUSES], required=False, default=""
    )
    reference = serializers.CharField(max_length=100, required=False, default="")


class TotalsIn(serializers.Serializer[Any]):
    """Which day, and where it begins."""

    date = serializers.DateField(required=False, default=None)
    time_zone = serializers.CharField(max_length=64, required=False, default="UTC")

    def validate_time_zone(self, name: str) -> ZoneInfo:
        """Return the zone."""
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise serializers.ValidationError("Name a time zone, as Europe/Berlin.") from error

    def validate_date(self, day: dt.date | None) -> dt.date | None:
        """Refuse days on which no clock runs (the calendar's last has no morning after it)."""
        if day is not None and not 1970 <= day.year <= 9000:  # noqa: PLR2004 - far from both ends
            raise serializers.ValidationError("This day is out of reach.")
        return day
