"""Forms of card readers and receipts."""

from typing import Any

from django import forms

from billing.amounts import TakesAmount
from orgs.refusal_forms import ShowsRefusal
from terminals.services import registering


class NamingForm(ShowsRefusal):
    """What a reader is called, and where it stands."""

    label = forms.CharField(
        label="Name",
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    location = forms.CharField(
        label="Place",
        max_length=100,
        required=False,
        help_text="Where it stands. For Stripe's readers, the id of the location there.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class RegisterForm(NamingForm):
    """A reader that its provider knows."""

    provider = forms.ChoiceField(label="Provider")
    external_id = forms.CharField(
        label="Reader",
        max_length=100,
        help_text="The id at Stripe (tmr_…), or the serial number (HSN) on the device.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off"}),
    )
    field_order = ("provider", "external_id", "label", "location")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the providers that have readers; the name may come from there."""
        super().__init__(*args, **kwargs)
        choices = [(row.value, row.label) for row in registering.providers()]
        self.fields["provider"] = forms.ChoiceField(label="Provider", choices=choices)
        self.fields["label"].required = False


class ReceiptForm(ShowsRefusal):
    """Where a receipt is mailed to."""

    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "inputmode": "email"}),
    )


class CaptureForm(TakesAmount, ShowsRefusal):
    """How much of what was authorized is taken."""

    amount_help = "All of it, or a part."


class RefundForm(TakesAmount, ShowsRefusal):
    """How much is given back."""

    amount_help = "All that is left, or a part of it."

    request_key = forms.CharField(max_length=64, widget=forms.HiddenInput)


class DayForm(forms.Form):
    """Which day is summed up."""

    date = forms.DateField(
        label="Day", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
