"""Adding and choosing payment methods: what the provider has is what our rows say."""

from typing import Any

import pytest

from billing.enums import Provider, SubscriptionStatus
from billing.errors import CardDeclined, PaymentPending, ProviderFailed
from billing.models import Customer, Subscription
from billing.selectors import payment_methods as methods
from billing.services import recovery
from orgs.errors import DomainError
from orgs.models import Organization
from tests.billing.builders import make_subscription
from tests.billing.payer_steps import card, converge, payer
from tests.billing.payment_method_steps import (
    at_provider,
    attach,
    choose,
    reachable_organization,
    shown,
)
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("short_pauses"),
]


@pytest.fixture
def organization(stripe: StripeSimulator) -> Organization:
    return reachable_organization()


class TestAttachPaymentMethod:
    def test_keeps_one_entry_for_one_card(
        self, organization: Organization, stripe: StripeSimulator
    ) -> None:
        old = attach(organization)
        attach(organization, "pm_card_mastercard")

        new = attach(organization)

        assert shown(organization) == [("visa", True), ("mastercard", False)]
        assert methods.default_method(organization) == new
        assert old.external_id not in at_provider(stripe, organization)
        old.refresh_from_db()
        assert old.detached_at is not None

    def test_the_new_entry_is_the_default_only_if_the_old_one_was(
        self, organization: Organization
    ) -> None:
        attach(organization)
        attach(organization, "pm_card_mastercard")

        attach(organization, "pm_card_mastercard")

        assert shown(organization) == [("mastercard", False), ("visa", True)]

    def test_an_old_entry_that_can_not_be_taken_off_does_no_harm(
        self, organization: Organization, stripe: StripeSimulator
    ) -> None:
        attach(organization)
        stripe.add_fault(method="POST", path="/detach$", times=1, status=429)

        attach(organization)

        assert shown(organization) == [("visa", True), ("visa", False)]

    def test_one_that_is_there_already_stays_as_it_is(self, organization: Organization) -> None:
        known = attach(organization)

        assert attach(organization, known.external_id) == known
        assert shown(organization) == [("visa", True)]

    def test_a_card_that_the_subscription_names_is_not_replaced_as_default(
        self, subscribed: Organization
    ) -> None:
        attach(subscribed, "pm_card_mastercard")

        assert shown(subscribed) == [("mastercard", False), ("visa", True)]

    def test_the_same_card_again_is_what_the_subscription_is_charged_to(
        self, subscribed: Organization
    ) -> None:
        new = attach(subscribed)

        assert shown(subscribed) == [("visa", True)]
        row = Subscription.objects.get(organization=subscribed)
        assert row.payment_method_external_id == new.external_id

    def test_a_declined_card_changes_nothing(
        self, organization: Organization, stripe: StripeSimulator
    ) -> None:
        with pytest.raises(CardDeclined):
            attach(organization, "pm_card_chargeDeclined")

        assert shown(organization) == []
        assert at_provider(stripe, organization) == []

    def test_a_payer_who_was_deleted_at_the_provider_is_created_anew(
        self, organization: Organization, stripe: StripeSimulator
    ) -> None:
        attach(organization)
        customer = Customer.objects.get(organization=organization)
        before = customer.external_id
        stripe.api("DELETE", f"/v1/customers/{before}")

        attach(organization, "pm_card_mastercard")

        customer.refresh_from_db()
        assert customer.external_id not in ("", before)
        assert customer.deleted_at is None
        assert shown(organization) == [("mastercard", True)]

    def test_a_payer_who_is_created_anew_is_created_once(
        self, organization: Organization, stripe: StripeSimulator
    ) -> None:
        attach(organization)
        customer = Customer.objects.get(organization=organization)
        stripe.api("DELETE", f"/v1/customers/{customer.external_id}")
        stripe.add_fault(method="POST", path="/v1/customers$", times=1, action="reset_after")
        with pytest.raises(ProviderFailed):
            attach(organization)

        attach(organization)

        named = [c for c in stripe.objects("customer") if c.get("email") == organization.email]
        assert len(named) == 1


class TestOverduePayments:
    """What came of paying them is said beside the choice, which stands in any case."""

    @pytest.mark.parametrize("refusal", [CardDeclined(), PaymentPending(retry_after=5)])
    def test_a_refusal_is_told_and_the_choice_stands(
        self, subscribed: Organization, monkeypatch: pytest.MonkeyPatch, refusal: DomainError
    ) -> None:
        def refuse(**_: Any) -> None:
            raise refusal

        other = attach(subscribed, "pm_card_mastercard")
        monkeypatch.setattr(recovery, "pay_overdue", refuse)

        chosen = choose(other)

        assert chosen.method.is_default
        assert chosen.refusal is refusal

    @pytest.mark.parametrize(
        ("status", "is_recovered"),
        [(SubscriptionStatus.ACTIVE, True), (SubscriptionStatus.PAST_DUE, False)],
    )
    def test_the_subscription_tells_whether_it_is_paid(
        self,
        subscribed: Organization,
        monkeypatch: pytest.MonkeyPatch,
        *,
        status: SubscriptionStatus,
        is_recovered: bool,
    ) -> None:
        row = Subscription(status=status)
        monkeypatch.setattr(recovery, "pay_overdue", lambda **_: row)

        chosen = choose(attach(subscribed, "pm_card_mastercard"))

        assert (chosen.overdue, chosen.is_recovered) == (row, is_recovered)

    def test_a_card_that_is_not_chosen_pays_nothing(
        self, subscribed: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[object] = []
        monkeypatch.setattr(recovery, "pay_overdue", lambda **more: asked.append(more))

        attach(subscribed, "pm_card_mastercard")

        assert asked == []


class TestSelectors:
    def test_leave_out_end_customers_and_what_is_removed(self) -> None:
        subscription = make_subscription()
        organization, own = subscription.organization, subscription.customer
        shopper = Customer.objects.create(
            organization=organization,
            reference="shopper-1",
            provider=Provider.STRIPE,
            external_id=f"cus_shopper_{organization.pk}",
        )
        converge(payer(shopper, card("pm_shopper")))
        converge(payer(own, card("pm_own"), card("pm_old")))
        converge(payer(own, card("pm_own")), at=1)

        assert [row.external_id for row in methods.list_methods(organization)] == ["pm_own"]
        assert methods.by_id(organization, "pm_shopper") is None
        assert methods.by_id(organization, "pm_old") is None

    def test_find_a_default_only_where_there_is_one(self) -> None:
        subscription = make_subscription()
        organization = subscription.organization
        converge(payer(subscription.customer, card("pm_1")))
        assert methods.default_method(organization) is None

        converge(payer(subscription.customer, card("pm_1"), default_method_id="pm_1"), at=1)

        default = methods.default_method(organization)
        assert default is not None
        assert default.external_id == "pm_1"
