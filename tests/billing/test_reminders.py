"""Renewals that are announced three days ahead, at the simulated Stripe."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connections

from billing import tasks
from billing.drivers.stripe import changes as stripe_changes
from billing.enums import CouponDuration, Effective, Proration, SubscriptionStatus
from billing.models import Price, Subscription
from billing.services import changes, payers, reminders
from billing.services.quotes import Wanted
from notifications import services as notifications
from notifications.models import Message
from orgs import clock
from orgs.models import Organization
from tests.billing.builders import NOW, make_subscription
from tests.billing.coupon_steps import make_coupon
from tests.billing.stripe_builders import VISA
from tests.billing.subscribe_steps import CAUSE, start
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def mails() -> list[Message]:
    return list(Message.objects.filter(kind="renewal_reminder").order_by("created_at"))


def ends(row: Subscription) -> datetime:
    row.refresh_from_db()
    assert row.current_period_end is not None
    return row.current_period_end


def near(row: Subscription) -> datetime:
    """The first moment at which the renewal is near."""
    return ends(row) - 3 * DAY


class TestStripe:
    def test_is_announced_three_days_ahead_once(self, row: Subscription) -> None:
        assert reminders.remind_of_renewals(now=near(row) - SECOND) == 0
        assert reminders.remind_of_renewals(now=near(row)) == 1
        assert reminders.remind_of_renewals(now=near(row) + DAY) == 0

        (message,) = mails()
        assert message.to == row.organization.email
        assert message.context == {
            "organization": "Bistro",
            "plan": "Starter",
            "renews_on": f"{ends(row):%-d %B %Y}",
            "amount": "$58.00",
            "interval": "month",
            "seats": 2,
            "discount": "",
            "method": message.context["method"],
            "is_sent": False,
            "manage_url": "http://127.0.0.1:8000/settings/billing/cancel",
            "support_email": message.context["support_email"],
        }

    def test_says_what_it_will_cost_and_renew_as(
        self, row: Subscription, catalogue: dict[str, Price]
    ) -> None:
        wanted = Wanted(
            price=catalogue["professional:month"],
            seats=3,
            effective=Effective.PERIOD_END,
            proration=Proration.NONE,
        )
        changes.change_subscription(
            organization=row.organization, wanted=wanted, cause=CAUSE, now=clock.now()
        )

        assert reminders.remind_of_renewals(now=near(row)) == 1

        context = mails()[0].context
        assert (context["plan"], context["seats"]) == ("Professional", 3)
        assert context["amount"] == "$297.00"

    def test_has_the_discount_in_it(self, organization: Organization, price: Price) -> None:
        coupon = make_coupon(duration=CouponDuration.FOREVER)
        row = start(organization, price, VISA, coupon=coupon.code).subscription

        assert reminders.remind_of_renewals(now=near(row)) == 1

        context = mails()[0].context
        assert (context["amount"], context["discount"]) == ("$23.20", "20 % off")

    def test_is_no_news_where_nothing_is_to_be_paid(
        self, organization: Organization, price: Price, stripe: StripeSimulator
    ) -> None:
        coupon = make_coupon(duration=CouponDuration.FOREVER, percent_off="100")
        row = start(organization, price, VISA, coupon=coupon.code).subscription
        now = near(row)

        assert reminders.remind_of_renewals(now=now) == 0
        asked = stripe.calls_so_far()
        assert reminders.remind_of_renewals(now=now) == 0

        assert mails() == []
        assert stripe.calls_so_far() == asked  # and is not asked about again

    def test_waits_for_a_provider_that_does_not_answer(
        self, row: Subscription, stripe: StripeSimulator, short_pauses: None
    ) -> None:
        now = near(row)
        stripe.add_fault(method="POST", path="/create_preview$", status=500, times=-1)
        assert reminders.remind_of_renewals(now=now) == 0
        stripe.clear_faults()

        assert reminders.remind_of_renewals(now=now) == 1

    def test_one_in_trouble_keeps_nobody_else_waiting(self, row: Subscription) -> None:
        lost = make_subscription(
            status=SubscriptionStatus.ACTIVE,
            external_id="sub_gone",
            current_period_start=NOW,
            current_period_end=ends(row) - SECOND,
        )

        assert reminders.remind_of_renewals(now=near(row)) == 1

        assert [message.organization_id for message in mails()] == [row.organization_id]
        lost.refresh_from_db()
        assert lost.reminded_for is None

    def test_each_period_has_its_own(self, row: Subscription) -> None:
        reminders.remind_of_renewals(now=near(row))
        Subscription.objects.filter(pk=row.pk).update(
            current_period_start=ends(row), current_period_end=ends(row) + 30 * DAY
        )

        assert reminders.remind_of_renewals(now=near(row)) == 1
        assert len({message.key for message in mails()}) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"status": SubscriptionStatus.TRIALING},
        {"status": SubscriptionStatus.PAST_DUE},
        {"status": SubscriptionStatus.PAUSED},
        {"status": SubscriptionStatus.CANCELED},
        {"cancel_at_period_end": True},
        {"cancel_at": NOW + DAY},
        {"is_free": True},
        {"current_period_end": NOW},
        {"current_period_start": NOW - SECOND},
        {"current_period_end": None},
    ],
    ids="-".join,
)
def test_is_no_news_for_who_is_told_otherwise_or_will_not_be_charged(
    changes: dict[str, Any], stripe: StripeSimulator
) -> None:
    fields = {
        "status": SubscriptionStatus.ACTIVE,
        "external_id": "sub_1",
        "current_period_start": NOW - 28 * DAY,
        "current_period_end": NOW + 2 * DAY,
    }
    make_subscription(**{**fields, **changes})
    asked = stripe.calls_so_far()

    assert reminders.remind_of_renewals(now=NOW) == 0
    assert stripe.calls_so_far() == asked


def test_says_nothing_of_what_changed_while_the_price_was_asked(
    row: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = near(row)
    real = stripe_changes.preview_renewal

    def cancelled_meanwhile(external_id: str) -> Any:
        preview = real(external_id)
        Subscription.objects.filter(pk=row.pk).update(cancel_at_period_end=True)
        return preview

    monkeypatch.setattr(stripe_changes, "preview_renewal", cancelled_meanwhile)

    assert reminders.remind_of_renewals(now=now) == 0
    assert mails() == []


def test_the_mail_says_so_in_both_bodies(row: Subscription) -> None:
    payers.see_unseen(organization=row.organization, cause=CAUSE, now=clock.now())
    reminders.remind_of_renewals(now=near(row))
    (message,) = mails()

    notifications.deliver_message(message_id=message.pk, now=near(row) + DAY)

    (sent,) = mail.outbox
    assert isinstance(sent, mail.EmailMultiAlternatives)
    assert sent.subject == f"Starter for Bistro renews on {ends(row):%-d %B %Y}"
    html = str(sent.alternatives[0][0])
    for body in (str(sent.body), html):
        assert "$58.00 will be charged to Visa ending in 4242." in body
        assert "/settings/billing/cancel" in body


def test_beat_s_job_does_it(row: Subscription, monkeypatch: pytest.MonkeyPatch) -> None:
    now = near(row)
    monkeypatch.setattr(clock, "now", lambda *_: now)

    tasks.remind_of_renewals()

    assert len(mails()) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_one(row: Subscription) -> None:
    now, told = near(row), []

    def work() -> None:
        try:
            told.append(reminders.remind_of_renewals(now=now))
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(told) == [0, 0, 1]
    assert len(mails()) == 1
