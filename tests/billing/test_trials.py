"""Trials: asked for, had once, and announced before they end."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from billing.enums import AttemptKind, CouponDuration, FactKind, Provider, SubscriptionStatus
from billing.models import Customer, Obligation, PaymentFact, Price, Subscription
from billing.services import checkout, customers, starts, trials
from billing.types import Cause, Fact
from notifications.models import Message
from orgs import clock
from orgs.errors import InvalidRequest
from orgs.models import Organization
from tests.billing import stripe_builders as build
from tests.billing.builders import NOW, make_subscription, snapshot_of
from tests.billing.coupon_steps import make_coupon
from tests.billing.dispatch_steps import drain, store
from tests.billing.projection_steps import converge, types
from tests.billing.subscribe_steps import start
from tests.billing.trial_steps import make_trial_price
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db

VISA = "pm_card_visa"
DAY = timedelta(days=1)


@pytest.fixture
def taster(stripe: StripeSimulator) -> Price:
    """$29.00 a month, after 14 days."""
    return make_trial_price()


def end_for_good(row: Subscription) -> None:
    build.driver().cancel_subscription(row.external_id, idempotency_key=build.new_key())
    obj = {"id": row.external_id, "object": "subscription", "customer": "cus_1"}
    store(f"evt_{row.pk}", "customer.subscription.deleted", obj)
    assert drain() == 1


def had_one(organization: Organization, **customer: Any) -> None:
    Customer.objects.create(
        organization=organization,
        provider=customer.pop("provider", Provider.STRIPE),
        trial_redeemed_at=NOW,
        **customer,
    )


class TestDaysFor:
    @pytest.mark.parametrize(("wanted", "days"), [(None, 14), (True, 14), (False, 0)])
    def test_are_the_plans_unless_nobody_wants_them(
        self, organization: Organization, taster: Price, wanted: Any, days: int
    ) -> None:
        found = trials.days_for(organization=organization, price=taster, wanted=wanted)

        assert found == days

    @pytest.mark.parametrize("wanted", [None, False])
    def test_are_none_where_the_plan_has_none(
        self, organization: Organization, catalogue: dict[str, Price], wanted: Any
    ) -> None:
        price = catalogue["starter:month"]

        assert trials.days_for(organization=organization, price=price, wanted=wanted) == 0

    def test_can_not_be_asked_of_a_plan_that_has_none(
        self, organization: Organization, catalogue: dict[str, Price]
    ) -> None:
        with pytest.raises(InvalidRequest) as caught:
            trials.days_for(
                organization=organization, price=catalogue["starter:month"], wanted=True
            )

        assert caught.value.fields == {"trial": ["This plan has no trial."]}

    def test_are_given_once_whoever_moved_the_money(
        self, organization: Organization, taster: Price
    ) -> None:
        had_one(organization, provider=Provider.CARDCONNECT)

        assert trials.days_for(organization=organization, price=taster) == 0
        assert trials.days_for(organization=organization, price=taster, wanted=False) == 0
        with pytest.raises(trials.TrialUsed) as caught:
            trials.days_for(organization=organization, price=taster, wanted=True)
        assert (caught.value.code, caught.value.status) == ("CONFLICT", 409)
        assert caught.value.message == "A trial was already used."

    def test_of_one_payer_are_no_matter_of_another(
        self, organization: Organization, taster: Price
    ) -> None:
        had_one(organization, reference="guest-1")

        assert trials.days_for(organization=organization, price=taster) == 14
        assert trials.days_for(organization=organization, price=taster, reference="guest-1") == 0


class TestStart:
    def test_remembers_that_the_payer_had_one(
        self, organization: Organization, taster: Price
    ) -> None:
        row = start(organization, taster, VISA).subscription

        assert (row.status, row.trial_days) == (SubscriptionStatus.TRIALING, 14)
        customer = Customer.objects.get(organization=organization)
        assert customer.trial_redeemed_at is not None

    def test_gives_no_second_one(self, organization: Organization, taster: Price) -> None:
        first = start(organization, taster, VISA).subscription
        end_for_good(first)

        with pytest.raises(trials.TrialUsed):
            start(organization, taster, VISA, trial=True)
        assert Subscription.objects.count() == 1
        second = start(organization, taster, VISA).subscription

        assert (second.status, second.trial_days) == (SubscriptionStatus.ACTIVE, 0)
        assert second.trial_end is None
        assert Obligation.objects.get(subscription=second).amount_minor == 2900

    def test_that_pays_at_once_leaves_the_trial_for_later(
        self, organization: Organization, taster: Price
    ) -> None:
        first = start(organization, taster, VISA, trial=False).subscription
        assert first.status == SubscriptionStatus.ACTIVE
        end_for_good(first)

        second = start(organization, taster, VISA, trial=True).subscription

        assert second.status == SubscriptionStatus.TRIALING

    @pytest.mark.parametrize("wanted", [None, True])
    def test_is_decided_under_the_lock_whatever_was_seen_before(
        self, organization: Organization, taster: Price, wanted: Any
    ) -> None:
        seen = customers.get_or_create_customer(organization=organization, provider=Provider.STRIPE)
        Customer.objects.filter(pk=seen.pk).update(trial_redeemed_at=NOW)
        wish = starts.Start(
            customer=seen, price=taster, seats=1, kind=AttemptKind.CARD, trial=wanted
        )

        def write() -> int:
            with transaction.atomic():
                row, _ = starts.write_start(organization=organization, start=wish, now=NOW)
            return row.trial_days

        if wanted:
            with pytest.raises(trials.TrialUsed):
                write()
        else:
            assert write() == 0

    def test_that_was_declined_leaves_the_trial_too(
        self, organization: Organization, taster: Price
    ) -> None:
        with pytest.raises(Exception, match="declined"):
            start(organization, taster, "pm_card_chargeDeclined")

        assert start(organization, taster, VISA).subscription.trial_days == 14

    def test_on_the_providers_page_is_bound_by_the_same_rule(
        self, organization: Organization, taster: Price, stripe: StripeSimulator
    ) -> None:
        def open_page() -> dict[str, Any]:
            opened = checkout.open_hosted_provider(
                organization=organization,
                price=taster,
                cause=Cause("request"),
                now=clock.now(),
            )
            entry = stripe.requests()[-1]
            assert (entry["method"], entry["path"]) == ("POST", "/v1/checkout/sessions")
            assert opened.session.subscription is not None
            data: dict[str, Any] = entry["params"]["subscription_data"]
            return data

        assert open_page()["trial_period_days"] == "14"
        Customer.objects.filter(organization=organization).update(trial_redeemed_at=NOW)
        assert "trial_period_days" not in open_page()


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
