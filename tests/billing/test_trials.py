"""Trials: asked for, and had once."""

from typing import Any

import pytest
from django.db import transaction

from billing.enums import AttemptKind, Provider, SubscriptionStatus
from billing.models import Customer, Obligation, Price, Subscription
from billing.services import checkout, customers, starts, trials
from billing.types import Cause
from orgs import clock
from orgs.errors import InvalidRequest
from orgs.models import Organization
from tests.billing import stripe_builders as build
from tests.billing.builders import NOW
from tests.billing.dispatch_steps import drain, store
from tests.billing.stripe_builders import VISA
from tests.billing.subscribe_steps import start
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


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
