"""Amounts of money in forms: typed in major units, as people read them."""

from typing import Any, ClassVar

from django import forms

from billing import money


class TakesAmount(forms.Form):
    """An amount in major units of a known currency; `amount` is in minor units once it is clean."""

    amount_help: ClassVar[str] = ""

    amount = forms.DecimalField(max_digits=14, decimal_places=3)

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        """Read the amount in this currency."""
        super().__init__(*args, **kwargs)
        self._currency = currency
        self.fields["amount"].label = f"Amount in {currency}"
        self.fields["amount"].help_text = self.amount_help

    def clean_amount(self) -> int:
        """Return minor units."""
        try:
            return money.to_minor(self.cleaned_data["amount"], self._currency)
        except ValueError as error:
            raise forms.ValidationError(
                "The currency has no such small unit.", code="invalid"
            ) from error
