"""The form of a change: what it shall be, and when."""

from typing import Any

from django import forms

from billing.enums import Effective, Interval
from billing.models import Price, Subscription
from billing.selectors import prices
from billing.services.quotes import Wanted
from orgs.errors import InvalidRequest
from orgs.refusal_forms import ShowsRefusal

MAX_SEATS = 100_000
_NOTHING = "Choose something that differs from what you have."


class ChangeForm(ShowsRefusal):
    """Plan, interval, seats, coupon and when; an empty plan is the one that runs."""

    plan = forms.CharField(label="Plan", max_length=100, required=False)
    interval = forms.ChoiceField(label="Paid", choices=Interval.choices)
    seats = forms.IntegerField(
        label="Seats",
        min_value=1,
        max_value=MAX_SEATS,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    coupon = forms.CharField(
        label="Coupon code",
        max_length=100,
        required=False,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )
    effective = forms.ChoiceField(label="When", choices=Effective.choices)

    def __init__(
        self, *args: Any, subscription: Subscription, plan: str = "", interval: str = ""
    ) -> None:
        """Begin with what is there, or with the plan and interval that a link names."""
        super().__init__(*args)
        self.subscription = subscription
        is_other = plan != subscription.plan_version.plan.code
        self.initial = {
            "plan": plan if is_other else "",
            "interval": interval if interval in Interval.values else subscription.price.interval,
            "seats": subscription.seats,
            "effective": Effective.NOW.value,
        }

    @property
    def wanted(self) -> Wanted:
        """Return what a valid form asks for.

        Raises:
            InvalidRequest: nothing changes, there is no such plan, or not at this interval.
            ContactSales: its price is agreed individually.
        """
        data, running = self.cleaned_data, self.subscription
        price = prices.wanted_price(
            running.organization, plan=data["plan"], interval=data["interval"]
        )
        if self._changes_nothing(price, data["seats"], data["coupon"]):
            raise InvalidRequest(_NOTHING)
        return Wanted(
            price=price,
            seats=data["seats"],
            coupon=data["coupon"],
            effective=Effective(data["effective"]),
        )

    def _changes_nothing(self, price: Price | None, seats: int, coupon: str) -> bool:
        running = self.subscription
        is_same = (price is None or price.pk == running.price_id) and seats == running.seats
        return is_same and not coupon
