"""A subscription's whole life, fourteen months on the virtual clock."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from billing.enums import Effective, Interval
from billing.models import Case, Obligation, Plan, Price
from billing.services import changes, endings, payment_methods, quotes, subscribe
from billing.services.quotes import Wanted
from orgs import clock
from orgs.models import Organization
from tests.journeys import comparing
from tests.journeys.months import CAUSE, DAY, Months, sell
from tests.provider import WEBHOOK_SECRET
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]


@pytest.fixture(scope="module")
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
    sell("solo", 2000, users=3, trial_days=14, rank=1)
    sell("team", 5000, users=50, rank=2)
    months = Months(own_stripe, org)
    monkeypatch.setattr(clock, "now", lambda *_: months.now)
    return months


def price_of(code: str, interval: str = Interval.MONTH) -> Price:
    version = Plan.objects.get(code=code).versions.get()
    return Price.objects.select_related("plan_version__plan").get(
        plan_version=version, interval=interval
    )


class Life:
    """What the organization does; each step quotes first where money is in it."""

    def __init__(self, months: Months) -> None:
        self.months, self.organization = months, months.organization

    def start(self, code: str, card: str) -> None:
        subscribe.start_subscription(
            organization=self.organization,
            request=subscribe.StartRequest(price=price_of(code), payment_method=card),
            cause=CAUSE,
            now=self.months.now,
        )
        self.months.listen()

    def change(self, **wanted: Any) -> int:
        """Change as quoted; return what was promised."""
        quote = quotes.make_quote(
            organization=self.organization, wanted=Wanted(**wanted), now=self.months.now
        )
        changes.change_subscription(
            organization=self.organization,
            wanted=Wanted(**wanted),
            quote_id=quote.pk,
            cause=CAUSE,
            now=self.months.now,
        )
        self.months.listen()
        return quote.amount_due_minor

    def use_card(self, card: str) -> None:
        payment_methods.attach_payment_method(
            organization=self.organization,
            payment_method=card,
            set_default=True,
            cause=CAUSE,
            now=self.months.now,
        )
        self.months.listen()

    def cancel(self, mode: Effective) -> None:
        endings.cancel_subscription(
            organization=self.organization,
            mode=mode,
            reason="too_expensive",
            cause=CAUSE,
            now=self.months.now,
        )
        self.months.listen()

    def pause(self) -> None:
        endings.pause_subscription(organization=self.organization, cause=CAUSE, now=self.months.now)
        self.months.listen()

    def resume(self) -> None:
        endings.resume_subscription(
            organization=self.organization, cause=CAUSE, now=self.months.now
        )
        self.months.listen()


def test_from_trial_to_the_way_back(months: Months) -> None:  # noqa: PLR0915 - one life, in order
    life = Life(months)
    begin = months.now
    card_is_new = ["payment_method.attached", "payment_method.default_changed"]
    paid = ["invoice.finalized", "invoice.paid"]

    # A trial, with a card that will be charged when it ends.
    life.start("solo", "pm_card_visa")
    assert months.news() == [
        "subscription.activated",
        *paid,
        "access.changed",
        *card_is_new,
        "mail subscription_confirmed",
    ]
    assert (months.access, months.invoices()) == ("full:trialing", [("paid", 0, 0)])
    months.until(begin + timedelta(days=12))
    assert months.news() == ["trial.ending", "mail trial_ending"]
    months.past_period_end()
    assert months.news() == [
        "subscription.trial_ended",
        "subscription.renewed",
        *paid,
        "mail invoice",
    ]
    assert (months.access, months.invoices()[-1]) == ("full:active", ("paid", 2000, 2000))

    # Two seats more, and the larger plan, for exactly what was quoted.
    seats = life.change(seats=3)
    assert months.news() == ["subscription.updated", *paid, "mail invoice"]
    assert months.invoices()[-1] == ("paid", seats, seats)
    assert 3900 < seats <= 4000
    months.until(months.now + timedelta(days=10))
    upgrade = life.change(price=price_of("team"))
    assert months.news() == ["subscription.updated", *paid, "mail invoice"]
    assert months.invoices()[-1] == ("paid", upgrade, upgrade)
    assert 5500 < upgrade < 6500  # two thirds of three seats' difference of $30
    months.past_period_end()
    assert months.news() == ["subscription.renewed", *paid, "mail invoice"]
    assert (months.access, months.invoices()[-1]) == ("full:active", ("paid", 15000, 15000))

    # The card is charged no more: a renewal fails, and grace runs out after its seven days.
    life.use_card("pm_card_chargeCustomerFail")
    assert months.news() == card_is_new
    months.past_period_end()
    assert months.news() == [
        "invoice.payment_failed",
        "subscription.past_due",
        "invoice.finalized",
        "access.changed",
        "mail payment_failed",
    ]
    assert (months.access, months.invoices()[-1]) == ("grace:payment_overdue", ("open", 15000, 0))
    failed_at = months.subscription.past_due_since
    assert failed_at is not None
    months.until(failed_at + timedelta(days=6, hours=23), step=DAY)
    assert "access.changed" not in months.news()
    assert months.access == "grace:payment_overdue"
    months.until(failed_at + timedelta(days=7, minutes=1))
    assert "access.changed" in months.news()
    assert (months.access, months.organization.plan_status) == (
        "restricted:grace_ended",
        "SUSPENDED",
    )

    # Another card pays at once.
    life.use_card("pm_card_visa")
    assert months.news() == [
        *card_is_new,
        "payment_method.detached",  # the same card, given twice
        "subscription.recovered",
        "invoice.paid",
        "access.changed",
        "mail invoice",
    ]
    assert (months.access, months.invoices()[-1]) == ("full:active", ("paid", 15000, 15000))

    # The smaller plan from the next period on.
    life.change(price=price_of("solo"), seats=1, effective=Effective.PERIOD_END)
    assert months.news() == ["subscription.change_scheduled"]
    assert months.subscription.plan_version.plan.code == "team"
    months.past_period_end()
    assert months.news() == [
        "subscription.updated",
        "subscription.renewed",
        *paid,
        "mail invoice",
    ]
    assert months.subscription.plan_version.plan.code == "solo"
    assert months.subscription.pending_change is None
    assert (months.access, months.invoices()[-1]) == ("full:active", ("paid", 2000, 2000))

    # A pause over two periods, in which nothing is owed.
    life.pause()
    assert months.news() == ["subscription.paused", "access.changed"]
    assert months.access == "restricted:paused"
    months.past_period_end()
    months.past_period_end()
    assert months.news() == ["invoice.finalized", "invoice.voided"] * 2
    assert months.invoices()[-2:] == [("void", 2000, 0)] * 2
    life.resume()
    assert months.news() == ["subscription.resumed", "access.changed"]
    months.past_period_end()
    assert months.news() == ["subscription.renewed", *paid, "mail invoice"]
    assert (months.access, months.invoices()[-1]) == ("full:active", ("paid", 2000, 2000))

    # The end, taken back once, and then not.
    life.cancel(Effective.PERIOD_END)
    assert (months.news(), months.access) == (["subscription.cancel_scheduled"], "full:cancels")
    life.resume()
    assert (months.news(), months.access) == (["subscription.cancel_withdrawn"], "full:active")
    life.cancel(Effective.PERIOD_END)
    months.past_period_end()
    assert months.news() == [
        "subscription.cancel_scheduled",
        "subscription.canceled",
        "access.changed",
    ]
    assert (months.access, months.organization.plan_status) == ("none:ended", "CANCELED")

    # And back, a year after the beginning, without a second trial.
    months.until(begin + timedelta(days=365), step=20 * DAY)
    life.start("solo", "pm_card_visa")
    assert months.news() == [
        "subscription.activated",
        *paid,
        "access.changed",
        *card_is_new,
        "mail subscription_confirmed",
        "mail invoice",
    ]
    assert (months.access, months.invoices()[-1]) == ("full:active", ("paid", 2000, 2000))
    months.until(begin + timedelta(days=430))
    assert months.news() == ["subscription.renewed", *paid] * 2 + ["mail invoice"] * 2

    charged = [2000, seats, upgrade, 15000, 15000, 2000, 2000, 2000, 2000, 2000]
    assert [paid for _, _, paid in months.invoices() if paid] == charged
    assert months.provider_total() == sum(charged)
    assert Case.objects.count() == 0
    assert set(Obligation.objects.values_list("state", flat=True)) == {"settled"}
    assert comparing.differences(months) == []
