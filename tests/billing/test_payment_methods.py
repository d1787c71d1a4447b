"""Adding, choosing and removing payment methods: what the provider has is what our rows say."""

from collections.abc import Callable
from typing import Any

import pytest

from billing.drivers.stripe.driver import StripeDriver
from billing.enums import Provider, SubscriptionStatus
from billing.errors import (
    CardDeclined,
    PaymentPending,
    ProviderBusy,
    ProviderFailed,
    ProviderRefused,
)
from billing.models import BillingEvent, Customer, PaymentMethod, Price, Subscription
from billing.selectors import payment_methods as methods
from billing.services import payers, payment_methods, projection, recovery, remove_method
from billing.types import Cause
from orgs import clock
from orgs.errors import Conflict, DomainError
from orgs.models import Organization
from tests.billing.builders import make_organization, make_subscription
from tests.billing.payer_steps import card, converge, payer
from tests.billing.subscribe_steps import CAUSE, start
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("short_pauses"),
]


@pytest.fixture
def organization(stripe: StripeSimulator) -> Organization:
    row = make_organization()
    row.email = f"{row.slug}@till.test"  # the simulator serves other tests too
    row.save()
    return row


@pytest.fixture
def subscribed(catalogue: dict[str, Price]) -> Organization:
    """Pays for Starter with a Visa that was seen here already."""
    organization = make_organization()
    start(organization, catalogue["starter:month"], "pm_card_visa")
    payers.see_unseen(organization=organization, cause=CAUSE, now=clock.now())
    return organization


def attach(organization: Organization, name: str = "pm_card_visa", **more: Any) -> PaymentMethod:
    return payment_methods.attach_payment_method(
        organization=organization, payment_method=name, cause=CAUSE, now=clock.now(), **more
    ).method


def choose(method: PaymentMethod) -> payment_methods.Chosen:
    return payment_methods.make_default(
        organization=method.organization, method=method, cause=CAUSE, now=clock.now()
    )


def remove(method: PaymentMethod) -> None:
    remove_method.remove_payment_method(method=method, cause=CAUSE, now=clock.now())


def shown(organization: Organization) -> list[tuple[str, bool]]:
    return [(row.brand, row.is_default) for row in methods.list_methods(organization)]


def at_provider(stripe: StripeSimulator, organization: Organization) -> list[str]:
    """Return the ids of the cards that the provider has for an organization, newest first."""
    customer = Customer.objects.get(organization=organization, provider=Provider.STRIPE)
    answer = stripe.api("GET", f"/v1/customers/{customer.external_id}/payment_methods").json()
    return [row["id"] for row in answer["data"]]


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


class TestWhileTheProviderIsDown:
    """Every step fails in every way: nothing is promised, and the same again ends well."""

    STEPS = {
        "create the payer": ("POST", "/v1/customers$"),
        "attach": ("POST", "/attach$"),
        "set the default": ("POST", "/v1/customers/cus_[^/]+$"),
        "look": ("GET", "/v1/customers/cus_[^/]+$"),
        "look at the methods": ("GET", "/payment_methods$"),
    }
    FAULTS: dict[str, tuple[dict[str, Any], type[DomainError]]] = {
        "500": ({"status": 500}, ProviderFailed),
        "429": ({"status": 429}, ProviderBusy),
        "reset": ({"action": "reset_before"}, ProviderFailed),
    }

    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize("step", STEPS)
    def test_attaching(
        self, organization: Organization, stripe: StripeSimulator, step: str, fault: str
    ) -> None:
        method, path = self.STEPS[step]
        what, refusal = self.FAULTS[fault]
        stripe.add_fault(method=method, path=path, times=-1, **what)

        with pytest.raises(refusal) as caught:
            attach(organization)
        assert type(caught.value) is refusal
        # The card is shown once the provider has it, and never as a default that it is not.
        assert shown(organization) == ([("visa", False)] if step == "set the default" else [])

        stripe.clear_faults()
        attach(organization)
        assert shown(organization) == [("visa", True)]
        assert len(at_provider(stripe, organization)) == 1

    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/v1/subscriptions/sub_"),
            ("POST", "/v1/customers/cus_[^/]+$"),
            ("GET", "/v1/subscriptions/sub_"),
            ("GET", "/v1/customers/cus_[^/]+$"),
        ],
    )
    def test_choosing(
        self,
        subscribed: Organization,
        stripe: StripeSimulator,
        method: str,
        path: str,
        fault: str,
    ) -> None:
        other = attach(subscribed, "pm_card_mastercard")
        what, _ = self.FAULTS[fault]
        stripe.add_fault(method=method, path=path, times=-1, **what)

        with pytest.raises((ProviderFailed, ProviderBusy)):
            choose(other)

        stripe.clear_faults()
        assert choose(other).method.is_default
        assert shown(subscribed) == [("mastercard", True), ("visa", False)]

    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/v1/subscriptions/sub_"),
            ("POST", "/detach$"),
            ("GET", "/v1/customers/cus_[^/]+$"),
        ],
    )
    def test_removing(
        self,
        subscribed: Organization,
        stripe: StripeSimulator,
        method: str,
        path: str,
        fault: str,
    ) -> None:
        visa = methods.list_methods(subscribed).get()
        attach(subscribed, "pm_card_mastercard")
        what, _ = self.FAULTS[fault]
        stripe.add_fault(method=method, path=path, times=-1, **what)

        with pytest.raises((ProviderFailed, ProviderBusy)):
            remove(visa)

        visa.refresh_from_db()
        assert (visa.detached_at, visa.removing_until) == (None, None)
        stripe.clear_faults()
        remove(visa)
        assert shown(subscribed) == [("mastercard", True)]

    def test_preparing_a_card(self, organization: Organization, stripe: StripeSimulator) -> None:
        stripe.add_fault(method="POST", path="/setup_intents$", times=1, status=500)

        with pytest.raises(ProviderFailed):
            payment_methods.begin_setup(organization=organization, cause=CAUSE, now=clock.now())

    @pytest.mark.parametrize("path", ["/attach$", "/v1/customers/cus_[^/]+$"])
    def test_an_answer_that_was_lost_is_looked_for(
        self, organization: Organization, stripe: StripeSimulator, path: str
    ) -> None:
        made = stripe.api(
            "POST", "/v1/payment_methods", {"type": "card", "card[token]": "tok_visa"}
        ).json()
        stripe.add_fault(method="POST", path=path, times=1, action="reset_after")

        assert attach(organization, made["id"]).is_default

        assert at_provider(stripe, organization) == [made["id"]]

    @pytest.mark.parametrize("path", ["/v1/subscriptions/sub_", "/v1/customers/cus_[^/]+$"])
    def test_a_choice_is_only_confirmed_when_all_of_it_is_true(
        self, subscribed: Organization, stripe: StripeSimulator, path: str
    ) -> None:
        other = attach(subscribed, "pm_card_mastercard")
        stripe.add_fault(method="POST", path=path, times=1, action="reset_after")

        # Either the payer has still to be told, or only the answer to that was lost.
        if path.startswith("/v1/sub"):
            with pytest.raises(ProviderFailed):
                choose(other)

        assert choose(other).method.is_default

    def test_a_removal_whose_answer_was_lost_is_looked_for(
        self, organization: Organization, stripe: StripeSimulator
    ) -> None:
        method = attach(organization)
        stripe.add_fault(method="POST", path="/detach$", times=1, action="reset_after")

        remove(method)

        assert shown(organization) == []


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
