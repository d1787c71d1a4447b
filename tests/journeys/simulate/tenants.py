"""Tenants as chance makes them: who they are, and what they feel like doing next."""

import dataclasses
import random
from datetime import datetime, timedelta

from billing.enums import Provider
from tests.journeys.simulate.catalogue import COUPONS, PLANS

_TURNS = (
    Provider.STRIPE,
    Provider.CARDCONNECT,
    Provider.CUSTOM,
    Provider.STRIPE,
    Provider.CARDCONNECT,
)
# Days on which it shows whether months are counted right; the leap day is in one of two years.
_ODD_DAYS = ((1, 29), (1, 30), (1, 31), (2, 28), (3, 31))
_WISHES = {
    "seats": 30,
    "plan": 14,
    "rhythm": 5,
    "later": 9,
    "pause": 6,
    "end_later": 7,
    "end_now": 3,
    "bad_card": 9,
    "refund": 7,
    "nothing": 3,
}


@dataclasses.dataclass(slots=True)
class Character:
    """One tenant's chance, and what follows from it before anything has happened."""

    number: int
    seed: int
    begins: datetime
    months: int

    def __post_init__(self) -> None:
        """Roll the dice."""
        self.chance = random.Random(f"{self.seed}:{self.number}")  # noqa: S311 - not secrecy

    chance: random.Random = dataclasses.field(init=False)

    @property
    def provider(self) -> Provider:
        """Return who charges it: two by Stripe, two by CardConnect, one by hand."""
        return _TURNS[self.number % len(_TURNS)]

    def first_start(self) -> datetime:
        """Return when it begins: within two months, on an odd day, or on the leap day."""
        time_of_day = timedelta(seconds=self.chance.randint(60, 86_300))
        if self.number % 4 == 0:
            month, day = self.chance.choice(_ODD_DAYS)
            return self.begins.replace(month=month, day=day) + time_of_day
        leap = _leap_day(self.begins)
        if self.number % 23 == 7 and (leap - self.begins).days < 30 * self.months - 60:
            return leap + time_of_day
        most = min(60, 10 * self.months)
        return self.begins + timedelta(days=self.chance.randint(0, most)) + time_of_day

    def plan(self) -> str:
        """Return a plan."""
        return self.chance.choice(self.plans())

    def plans(self) -> list[str]:
        """Return what it may choose: a plan that is ended for want of payment only by card."""
        ended = ("team",) if self.provider is Provider.CUSTOM else ()
        return [code for code, _price, _trial in PLANS if code not in ended]

    def rhythm(self) -> int:
        """Return how many months it pays for at a time."""
        return self.chance.choice((1, 1, 1, 12))

    def seats(self) -> int:
        """Return how many seats it wants."""
        return self.chance.randint(1, 5)

    def coupon(self) -> str:
        """Return a coupon, or none."""
        return self.chance.choice((*COUPONS, "", "", "", "", ""))

    def wish(self) -> str:
        """Return what it feels like."""
        return self.chance.choices(list(_WISHES), weights=list(_WISHES.values()))[0]

    def proration(self) -> str:
        """Return how it wants a difference to be charged."""
        return self.chance.choice(("invoice", "invoice", "next_invoice", "none"))

    def later(self, least: float, most: float) -> timedelta:
        """Return some days."""
        return timedelta(seconds=self.chance.randint(int(least * 86_400), int(most * 86_400)))


def _leap_day(begins: datetime) -> datetime:
    year = next(year for year in (begins.year, begins.year + 1, begins.year + 2) if year % 4 == 0)
    return begins.replace(year=year, month=2, day=29)
