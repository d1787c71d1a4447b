"""Payment methods that two change at once, or that a webhook tells of first."""

from collections.abc import Callable
from typing import Any

import pytest

from billing.drivers.stripe.driver import StripeDriver
from billing.enums import SubscriptionStatus
from billing.errors import ProviderRefused
from billing.models import BillingEvent, Customer, Subscription
from billing.selectors import payment_methods as methods
from billing.services import payers, projection, remove_method
from billing.types import Cause
from orgs import clock
from orgs.errors import Conflict
from orgs.models import Organization
from tests.billing.payment_method_steps import attach, choose, reachable_organization, remove, shown
from tests.billing.subscribe_steps import CAUSE
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("short_pauses"),
]


@pytest.fixture
def organization(stripe: StripeSimulator) -> Organization:
    return reachable_organization()


class TestRaces:
    def test_a_webhook_that_is_faster_than_our_answer_changes_nothing(
        self, organization: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.after(monkeypatch, "attach_payment_method", lambda: self.hear(organization))

        attach(organization)

        assert shown(organization) == [("visa", True)]
        lines = BillingEvent.objects.for_org(organization).order_by("sequence")
        assert [(row.type, row.cause["kind"]) for row in lines] == [
            ("billing.payment_method.attached", "webhook"),
            ("billing.payment_method.default_changed", "request"),
        ]

    def test_what_was_fetched_before_the_card_came_can_not_take_it_away(
        self, organization: Organization
    ) -> None:
        attach(organization)
        customer = Customer.objects.get(organization=organization)
        fetched_at = projection.database_now()
        snapshot = StripeDriver().retrieve_payer(customer.external_id)
        attach(organization, "pm_card_mastercard")

        done = payers.converge_payer(
            snapshot=snapshot, fetched_at=fetched_at, cause=CAUSE, now=clock.now()
        )

        assert done is not None
        assert not done.applied
        assert shown(organization) == [("mastercard", False), ("visa", True)]

    def test_of_two_removals_at_once_one_leaves_a_card(
        self, subscribed: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        visa = methods.list_methods(subscribed).get()
        other = attach(subscribed, "pm_card_mastercard")
        caught: list[Exception] = []

        def remove_the_other() -> None:
            with pytest.raises(remove_method.LastPaymentMethod) as refused:
                remove(other)
            caught.append(refused.value)

        self.before(monkeypatch, "detach_payment_method", remove_the_other)

        remove(visa)

        assert len(caught) == 1
        assert shown(subscribed) == [("mastercard", True)]

    def test_the_same_removal_at_once_is_refused(
        self, organization: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        method = attach(organization)
        caught: list[Exception] = []

        def remove_it_too() -> None:
            with pytest.raises(Conflict) as refused:
                remove(method)
            caught.append(refused.value)

        self.before(monkeypatch, "detach_payment_method", remove_it_too)

        remove(method)

        assert len(caught) == 1
        assert shown(organization) == []

    def test_a_card_that_the_provider_has_lost_is_no_default(
        self, organization: Organization, stripe: StripeSimulator
    ) -> None:
        attach(organization)
        gone = attach(organization, "pm_card_mastercard")
        stripe.api("POST", f"/v1/payment_methods/{gone.external_id}/detach")

        with pytest.raises(ProviderRefused) as caught:
            choose(gone)

        assert list(caught.value.fields) == ["payment_method"]
        assert shown(organization) == [("visa", True)]

    def test_a_card_that_is_gone_already_is_removed(
        self, organization: Organization, stripe: StripeSimulator
    ) -> None:
        method = attach(organization)
        stripe.api("POST", f"/v1/payment_methods/{method.external_id}/detach")

        remove(method)

        assert shown(organization) == []

    def test_a_subscription_that_has_ended_there_does_not_hold_up_a_choice(
        self, subscribed: Organization, stripe: StripeSimulator
    ) -> None:
        other = attach(subscribed, "pm_card_mastercard")
        row = Subscription.objects.get(organization=subscribed)
        stripe.api("DELETE", f"/v1/subscriptions/{row.external_id}")

        choose(other)

        row.refresh_from_db()
        assert row.status == SubscriptionStatus.CANCELED
        assert shown(subscribed) == [("mastercard", True), ("visa", False)]

    def hear(self, organization: Organization) -> None:
        customer = Customer.objects.get(organization=organization)
        cause = Cause("webhook", id="evt_1", detail="payment_method.attached")
        payers.look_again(customer=customer, cause=cause, now=clock.now())

    def after(self, monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], None]) -> None:
        real = getattr(StripeDriver, name)

        def then(driver: StripeDriver, *args: Any, **more: Any) -> Any:
            answer = real(driver, *args, **more)
            act()
            return answer

        monkeypatch.setattr(StripeDriver, name, then)

    def before(self, monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], None]) -> None:
        real = getattr(StripeDriver, name)

        def first(driver: StripeDriver, *args: Any, **more: Any) -> Any:
            monkeypatch.setattr(StripeDriver, name, real)
            act()
            return real(driver, *args, **more)

        monkeypatch.setattr(StripeDriver, name, first)
