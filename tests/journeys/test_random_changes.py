"""Whatever is changed, in whatever order: what was quoted is what is charged, to the minor unit.

`make quotes` compares a thousand changes; a failure names its seed and the change, and
`TILL_SEED=7 pytest tests/journeys/test_random_changes.py` repeats one.
"""

import os
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from billing.enums import Effective, Interval, Proration, QuoteKind
from billing.models import Case, Obligation, Plan, Price, Quote
from billing.services import changes, quotes, subscribe
from billing.services.quotes import Wanted
from orgs import clock
from orgs.models import Organization
from tests.billing.coupon_steps import make_coupon
from tests.journeys import comparing
from tests.journeys.months import CAUSE, DAY, Months, sell
from tests.provider import WEBHOOK_SECRET
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]

CHANGES = int(os.environ.get("TILL_CHANGES", "15"))
SEED = int(os.environ.get("TILL_SEED", "20261121"))
ORGANIZATIONS = int(os.environ.get("TILL_ORGANIZATIONS", "1"))


@pytest.fixture
def own_stripe() -> Iterator[StripeSimulator]:
    """A simulator whose clock nobody else reads."""
    with StripeSimulator.start() as running:
        yield running


@pytest.fixture
def months(
    org: Organization,
    own_stripe: StripeSimulator,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Months:
    settings.STRIPE_API_BASE = settings.STRIPE_API_HOST = own_stripe.base_url
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
    for rank, (code, month_minor) in enumerate((("solo", 1999), ("team", 4950), ("firm", 12345))):
        sell(code, month_minor, users=1000, rank=rank)
    months = Months(own_stripe, org)
    monkeypatch.setattr(clock, "now", lambda *_: months.now)
    return months


class Restless:
    """An organization that changes its mind, and compares each bill with what it was told."""

    def __init__(self, months: Months, chance: random.Random) -> None:
        self.months, self.chance = months, chance
        self.compared = {"now": 0, "later": 0}
        self.codes = [make_coupon(percent_off=p, duration="forever").code for p in (10, 33, 50)]
        self.prices = [
            Price.objects.select_related("plan_version__plan").get(
                plan_version__plan=plan, interval=interval
            )
            for plan in Plan.objects.filter(code__in=["solo", "team", "firm"])
            for interval in Interval.values
        ]
        subscribe.start_subscription(
            organization=months.organization,
            request=subscribe.StartRequest(price=self.prices[0], payment_method="pm_card_visa"),
            cause=CAUSE,
            now=months.now,
        )
        months.listen()

    @property
    def total(self) -> int:
        """Return how many bills were compared with what was quoted."""
        return sum(self.compared.values())

    def wait(self) -> None:
        """Some hours, or some weeks."""
        hours = self.chance.choice([1, 5, 30, 200, self.chance.randint(1, 900)])
        seconds = self.chance.randint(0, 3599)
        self.months.until(self.months.now + timedelta(hours=hours, seconds=seconds), step=400 * DAY)

    def wish(self) -> Wanted:
        """Another price, other seats, a coupon, now or later, charged this way or that."""
        return Wanted(
            price=self.chance.choice([None, *self.prices]),
            seats=self.chance.choice([None, 1, 2, 3, self.chance.randint(1, 50)]),
            coupon=self.chance.choice(["", "", "", *self.codes]),
            effective=self.chance.choice([None, Effective.NOW, Effective.PERIOD_END]),
            proration=self.chance.choice(list(Proration)),
        )

    def change(self) -> None:
        """Quote, change, and compare with what the provider invoiced."""
        wanted = self.wish()
        quote = quotes.make_quote(
            organization=self.months.organization, wanted=wanted, now=self.months.now
        )
        if quote.kind != QuoteKind.CHANGE:
            return  # all of it is like that already
        if wanted.coupon:
            self.codes.remove(wanted.coupon)  # each is used once a subscription: a rule of ours
        before = {row["id"] for row in self.invoices()}
        changes.change_subscription(
            organization=self.months.organization,
            wanted=wanted,
            quote_id=quote.pk,
            cause=CAUSE,
            now=self.months.now,
        )
        self.months.listen()
        new = [row for row in self.invoices() if row["id"] not in before]
        if quote.charged_at_once:
            self.compare(quote, new, "now")
        else:
            assert new == [], "something was invoiced that was to come later"
            self.months.past_period_end(step=400 * DAY)
            renewed = [row for row in self.invoices() if row["id"] not in before]
            self.compare(quote, renewed[:1], "later")

    def compare(self, quote: Quote, invoices: list[dict[str, Any]], when: str) -> None:
        """Compare one invoice with its quote: sums, and every line."""
        if quote.total_minor == 0 and not invoices:
            return
        (invoice,) = invoices
        assert invoice["currency"].upper() == quote.currency
        assert (invoice["subtotal"], invoice["total"], invoice["amount_due"]) == (
            quote.subtotal_minor,
            quote.total_minor,
            quote.amount_due_minor,
        )
        charged = [
            (line["description"], line["quantity"], line["amount"])
            for line in invoice["lines"]["data"]
        ]
        told = [(row["description"], row["quantity"], row["amount"]) for row in quote.lines]
        assert sorted(charged) == sorted(told)
        if when == "now":
            debt = Obligation.objects.get(quote=quote)
            assert (debt.state, debt.amount_minor) == ("settled", quote.amount_due_minor)
        self.compared[when] += 1

    def invoices(self) -> list[dict[str, Any]]:
        customer = self.months.subscription.customer.external_id
        rows = self.months.stripe.objects("invoice")
        return [row for row in rows if row["customer"] == customer]


@pytest.mark.parametrize("seed", range(SEED, SEED + ORGANIZATIONS))
def test_every_change_is_charged_as_quoted(months: Months, seed: int) -> None:
    restless = Restless(months, random.Random(seed))  # noqa: S311 - chance, not secrecy

    while restless.total < CHANGES:
        restless.wait()
        try:
            restless.change()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, after {restless.compared}: {error}") from error

    assert restless.compared["now"] > 0
    assert restless.compared["later"] > 0
    assert Case.objects.count() == 0
    paid = [row["amount_paid"] for row in restless.invoices()]
    assert months.provider_total() == sum(paid)
    assert comparing.differences(months) == []
