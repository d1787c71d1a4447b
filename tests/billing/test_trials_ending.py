"""Trials: noted, and announced before they end."""

from datetime import timedelta
from typing import Any

import pytest

from billing.enums import CouponDuration, FactKind, SubscriptionStatus
from billing.models import Customer, PaymentFact, Price, Subscription
from billing.types import Fact
from notifications.models import Message
from orgs.models import Organization
from tests.billing import stripe_builders as build
from tests.billing.builders import NOW, make_subscription, snapshot_of
from tests.billing.coupon_steps import make_coupon
from tests.billing.dispatch_steps import drain, store
from tests.billing.projection_steps import converge, types
from tests.billing.stripe_builders import VISA
from tests.billing.subscribe_steps import start

pytestmark = pytest.mark.django_db


DAY = timedelta(days=1)


class TestNoteTrial:
    @pytest.mark.parametrize("status", ["trialing", "active", "canceled"])
    def test_is_noted_once_it_began_even_if_we_saw_only_its_end(self, status: str) -> None:
        row = make_subscription()

        converge(snapshot_of(row, status=SubscriptionStatus(status), trial_end=NOW + DAY))

        row.customer.refresh_from_db()
        assert row.customer.trial_redeemed_at == NOW

    @pytest.mark.parametrize("status", ["incomplete", "incomplete_expired"])
    def test_is_not_noted_before(self, status: str) -> None:
        row = make_subscription()

        converge(snapshot_of(row, status=SubscriptionStatus(status), trial_end=NOW + DAY))

        row.customer.refresh_from_db()
        assert row.customer.trial_redeemed_at is None

    def test_keeps_when_the_first_one_began(self) -> None:
        row = make_subscription()
        Customer.objects.filter(pk=row.customer_id).update(trial_redeemed_at=NOW - DAY)

        converge(snapshot_of(row, status=SubscriptionStatus.TRIALING, trial_end=NOW + DAY))

        row.customer.refresh_from_db()
        assert row.customer.trial_redeemed_at == NOW - DAY


def ending(row: Subscription, key: str = "1") -> Fact:
    return Fact(
        kind=FactKind.TRIAL_ENDING,
        external_id=f"{row.pk}:{key}",
        occurred_at=NOW,
        detail={"trial_end": f"{NOW + 3 * DAY:%Y-%m-%d}"},
    )


def mails(organization: Organization) -> list[Message]:
    return list(Message.objects.filter(organization=organization, kind="trial_ending"))


class TestEnding:
    def test_is_announced_once_by_mail(self) -> None:
        row = make_subscription(seats=2)
        snapshot = snapshot_of(
            row, status=SubscriptionStatus.TRIALING, trial_end=NOW + 3 * DAY, seats=2
        )

        converge(snapshot, happened=[ending(row)])
        converge(snapshot, at=1, happened=[ending(row)])

        assert types(row.organization).count("billing.trial.ending") == 1
        (mail,) = mails(row.organization)
        assert mail.to == row.organization.email
        assert mail.context == {
            "organization": "Bistro",
            "plan": "Bistro",
            "trial_end": "4 March 2026",
            "amount": "$58.00",
            "interval": "month",
            "seats": 2,
            "discount": "",
            "manage_url": "http://127.0.0.1:8000/settings/billing/cancel",
            "support_email": mail.context["support_email"],
        }

    def test_another_end_is_announced_again(self) -> None:
        row = make_subscription()
        for number, days in enumerate((3, 9)):
            snapshot = snapshot_of(
                row, status=SubscriptionStatus.TRIALING, trial_end=NOW + days * DAY
            )
            converge(snapshot, at=number, happened=[ending(row, str(days))])

        assert len(mails(row.organization)) == 2

    @pytest.mark.parametrize(
        "changes",
        [
            {"status": SubscriptionStatus.ACTIVE},
            {"cancel_at_period_end": True},
            {"trial_end": NOW},
        ],
        ids=["paid already", "ends with it", "over"],
    )
    def test_is_no_news_for_somebody_who_will_not_be_charged_then(
        self, changes: dict[str, Any]
    ) -> None:
        row = make_subscription()
        fields = {"status": SubscriptionStatus.TRIALING, "trial_end": NOW + 3 * DAY, **changes}

        converge(snapshot_of(row, **fields), happened=[ending(row)])

        assert mails(row.organization) == []
        assert PaymentFact.objects.get().kind == FactKind.TRIAL_ENDING

    def test_comes_from_the_providers_own_event_with_what_will_be_charged(
        self, organization: Organization, taster: Price
    ) -> None:
        coupon = make_coupon(duration=CouponDuration.FOREVER)
        row = start(organization, taster, VISA, coupon=coupon.code).subscription
        raw = build.driver().retrieve_subscription(row.external_id)
        assert raw.trial_end is not None
        obj = {
            "id": row.external_id,
            "object": "subscription",
            "customer": raw.external_customer_id,
            "trial_end": int(raw.trial_end.timestamp()),
        }

        store("evt_will_end", "customer.subscription.trial_will_end", obj)
        assert drain() == 1

        (mail,) = mails(organization)
        assert mail.context["amount"] == "$23.20"
        assert mail.context["discount"] == "20 % off"
        assert mail.context["trial_end"] == f"{raw.trial_end:%-d %B %Y}"
